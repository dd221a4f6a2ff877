"""The figure of one participant: early, each prediction and the delayed image, and the absolute errors.

Coronal maximum projections above, one axial slice below. All images share one SUV scale in inverted grey, all
errors share one on a perceptually uniform scale from white. Scales are fixed, never taken from an image.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import Normalize

from petbench_leaderboard.report.figure_parts import (
    DOTS_PER_INCH,
    ERROR_LIMIT_SUV,
    INK,
    QUIET,
    SUV_LIMIT,
    ParticipantFigure,
    colour_bar,
    error_colours,
    render,
    show,
    write_title,
)
from petbench_leaderboard.report.images import ParticipantImages, Volume, body_box, most_changed_slice
from petbench_leaderboard.report.shown_figure import ShownFigure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PREDICTIONS_IN_A_ROW = 4

_CORONAL_HEIGHT_INCHES = 4.4
_GAP_INCHES = 0.10
_GROUP_GAP_INCHES = 0.34


def draw_participant(images: ParticipantImages) -> list[ParticipantFigure]:
    """Return one figure for every few predictions; one without predictions where there are none.

    A prediction that is the early image itself, as that of `identity`, is not shown twice.
    """
    names = [name for name, volume in images.predictions.items() if not np.array_equal(volume, images.early)]
    figures = max(1, math.ceil(len(names) / PREDICTIONS_IN_A_ROW))
    in_a_row = math.ceil(len(names) / figures) or 1
    chunks = [names[start : start + in_a_row] for start in range(0, len(names), in_a_row)] or [[]]
    return [render(compose_participant(images, chunk), _described(images, chunk)) for chunk in chunks]


def compose_participant(images: ParticipantImages, names: Sequence[str]) -> Figure:
    """Return the figure of a participant with the named predictions.

    Args:
        images: of the participant.
        names: of the predictions, in the order to show them.
    """
    box = body_box(images)
    level = most_changed_slice(images)
    spacing = images.spacing_millimetres
    size = [(part.stop - part.start) * step for part, step in zip(box, spacing, strict=True)]
    tile_height = _CORONAL_HEIGHT_INCHES
    scale = tile_height / size[0]
    tile_width, axial_height = size[2] * scale, size[1] * scale

    groups: list[tuple[str, Volume, bool]] = [("early", images.early, True)]
    groups += [(name, images.predictions[name], True) for name in names]
    groups.append(("delayed", images.delayed, False))
    top, bottom, left, right = 0.5, 0.12, 0.12, 1.0
    tiles = sum(2 if with_error else 1 for *_, with_error in groups)
    inner = tiles * tile_width + (tiles - len(groups)) * _GAP_INCHES + (len(groups) - 1) * _GROUP_GAP_INCHES
    width, height = left + inner + right, top + tile_height + _GAP_INCHES + axial_height + bottom
    figure = ShownFigure(figsize=(width, height), dpi=DOTS_PER_INCH, facecolor="white")
    FigureCanvasAgg(figure)

    def axes(x: float, y: float, wide: float, high: float) -> Axes:
        made = figure.add_axes((x / width, y / height, wide / width, high / height))
        made.set_axis_off()
        return made

    greys, reds = mpl.colormaps["gray_r"], error_colours()
    grey_scale, error_scale = Normalize(0.0, SUV_LIMIT), Normalize(0.0, ERROR_LIMIT_SUV)
    x = left
    for title, volume, with_error in groups:
        shown = [(volume, greys, grey_scale, "")]
        if with_error:
            error = np.abs(volume.astype(np.float64) - images.delayed)
            shown.append((error, reds, error_scale, "absolute error"))
        group_width = len(shown) * tile_width + (len(shown) - 1) * _GAP_INCHES
        write_title(figure, (x + group_width / 2) / width, 1 - 0.16 / height, title)
        for position, (array, colours, norm, caption) in enumerate(shown):
            tile_x = x + position * (tile_width + _GAP_INCHES)
            coronal = axes(tile_x, bottom + axial_height + _GAP_INCHES, tile_width, tile_height)
            axial = axes(tile_x, bottom, tile_width, axial_height)
            show(coronal, array[box].max(axis=1), colours, norm, origin="lower")
            show(axial, array[level][box[1:]], colours, norm, origin="upper")
            if caption:
                coronal.set_title(caption, size=9, color=QUIET, pad=3)
        if title == "early":
            _mark_sides_and_level(
                coronal_of=figure.axes[0], level=level - box[0].start, rows=box[0].stop - box[0].start
            )
        x += group_width + _GROUP_GAP_INCHES
    bar_x = left + inner + 0.22
    for y, colours, norm, label in (
        (bottom + axial_height + _GAP_INCHES + tile_height * 0.54, greys, grey_scale, "SUV"),
        (bottom + axial_height + _GAP_INCHES + tile_height * 0.04, reds, error_scale, "absolute error, SUV"),
    ):
        colour_bar(figure, (bar_x / width, y / height, 0.13 / width, tile_height * 0.40 / height), colours, norm, label)
    return figure


def _mark_sides_and_level(coronal_of: Axes, level: int, rows: int) -> None:
    """Write the participant's right and left on the first image, and mark the height of the axial slice."""
    for x, letter in ((0.02, "R"), (0.98, "L")):
        coronal_of.text(
            x,
            0.995,
            letter,
            transform=coronal_of.transAxes,
            size=9,
            color=QUIET,
            ha="left" if x < 0.5 else "right",
            va="top",
        )
    height = (level + 0.5) / rows
    for start, stop in ((0.0, 0.05), (0.95, 1.0)):
        coronal_of.plot([start, stop], [height, height], transform=coronal_of.transAxes, color=INK, linewidth=1.0)


def _described(images: ParticipantImages, names: list[str]) -> str:
    shown = ", ".join(["the early image", *names, "the delayed image"])
    return (
        f"{images.participant}: coronal maximum projections and one axial slice of {shown}, and the absolute error of "
        "each against the delayed image"
    )
