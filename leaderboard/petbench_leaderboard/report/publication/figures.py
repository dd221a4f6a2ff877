"""Figures for a paper as vector graphics: one number, one question. Drawn from the board and its statistics alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg

from petbench_datasets.files import atomic_path
from petbench_leaderboard.errors import LeaderboardError
from petbench_leaderboard.report import columns as written
from petbench_leaderboard.report import formatting
from petbench_leaderboard.report.log_axis import set_log_axis
from petbench_leaderboard.report.row_names import names
from petbench_leaderboard.report.shown_figure import ShownFigure
from petbench_leaderboard.report.site.pareto import mark_front
from petbench_leaderboard.statistics.analysis import analyse
from petbench_leaderboard.statistics.intervals import FEWEST_PARTICIPANTS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from petbench_leaderboard.board import Board, Column, Row
    from petbench_leaderboard.statistics.analysis import BoardStatistics

FORMATS = (".pdf", ".svg", ".png")
_INK, _QUIET, _FAINT, _BLUE, _RED = "#1b1d21", "#6b7078", "#c9ccd1", "#1f5f99", "#a8431c"
_COLUMN_INCHES, _PAGE_INCHES = 3.5, 7.2  # of a journal
_MOST_ROWS = 20
STYLE: Any = {
    "font.family": "sans-serif",
    "font.size": 8.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "pdf.fonttype": 42,  # editable text: journals ask for it
    "svg.fonttype": "none",
    "svg.hashsalt": "petbench",
    "text.parse_math": False,
}


@dataclass(frozen=True, slots=True)
class _Drawn:
    """What every figure shows."""

    board: Board
    column: Column
    statistics: BoardStatistics

    def rows(self) -> list[tuple[str, Row]]:
        """Return the rows that cover everybody, best first, with their keys in the statistics."""
        pairs = zip(self.board.rows, self.statistics.rows, strict=True)
        return [(found.key, row) for row, found in pairs if found is not None][:_MOST_ROWS]

    def axis(self) -> str:
        return written.heading(self.column)


def export_figure(board: Board, number: int, path: Path) -> Path:
    """Write a figure of a board as PDF, SVG or PNG, as the path's suffix says; the same board gives the same bytes.

    Args:
        board: which.
        number: 1 every participant by method with boxes, 2 the significance map, 3 the stability of ranks, 4 quality
            against training time.
        path: where.

    Raises:
        LeaderboardError: there is no such figure or format, or nothing to draw.
    """
    if path.suffix.lower() not in FORMATS:
        raise LeaderboardError(f"a figure cannot be written as {path.name}: end the name in {', '.join(FORMATS)}")
    figure = draw_figure(board, number)
    kind = path.suffix.lower()[1:]
    with mpl.rc_context(STYLE), atomic_path(path) as temporary:
        undated = {"pdf": {"CreationDate": None}, "svg": {"Date": None}}.get(kind)
        figure.savefig(temporary, format=kind, dpi=300, metadata=undated)
    return path


def draw_figure(board: Board, number: int) -> Figure:
    """Draw a figure of a board, as `export_figure` writes it.

    Args:
        board: which.
        number: as for `export_figure`.

    Raises:
        LeaderboardError: there is no such figure, or nothing to draw.
    """
    if number not in FIGURES:
        raise LeaderboardError(
            f"there is no figure {number}: {'; '.join(f'{n} is {t}' for n, (t, _) in FIGURES.items())}"
        )
    statistics = analyse(board)
    if statistics is None or board.ranked_by is None:
        raise LeaderboardError(
            f"no row of {board.dataset}, split {board.split}, covers all participants: nothing to draw"
        )
    with mpl.rc_context(STYLE):
        return FIGURES[number][1](_Drawn(board, board.ranked_by, statistics))


def _boxes(drawn: _Drawn) -> Figure:
    rows = drawn.rows()[::-1]
    figure, axes = _new(_PAGE_INCHES * 0.75, 0.75 + 0.3 * len(rows))
    generator = np.random.default_rng(0)  # where a dot stands across its box says nothing
    for place, (key, row) in enumerate(rows):
        values = np.array(list(row.cells[drawn.column].values.values()))
        colour = _BLUE if row.competes else _QUIET
        axes.boxplot(
            values, positions=[place], orientation="horizontal", widths=0.56, showfliers=False,
            medianprops={"color": colour, "linewidth": 1.4}, boxprops={"color": _QUIET, "linewidth": 0.7},
            whiskerprops={"color": _QUIET, "linewidth": 0.7}, capprops={"color": _QUIET, "linewidth": 0.7},
        )  # fmt: skip
        spread = generator.uniform(-0.16, 0.16, len(values))
        axes.plot(values, place + spread, "o", color=colour, markersize=2.4, alpha=0.6, markeredgewidth=0)
        found = next(s for s in drawn.statistics.rows if s is not None and s.key == key)
        if found.interval is not None:
            axes.plot([found.interval.low, found.interval.high], [place + 0.38] * 2, color=colour, linewidth=1.6)
    axes.set_yticks(range(len(rows)), _names(drawn, [key for key, _ in rows]))
    axes.set_xlabel(f"{drawn.axis()}; box: quartiles over participants, bar: 95 % interval of the mean")
    axes.grid(axis="x", color=_FAINT, linewidth=0.4)
    axes.set_axisbelow(True)
    return figure


def _significance(drawn: _Drawn) -> Figure:
    """Draw who is significantly better than whom: rows against columns, blue where the row is better."""
    keys = [key for key, row in drawn.rows() if row.competes]
    if len(keys) < 2:
        raise LeaderboardError("a significance map needs two methods that cover all participants")
    size = 1.5 + 0.34 * len(keys)
    figure, axes = _new(max(size + 0.6, _COLUMN_INCHES + 1.0), size)  # the title needs a column's width
    means = {key: row.cells[drawn.column].mean or 0.0 for key, row in drawn.rows()}
    distances = {key: drawn.column.distance(mean) for key, mean in means.items()}
    for comparison in drawn.statistics.comparisons:
        if comparison.first not in keys or comparison.second not in keys:
            continue
        one, two = keys.index(comparison.first), keys.index(comparison.second)
        for row, column, better in (
            (one, two, distances[comparison.first] < distances[comparison.second]),
            (two, one, distances[comparison.first] > distances[comparison.second]),
        ):
            colour = "#f1f1ee" if not comparison.separated else "#9cc3e4" if better else "#ecc3b2"
            axes.fill(
                [column, column + 1, column + 1, column],
                [row, row, row + 1, row + 1],
                facecolor=colour,
                edgecolor="white",
            )
            axes.text(
                column + 0.5, row + 0.5, _p(comparison.adjusted_p), ha="center", va="center", size=6.5,
                color=_INK if comparison.separated else _QUIET,
            )  # fmt: skip
    called = _names(drawn, keys)
    axes.set_xticks(np.arange(len(keys)) + 0.5, called, rotation=40, ha="right")
    axes.set_yticks(np.arange(len(keys)) + 0.5, called)
    axes.set_xlim(0, len(keys))
    axes.set_ylim(len(keys), 0)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.set_title("p after Holm's correction; blue: the row is better", size=7.5, color=_QUIET, loc="left")
    return figure


def _stability(drawn: _Drawn) -> Figure:
    """Draw how often each method takes each rank when participants and seeds are drawn again: area is frequency."""
    stability = drawn.statistics.stability
    if stability is None:
        raise LeaderboardError(
            f"the stability of ranks needs at least {FEWEST_PARTICIPANTS} participants and a metric with a direction"
        )
    intervals = {found.key: found.rank_interval for found in drawn.statistics.rows if found is not None}
    keys = list(stability.methods)[:_MOST_ROWS]
    figure, axes = _new(max(_COLUMN_INCHES, 1.6 + 0.32 * len(keys)), 1.3 + 0.28 * len(keys))
    for place, shares in enumerate(stability.shares[: len(keys)]):
        ranks = np.flatnonzero(shares[: len(keys)] > 0)
        axes.scatter(
            np.full(len(ranks), place), ranks + 1, s=170.0 * shares[ranks], color=_BLUE, alpha=0.75, linewidths=0
        )
        possible = intervals[keys[place]]
        if possible is not None:
            axes.plot([place + 0.36] * 2, possible, color=_RED, linewidth=1.2)
    axes.set_xticks(range(len(keys)), _names(drawn, keys), rotation=40, ha="right")
    axes.set_yticks(range(1, len(keys) + 1))
    axes.set_ylim(len(keys) + 0.6, 0.4)
    axes.set_xlim(-0.6, len(keys) - 0.3)
    axes.set_ylabel("rank")
    tau = stability.mean_tau
    allowed = "; red: what the tests leave possible" if any(intervals.values()) else ""
    note = f"area: how often{allowed}" + ("" if tau is None else f"; mean Kendall's τ {tau:.2f}")
    axes.set_title(note, size=7.5, color=_QUIET, loc="left")
    axes.grid(color=_FAINT, linewidth=0.4)
    axes.set_axisbelow(True)
    return figure


def _pareto(drawn: _Drawn) -> Figure:
    called = names([row for _, row in drawn.rows() if row.competes])
    points: list[dict[str, Any]] = [
        {"x": row.costs.train_seconds, "y": row.cells[drawn.column].mean, "name": called[row.run.run_group]}
        for _, row in drawn.rows()
        if row.competes and row.costs.train_seconds is not None
    ]
    if not points:
        raise LeaderboardError("no method has a training time: nothing to draw quality against")
    mark_front(points, drawn.column)
    figure, axes = _new(_PAGE_INCHES * 0.7, 3.2)
    for point in points:
        axes.plot(
            point["x"], point["y"], "o", color=_BLUE, markersize=5, fillstyle="full" if point["front"] else "none"
        )
        axes.annotate(
            _shortened(str(point["name"])), (point["x"], point["y"]), xytext=(5, 4), textcoords="offset points"
        )
    lines = {
        _shortened(row.run.method): mean
        for _, row in drawn.rows()
        if row.is_reference and (mean := row.cells[drawn.column].mean) is not None
    }
    for mean in lines.values():
        axes.axhline(mean, color=_QUIET, linewidth=0.7, linestyle="--")
    heights = [*(point["y"] for point in points), *lines.values()]
    for text, mean in formatting.line_labels(lines, max(heights) - min(heights)):
        axes.text(1.0, mean, f" {text}", transform=axes.get_yaxis_transform(), color=_QUIET, size=7, va="center")
    if all(point["x"] > 0 for point in points):
        set_log_axis(axes, "x", [point["x"] for point in points])
    axes.set_xlabel("training, seconds")
    axes.set_ylabel(drawn.axis())
    return figure


FIGURES: dict[int, tuple[str, Callable[[_Drawn], Figure]]] = {
    1: ("every participant by method", _boxes),
    2: ("the significance map", _significance),
    3: ("the stability of ranks", _stability),
    4: ("quality against training time", _pareto),
}


def _new(width: float, height: float) -> tuple[Figure, Axes]:
    figure = ShownFigure(figsize=(width, height), layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    return figure, figure.add_subplot()


def _names(drawn: _Drawn, keys: Sequence[str]) -> list[str]:
    """Return what rows are called, by their keys in the statistics."""
    called = names([row for _, row in drawn.rows()])
    of_key = {key: called[row.run.run_group] for key, row in drawn.rows()}
    return [_shortened(of_key[key]) for key in keys]


def _shortened(name: str, longest: int = 30) -> str:
    return name if len(name) <= longest else f"{name[: longest - 1]}…"


def _p(value: float) -> str:
    return "< .001" if value < 0.001 else f"{value:.3f}".lstrip("0") if value < 1.0 else "1"
