"""The figures of the validation page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from petbench_datasets.files import atomic_path
from petbench_datasets.images.windows import in_words
from petbench_datasets.tasks.built_in import DEFAULT_TASK
from petbench_phantom.validation import MEAN_MARK, SPREAD_MARK

if TYPE_CHECKING:
    from pathlib import Path

    from petbench_datasets.dataset.reader import Dataset
    from petbench_datasets.specs import Headroom
    from petbench_phantom.validation import Measurements

_EARLY, _DELAYED, _BAND = "#1b6ca8", "#c8553d", "#e9e6df"
_REFERENCE, _METHOD, _PREDICTABLE, _REPEAT = "0.45", "#c8553d", "#5b7f4a", "0.7"
_STYLE: dict[Any, Any] = {
    "font.size": 8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "svg.hashsalt": "petbench",
}


def write_figures(measured: Measurements, headroom: Headroom, dataset: Dataset, folder: Path) -> list[Path]:
    """Draw the means, the spreads, the headroom, and some participants; return the files in that order."""
    with mpl.rc_context(_STYLE):
        figures = {
            "means": _means(measured),
            "spreads": _spreads(measured),
            "headroom": _headroom(headroom),
            "participants": _participants(dataset),
        }
        return [_saved(figure, folder / f"{measured.dataset}-{name}.png") for name, figure in figures.items()]


def _saved(figure: Figure, path: Path) -> Path:
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=130, metadata={"Software": None})
    return path


def _figure(width: float, height: float, rows: int, columns: int, **options: Any) -> tuple[Figure, Any]:
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots(rows, columns, squeeze=False, **options)


def _means(measured: Measurements) -> Figure:
    figure, axes = _figure(7.2, 6.2, 1, 2, sharey=True)
    regions = sorted(measured.regions, key=lambda region: region.measured.delayed)
    rows = np.arange(len(regions))
    for axis, which, colour, title in (
        (axes[0, 0], "early", _EARLY, in_words(DEFAULT_TASK.early_seconds)),
        (axes[0, 1], "delayed", _DELAYED, in_words(DEFAULT_TASK.delayed_seconds)),
    ):
        wanted = np.array([getattr(region.measured, which) for region in regions])
        spread = np.array([getattr(region.measured, f"{which}_sd") for region in regions])
        found = np.array([getattr(region, which) for region in regions])
        own = np.array([getattr(region, f"{which}_sd") for region in regions])
        axis.barh(rows, 2 * MEAN_MARK * wanted, left=(1 - MEAN_MARK) * wanted, height=0.8, color=_BAND)
        axis.errorbar(wanted, rows + 0.16, xerr=np.minimum(spread, 0.8 * wanted), fmt="o", ms=3, color="0.45", lw=0.8)
        axis.errorbar(found, rows - 0.16, xerr=np.minimum(own, 0.8 * found), fmt="o", ms=3, color=colour, lw=0.8)
        axis.set_xscale("log")
        axis.set_xticks([0.5, 1, 2, 5, 10, 20, 50], ["0.5", "1", "2", "5", "10", "20", "50"])
        axis.set_xticks([], minor=True)
        axis.set(xlabel="SUV", xlim=(0.3, 60))
        axis.set_title(f"{title}, mean ± SD\ngrey: measured (±15 %); colour: simulated")
        axis.set_yticks(rows, [region.name for region in regions])
    return figure


def _spreads(measured: Measurements) -> Figure:
    figure, axes = _figure(7.2, 2.9, 1, 3)
    plots = (
        ("early_log_sd", "log SD of early SUV", _EARLY),
        ("delayed_log_sd", "log SD of delayed SUV", _DELAYED),
        ("correlation", "correlation, early and delayed", "#5b7f4a"),
    )
    for axis, (name, title, colour) in zip(axes[0], plots, strict=True):
        wanted = np.array([getattr(region.measured, name) for region in measured.regions])
        found = np.array([getattr(region, name) for region in measured.regions])
        top = 1.08 * float(max(wanted.max(), found.max()))
        line = np.array([0.0, top])
        axis.fill_between(line, (1 - SPREAD_MARK) * line, (1 + SPREAD_MARK) * line, color=_BAND, lw=0)
        axis.plot(line, line, color="0.6", lw=0.8)
        axis.plot(wanted, found, "o", ms=3.5, color=colour)
        axis.set(xlim=(0, top), ylim=(0, top), xlabel="measured", ylabel="simulated", title=title)
    return figure


def _headroom(headroom: Headroom) -> Figure:
    colours = {**dict.fromkeys(headroom.references, _REFERENCE), **dict.fromkeys(headroom.methods, _METHOD)}
    aim = headroom.predictable.row if headroom.predictable else None
    if aim is not None:
        colours[aim] = _PREDICTABLE
    rows = [(row.name, row.values, colours.get(row, _REPEAT)) for row in headroom.rows]
    figure, axes = _figure(7.2, 0.9 + 0.22 * len(rows), 1, len(headroom.metrics), sharey=True)
    heights = np.arange(len(rows))[::-1]
    for column, (axis, convention) in enumerate(zip(axes[0], headroom.metrics, strict=True)):
        values = [decibels[column] for _, decibels, _ in rows]
        low, high = min(values), max(values)
        axis.axvline(headroom.identity.values[column], color="0.8", lw=0.8, zorder=0)
        if aim is not None:
            axis.axvline(aim.values[column], color=_PREDICTABLE, lw=0.8, zorder=0)
        axis.hlines(heights, low - (high - low), values, color=_BAND, lw=1, zorder=0)
        axis.scatter(values, heights, color=[colour for _, _, colour in rows], s=18)
        for height, value in zip(heights, values, strict=True):
            left = value > (low + high) / 2
            place = {"xytext": (-5 if left else 5, 0), "ha": "right" if left else "left"}
            axis.annotate(f"{value:.1f}", (value, height), textcoords="offset points", va="center", **place)
        axis.set(title=convention, xlabel="dB", ylim=(-0.7, len(rows) - 0.3))
        axis.set_xlim(low - 0.08 * (high - low), high + 0.08 * (high - low))
        axis.set_yticks(heights, [row for row, _, _ in rows])
    return figure


def _participants(dataset: Dataset) -> Figure:
    names = dataset.participants[:4]
    figure, axes = _figure(7.2, 2.9, 1, 2 * len(names))
    for number, name in enumerate(names):
        pair = dataset.pair(name)
        z, _, x = pair.grid.spacing_millimetres
        for axis, volume, when in zip(
            axes[0][2 * number : 2 * number + 2], (pair.early, pair.delayed), ("early", "delayed"), strict=True
        ):
            axis.imshow(volume.max(axis=1), cmap="gray_r", vmin=0, vmax=7, aspect=z / x, origin="lower")
            axis.set_title(f"{name}\n{when}")
            axis.set_axis_off()
    return figure
