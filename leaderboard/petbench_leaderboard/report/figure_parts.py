"""What the figures of participants share: scales, colours and how an image is shown."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import matplotlib as mpl
import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Colormap, LinearSegmentedColormap, Normalize
from PIL import Image

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from petbench_leaderboard.report.images import Volume

SUV_LIMIT = 10.0
ERROR_LIMIT_SUV = 4.0
DOTS_PER_INCH = 130
INK = "#1b1d21"
QUIET = "#6b7078"


@dataclass(frozen=True, slots=True)
class ParticipantFigure:
    """A figure: WebP bytes, size in pixels, and what it shows in words."""

    webp: bytes
    width: int
    height: int
    description: str


def error_colours() -> Colormap:
    """Return the scale of errors: magma from its light end, begun at white, so that no error is white."""
    magma = mpl.colormaps["magma_r"](np.linspace(0.0, 1.0, 24))
    white = np.ones((1, 4))
    return LinearSegmentedColormap.from_list("petbench_error", np.vstack([white, magma[1:]]))


def write_title(figure: Figure, x: float, y: float, title: str) -> None:
    """Write what a column of images is, at a place in parts of the figure."""
    figure.text(x, y, _shortened(title), ha="center", va="center", size=12.5, color=INK, parse_math=False)


def show(axes: Axes, image: Volume, colours: Colormap, norm: Normalize, origin: str) -> None:
    """Fill the axes with an image; their size already has the image's proportions in millimetres."""
    axes.imshow(
        image,
        cmap=colours,
        norm=norm,
        origin="lower" if origin == "lower" else "upper",
        aspect="auto",
        interpolation="bilinear",
    )


def colour_bar(
    figure: Figure,
    place: tuple[float, float, float, float],
    colours: Colormap,
    norm: Normalize,
    label: str,
    orientation: Literal["vertical", "horizontal"] = "vertical",
) -> None:
    """Draw a scale at a place (left, bottom, width, height) in parts of the figure."""
    axes = figure.add_axes(place)
    bar = figure.colorbar(
        ScalarMappable(norm, colours), cax=axes, extend="max", extendfrac=0.05, orientation=orientation
    )
    bar.outline.set_linewidth(0.5)
    bar.outline.set_edgecolor(QUIET)
    bar.set_label(label, size=9.5, color=INK, labelpad=5)
    bar.ax.tick_params(labelsize=9, colors=INK, width=0.5, length=3)


def render(figure: Figure, description: str) -> ParticipantFigure:
    """Return a drawn figure as WebP."""
    pixels = io.BytesIO()
    figure.savefig(pixels, format="png")
    packed = io.BytesIO()
    with Image.open(pixels) as image:
        image.convert("RGB").save(packed, format="WEBP", quality=88, method=5)
        size = image.size
    return ParticipantFigure(webp=packed.getvalue(), width=size[0], height=size[1], description=description)


def _shortened(name: str, longest: int = 28) -> str:
    return name if len(name) <= longest else f"{name[: longest - 1]}…"
