"""Which windows a fetched cohort keeps: the one place that decides it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from petbench_datasets.dataset.pair_frames import PairFrames, plan_images, plan_pair
from petbench_datasets.images.windows import WINDOWS_SECONDS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from petbench_datasets.bids.scan import Scan


def kept_windows() -> Mapping[str, tuple[float, float]]:
    """Return the windows by name, in seconds after the injection."""
    return WINDOWS_SECONDS


def plan(name: str, scans: Sequence[Scan], root: Path, *, one_grid: bool) -> PairFrames:
    """Choose the frames that make the windows of one pair; with `one_grid`, refuse images of two grids.

    Raises:
        DataError: a window that is not measured, or two injections.
    """
    return (plan_pair if one_grid else plan_images)(name, scans, root)
