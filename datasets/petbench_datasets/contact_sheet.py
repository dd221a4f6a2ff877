"""A picture of a whole cohort: coronal maximum projections of every pair on one SUV scale."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from petbench_datasets.files import atomic_path
from petbench_datasets.progress import Progress, silent

if TYPE_CHECKING:
    from pathlib import Path

    from petbench_datasets.cohort import Cohort
    from petbench_datasets.grid import Grid, Volume

SCALE_SUV = 8.0
_PAIRS_A_ROW = 6
_HEIGHT_INCHES = 3.2


def contact_sheet(cohort: Cohort, path: Path, progress: Progress = silent) -> None:
    """Draw early and delayed image of every participant side by side into the PNG file `path`.

    Black is SUV 8 and more. Head up, the patient's right on the left, as radiologists look at it.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    names = cohort.participants
    columns = min(len(names), _PAIRS_A_ROW)
    rows = -(-len(names) // columns)
    figure = Figure(figsize=(1.9 * columns + 0.3, _HEIGHT_INCHES * rows + 0.4), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(rows, 2 * columns, squeeze=False)
    for axis in axes.flat:
        axis.set_axis_off()
    for number, name in enumerate(names):
        progress("drawing the contact sheet", number, len(names))
        pair = cohort.pair(name)
        for offset, (title, volume) in enumerate((("early", pair.early), ("delayed", pair.delayed))):
            axis = axes[number // columns, 2 * (number % columns) + offset]
            axis.set_axis_on()
            axis.set_xticks([])
            axis.set_yticks([])
            picture, aspect = coronal_projection(volume, pair.grid)
            axis.imshow(picture, cmap="gray_r", vmin=0.0, vmax=SCALE_SUV, aspect=aspect, interpolation="bilinear")
            axis.set_title(f"{name}\n{title}" if offset == 0 else f"\n{title}", fontsize=7)
    figure.suptitle(f"{cohort.name}: maximum projections, SUV 0 to {SCALE_SUV:g}", fontsize=9)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, format="png")
    progress("drawing the contact sheet", len(names), len(names))


def coronal_projection(volume: Volume, grid: Grid) -> tuple[Volume, float]:
    """Return the maximum along y with the head up, and how much higher than wide a pixel is."""
    z, _, x = grid.spacing_millimetres
    # x runs to the patient's left already: index 0, the right side, is drawn on the left.
    return np.ascontiguousarray(volume.max(axis=1)[::-1]), z / x
