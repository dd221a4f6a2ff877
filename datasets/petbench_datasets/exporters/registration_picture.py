"""A picture to judge a registration by: outlines of the delayed image on the early one, before and after."""

from __future__ import annotations

from typing import TYPE_CHECKING

from petbench_datasets.files import atomic_path
from petbench_datasets.images.grid import resample

if TYPE_CHECKING:
    from pathlib import Path

    from petbench_datasets.images.grid import Grid, Volume

SCALE_SUV = 8.0
OUTLINES_SUV = (0.4, 2.5)
_COLOURS = ("#d55e00", "#0072b2")
_WIDTH_INCHES = 2.4


def registration_picture(
    path: Path,
    title: str,
    images: tuple[Volume, Volume],
    early_grid: Grid,
    delayed_grids: tuple[Grid, Grid],
    similarity: tuple[float, float],
) -> None:
    """Draw maximum projections from the front and from the side into the PNG file `path`.

    The early image is in grey, black being SUV 8 and more; lines are where the delayed image passes SUV 0.4, the skin
    roughly, and SUV 2.5. Head up, the participant's right on the left.

    Args:
        path: of the picture.
        title: whose.
        images: early and delayed, in SUV, shape (z, y, x).
        early_grid: of the early image; the delayed one is shown on it.
        delayed_grids: of the delayed image, before and after.
        similarity: of both images, before and after.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    early = images[0]
    shown = [resample(images[1], grid, early_grid) for grid in delayed_grids]
    z, y, x = (step * count for step, count in zip(early_grid.spacing_millimetres, early_grid.shape, strict=True))
    height = _WIDTH_INCHES * min(2.5, max(0.6, z / x))
    figure = Figure(figsize=(4 * _WIDTH_INCHES, height + 0.7), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(1, 4, squeeze=False)[0]
    for number, axis in enumerate(axes):
        view, after = divmod(number, 2)  # 1: along y, from the front; 2: along x, from the side
        across = (x, y)[view]
        axis.imshow(
            early.max(axis=view + 1), cmap="gray_r", vmin=0.0, vmax=SCALE_SUV, origin="lower", extent=(0, across, 0, z)
        )
        outline = shown[after].max(axis=view + 1)
        for level, colour in zip(OUTLINES_SUV, _COLOURS, strict=True):
            if float(outline.min()) < level < float(outline.max()) and min(outline.shape) > 1:
                axis.contour(outline, [level], colors=[colour], linewidths=0.8, extent=(0, across, 0, z))
        axis.set_xticks([])
        axis.set_yticks([])
        axis.set_title(f"{('front', 'side')[view]}, {('before', 'after')[after]}", fontsize=8)
    before, now = (f"{value:.3f}" for value in similarity)
    figure.suptitle(
        f"{title}: early image in grey (0 to SUV {SCALE_SUV:g}), delayed image as lines (SUV {OUTLINES_SUV[0]:g} and "
        f"{OUTLINES_SUV[1]:g}); mutual information {before}, after {now}",
        fontsize=8,
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, format="png")
