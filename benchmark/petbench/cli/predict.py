"""`petbench predict`: apply a trained run to any scan."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from petbench.cli.options import complete_task
from petbench.cli.session import session

if TYPE_CHECKING:
    from petbench.runs.predicted_output import Form, Unit


@click.command()
@click.argument("run_id", type=int, metavar="RUN")
@click.argument("scan", type=click.Path(path_type=Path))
@click.option(
    "--output", "-o", required=True, type=click.Path(path_type=Path), help="NIfTI file (.nii.gz) or folder to write."
)
@click.option(
    "--as",
    "form",
    type=click.Choice(["nifti", "dicom"]),
    default="nifti",
    show_default=True,
    help="Format of OUTPUT; a scan that came as DICOM can be a derived series of its own study.",
)
@click.option(
    "--unit",
    type=click.Choice(["suv", "bq_per_ml"]),
    help="Unit of OUTPUT; Bq/mL is decay-corrected as the scan is, in DICOM to its own start. By default SUV, in DICOM "
    "Bq/mL where dose and weight are known.",
)
@click.option("--weight", type=click.FloatRange(1, 500), metavar="KG", help="Body weight, before what the scan says.")
@click.option("--dose", type=click.FloatRange(0.1, 1e5), metavar="MBQ", help="Injected activity, likewise.")
@click.option("--sex", type=click.Choice(["female", "male", "other"]), help="For methods that need it, likewise.")
@click.option("--height", type=click.FloatRange(0.2, 2.6), metavar="M", help="For methods that need it, likewise.")
@click.option("--age", type=click.FloatRange(0, 130), metavar="YEARS", help="For methods that need it, likewise.")
@click.option(
    "--labels",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="For methods that need it: organs drawn on SCAN or its CT, with what each label means in the .tsv beside it.",
)
@click.option(
    "--ct", type=click.Path(path_type=Path), metavar="FILE", help="For methods that need it: a CT in HU that fits SCAN."
)
@click.option(
    "--allow",
    type=click.Choice(["outside-field"]),
    multiple=True,
    help="Predict a scan of whose activity more than 5 % lies outside the model's field, where 0 is written.",
)
@click.option(
    "--task",
    default="",
    metavar="NAME|FILE",
    shell_complete=complete_task,
    help="Refuse a run that was trained for another task. The run's own decides which scan is the early one.",
)
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or cuda:INDEX.")
@click.option("--force", is_flag=True, help="Replace the output where it exists.")
@click.option("--json", "as_json", is_flag=True, help="Print what was done as JSON.")
def predict(
    *,
    run_id: int,
    scan: Path,
    output: Path,
    form: Form,
    unit: Unit | None,
    weight: float | None,
    dose: float | None,
    sex: str | None,
    height: float | None,
    age: float | None,
    labels: Path | None,
    ct: Path | None,
    allow: tuple[str, ...],
    task: str,
    device: str,
    force: bool,
    as_json: bool,
) -> None:
    """Predict the delayed image of SCAN with the trained model of RUN (its id in `petbench runs list`).

    SCAN is a folder of DICOM files of one participant, or a NIfTI file with a BIDS-PET sidecar; the weight is read from
    participants.tsv. The scan is resampled to the model's grid and the predicted image back, so that OUTPUT has the
    scan's own voxels in their order. The model's card is written beside it: dataset, split, scores, limits of use.

    \b
    petbench predict 3 sub-01/pet/sub-01_pet.nii.gz -o delayed.nii.gz
    petbench predict 3 ~/dicom/early -o delayed.nii.gz --unit bq_per_ml
    petbench predict 3 ~/dicom/early -o ~/dicom/predicted --as dicom

    Research use only: a predicted image is no measurement.
    """
    from petbench.cli.console import print_json
    from petbench.plans.tasks import asked_task
    from petbench.runs.predict_scan import predict_scan
    from petbench.runs.predicted_inputs import GivenInputs
    from petbench_datasets.bids.scan import Given

    here = session()
    predicted = predict_scan(
        run_id,
        scan,
        output,
        home=here.home,
        leaderboard=here.leaderboard,
        registry=here.registry,
        device=device,
        form=form,
        unit=unit,
        given=Given(weight, None if dose is None else 1e6 * dose),
        inputs=GivenInputs(sex, height, age, labels, ct),
        task=asked_task(task, here.registry),
        allow_outside="outside-field" in allow,
        force=force,
    )
    if as_json:
        print_json(predicted.to_dict())
        return
    for warning in predicted.warnings:
        click.echo(f"{click.style('note:', fg='yellow')} {warning}", err=True)
    click.echo(
        f"{output}: SUV mean {predicted.mean_suv:.4f}, maximum {predicted.maximum_suv:.2f} "
        f"(the scan: mean {predicted.early_mean_suv:.4f}, maximum {predicted.early_maximum_suv:.2f}), "
        f"{predicted.seconds:.1f} s"
    )
    click.echo(
        f"voxels (z, y, x) in mm: the scan's {_by(predicted.scan_voxel_millimetres)}, the model's "
        f"{_by(predicted.model_voxel_millimetres)}; {predicted.activity_outside_percent:.2f} % of the scan's activity "
        "outside the model's field"
    )
    click.echo(f"{predicted.card}: what predicted it, its scores and limits of use")


def _by(millimetres: tuple[float, float, float]) -> str:
    return " x ".join(f"{length:.3g}" for length in millimetres)
