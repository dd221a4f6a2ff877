"""Whether what an import has written can be read: by petbench's own reader, before it is moved into place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from petbench_datasets.bids.names import pair_folder, person_of
from petbench_datasets.bids.participants import body_weight, read_participants
from petbench_datasets.bids.scan import pet_images, scan_of
from petbench_datasets.dataset.framing import choose_uses, uses_of
from petbench_datasets.dataset.pair_frames import require_one_injection
from petbench_datasets.dataset.quantities import Quantities, require_possible, scan_quantities
from petbench_datasets.dataset.sessions import divide_by_session
from petbench_datasets.errors import DataError
from petbench_datasets.evidence.rules import OtherKindError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from petbench_datasets.bids.scan import Scan
    from petbench_datasets.tasks.task import Task


def require_accepted(
    staged: Path, folder: Path, images: Sequence[Path], task: Task, *, any_tracer: bool = False
) -> dict[Path, Quantities]:
    """Read new images with those that are there, and raise where the dataset could not be used with them.

    A window that is not measured yet is no reason: the delayed image may come with another import. Nor are two grids,
    which `resample` and `register` bring together.

    Args:
        staged: holds the new images and the tables of the whole dataset.
        folder: the dataset that they are for; messages name files as they would lie there.
        images: the new ones.
        task: whose windows and whose tracer.
        any_tracer: whether scans of another tracer are accepted too.

    Returns:
        What each new image amounts to.

    Raises:
        DataError: an image that cannot be read, or two that contradict each other.
    """
    found: dict[Path, Quantities] = {}
    of_tracer = None if any_tracer else task
    try:
        table = read_participants(staged)
        for participant in sorted({person_of(path.name.partition("_")[0]) for path in images}):
            new = [scan_of(path, staged, table, of_tracer) for path in pet_images(staged, participant)]
            for scan in new:
                for frame in range(len(scan.frames)):
                    activity = scan.activity(frame)
                    require_possible(scan, frame, activity)
                weight = body_weight(staged, participant, scan.session or None, table)
                found[scan.path] = scan_quantities(scan, weight, activity)
                scan.stored.close()
            scans = [*new, *_there(folder, participant, table, of_tracer)]
            for name, of_pair in divide_by_session(participant, scans, task)[0].items():
                _require_one_story(name, of_pair, folder, task)
    except DataError as error:
        raise DataError(str(error).replace(str(staged), str(folder))) from error
    return found


def _there(folder: Path, participant: str, table: dict[str, dict[str, str]], task: Task | None) -> list[Scan]:
    found = []
    for path in pet_images(folder, participant):
        try:
            found.append(scan_of(path, folder, table, task))
        except OtherKindError:
            continue
    return found


def _require_one_story(name: str, scans: Sequence[Scan], folder: Path, task: Task) -> None:
    subject = str(pair_folder(folder, name))
    used: list[Scan] = []
    for window, seconds in task.windows_seconds.items():
        by_scan = [uses for scan in scans if (uses := uses_of(scan, seconds))]
        if by_scan:
            used += [use.scan for use in choose_uses(by_scan, window, subject, task)]
    require_one_injection(list({scan.path: scan for scan in used}.values()), subject)
