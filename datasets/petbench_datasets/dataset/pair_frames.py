"""Which frames make one participant's pair, chosen before any voxel is read."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

from petbench_datasets.bids.names import pair_folder
from petbench_datasets.dataset.framing import WindowFrames, plan_window, uses_of
from petbench_datasets.dataset.withheld import MANIFEST_NAME
from petbench_datasets.errors import DataError
from petbench_datasets.evidence.clock import DAY_SECONDS, apart_on_the_clock, clock_text
from petbench_datasets.tasks.task import DELAYED, EARLY

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from petbench_datasets.bids.scan import Scan
    from petbench_datasets.images.grid import Grid
    from petbench_datasets.tasks.task import Task

_LARGEST_DOSE_RATIO = 1.02
_SAME_INJECTION_SECONDS = 60.0


@dataclass(frozen=True)
class PairFrames:
    """Which frames of which files make one pair; no voxel is read.

    `participant` is the pair's name: the participant's, or `sub-01_ses-2` where several sessions are pairs.
    """

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


def plan_pair(participant: str, scans: Sequence[Scan], root: Path, task: Task) -> PairFrames:
    """Choose the frames of a participant's early and delayed image, as a task has them.

    Raises:
        DataError: a window that is not measured, two grids, or two injections.
    """
    pair = plan_images(participant, scans, root, task)
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


def plan_images(participant: str, scans: Sequence[Scan], root: Path, task: Task) -> PairFrames:
    """Do as `plan_pair`, whatever grids the images lie on."""
    subject = str(pair_folder(root, participant))
    early, delayed = (plan_window(name, scans, subject, task) for name in (EARLY, DELAYED))
    pair = PairFrames(participant, early, delayed)
    require_one_injection(pair.scans, subject)
    return pair


def require_one_injection(used: Sequence[Scan], subject: str) -> None:
    """Raise where scans are of two people, or of two injections, by anything that is known of them.

    Raises:
        DataError: naming two scans and what they say.
    """
    doses = [scan.calibration.injected_bq for scan in used if scan.calibration is not None]
    if doses and max(doses) > _LARGEST_DOSE_RATIO * min(doses):
        raise DataError(
            f"{subject}: its images name injections of {min(doses) / 1e6:.1f} and {max(doses) / 1e6:.1f} MBq; "
            "an early and a delayed image are of one injection: correct InjectedRadioactivity"
        )
    for first, other in itertools.pairwise(used):
        if first.person and other.person and first.person != other.person:
            raise DataError(
                f"{subject}: {first.path.name} and {other.path.name} came with two PatientIDs (SourcePatient "
                f"{first.person} and {other.person}); keep the scans of one person"
            )
        if first.injection_day and other.injection_day and first.injection_day != other.injection_day:
            raise DataError(
                f"{subject}: {first.path.name} and {other.path.name} are of injections on two days "
                f"(SourceInjectionDay {first.injection_day} and {other.injection_day}); an early and a delayed image "
                "are of one injection: keep two sessions of them (ses-1, ses-2), or the scans of one"
            )
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
    sessions = {scan.session: scan for scan in used}
    if len(sessions) > 1 and not _is_known_as_one(used, clocks):
        first, other = list(sessions.values())[:2]
        raise DataError(
            f"{subject}: {first.path.name} and {other.path.name} are of two sessions, and nothing says that they are "
            "of one injection: give both the injection's time of day (TimeZero, InjectionStart), or keep them in one "
            "session"
        )


def _is_known_as_one(used: Sequence[Scan], clocks: Sequence[tuple[float, str]]) -> bool:
    """Return whether scans of two sessions say that they are of one injection; midnight is what is written for none."""
    days = {scan.injection_day for scan in used}
    return (len(days) == 1 and "" not in days) or (
        len(clocks) == len(used) and any(clock % DAY_SECONDS for clock, _ in clocks)
    )


def plan_early(participant: str, scans: Sequence[Scan], root: Path, task: Task) -> PairFrames:
    """Choose the frames of the early image of a participant whose delayed one is withheld.

    Raises:
        DataError: the early window is not measured, or the delayed one is there after all.
    """
    for scan in scans:
        if uses_of(scan, task.delayed_seconds):
            raise DataError(f"{scan.path}: is withheld by {MANIFEST_NAME}, and there; remove one of the two")
    early = plan_window(EARLY, scans, str(pair_folder(root, participant)), task)
    _ = early.uses[0].scan.grid
    return PairFrames(participant, early, WindowFrames(DELAYED, (), 0.0))
