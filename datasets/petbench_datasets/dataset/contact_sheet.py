"""A picture of a whole dataset: coronal maximum projections of every pair on one SUV scale."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from petbench_datasets.files import atomic_path
from petbench_datasets.progress import Progress, silent

if TYPE_CHECKING:
    from pathlib import Path

    from petbench_datasets.dataset.reader import Dataset
    from petbench_datasets.images.grid import Grid, Volume

SCALE_SUV = 8.0
_PAIRS_A_ROW = 6
_WIDTH_INCHES, _TITLE_INCHES = 0.95, 0.45


def contact_sheet(dataset: Dataset, path: Path, progress: Progress = silent) -> None:
    """Draw early and delayed image of every participant side by side into the PNG file `path`.

    Black is SUV 8 and more. Head up, the participant's right on the left, as radiologists look at it. The place of a
    delayed image that the dataset's organizer withholds says so.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    names = dataset.participants
    pictures = []
    for number, name in enumerate(names):
        progress("drawing the contact sheet", number, len(names))
        images = [dataset.early(name)] if name in dataset.withheld else [dataset.early(name), dataset.delayed(name)]
        pictures.append([coronal_projection(volume, grid) for volume, grid in images])
    columns = min(len(names), _PAIRS_A_ROW)
    rows = -(-len(names) // columns)
    tallest = max(picture.shape[0] * aspect / picture.shape[1] for pair in pictures for picture, aspect in pair)
    height = _TITLE_INCHES + _WIDTH_INCHES * tallest
    figure = Figure(figsize=(2 * _WIDTH_INCHES * columns + 0.3, height * rows + 0.4), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(rows, 2 * columns, squeeze=False)
    for axis in axes.flat:
        axis.set_axis_off()
    for number, (name, found) in enumerate(zip(names, pictures, strict=True)):
        if name in dataset.withheld:
            place = axes[number // columns, 2 * (number % columns) + 1]
            place.text(0.5, 0.5, "withheld", ha="center", fontsize=7, color="0.4", transform=place.transAxes)
        for offset, (picture, aspect) in enumerate(found):
            axis = axes[number // columns, 2 * (number % columns) + offset]
            axis.set_axis_on()
            axis.set_xticks([])
            axis.set_yticks([])
            for edge in axis.spines.values():
                edge.set_color("0.75")
            axis.imshow(picture, cmap="gray_r", vmin=0.0, vmax=SCALE_SUV, aspect=aspect, interpolation="bilinear")
            axis.set_title(f"{name}\nearly" if offset == 0 else "\ndelayed", fontsize=7, pad=3)
    title = f"{dataset.name}: maximum projections, SUV 0 to {SCALE_SUV:g}"
    figure.suptitle(title if columns > 1 else title.replace(": ", "\n"), fontsize=9 if columns > 1 else 7)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, format="png")
    progress("drawing the contact sheet", len(names), len(names))


def coronal_projection(volume: Volume, grid: Grid) -> tuple[Volume, float]:
    """Return the maximum along y with the head up, and how much higher than wide a pixel is."""
    z, _, x = grid.spacing_millimetres
    # x runs to the participant's left already: index 0, the right side, is shown on the left.
    return np.ascontiguousarray(volume.max(axis=1)[::-1]), z / x
