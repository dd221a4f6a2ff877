"""What was understood of one participant's scans, and what it rests on: `explain_participant`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from petbench_datasets.bids.names import person_of, session_of, session_of_image
from petbench_datasets.bids.participants import read_participants
from petbench_datasets.bids.scan import Scan, pet_images, scan_of
from petbench_datasets.errors import DataError, unknown_name
from petbench_datasets.tasks.task_file import task_for

if TYPE_CHECKING:
    from pathlib import Path

    from petbench_datasets.evidence.witnesses import Finding
    from petbench_datasets.tasks.task import Task


@dataclass(frozen=True, slots=True)
class ExplainedScan:
    """One image of a participant.

    Attributes:
        path: the image.
        refused: why it cannot be used; empty where it can.
        findings: each number with the fields of the sidecar and the tables that it rests on.
        sources: each number with the fields of the files that it was imported from.
        notes: what was repaired, is not said, or is odd.
        measured: what the voxels amount to, for people.
    """

    path: Path
    refused: str
    findings: tuple[Finding, ...] = ()
    sources: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()
    measured: str = ""


def explain_participant(root: Path, participant: str, task: Task | None = None) -> list[ExplainedScan]:
    """Describe every image of a participant, or of one session, `sub-01_ses-2`, those that are refused too.

    Other participants are not looked at.

    Args:
        root: the dataset.
        participant: `sub-01`, `01` or `sub-01_ses-2`.
        task: as for `open_dataset`.

    Raises:
        DataError: no such participant, or none of its images is there.
    """
    name = participant if participant.startswith("sub-") else f"sub-{participant}"
    name, session = person_of(name), session_of(name)
    folders = sorted(path.name for path in root.glob("sub-*") if path.is_dir())
    if name not in folders:
        raise DataError(f"{root}: {unknown_name('participant', name, folders, 'it has')}")
    images = [path for path in pet_images(root, name) if not session or session_of_image(path) == session]
    if not images:
        raise DataError(f"{root / name / session}: has no PET image (pet/{name}_..._pet.nii.gz); add it")
    table = read_participants(root)
    held = task_for(root, task)
    explained = []
    for path in images:
        try:
            scan = scan_of(path, root, table, held)
            notes = (*scan.repairs, *scan.unsaid, *scan.stored.notes)
            explained.append(ExplainedScan(path, "", scan.findings, scan.sources, notes, _measured(scan)))
        except DataError as error:
            explained.append(ExplainedScan(path, str(error)))
    return explained


def _measured(scan: Scan) -> str:
    """Return the times after the injection, the largest SUV and the part of the dose in view."""
    first, last = scan.frames[0], scan.frames[-1]
    suv = scan.suv_frame(len(scan.frames) - 1)
    text = f"{first.start_seconds / 60:.1f}-{last.stop_seconds / 60:.1f} min after injection, "
    text = "" if np.isnan(first.start_seconds) else text
    text += f"SUV up to {float(suv.max()):.3g}"
    if scan.calibration is not None:
        total = float(suv.sum(dtype=np.float64)) * scan.grid.voxel_millilitres
        text += f", {100 * total / (1000.0 * scan.calibration.weight_kilograms):.3g} % of the dose in view"
    return text
