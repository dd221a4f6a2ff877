"""How far predictions have left the early image, and whether towards the delayed one; from the prediction files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from petbench.runs.lookup import find_folder
from petbench.runs.planned import open_again
from petbench_datasets.images.nifti import read_image
from petbench_leaderboard.statistics.intervals import mean_interval

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from petbench.home import Home
    from petbench.reproduce.results import Line
    from petbench_datasets.images.grid import Volume
    from petbench_leaderboard.statistics.intervals import Interval

STILL_THERE = 0.05
"""Predictions that change the early image by less than this share of the real change are called the early image."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Departure:
    """How the predictions of one line differ from the early image, in the body, mean over participants and seeds.

    Attributes:
        seeds: how many.
        moved: mean |prediction − early| over mean |delayed − early|: 0 is the early image.
        gain: of the fit prediction − early = gain · (delayed − early), by least squares: 0 for the early image and for
            whatever has nothing to do with the real change, 1 for the delayed image.
        moved_interval: of `moved`; None for too few participants.
        gain_interval: of `gain`.
    """

    seeds: int
    moved: float
    gain: float
    moved_interval: Interval | None
    gain_interval: Interval | None


def measure_departure(line: Line, participants: Sequence[str], home: Home) -> Departure | None:
    """Measure how far a line's predictions have left the early image; None where no seed is whole.

    Args:
        line: of a method.
        participants: whom its runs predict.
        home: where the prediction files are.

    Raises:
        UsageError: a run's folder is not here.
    """
    if not line.seeds:
        return None
    moved, gains = (np.empty((len(line.seeds), len(participants))) for _ in range(2))
    folders = {(run.seed, who): find_folder(run, home) for run in line.finished for who in run.test_participants}
    dataset = open_again(folders[line.seeds[0], participants[0]].plan())
    for column, who in enumerate(participants):
        pair, body = dataset.pair(who), dataset.body_mask(who)
        for row, seed in enumerate(line.seeds):
            predicted, _ = read_image(folders[seed, who].prediction(who))
            moved[row, column], gains[row, column] = departure(predicted, pair.early, pair.delayed, body)
    return Departure(
        seeds=len(line.seeds),
        moved=float(moved.mean()),
        gain=float(gains.mean()),
        moved_interval=mean_interval(moved),
        gain_interval=mean_interval(gains),
    )


def departure(predicted: Volume, early: Volume, delayed: Volume, body: NDArray[np.bool_]) -> tuple[float, float]:
    """Return how far one prediction has moved, and the gain of its fit to the real change, as in `Departure`."""
    start = early[body].astype(np.float64)
    step, change = predicted[body] - start, delayed[body] - start
    return float(np.abs(step).mean() / np.abs(change).mean()), float(step @ change / (change @ change))


def describe(name: str, found: Departure) -> str:
    """Say whether a method has left the early image.

    Args:
        name: the method's, as it is called in sentences.
        found: over its runs.
    """
    if found.moved < STILL_THERE:
        return f"{name} still returns the early image: it changes it by {found.moved:.1%} of what really changes."
    moved = f"its images differ from the early ones {found.moved:.2f} times as much as the real delayed ones do"
    if found.gain_interval is None:
        return f"{name} has left the early image: {moved}; whether towards the delayed one, too few participants say."
    if found.gain_interval.low > 0.0:
        share = f"{found.gain:.0%} of the real change is in them"
        return f"{name} has left the early image, towards the delayed one: {moved}, and {share}."
    return f"{name} has left the early image, but not towards the delayed one: {moved}."
