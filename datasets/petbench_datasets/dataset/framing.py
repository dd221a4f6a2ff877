"""Which frames of a participant's scans make the image of a window, and how they make it.

A window's image is the mean of the frames, each weighted with the seconds that it shares with the window. SUV is
used throughout, so every frame is decay-corrected to the injection before it is averaged.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from petbench_datasets.dataset.reconstructions import how_to_choose, static_of
from petbench_datasets.errors import DataError
from petbench_datasets.images.windows import in_words, shared_seconds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from petbench_datasets.bids.scan import Scan
    from petbench_datasets.images.grid import Grid, Volume
    from petbench_datasets.images.windows import Frame
    from petbench_datasets.tasks.task import Task

LEAST_INSIDE = 0.5
"""The part of the frames' time that must lie in the window: an hour's mean is no image of 14 minutes."""

_OVERLAP_TOLERANCE_SECONDS = 1.0


@dataclass(frozen=True)
class FrameUse:
    """One frame that takes part in a window, with the seconds that it shares with it."""

    scan: Scan
    index: int
    seconds: float

    @property
    def frame(self) -> Frame:
        """When it was measured."""
        return self.scan.frames[self.index]


@dataclass(frozen=True)
class WindowFrames:
    """The frames that make one window's image.

    Attributes:
        name: `early` or `delayed`.
        uses: at least one frame, in order of time.
        coverage: the part of the window that was measured, 0 to 1.
    """

    name: str
    uses: tuple[FrameUse, ...]
    coverage: float

    @property
    def effective_seconds(self) -> tuple[float, float]:
        """From when to when, after the injection, the frames that were used really reach."""
        frames = [use.frame for use in self.uses]
        return min(frame.start_seconds for frame in frames), max(frame.stop_seconds for frame in frames)

    @property
    def grid(self) -> Grid:
        """The grid of its first frame."""
        return self.uses[0].scan.grid

    def image(self) -> Volume:
        """Read the frames and return their weighted mean in SUV, float32, shape (z, y, x)."""
        if len(self.uses) == 1:
            return self.uses[0].scan.suv_frame(self.uses[0].index)
        total = sum(use.seconds for use in self.uses)
        mean = np.zeros(self.uses[0].scan.grid.shape, dtype=np.float64)
        for use in self.uses:
            weight = use.scan.suv_per_unit(use.index) * use.seconds / total
            mean += weight * use.scan.activity(use.index)
        return mean.astype(np.float32)


def uses_of(scan: Scan, window: tuple[float, float]) -> tuple[FrameUse, ...]:
    """Return the frames of one scan that share time with `window`."""
    shared = ((index, shared_seconds(frame, window)) for index, frame in enumerate(scan.frames))
    return tuple(FrameUse(scan, index, seconds) for index, seconds in shared if seconds > 0.0)


def coverage_of(uses: Sequence[FrameUse], window: tuple[float, float]) -> float:
    """Return the part of `window` that was measured."""
    return sum(use.seconds for use in uses) / (window[1] - window[0])


def plan_window(name: str, scans: Sequence[Scan], subject: str, task: Task) -> WindowFrames:
    """Choose the frames that make the window `name` of one participant, as a task has it.

    One image that covers the window is used alone; otherwise images that follow each other are joined.

    Args:
        name: `early` or `delayed`.
        scans: all images of the participant.
        subject: how messages name the participant.
        task: whose window.

    Raises:
        DataError: no image, too little of the window measured, or two images of the same time.
    """
    window = task.windows_seconds[name]
    when = f"{in_words(window)} after injection"
    by_scan = [uses for scan in scans if (uses := uses_of(scan, window))]
    if not by_scan:
        there = ", ".join(scan.path.name for scan in scans) or "none"
        raise DataError(f"{subject}: no {name} image ({when}); images here: {there}; add it or correct its times")
    chosen = choose_uses(by_scan, name, subject, task)
    names = ", ".join(dict.fromkeys(use.scan.path.name for use in chosen))
    coverage = coverage_of(chosen, window)
    if coverage < task.least_coverage:
        for scan in {use.scan.path: use.scan for use in chosen}.values():
            if scan.path.exists():
                scan.stored  # noqa: B018 - where the sidecar lacks a frame's time, that is the reason: it is said first
        raise DataError(
            f"{subject}: {names} covers {coverage:.0%} of the {name} window ({when}), "
            f"and at least {task.least_coverage:.0%} is needed; add the missing frames"
        )
    inside = sum(use.seconds for use in chosen) / sum(use.frame.duration_seconds for use in chosen)
    if inside < LEAST_INSIDE:
        raise DataError(
            f"{subject}: only {inside:.0%} of the time of {names} lies in the {name} window ({when}); "
            "reconstruct shorter frames"
        )
    return WindowFrames(name, chosen, min(coverage, 1.0))


def choose_uses(by_scan: list[tuple[FrameUse, ...]], name: str, subject: str, task: Task) -> tuple[FrameUse, ...]:
    """Join images that follow each other; of images of the same time take the one that covers the window.

    Of a dynamic and a static image that BIDS's labels call one measurement, the static one is taken.

    Args:
        by_scan: of each image, its frames that share time with the window; at least one.
        name: of the window.
        subject: how messages name the participant.
        task: whose window.

    Raises:
        DataError: several images of the same time.
    """
    uses = sorted((use for scan_uses in by_scan for use in scan_uses), key=lambda use: use.frame.start_seconds)
    apart = all(
        after.frame.start_seconds > before.frame.stop_seconds - _OVERLAP_TOLERANCE_SECONDS
        for before, after in itertools.pairwise(uses)
    )
    if apart:
        return tuple(uses)
    whole = [uses for uses in by_scan if _is_covered(uses, name, task)]
    if len(whole) > 1 and (static := static_of([uses[0].scan for uses in whole])) is not None:
        whole = [uses for uses in whole if uses[0].scan is static]
    if len(whole) != 1:
        rivals = [scan_uses[0].scan for scan_uses in whole or by_scan]
        names = " and ".join(scan.path.name for scan in rivals)
        raise DataError(f"{subject}: {names} measure the same time of the {name} window; {how_to_choose(rivals)}")
    return whole[0]


def _is_covered(uses: Sequence[FrameUse], name: str, task: Task) -> bool:
    return coverage_of(uses, task.windows_seconds[name]) >= task.least_coverage
