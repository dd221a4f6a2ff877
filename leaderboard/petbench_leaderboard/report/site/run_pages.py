"""The pages of runs: which runs get one, and how one is written."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, TypeAlias

from petbench_leaderboard.report.site.pages import as_json, write_page
from petbench_leaderboard.report.site.run_view import view_run
from petbench_leaderboard.score_records import of_newest_protocol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from petbench_leaderboard.board import Board
    from petbench_leaderboard.records import RunRow
    from petbench_leaderboard.report.site.sources import Sources
    from petbench_leaderboard.store import Leaderboard

RUN_PAGES = 400
"""Runs with a page of their own."""

IdentityScores: TypeAlias = "dict[tuple[str, str, int], dict[tuple[str, str], float]]"
"""What the early image scores, by dataset, task and protocol, then by metric and participant."""


def shown_runs(boards: Sequence[Board]) -> list[int]:
    """Return the runs that get a page: those of the best rows, then those that failed."""
    wanted = [number for board in boards for row in board.rows for number in row.run_ids]
    wanted += [run.id for board in boards for run in board.unscored]
    return list(dict.fromkeys(wanted))[:RUN_PAGES]


def run_page(folder: Path, number: int) -> Path:
    """Return where the page of a run is."""
    return folder / "runs" / f"{number}.html"


def write_run(leaderboard: Leaderboard, sources: Sources, folder: Path, run: RunRow, identity: IdentityScores) -> None:
    """Write the page of a run as it stands, whether it has ended or not."""
    scores = of_newest_protocol(leaderboard.scores([run.id]))
    protocol = scores[0].protocol if scores else run.protocol
    page = view_run(
        run,
        scores,
        leaderboard.phases(run.id),
        sources.run_files(run),
        identity.get((run.fingerprint, run.task, protocol), {}),
        leaderboard.source_diff(run.id),
        leaderboard.validation_scores([run.id], protocol=protocol),
    )
    write_page(
        run_page(folder, run.id),
        "run.html.j2",
        root="..",
        title=f"Run {run.id}: {run.method}",
        page=page,
        items=[as_json(chart.item) for chart in page.charts],
    )


def identity_scores(boards: Sequence[Board]) -> IdentityScores:
    """Return what the early image scores on every board."""
    found: IdentityScores = defaultdict(dict)
    for board in boards:
        for row in board.rows:
            if row.is_identity:
                for column, cell in row.cells.items():
                    scores = {(column.metric, who): value for who, value in cell.values.items()}
                    found[board.fingerprint, board.task, board.protocol] |= scores
    return found
