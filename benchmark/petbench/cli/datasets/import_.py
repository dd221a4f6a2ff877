"""`petbench datasets import`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from petbench.cli.options import task_option
from petbench.cli.session import session

if TYPE_CHECKING:
    from petbench_datasets.importers.dataset import ImportReport

MOST_IN_VIEW = 1.1
"""A scan with more of the dose in view than this is questioned: calibration and body outline are not perfect."""

_OUT = click.option(
    "--out", "-o", required=True, type=click.Path(file_okay=False, path_type=Path), help="Dataset to make or to add to."
)


@click.group("import")
def import_() -> None:
    """Turn DICOM series or NIfTI pairs into a dataset that petbench reads (BIDS-PET)."""


@import_.command()
@click.argument("directory", type=click.Path(exists=True, file_okay=False, path_type=Path))
@_OUT
@task_option
@click.option(
    "--radionuclide",
    default="",
    help="Allow another nuclide than the task's, such as Ga68, or 'any': to look at scans whose task is named later.",
)
@click.option(
    "--weight",
    "weights",
    multiple=True,
    metavar="PARTICIPANT=KG",
    help="Weight of a participant whose headers have none; repeatable.",
)
@click.option(
    "--dose",
    "doses",
    multiple=True,
    metavar="PARTICIPANT=MBQ",
    help="Injected activity of a participant whose headers have none or a wrong one; repeatable.",
)
@click.option(
    "--name",
    "names",
    multiple=True,
    metavar="PATIENT=NAME",
    help="Name of a participant, by PatientID, PatientName, or where there is neither by a folder of DIRECTORY; "
    "repeatable.",
)
@click.option(
    "--series",
    multiple=True,
    metavar="PATTERN",
    help="Import only series whose SeriesDescription fits, such as '*PSF*'; repeatable.",
)
@click.option(
    "--reconstruction",
    default="",
    metavar="LABEL",
    help="Which of several series of one time: a part of SeriesDescription, ReconstructionMethod or ConvolutionKernel.",
)
@click.option(
    "--lesions",
    type=click.Path(exists=True, path_type=Path),
    help="RTSTRUCT or DICOM SEG object, or a folder of such, in which lesions are drawn. By default those below "
    "DIRECTORY that say so.",
)
@click.option("--skip-unusable", is_flag=True, help="Leave out series and lesions that cannot be used, and say why.")
def dicom(
    directory: Path,
    *,
    out: Path,
    task: str,
    radionuclide: str,
    weights: tuple[str, ...],
    doses: tuple[str, ...],
    names: tuple[str, ...],
    series: tuple[str, ...],
    reconstruction: str,
    lesions: Path | None,
    skip_unusable: bool,
) -> None:
    """Import every PET series below DIRECTORY; the series of one PatientID become one participant.

    Those of two injections become two sessions. Projections, single slices, and series derived from others that are
    there are passed over.

    Units, dose, decay reference and frame times are read slice by slice, by the published rules. A series whose SUV
    would be in doubt is refused in one line, and nothing is written.

    \b
    petbench datasets import dicom ~/dicom --out ~/my-dataset
    petbench datasets import dicom ~/dicom --out ~/my-dataset --weight P07=71.5 --skip-unusable
    petbench datasets import dicom ~/dicom --out ~/my-dataset --lesions ~/drawn/rtstruct.dcm
    """
    from petbench.plans.tasks import task_of_folder
    from petbench.terminal import progress_bar
    from petbench_datasets.importers.dicom import import_dicom

    with progress_bar() as progress:
        report = import_dicom(
            directory,
            out,
            task=task_of_folder(out, task, session().registry),
            radionuclide=radionuclide,
            weights_kilograms=_given(weights, "--weight PARTICIPANT=71.5"),
            doses_becquerel={name: 1e6 * dose for name, dose in _given(doses, "--dose PARTICIPANT=250").items()},
            skip_unusable=skip_unusable,
            names=_named(names),
            series=series,
            reconstruction=reconstruction,
            lesions=lesions,
            progress=progress,
        )
    _print(report, out)


@import_.command()
@click.argument("table", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@_OUT
@click.option(
    "--resample-to",
    type=click.Choice(["early", "delayed"]),
    help="Resample both images of a pair to the grid of this one.",
)
@task_option
def nifti(table: Path, *, out: Path, resample_to: Literal["early", "delayed"] | None, task: str) -> None:
    """Import the pairs that TABLE (.csv or .tsv) names, one participant a line.

    Columns: participant, early, delayed; then either units SUV, or weight_kg, dose_mbq and the times of injection and
    frames. A table that lacks a column is refused with the column's name.

    \b
    petbench datasets import nifti pairs.csv --out ~/my-dataset
    """
    from petbench.plans.tasks import task_of_folder
    from petbench.terminal import progress_bar
    from petbench_datasets.importers.nifti import import_nifti

    held = task_of_folder(out, task, session().registry)
    with progress_bar() as progress:
        report = import_nifti(table, out, resample_to=resample_to, task=held, progress=progress)
    _print(report, out)


def _given(texts: tuple[str, ...], example: str) -> dict[str, float]:
    """Return the numbers by participant."""
    from petbench.errors import UsageError

    found = {}
    for text in texts:
        participant, _, value = text.rpartition("=")
        try:
            found[participant] = float(value)
        except ValueError:
            raise UsageError(f"{example.partition(' ')[0]} {text!r} is not understood; write {example}") from None
    return found


def _named(texts: tuple[str, ...]) -> dict[str, str]:
    from petbench.errors import UsageError

    found = {}
    for text in texts:
        patient, equals, name = text.rpartition("=")
        if not equals or not patient or not name:
            raise UsageError(f"--name {text!r} is not understood; write --name PATIENT=NAME")
        found[patient] = name
    return found


def _print(report: ImportReport, out: Path) -> None:
    for image in report.images:
        found = image.quantities
        view = "" if found.dose_in_view is None else f", {100 * found.dose_in_view:.0f} % of the dose in view"
        click.echo(f"{image.participant}: {image.path.name} from {image.source}")
        click.echo(f"  SUV maximum {found.suv_maximum:.1f}{view}")
        if found.dose_in_view is not None and found.dose_in_view > MOST_IN_VIEW:
            click.echo(
                "  note: more activity in view than was injected; compare dose, weight and times with the record"
            )
        for note in image.notes:
            click.echo(f"  note: {note}")
    for one in report.lesions:
        drawn = zip(one.names, one.millilitres, strict=True)
        click.echo(f"{one.participant}: {one.place(out).name} from {', '.join(map(str, one.sources))}")
        click.echo(f"  {', '.join(f'{name} {volume:.3g} mL' for name, volume in drawn)}; look at them")
        for note in one.notes:
            click.echo(f"  note: {note}")
    for what, why in report.skipped:
        click.echo(f"left out: {what}: {why}")
    click.echo(f"next: petbench datasets check {out}, then petbench datasets split {out}")
