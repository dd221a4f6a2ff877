"""The figure that a board opens with: one participant, images above and their errors below, few enough to see.

Coronal maximum projections, side by side in the order in which they are read: early, predictions, delayed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import Normalize

from petbench_leaderboard.report.figure_parts import (
    DOTS_PER_INCH,
    ERROR_LIMIT_SUV,
    SUV_LIMIT,
    ParticipantFigure,
    colour_bar,
    error_colours,
    render,
    show,
    write_title,
)
from petbench_leaderboard.report.images import ParticipantImages, Volume, body_box
from petbench_leaderboard.report.shown_figure import ShownFigure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.figure import Figure

_TILE_HEIGHT_INCHES = 3.9
_GAP_INCHES = 0.12
_TITLE_INCHES = 0.4
_EDGE_INCHES = 0.1
_NARROWEST_INCHES = 1.25
"""Of a column: there must be room for its title."""


def draw_overview(images: ParticipantImages, names: Sequence[str]) -> ParticipantFigure:
    """Return the picture of a participant's overview, and what it shows in words.

    Args:
        images: of the participant.
        names: of the predictions, in the order to show them.
    """
    listed = ", ".join(["the early image", *names, "the delayed image"])
    return render(
        compose_overview(images, names),
        f"{images.participant}: coronal maximum projections of {listed}, and below them the absolute error of each "
        "against the delayed image",
    )


def compose_overview(images: ParticipantImages, names: Sequence[str]) -> Figure:
    """Return the early image, the named predictions and the delayed image, above the error of each.

    Args:
        images: of the participant.
        names: of the predictions, in the order to show them.
    """
    box = body_box(images)
    high, _, wide = (
        (part.stop - part.start) * step for part, step in zip(box, images.spacing_millimetres, strict=True)
    )
    tile_width = max(_TILE_HEIGHT_INCHES * wide / high, 0.2)
    step = max(tile_width, _NARROWEST_INCHES) + _GAP_INCHES
    columns: list[tuple[str, Volume]] = [("early", images.early)]
    columns += [(name, images.predictions[name]) for name in names]
    columns.append(("delayed", images.delayed))
    width = 2 * _EDGE_INCHES + len(columns) * step - _GAP_INCHES
    height = _TITLE_INCHES + 2 * _TILE_HEIGHT_INCHES + _GAP_INCHES + _EDGE_INCHES
    figure = ShownFigure(figsize=(width, height), dpi=DOTS_PER_INCH, facecolor="white")
    FigureCanvasAgg(figure)

    def place(x: float, y: float, across: float, up: float) -> tuple[float, float, float, float]:
        return (x / width, y / height, across / width, up / height)

    greys, reds = mpl.colormaps["gray_r"], error_colours()
    grey_scale, error_scale = Normalize(0.0, SUV_LIMIT), Normalize(0.0, ERROR_LIMIT_SUV)
    upper = _EDGE_INCHES + _TILE_HEIGHT_INCHES + _GAP_INCHES
    for number, (title, volume) in enumerate(columns):
        left = _EDGE_INCHES + number * step
        x = left + (step - _GAP_INCHES - tile_width) / 2
        write_title(figure, (x + tile_width / 2) / width, 1 - _TITLE_INCHES / 2 / height, title)
        shown = [(upper, volume, greys, grey_scale)]
        if volume is not images.delayed:
            error = np.abs(volume.astype(np.float64) - images.delayed)
            shown.append((_EDGE_INCHES, error, reds, error_scale))
        for y, array, colours, norm in shown:
            axes = figure.add_axes(place(x, y, tile_width, _TILE_HEIGHT_INCHES))
            axes.set_axis_off()
            show(axes, array[box].max(axis=1), colours, norm, origin="lower")
    left = _EDGE_INCHES + (len(columns) - 1) * step
    for up, colours, norm, label in (
        (0.72, greys, grey_scale, "SUV"),
        (0.4, reds, error_scale, "absolute error, SUV"),
    ):
        bar = place(left + 0.08, _EDGE_INCHES + up * _TILE_HEIGHT_INCHES, step - _GAP_INCHES - 0.16, 0.13)
        colour_bar(figure, bar, colours, norm, label, orientation="horizontal")
    return figure
