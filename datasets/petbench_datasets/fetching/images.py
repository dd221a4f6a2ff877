"""From a participant's raw scans to the two images of a pair, by the rules of every dataset: framing and resampling."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from petbench_datasets.bids.description import write_description
from petbench_datasets.bids.names import pair_folder, pair_name
from petbench_datasets.bids.new_sidecar import new_sidecar
from petbench_datasets.bids.participants import (
    WEIGHT_COLUMNS,
    column_descriptions,
    read_participants,
    sessions_path,
)
from petbench_datasets.bids.scan import merged_sidecar
from petbench_datasets.bids.writer import write_participants, write_scan
from petbench_datasets.dataset.derivatives import ORGANS_ENDING, sidecar_of_mask
from petbench_datasets.dataset.made_from import DERIVED_KEY
from petbench_datasets.dataset.pair_frames import plan_images, plan_pair
from petbench_datasets.dataset.reader import scans_of
from petbench_datasets.dataset.sessions import divide_by_session
from petbench_datasets.evidence.clock import clock_text
from petbench_datasets.exporters.images import effective_frame
from petbench_datasets.exporters.resample import resample_dataset
from petbench_datasets.files import write_json, write_text
from petbench_datasets.images.decay import HALF_LIFE_SECONDS
from petbench_datasets.images.nifti import read_labels
from petbench_datasets.images.nifti_writer import write_image
from petbench_datasets.tables import write_table

if TYPE_CHECKING:
    from pathlib import Path

    from petbench_datasets.bids.scan import Scan
    from petbench_datasets.dataset.framing import WindowFrames
    from petbench_datasets.exporters.resample import Target
    from petbench_datasets.images.grid import Volume
    from petbench_datasets.sources import Labels, RawParticipant
    from petbench_datasets.tasks.task import Task

AS_IS = "as-is"

FETCHED_KEY = "Fetched"
"""A key of petbench's own: from which file and frames a fetched image was made."""

_KEPT = (
    "Manufacturer", "ManufacturersModelName", "TracerName", "InjectedMass", "InjectedMassUnits",
    "SpecificRadioactivity", "SpecificRadioactivityUnits", "ModeOfAdministration", "AcquisitionMode", "BodyPart",
    "ReconMethodName", "ReconMethodParameterLabels", "ReconMethodParameterUnits", "ReconMethodParameterValues",
    "ReconFilterType", "ReconFilterSize", "AttenuationCorrection", "FrameOfReference", "FrameOfReferenceUID",
    "SeriesDescription", "SourcePatient", "SourceStudy", "SourceInjectionDay", "SourceWitnesses", "TracerAllowed",
)  # fmt: skip


@dataclass(frozen=True)
class MadeParticipant:
    """A participant's images as they go into the cohort.

    Attributes:
        root: a dataset of this participant alone.
        row: the cells of participants.tsv.
        columns: how participants.json describes them.
        notes: for people to read.
    """

    root: Path
    row: dict[str, str]
    columns: dict[str, Any]
    notes: tuple[str, ...]


def make_images(raw: RawParticipant, name: str, to: Target | str, work: Path, task: Task) -> MadeParticipant:
    """Form the windows of a participant and bring them to one grid; frames are read one at a time.

    Args:
        raw: what was downloaded.
        name: of the participant in the cohort.
        to: the grid, as `resample_dataset` takes it, or `AS_IS`.
        work: a folder to write in.
        task: whose windows, of whose tracer.

    Raises:
        DataError: a scan that cannot be used, or a window that was not measured.
    """
    table = read_participants(raw.root)
    scans = scans_of(raw.root, raw.name, {raw.name: table.get(raw.name, {})}, task)
    formed = work / "formed"
    notes = list(raw.notes)
    pairs, left_out = divide_by_session(raw.name, scans, task)
    for of_pair in pairs.values():
        plan = plan_pair if to == AS_IS else plan_images
        pair = plan(raw.name, of_pair, raw.root, task)
        session = pair.early.uses[0].scan.session
        for window in (pair.early, pair.delayed):
            _write_window(formed, name, session, window, raw.root, task)
        if raw.labels is not None:
            _write_labels(formed, name, session, raw.labels)
        notes += sorted({repair for scan in pair.scans for repair in scan.repairs})
        for scan in pair.scans:
            scan.stored.close()
    notes += [f"{name}: {session} was not measured in both windows, and is left out" for session in left_out]
    row = _row(table.get(raw.name, {}), name, scans, has_sessions=sessions_path(raw.root, raw.name).exists())
    columns = {key: value for key, value in column_descriptions(raw.root).items() if key in row}
    if sessions_path(raw.root, raw.name).exists():
        text = sessions_path(raw.root, raw.name).read_text(encoding="utf-8-sig")
        write_text(sessions_path(formed, name), text)
    write_participants(formed, [row], columns)
    write_description(formed, name)
    made = work / "made"
    notes += resample_dataset(formed, made, "early" if to == AS_IS else to, task=task)  # type: ignore[arg-type]
    return MadeParticipant(made, row, columns, tuple(note.replace(str(formed), "") for note in notes))


