"""Whether the first rank is earned, in one sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from petbench_leaderboard.board import Board
    from petbench_leaderboard.statistics.analysis import BoardStatistics


def separation(board: Board, statistics: BoardStatistics | None) -> str:
    """Say which methods are to be read as ties, or that one is ahead of all; empty where there is nobody to compare."""
    if statistics is None or not statistics.comparisons:
        return ""
    people = len(board.participants)
    if people == 1:
        return "one test participant: no test can tell these methods apart."
    test = f"Wilcoxon's signed ranks over {people} participants, Holm's correction, 5 %"
    for row, found in zip(board.rows, statistics.rows, strict=True):
        if found and found.separated_from_all:
            return f"{row.run.method} is ahead of every other method ({test})."
    first = [found.key.rsplit(" · ", 1)[0] for found in statistics.rows if found and found.tested_rank == 1]
    return (
        f"nothing separates {', '.join(first[:-1])} and {first[-1]} ({test}): read them as ties." if first[1:] else ""
    )
