"""`petbench score`: score the predictions of any program, or stored ones again."""

from __future__ import annotations

from pathlib import Path

import click

from petbench.cli.options import complete_dataset


@click.command()
@click.argument("folder", required=False, type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--runs", "which", metavar="all|ID", help="Instead of FOLDER: score stored runs again.")
@click.option("--as", "name", help="What the predictions are called on the leaderboard.")
@click.option("--ceiling", is_flag=True, help="Instead of FOLDER: score a second noise realisation of the real images.")
@click.option("--dataset", "-d", default="fdg-phantom-mini", show_default=True, shell_complete=complete_dataset)
@click.option("--split", default="holdout", show_default=True, help="Split of the cohort's patients.")
@click.option("--fold", default=0, show_default=True, help="Fold of the split.")
def score(
    *, folder: Path | None, which: str | None, name: str | None, ceiling: bool, dataset: str, split: str, fold: int
) -> None:
    """Score the predictions in FOLDER, made by any program, and enter them as a row of their own.

    FOLDER holds `<participant>.nii.gz` for every test participant: SUV, on the grid of the real images. A prediction
    that is missing, there twice, on another grid, not finite or negative is refused by name, and nothing is stored.

    \b
    petbench score their-predictions --dataset fdg-phantom-mini --as "their method"
    petbench score --ceiling          how close one noisy image comes to another of the same truth
    petbench score --runs all         again, after weights for FID arrived or under a new protocol
    """
    from petbench.errors import UsageError

    if sum((folder is not None, which is not None, ceiling)) != 1:
        raise UsageError("give one of: a folder of predictions, --runs, --ceiling")
    if which is not None:
        _score_again(which)
        return
    if folder is not None and not name:
        raise UsageError('--as is missing: say what the predictions are called, such as --as "their method"')
    _enter(folder, name, dataset, split, fold)


def _score_again(which: str) -> None:
    from petbench.cli.console import progress_bar
    from petbench.errors import UsageError
    from petbench.home import Home
    from petbench.runs.rescore import rescore
    from petbench_leaderboard.store import Leaderboard

    home = Home.find()
    store = Leaderboard.open(home.database)
    if which != "all" and not which.isdigit():
        raise UsageError(f"--runs {which!r} is not understood; write --runs all or --runs ID")
    rows = store.runs(status="ok") if which == "all" else [store.run(int(which))]
    with progress_bar() as progress:
        for row in rows:
            rescore(row, home, store, progress)
    click.echo(f"scored {len(rows)} run{'s' if len(rows) != 1 else ''} again")


def _enter(folder: Path | None, name: str | None, dataset: str, split_name: str, fold: int) -> None:
    """Score predictions that no run of petbench made; without a folder, the noise ceiling."""
    from petbench.cli.console import open_named, progress_bar
    from petbench.cli.leaderboard import print_table
    from petbench.evaluation.external import score_external, score_noise_ceiling
    from petbench.home import Home
    from petbench.registry import load_plugins
    from petbench.runs.stages import weights_options
    from petbench_datasets.split import load_split
    from petbench_leaderboard.store import Leaderboard

    home = Home.find()
    store = Leaderboard.open(home.database)
    named, _ = open_named(dataset)
    split = load_split(named.cohort, split_name)
    registry = load_plugins()
    with progress_bar() as progress:
        if folder is None:
            row = score_noise_ceiling(
                home,
                store,
                named.cohort,
                split,
                fold,
                dataset=named.name,
                metrics=registry.metrics(),
                progress=progress,
                **weights_options(),
            )
        else:
            row = score_external(
                home,
                store,
                named.cohort,
                split,
                fold,
                folder,
                str(name),
                dataset=named.name,
                taken=registry.methods(),
                metrics=registry.metrics(),
                progress=progress,
                **weights_options(),
            )
    print_table(store, dataset=row.dataset, split=row.split, highlight=row.id)
