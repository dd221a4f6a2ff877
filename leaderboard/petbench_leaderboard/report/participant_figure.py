"""The figure of one participant: early, each prediction and the real delayed image, and the absolute errors.

Coronal maximum projections above, one axial slice below. All images share one SUV scale in inverted grey, all
errors share one on a perceptually uniform scale from white. Scales are fixed, never taken from an image.
"""

from __future__ import annotations

import io
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Colormap, LinearSegmentedColormap, Normalize
from matplotlib.figure import Figure
from PIL import Image

from petbench_leaderboard.report.images import ParticipantImages, Volume, body_box, most_changed_slice

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SUV_LIMIT = 10.0
ERROR_LIMIT_SUV = 4.0
PREDICTIONS_IN_A_ROW = 4

_CORONAL_HEIGHT_INCHES = 4.4
_GAP_INCHES = 0.10
_GROUP_GAP_INCHES = 0.34
_DOTS_PER_INCH = 130
_INK = "#1b1d21"
_QUIET = "#6b7078"


@dataclass(frozen=True, slots=True)
class ParticipantFigure:
    """A figure: WebP bytes, size in pixels, and what it shows in words."""

    webp: bytes
    width: int
    height: int
    description: str


def draw_participant(images: ParticipantImages) -> list[ParticipantFigure]:
    """Return one figure for every few predictions; one without predictions where there are none.

    A prediction that is the early image itself, as that of `identity`, is not shown twice.
    """
    names = [name for name, volume in images.predictions.items() if not np.array_equal(volume, images.early)]
    figures = max(1, math.ceil(len(names) / PREDICTIONS_IN_A_ROW))
    in_a_row = math.ceil(len(names) / figures) or 1
    chunks = [names[start : start + in_a_row] for start in range(0, len(names), in_a_row)] or [[]]
    return [_render(_compose(images, chunk), images, chunk) for chunk in chunks]


def error_colours() -> Colormap:
    """Return the scale of errors: magma from its light end, begun at white, so that no error is white."""
    magma = mpl.colormaps["magma_r"](np.linspace(0.0, 1.0, 24))
    white = np.ones((1, 4))
    return LinearSegmentedColormap.from_list("petbench_error", np.vstack([white, magma[1:]]))


def _compose(images: ParticipantImages, names: list[str]) -> Figure:
    box = body_box(images)
    level = most_changed_slice(images)
    spacing = images.spacing_millimetres
    size = [(part.stop - part.start) * step for part, step in zip(box, spacing, strict=True)]
    tile_height = _CORONAL_HEIGHT_INCHES
    scale = tile_height / size[0]
    tile_width, axial_height = size[2] * scale, size[1] * scale

    groups: list[tuple[str, Volume, bool]] = [("early", images.early, True)]
    groups += [(name, images.predictions[name], True) for name in names]
    groups.append(("real delayed", images.delayed, False))
    top, bottom, left, right = 0.5, 0.12, 0.12, 1.0
    tiles = sum(2 if with_error else 1 for *_, with_error in groups)
    inner = tiles * tile_width + (tiles - len(groups)) * _GAP_INCHES + (len(groups) - 1) * _GROUP_GAP_INCHES
    width, height = left + inner + right, top + tile_height + _GAP_INCHES + axial_height + bottom
    figure = Figure(figsize=(width, height), dpi=_DOTS_PER_INCH, facecolor="white")
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
        _write_title(figure, (x + group_width / 2) / width, 1 - 0.16 / height, title)
        for position, (array, colours, norm, caption) in enumerate(shown):
            tile_x = x + position * (tile_width + _GAP_INCHES)
            coronal = axes(tile_x, bottom + axial_height + _GAP_INCHES, tile_width, tile_height)
            axial = axes(tile_x, bottom, tile_width, axial_height)
            _show(coronal, array[box].max(axis=1), colours, norm, origin="lower")
            _show(axial, array[level][box[1:]], colours, norm, origin="upper")
            if caption:
                coronal.set_title(caption, size=9, color=_QUIET, pad=3)
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
        _colour_bar(
            figure, (bar_x / width, y / height, 0.13 / width, tile_height * 0.40 / height), colours, norm, label
        )
    return figure


def _write_title(figure: Figure, x: float, y: float, title: str) -> None:
    figure.text(
        x, y, _shortened(title), ha="center", va="center", size=12.5, color=_INK, parse_math=False
    )  # fmt: skip


def _show(axes: Axes, image: Volume, colours: Colormap, norm: Normalize, origin: str) -> None:
    """Fill the axes with an image; their size already has the image's proportions in millimetres."""
    axes.imshow(
        image,
        cmap=colours,
        norm=norm,
        origin="lower" if origin == "lower" else "upper",
        aspect="auto",
        interpolation="bilinear",
    )


def _mark_sides_and_level(coronal_of: Axes, level: int, rows: int) -> None:
    """Write the participant's right and left on the first image, and mark the height of the axial slice."""
    for x, letter in ((0.02, "R"), (0.98, "L")):
        coronal_of.text(
            x,
            0.995,
            letter,
            transform=coronal_of.transAxes,
            size=9,
            color=_QUIET,
            ha="left" if x < 0.5 else "right",
            va="top",
        )
    height = (level + 0.5) / rows
    for start, stop in ((0.0, 0.05), (0.95, 1.0)):
        coronal_of.plot([start, stop], [height, height], transform=coronal_of.transAxes, color=_INK, linewidth=1.0)


def _colour_bar(
    figure: Figure, place: tuple[float, float, float, float], colours: Colormap, norm: Normalize, label: str
) -> None:
    axes = figure.add_axes(place)
    bar = figure.colorbar(ScalarMappable(norm, colours), cax=axes, extend="max", extendfrac=0.05)
    bar.outline.set_linewidth(0.5)
    bar.outline.set_edgecolor(_QUIET)
    bar.set_label(label, size=9.5, color=_INK, labelpad=5)
    bar.ax.tick_params(labelsize=9, colors=_INK, width=0.5, length=3)


def _render(figure: Figure, images: ParticipantImages, names: list[str]) -> ParticipantFigure:
    pixels = io.BytesIO()
    figure.savefig(pixels, format="png")
    packed = io.BytesIO()
    with Image.open(pixels) as image:
        image.convert("RGB").save(packed, format="WEBP", quality=88, method=5)
        size = image.size
    shown = ", ".join(["the early image", *names, "the real delayed image"])
    return ParticipantFigure(
        webp=packed.getvalue(),
        width=size[0],
        height=size[1],
        description=(
            f"{images.participant}: coronal maximum projections and one axial slice of {shown}, and the absolute "
            "error of each against the real delayed image"
        ),
    )


def _shortened(name: str, longest: int = 28) -> str:
    return name if len(name) <= longest else f"{name[: longest - 1]}…"
