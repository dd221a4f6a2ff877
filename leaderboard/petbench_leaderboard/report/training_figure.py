"""The curves of a training as a figure of matplotlib, as a run's page draws them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib as mpl
from matplotlib.backends.backend_agg import FigureCanvasAgg

from petbench_leaderboard.report.log_axis import set_log_axis
from petbench_leaderboard.report.publication.figures import STYLE
from petbench_leaderboard.report.shown_figure import ShownFigure
from petbench_leaderboard.report.training_series import KINDS, is_wide

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from petbench_leaderboard.report.training_series import Series

_INCHES = (6.6, 3.2)
_COLOURS = ("#1f5f99", "#a8431c", "#2f7d4f", "#8a5fa8", "#b58a1b", "#3c8f95", "#b8527f", "#6b7078")


def draw_training(series: Series, kind: str, title: str) -> Figure:
    """Draw curves over the images seen, one a name, on a logarithmic axis where they differ much.

    Args:
        series: as `training_series` returns it, not empty.
        kind: one of `KINDS`.
        title: of whom.
    """
    with mpl.rc_context(STYLE):
        figure = ShownFigure(figsize=_INCHES, layout="constrained", facecolor="white")
        FigureCanvasAgg(figure)
        axes = figure.add_subplot()
        for place, (name, (images, values)) in enumerate(series.items()):
            mark = "o" if len(values) == 1 else None
            colour = _COLOURS[place % len(_COLOURS)]
            axes.plot(images, values, color=colour, linewidth=1.3, marker=mark, markersize=3, label=name)
        everything = [value for _, values in series.values() for value in values]
        if is_wide(everything):
            set_log_axis(axes, "y", everything)
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
        axes.set_xlabel("images seen in training")
        axes.set_title(f"{title}: {KINDS[kind][0]}", loc="left")
        axes.grid(color="#e3e3de", linewidth=0.5)
        axes.set_axisbelow(True)
        figure.legend(loc="outside right center", frameon=False)
        return figure