def _write_window(folder: Path, name: str, session: str, window: WindowFrames, root: Path, task: Task) -> None:
    """Write a window's image: activity at the injection where it is known, so that dose and weight stay facts."""
    first = window.uses[0].scan
    suv = window.image()
    calibration = first.calibration
    if calibration is not None:
        suv *= np.float32(calibration.injected_bq / (1000.0 * calibration.weight_kilograms))
    content, _ = merged_sidecar(first.path, root)
    nuclide = first.radionuclide or task.radionuclide
    sidecar = new_sidecar(
        [effective_frame(window)],
        tracer=task.tracer,
        radionuclide=nuclide,
        half_life_seconds=calibration.half_life_seconds if calibration else HALF_LIFE_SECONDS[nuclide],
        is_suv=calibration is None,
        dose_megabecquerel=calibration.injected_bq / 1e6 if calibration else None,
        time_zero=clock_text(first.injection_clock_seconds or 0.0),
        more={key: content[key] for key in _KEPT if content.get(key) not in (None, "")},
    )
    sidecar[FETCHED_KEY] = [
        {
            "File": use.scan.path.relative_to(root).as_posix(),
            "Frame": use.index,
            "StartSeconds": use.frame.start_seconds,
            "DurationSeconds": use.frame.duration_seconds,
            "SecondsUsed": use.seconds,
        }
        for use in window.uses
    ]
    stem = f"{pair_name(name, session)}_{_tracer_entity(content, nuclide)}rec-{window.name}_pet"
    frames: list[Volume] = [suv]
    write_scan(pair_folder(folder, pair_name(name, session)) / "pet", stem, frames, window.grid, sidecar)


def _tracer_entity(content: dict[str, Any], nuclide: str) -> str:
    tracer = "".join(letter for letter in str(content.get("TracerName", "")) if letter.isalnum())
    mass = "".join(sign for sign in nuclide if sign.isdigit()) + "".join(sign for sign in nuclide if sign.isalpha())
    return f"trc-{mass}{tracer.removeprefix(mass)}_" if tracer else ""


def _write_labels(folder: Path, name: str, session: str, labels: Labels) -> None:
    """Write the organs on their own grid, which the resampling brings to that of the pair."""
    volume, grid = read_labels(labels.path)
    made_by = folder / "derivatives" / labels.made_by
    place = pair_folder(made_by, pair_name(name, session)) / "anat" / f"{pair_name(name, session)}_{ORGANS_ENDING}"
    write_image(place.with_name(f"{place.name}.nii.gz"), volume, grid, dtype=np.int16)
    write_json(sidecar_of_mask(place.with_name(f"{place.name}.nii.gz")), {DERIVED_KEY: sorted(labels.derived_from)})
    rows = [{"index": index, "name": organ} for index, organ in sorted(labels.names.items())]
    write_table(made_by / f"{ORGANS_ENDING}.tsv", ["index", "name"], rows)


def _row(row: dict[str, str], name: str, scans: list[Scan], *, has_sessions: bool) -> dict[str, str]:
    """Return a participant's cells, with the weight that SUV was computed with, in kilograms."""
    kept = {key: value for key, value in row.items() if key.lower() not in WEIGHT_COLUMNS}
    weight = next((scan.calibration.weight_kilograms for scan in scans if scan.calibration), None)
    if weight is None or has_sessions:
        return {**row, "participant_id": name}
    return {**kept, "participant_id": name, "body_weight": repr(round(weight, 6))}
