"""Where the methods of this leaderboard fall in a simulated dataset's room to compete."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from petbench_leaderboard.board import Board, Row
    from petbench_phantom.headroom import MethodScore
    from petbench_phantom.validation import Validation


def run_scores(validation: Validation, location: str) -> list[MethodScore]:
    """Return each method's best row on the test participants of the dataset's split `holdout`, worst first.

    References that the validation computes itself are left out, and so are rows that lack a test participant.

    Args:
        validation: of the very images that the runs were scored on, by their fingerprint.
        location: the leaderboard's URL.

    Raises:
        LeaderboardError: the leaderboard cannot be opened.
    """
    from petbench_leaderboard.ranking import rank
    from petbench_leaderboard.store import Leaderboard
    from petbench_phantom.headroom import CONVENTIONS, ROWS, MethodScore
    from petbench_phantom.validation import HELD_OUT

    with Leaderboard.open(location) as store:
        boards = rank(store, dataset=validation.dataset, split=HELD_OUT)
    board = next((board for board in boards if _same_images(board, validation)), None)
    if board is None:
        return []
    found: dict[str, MethodScore] = {}
    for row in board.rows:
        means = {column.metric: cell.mean for column, cell in row.cells.items() if cell.mean is not None}
        if row.run.method in ROWS or row.role == "repeat-scan" or not set(CONVENTIONS) <= set(means):
            continue
        body, volume, plane = (float(means[name]) for name in CONVENTIONS)
        score = MethodScore(row.run.method, (body, volume, plane), _source(row))
        if row.run.method not in found or body > found[row.run.method].decibels[0]:
            found[row.run.method] = score
    return sorted(found.values(), key=lambda score: score.decibels)


def _same_images(board: Board, validation: Validation) -> bool:
    return board.fingerprint == validation.fingerprint and set(board.participants) == set(
        validation.held_out_room.tested
    )


def _source(row: Row) -> str:
    """Say which runs a row comes from and what they were allowed, in a few words."""
    run = row.run
    parts = ["run " + ", ".join(map(str, row.run_ids)), "seed " + ", ".join(map(str, row.seeds))]
    if run.preset is not None:
        parts.append(f"preset {run.preset}")
    if run.budget:
        parts.append(run.budget.replace("=", " = "))
    if row.costs.train_seconds is not None and row.costs.train_seconds >= 1:
        parts.append(f"trained {row.costs.train_seconds / 60:.1f} min on {', '.join(row.devices)}")
    return "; ".join(parts)
