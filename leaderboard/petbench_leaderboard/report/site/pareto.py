"""Quality against time: which methods nothing else beats in both."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from petbench_leaderboard.report import columns as written
from petbench_leaderboard.report import formatting
from petbench_leaderboard.report.row_names import names
from petbench_leaderboard.report.site import charts
from petbench_leaderboard.report.site.run_charts import Chart

if TYPE_CHECKING:
    from collections.abc import Sequence

    from petbench_leaderboard.board import Board, Column


def board_chart(board: Board) -> Chart | None:
    """Return a board's ranking metric against training time, references as lines; None without a point."""
    column = board.ranked_by
    if column is None:
        return None
    called = names([row for row in board.rows if row.competes])
    means = {id(row): row.cells[column].mean for row in board.rows if column in row.cells}
    points: list[dict[str, Any]] = [
        {
            "x": row.costs.train_seconds,
            "y": means[id(row)],
            "name": called[row.run.run_group],
            "detail": f"{row.run.preset or ''} {formatting.budget(row.run.budget)}".strip(),
        }
        for row in board.rows
        if row.competes and row.costs.train_seconds is not None and means.get(id(row)) is not None
    ]
    lines = {
        row.run.method: mean
        for row in reversed(board.rows)
        if row.is_reference and (mean := means.get(id(row))) is not None
    }
    if not points:
        return None
    mark_front(points, column)
    best = [str(point["name"]) for point in sorted(points, key=lambda point: point["x"]) if point["front"]]
    return Chart(
        name="pareto",
        title=f"{written.label(column)} against training time",
        description=f"On the front, from the fastest: {', '.join(dict.fromkeys(best))}.",
        item=charts.pareto(points, lines, "training, seconds", written.heading(column), column.facts.decimals),
    )


def mark_front(points: Sequence[dict[str, Any]], column: Column) -> None:
    """Set `front` on every point: whether no other is at least as good and as fast, and better in one of the two."""
    best = fastest_of_best = float("inf")
    for point in sorted(points, key=lambda point: (point["x"], column.distance(point["y"]))):
        distance = column.distance(point["y"])
        point["front"] = distance < best or (distance == best and point["x"] == fastest_of_best)
        if distance < best:
            best, fastest_of_best = distance, point["x"]
