"""What `petbench score --runs` does: score stored predictions again, here or on other machines."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from petbench.cli.session import session

if TYPE_CHECKING:
    from collections.abc import Sequence

    from petbench.engines.chosen import ChosenEngine
    from petbench.runs.run_all import Outcome
    from petbench_leaderboard.records import RunRow


def score_again(which: str, engine: ChosenEngine | None) -> None:
    """Score runs again, one after the other, or all at once with an engine; one that cannot be stops none.

    Args:
        which: `all`, or a run's number.
        engine: None to score them here.

    Raises:
        UsageError: `which` is neither.
        DataError: some could not be scored; each was named.
    """
    from petbench.errors import DataError, UsageError
    from petbench_leaderboard.report.formatting import counted

    store = session().leaderboard
    store.make_ready()  # first: one that cannot be written is found before minutes of scoring
    if which != "all" and not (which.isascii() and which.isdigit()):
        raise UsageError(f"--runs {which!r} is not understood; write --runs all or --runs ID")
    rows = store.runs(status="ok") if which == "all" else [store.run(int(which))]
    refused, stopped = (_here(rows), False) if engine is None else _on_engine(rows, engine)
    click.echo(f"scored {counted(len(rows) - refused, 'run')} again")
    if stopped:
        click.echo("cancelled; repeat the same command to score the rest", err=True)
        raise SystemExit(130)
    if refused:
        raise DataError(f"{refused} of {counted(len(rows), 'run')} could not be scored again; each is named above")


def _here(rows: Sequence[RunRow]) -> int:
    """Return how many were not scored."""
    from petbench.errors import PetbenchError
    from petbench.runs.rescore import rescore
    from petbench.terminal import progress_bar

    refused = 0
    with progress_bar() as progress:
        scorer = session().scorer(progress)
        for row in rows:
            try:
                rescore(row, session().home, session().leaderboard, scorer)
            except (PetbenchError, OSError) as error:  # the others are scored all the same
                refused += 1
                _refuse(row, error)
    return refused


def _on_engine(rows: Sequence[RunRow], chosen: ChosenEngine) -> tuple[int, bool]:
    """Return how many were not scored, and whether somebody has cancelled."""
    from petbench.cli.on_engine import say_what_was_submitted, watched
    from petbench.engines.hand_over_scoring import hand_over_scoring

    supervisor = session().supervisor()
    refused: list[RunRow] = []

    def refuse(row: RunRow, error: Exception) -> None:
        refused.append(row)
        _refuse(row, error)

    engine = chosen.build()
    try:
        cells = hand_over_scoring(rows, chosen, engine, supervisor, refuse)
        say_what_was_submitted(cells, chosen)
        ended, cancelled = watched(cells, chosen, engine, supervisor, len(rows), {}, line=_line)
    finally:
        engine.close()
    return len(refused) + sum(not outcome.is_ok for outcome in ended.values()), cancelled


def _refuse(row: RunRow, error: Exception) -> None:
    from petbench.errors import one_line

    click.echo(f"run {row.id} {row.method} keeps its scores: {one_line(error)}", err=True)


def _line(outcome: Outcome, _varies: str) -> str:
    if outcome.row is None:
        return f"{outcome.name} {click.style('keeps its scores', fg='red')}: {outcome.error}"
    return f"run {outcome.row.id} {outcome.name}: {click.style('scored', fg='green')}"
