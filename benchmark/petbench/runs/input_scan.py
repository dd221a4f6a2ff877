"""The early image of a scan that a user gives: NIfTI with its sidecar, or a folder of DICOM files."""

from __future__ import annotations

import dataclasses
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from petbench.errors import DataError
from petbench_datasets.bids.names import session_of_image
from petbench_datasets.bids.participants import read_participants, session_row
from petbench_datasets.bids.scan import NOTHING_GIVEN, find_root, merged_sidecar, read_scan
from petbench_datasets.dataset.framing import FrameUse, WindowFrames, plan_window
from petbench_datasets.dataset.inputs import early_frames
from petbench_datasets.images.windows import in_words
from petbench_datasets.tasks.built_in import DEFAULT_TASK
from petbench_datasets.tasks.task import EARLY

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from petbench.contract import Volume
    from petbench_datasets.bids.scan import Given, Scan
    from petbench_datasets.images.grid import Grid
    from petbench_datasets.images.nifti import VoxelOrder
    from petbench_datasets.images.suv import Calibration
    from petbench_datasets.tasks.task import Task


@dataclass(frozen=True, slots=True)
class InputScan:
    """One early image, read.

    Attributes:
        path: of the file; gone by now for DICOM.
        image: in SUV, float32, shape (z, y, x).
        grid: where its voxels lie.
        calibration: what turns SUV back into Bq/mL; None where the scan was stored in SUV.
        seconds: from when to when, after the injection, it was measured; NaN where the scan does not say.
        warnings: what a reader of the result must know, one line each.
        order: in which the file has its voxels; None for DICOM.
        files: the DICOM files of its slices, any order; none for NIfTI.
        injected_at: time of day of the injection, `HH:MM:SS`; empty where it is not said.
        person: of the participant, `sex`, `age`, `height` and whatever else is said, as participants.tsv writes it.
        frames: what `petbench_datasets.dataset.inputs.early_frames` gives, read; empty where nobody asked, or there is
            but one.
    """

    path: Path
    image: Volume
    grid: Grid
    calibration: Calibration | None
    seconds: tuple[float, float]
    warnings: tuple[str, ...]
    order: VoxelOrder | None = None
    files: tuple[Path, ...] = ()
    injected_at: str = ""
    person: Mapping[str, str] = field(default_factory=dict)
    frames: Mapping[str, Any] = field(default_factory=dict)


def read_input_scan(
    path: Path, given: Given = NOTHING_GIVEN, task: Task = DEFAULT_TASK, *, frames: bool = False
) -> InputScan:
    """Read the early image of a scan; one taken at another time is read whole, with a warning.

    Args:
        path: a NIfTI file with a BIDS-PET sidecar, or a folder of DICOM files of one participant.
        given: weight and dose that go before what the files say.
        task: whose early window, and whose tracer the scan must be of.
        frames: whether the frames that the image is the mean of are wanted too.

    Raises:
        DataError: no PET image of one participant there, or none that can be read in SUV.
    """
    if path.is_dir():
        return _from_dicom(path, given, task, frames=frames)
    if path.exists() and not path.name.endswith((".nii", ".nii.gz")):
        raise DataError(f"{path}: is neither NIfTI nor a folder; give a .nii.gz file or the folder of the DICOM files")
    read = _early_image([read_scan(path, given, task)], path.name, task, frames=frames)
    root = find_root(path)
    table = read_participants(root) if (root / "participants.tsv").exists() else {}
    name = path.name.partition("_")[0]
    row = table.get(name, {}) | session_row(root, name, session_of_image(path))
    return dataclasses.replace(read, person=row)


def bq_per_ml_of_one_suv(calibration: Calibration) -> tuple[float, float]:
    """Return the Bq/mL of SUV 1 as the scan itself would store it, and the time it is decay-corrected to.

    The time is in seconds after the injection; voxels of a scan without decay correction are given at the injection.
    """
    from petbench_datasets.images.decay import remaining

    reference = calibration.reference_seconds or 0.0
    left = calibration.injected_bq * remaining(reference, calibration.half_life_seconds)
    return left / (1000.0 * calibration.weight_kilograms), reference


def _from_dicom(folder: Path, given: Given, task: Task, *, frames: bool) -> InputScan:
    """Import the PET series of a folder as `petbench datasets import` does, into a folder that is gone afterwards."""
    from petbench_datasets.importers.dicom import import_dicom
    from petbench_datasets.importers.dicom_person import person_in_header

    with tempfile.TemporaryDirectory(prefix="petbench-dicom-") as temporary:
        report = import_dicom(folder, Path(temporary) / "scan", task=task, everyone=given, skip_unusable=True)
        participants = {imported.participant for imported in report.images}
        if len(participants) > 1:
            raise DataError(
                f"{folder}: holds PET series of {len(participants)} participants; give the folder of one of them"
            )
        sessions = {session_of_image(imported.path) for imported in report.images}
        if len(sessions) > 1:
            raise DataError(
                f"{folder}: holds PET series of {len(sessions)} examinations; give the folder of one of them"
            )
        notes = [note for imported in report.images for note in imported.notes]
        notes += [f"{Path(what).name} was passed over: {why}" for what, why in report.skipped]
        scans = [read_scan(imported.path, task=task) for imported in report.images]
        read = _early_image(scans, folder.name, task, notes, frames=frames)
        (files,) = (imported.files for imported in report.images if imported.path == read.path)
        sidecar, _ = merged_sidecar(read.path, find_root(read.path))
        injected_at = "" if sidecar["InjectionStart"] == "n/a" else str(sidecar["TimeZero"])
        person = person_in_header(files[0])
        return dataclasses.replace(read, files=files, order=None, injected_at=injected_at, person=person)


def _early_image(scans: Sequence[Scan], name: str, task: Task, notes: Sequence[str] = (), *, frames: bool) -> InputScan:
    """Return the mean image of the early window, else the whole of the earliest scan."""
    warnings = list(notes)
    try:
        plan = plan_window(EARLY, scans, name, task)
    except DataError:
        scan = min(scans, key=lambda one: min(frame.start_seconds for frame in one.frames))
        uses = tuple(FrameUse(scan, index, frame.duration_seconds) for index, frame in enumerate(scan.frames))
        plan = WindowFrames(EARLY, uses, 1.0)
        warnings.append(_another_time(name, plan, task))
    used = list(dict.fromkeys(id(use.scan) for use in plan.uses))
    repairs = [repair for scan in scans if id(scan) in used for repair in scan.repairs]
    first = plan.uses[0].scan
    return InputScan(
        first.path,
        plan.image(),
        first.grid,
        first.calibration,
        plan.effective_seconds,
        (*repairs, *warnings),
        first.stored.order,
        frames=_read_frames(plan) if frames else {},
    )


def _read_frames(plan: WindowFrames) -> dict[str, Any]:
    try:
        found = early_frames(plan)
    except DataError:
        return {}
    return {name: value() if callable(value) else value for name, value in found.items()}


def _another_time(name: str, plan: WindowFrames, task: Task) -> str:
    first, last = (seconds / 60 for seconds in plan.effective_seconds)
    when = "at an unknown time" if np.isnan(first) else f"{first:.0f}-{last:.0f} min"
    return (
        f"{name} was taken {when} after injection, the model was trained on {in_words(task.early_seconds)}: "
        "what it predicts here shows that it runs, not what it is worth"
    )
