"""`petbench scores`: single scores, as the boards are made of them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from petbench.cli.options import name_on_the_board
from petbench.cli.session import session

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import IO, Any


@click.group()
def scores() -> None:
    """Write out single scores, to check a board with a program of your own."""


@scores.command("export")
@click.option("--dataset", "-d", callback=name_on_the_board, help="Only of this dataset.")
@click.option("--split", help="Only of this split.")
@click.option("--metric", "metrics", multiple=True, help="Only of this metric; may be repeated.")
@click.option("--where", help='Only of runs that fulfil a condition, such as "method=pix2pix and seed=0".')
@click.option("--protocol", type=int, help="Only by this version of the protocol.")
@click.option("--validation", is_flag=True, help="The scores of the validation participants, and no test score.")
@click.option("--json", "as_json", is_flag=True, help="Write JSON; otherwise CSV, unless FILE ends in .json.")
@click.option("--output", "-o", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Default: print.")
def export(
    *,
    dataset: str | None,
    split: str | None,
    metrics: tuple[str, ...],
    where: str | None,
    protocol: int | None,
    validation: bool,
    as_json: bool,
    output: Path | None,
) -> None:
    """Write every score in long form: one line a participant, metric and region, with its run, method and convention.

    A score of all participants of a fold together, such as FID, has no participant. `competes` says whether the run
    belongs to the row that stands for its method. Runs that a newer run of the same seed and fold has replaced are left
    out, as on the board. Every mean, gain, interval and test of a board follows from these lines:
    examples/independent-check shows how.

    \b
    petbench scores export -d fdg-phantom-mini -o scores.csv
    """
    from petbench.terminal import late_progress_bar
    from petbench_datasets.files import atomic_path
    from petbench_leaderboard.report.formatting import counted
    from petbench_leaderboard.score_rows import score_rows, write_csv, write_json

    def write(rows: Iterable[Mapping[str, Any]], file: IO[str]) -> int:
        is_json = as_json or (output is not None and output.suffix.lower() == ".json")
        return write_json(rows, file) if is_json else write_csv(rows, file)

    with late_progress_bar() as progress:
        rows = score_rows(
            session().leaderboard,
            dataset=dataset,
            split=split,
            metrics=metrics,
            where=where,
            protocol=protocol,
            part="validation" if validation else "test",
            progress=progress,
        )
        if output is None:
            count = write(rows, sys.stdout)
        else:
            with atomic_path(output) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
                count = write(rows, file)
    if output is not None or not count:
        where_to = "" if output is None else f" written to {output}"
        click.echo(f"{counted(count, 'score')}{where_to}", err=output is None)
