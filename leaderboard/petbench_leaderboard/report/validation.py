"""How the scores of validation participants are written: apart from test scores, and with the word before them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from petbench_leaderboard.report import columns as written
from petbench_leaderboard.report.formatting import counted
from petbench_leaderboard.validation_scores import participants_of, run_cells

if TYPE_CHECKING:
    from collections.abc import Iterable

    from petbench_leaderboard.board import Cell, Column
    from petbench_leaderboard.score_records import ScoreRecord

NOTE = "on validation participants, to choose by: these means rank nothing"
"""Beside every table of validation scores."""


def shown_means(scores: Iterable[ScoreRecord]) -> dict[Column, Cell]:
    """Return the means of one run that tables have, in the places of their columns."""
    cells = {column: cell for column, cell in run_cells(scores).items() if column.facts.shown}
    return dict(sorted(cells.items(), key=lambda item: (item[0].facts.place, item[0])))


def in_words(scores: Iterable[ScoreRecord]) -> str:
    """Return a run's means on validation in one line; empty where it has none."""
    scores = list(scores)
    means = [
        f"{written.heading(column)} {written.mean(column, cell)}"
        for column, cell in shown_means(scores).items()
        if cell.mean is not None
    ]
    return f"on {counted(len(participants_of(scores)), 'validation participant')}: {', '.join(means)}" if means else ""
