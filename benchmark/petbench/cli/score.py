"""`petbench score`: score the predictions of any program, or stored ones again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from petbench.cli.engine_options import chosen_engine, engine_options
from petbench.cli.options import complete_dataset, task_option
from petbench.cli.score_again import score_again
from petbench.cli.session import session
from petbench.runs import reference_rows

if TYPE_CHECKING:
    from collections.abc import Mapping


@click.command()
@click.argument("folder", required=False, type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--runs", "which", metavar="all|ID", help="Instead of FOLDER: score stored runs again.")
@click.option("--as", "name", help="What the predictions are called on the leaderboard.")
@click.option(
    "--reference",
    type=click.Choice(list(reference_rows.ROLES)),
    help="Instead of FOLDER: make and score a reference row.",
)
@click.option("--dataset", "-d", default="fdg-phantom-mini", show_default=True, shell_complete=complete_dataset)
@task_option
@click.option("--split", default="holdout", show_default=True, help="Split of the dataset's participants.")
@click.option("--fold", default=0, show_default=True, help="Fold of the split.")
@engine_options(may_detach=False)
def score(
    *,
    folder: Path | None,
    which: str | None,
    name: str | None,
    reference: str | None,
    dataset: str,
    task: str,
    split: str,
    fold: int,
    **engine: object,
) -> None:
    """Score the predictions in FOLDER, made by any program, and enter them as a row of their own.

    FOLDER holds `<participant>.nii.gz` for every test participant: SUV, on the grid of the real images. A prediction
    that is missing, there twice, on another grid, not finite or negative is refused by name, and nothing is stored.

    \b
    petbench score their-predictions --dataset fdg-phantom-mini --as "their method"
    petbench score --reference predictable      what can be predicted of simulated participants: normalized scores are 1
    petbench score --reference repeat-scan      the real delayed images with other noise: neither an aim nor a bound
    petbench score --reference organ-scale      each organ times one factor: privileged, it knows the test organs
    petbench score --runs all                   again, after weights for FID arrived or under a new protocol
    petbench score --runs all --on slurm        the same, a job a run
    """
    from petbench.errors import UsageError

    if sum(given is not None for given in (folder, which, reference)) != 1:
        raise UsageError("give one of: a folder of predictions, --runs, --reference")
    if folder is not None and not name:
        raise UsageError('--as is missing: say what the predictions are called, such as --as "their method"')
    if folder is None and name:
        raise UsageError("--as names the predictions in a folder; it means nothing beside --runs or --reference")
    chosen = chosen_engine(engine, lambda: session().registry, shares=False)
    if chosen is not None and which is None:
        raise UsageError("--on is for --runs: other predictions are scored here, where they are")
    if which is not None:
        score_again(which, chosen)
    else:
        _enter(folder, name or str(reference), {"name": dataset, "task": task, "split": split, "fold": fold})


def _enter(folder: Path | None, name: str, opening: Mapping[str, Any]) -> None:
    """Score predictions that no run of petbench made; without a folder, those of the reference called `name`."""
    from petbench.api.pairs import open_dataset
    from petbench.api.scoring import enter, enter_reference
    from petbench.cli.leaderboard import print_table

    here = session()
    here.leaderboard.make_ready()  # first, as above
    opened = open_dataset(**opening, session=here)
    if folder is None:
        row = enter_reference(name, opened, session=here).row
    else:
        row = enter(folder, opened, name, session=here).row
    print_table(here.leaderboard, dataset=row.dataset, split=row.split, task=row.task, highlight=row.id)
