"""Which frames make one participant's pair, chosen before any voxel is read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from petbench_datasets.dataset.framing import WindowFrames, plan_window, uses_of
from petbench_datasets.dataset.withheld import MANIFEST_NAME
from petbench_datasets.errors import DataError
from petbench_datasets.evidence.clock import apart_on_the_clock, clock_text
from petbench_datasets.images.grid_difference import difference
from petbench_datasets.images.windows import WINDOWS_SECONDS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from petbench_datasets.bids.scan import Scan
    from petbench_datasets.images.grid import Grid

_LARGEST_DOSE_RATIO = 1.02
_SAME_INJECTION_SECONDS = 60.0


@dataclass(frozen=True)
class PairFrames:
    """Which frames of which files make one participant's pair; no voxel is read."""

    participant: str
    early: WindowFrames
    delayed: WindowFrames

    @property
    def grid(self) -> Grid:
        """The grid of both images."""
        return self.early.uses[0].scan.grid


def plan_pair(participant: str, scans: Sequence[Scan], root: Path) -> PairFrames:
    """Choose the frames of a participant's early and delayed image.

    Raises:
        DataError: a window that is not measured, two grids, or two injections.
    """
    subject = str(root / participant)
    plans = [plan_window(name, scans, subject) for name in WINDOWS_SECONDS]
    used = list(dict.fromkeys(use.scan for plan in plans for use in plan.uses))
    first = used[0]
    _ = first.grid  # opens the file: a frame without a time is refused now, not in the middle of a run
    for other in used[1:]:
        if not other.grid.matches(first.grid):
            raise DataError(
                f"{other.path}: lies on another grid than {first.path.name}: {difference(other.grid, first.grid)}; "
                "bring both to one grid (petbench datasets resample)"
            )
    doses = [scan.calibration.injected_bq for scan in used if scan.calibration is not None]
    if doses and max(doses) > _LARGEST_DOSE_RATIO * min(doses):
        raise DataError(
            f"{subject}: its images name injections of {min(doses) / 1e6:.1f} and {max(doses) / 1e6:.1f} MBq; "
            "an early and a delayed image are of one injection: correct InjectedRadioactivity"
        )
    _require_one_injection(used, subject)
    return PairFrames(participant, plans[0], plans[1])


def _require_one_injection(used: Sequence[Scan], subject: str) -> None:
    clocks = [
        (scan.injection_clock_seconds, scan.path.name) for scan in used if scan.injection_clock_seconds is not None
    ]
    for clock, name in clocks[1:]:
        if apart_on_the_clock(clock, clocks[0][0]) > _SAME_INJECTION_SECONDS:
            raise DataError(
                f"{subject}: {clocks[0][1]} names an injection at {clock_text(clocks[0][0])}, {name} one at "
                f"{clock_text(clock)}; an early and a delayed image are of one injection: correct TimeZero or "
                "InjectionStart, or keep the scans of one"
            )


def plan_early(participant: str, scans: Sequence[Scan], root: Path) -> PairFrames:
    """Choose the frames of the early image of a participant whose delayed one is withheld.

    Raises:
        DataError: the early window is not measured, or the delayed one is there after all.
    """
    for scan in scans:
        if uses_of(scan, WINDOWS_SECONDS["delayed"]):
            raise DataError(f"{scan.path}: is withheld by {MANIFEST_NAME}, and there; remove one of the two")
    early = plan_window("early", scans, str(root / participant))
    _ = early.uses[0].scan.grid
    return PairFrames(participant, early, WindowFrames("delayed", (), 0.0))
