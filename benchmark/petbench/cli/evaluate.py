"""`petbench evaluate`: a trained run on another cohort, without training."""

from __future__ import annotations

import click

from petbench.cli.options import ISOLATED, complete_dataset, reconstruction_option
from petbench.cli.session import session


@click.command()
@click.argument("runs", metavar="RUN [RUN...]", nargs=-1, required=True, type=int)
@click.option("--dataset", "-d", required=True, help="The other cohort.", shell_complete=complete_dataset)
@click.option("--split", help="Test only whom one of its splits tests.  [default: everyone]")
@click.option("--fold", default=0, show_default=True, help="Fold of the split.")
@reconstruction_option
@click.option(
    "--allow",
    type=click.Choice(["outside-field"]),
    multiple=True,
    help="Score even if much of a scan's activity lies outside the model's field.",
)
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or cuda:INDEX.")
@click.option("--isolated", is_flag=True, help=ISOLATED)
@click.option("--force", is_flag=True, help="Predict and score again what is there already.")
@click.option("--json", "as_json", is_flag=True, help="Print the rows and their scores as JSON.")
def evaluate(
    *,
    runs: tuple[int, ...],
    dataset: str,
    split: str | None,
    fold: int,
    reconstruction: str,
    allow: tuple[str, ...],
    device: str,
    isolated: bool,
    force: bool,
    as_json: bool,
) -> None:
    """Test the trained runs RUN on another cohort and enter each as a row: the external test. Nothing is trained.

    Scans are resampled to the grid that the model was trained on and what it predicts back, as petbench predict does,
    and scored on their own grid. The row is called METHOD-from-COHORT and says on what its model was trained. Seeds of
    one method make one row. Who was among those that a run was trained on is refused, under whatever name.

    \b
    petbench evaluate 3 --dataset ~/my-clinic
    petbench evaluate 3 4 5 --dataset ~/my-clinic --split holdout     beside what is trained on that cohort
    """
    from petbench.api.external import evaluate as evaluate_run
    from petbench.api.external import task_of
    from petbench.api.pairs import open_dataset
    from petbench.cli.console import print_json
    from petbench.cli.leaderboard import print_table
    from petbench_datasets.dataset.split import EVERYONE

    here = session()
    here.leaderboard.make_ready()
    opened = open_dataset(
        dataset,
        split=split or EVERYONE,
        fold=fold,
        reconstruction=reconstruction,
        task=task_of(here.leaderboard.run(runs[0]), here),
        session=here,
    )
    entered = [
        evaluate_run(
            run,
            opened,
            device=device,
            isolated=isolated,
            allow_outside_field="outside-field" in allow,
            again=force,
            session=here,
        )
        for run in dict.fromkeys(runs)
    ]
    if as_json:
        print_json([each.to_dict() for each in entered])
        return
    row = entered[-1].row
    print_table(here.leaderboard, dataset=row.dataset, split=row.split, highlight=row.id)
