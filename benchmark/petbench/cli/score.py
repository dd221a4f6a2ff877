"""`petbench score`: score the predictions of any program, or stored ones again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from petbench.cli.options import complete_dataset, task_option
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
    """
    from petbench.errors import UsageError

    if sum(given is not None for given in (folder, which, reference)) != 1:
        raise UsageError("give one of: a folder of predictions, --runs, --reference")
    if folder is not None and not name:
        raise UsageError('--as is missing: say what the predictions are called, such as --as "their method"')
    if folder is None and name:
        raise UsageError("--as names the predictions in a folder; it means nothing beside --runs or --reference")
    if which is not None:
        _score_again(which)
    else:
        _enter(folder, name or str(reference), {"name": dataset, "task": task, "split": split, "fold": fold})


def _score_again(which: str) -> None:
    from petbench.errors import DataError, PetbenchError, UsageError, one_line
    from petbench.runs.rescore import rescore
    from petbench.terminal import progress_bar
    from petbench_leaderboard.report.formatting import counted

    home, store = session().home, session().leaderboard
    store.make_ready()  # first: one that cannot be written is found before minutes of scoring
    if which != "all" and not (which.isascii() and which.isdigit()):
        raise UsageError(f"--runs {which!r} is not understood; write --runs all or --runs ID")
    rows = store.runs(status="ok") if which == "all" else [store.run(int(which))]
    refused = 0
    with progress_bar() as progress:
        scorer = session().scorer(progress)
        for row in rows:
            try:
                rescore(row, home, store, scorer)
            except (PetbenchError, OSError) as error:  # the others are scored all the same
                refused += 1
                click.echo(f"run {row.id} {row.method} keeps its scores: {one_line(error)}", err=True)
    done = len(rows) - refused
    click.echo(f"scored {counted(done, 'run')} again")
    if refused:
        raise DataError(f"{refused} of {counted(len(rows), 'run')} could not be scored again; each is named above")


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
