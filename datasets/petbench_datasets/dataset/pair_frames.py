"""Which frames make one participant's pair, chosen before any voxel is read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from petbench_datasets.dataset.framing import WindowFrames, plan_window, uses_of
from petbench_datasets.dataset.withheld import MANIFEST_NAME
from petbench_datasets.errors import DataError
from petbench_datasets.evidence.clock import apart_on_the_clock, clock_text
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
        return self.early.grid

    @property
    def scans(self) -> tuple[Scan, ...]:
        """The files that take part, each once, those of the early image first."""
        return tuple(dict.fromkeys(use.scan for window in (self.early, self.delayed) for use in window.uses))


def plan_pair(participant: str, scans: Sequence[Scan], root: Path) -> PairFrames:
    """Choose the frames of a participant's early and delayed image.

    Raises:
        DataError: a window that is not measured, two grids, or two injections.
    """
    pair = plan_images(participant, scans, root)
    first, *others = pair.scans
    _ = first.grid  # opens the file: a frame without a time is refused now, not in the middle of a run
    for other in others:
        if not other.grid.matches(first.grid):
            raise DataError(
                f"{other.path}: lies elsewhere than {first.path.name}: {first.grid.difference(other.grid)}; bring both "
                "to one grid (petbench datasets resample)"
            )
    return pair


def other_place(pair: PairFrames) -> str | None:
    """Say that the coordinates of a pair's images cannot be compared; None where they can, or nothing is known."""
    said = [scan for scan in pair.scans if scan.frame_of_reference]
    for other in said[1:]:
        if other.frame_of_reference != said[0].frame_of_reference:
            return f"{other.path}: {in_another_place(said[0].path.name)}"
    return None


def in_another_place(first: str) -> str:
    """Say what it means that an image has another frame of reference than `first`."""
    return (
        f"has another frame of reference than {first}: the participant was positioned anew, so that one coordinate is "
        "two places of the body; register the images (petbench datasets register) and look at them"
    )


def plan_images(participant: str, scans: Sequence[Scan], root: Path) -> PairFrames:
    """Do as `plan_pair`, whatever grids the images lie on."""
    subject = str(root / participant)
    early, delayed = (plan_window(name, scans, subject) for name in WINDOWS_SECONDS)
    pair = PairFrames(participant, early, delayed)
    doses = [scan.calibration.injected_bq for scan in pair.scans if scan.calibration is not None]
    if doses and max(doses) > _LARGEST_DOSE_RATIO * min(doses):
        raise DataError(
            f"{subject}: its images name injections of {min(doses) / 1e6:.1f} and {max(doses) / 1e6:.1f} MBq; "
            "an early and a delayed image are of one injection: correct InjectedRadioactivity"
        )
    _require_one_injection(pair.scans, subject)
    return pair


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
