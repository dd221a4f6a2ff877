"""Writing a dataset's pairs as classic DICOM PET series: `export_dicom`."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import numpy as np

from petbench_datasets.bids.names import person_of
from petbench_datasets.exporters.dicom_pet import (
    Plane,
    bq_per_ml_of_one_suv,
    pet_series,
    short,
    tracer_item,
    uid,
    write_planes,
)
from petbench_datasets.exporters.images import effective_frame, new_folder
from petbench_datasets.progress import Progress, silent

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray
    from pydicom.dataset import Dataset as DicomDataset

    from petbench_datasets.dataset.framing import WindowFrames
    from petbench_datasets.dataset.reader import Dataset
    from petbench_datasets.images.grid import Grid, Volume
    from petbench_datasets.tables import Row
    from petbench_datasets.tasks.task import Task

_INJECTION = dt.datetime(2000, 1, 1, 9, 0, 0)
_BETWEEN_SESSIONS = dt.timedelta(days=90)


def export_dicom(dataset: Dataset, folder: Path, progress: Progress = silent) -> None:
    """Write every image as a PET series in Bq/mL (SUV where the dataset has no dose), one file a slice.

    SUV comes back within one step of quantisation: the slice's maximum over 32767. Identifiers and dates are made up
    from the participant's name.

    Raises:
        DataError: `folder` exists or cannot be written.
    """
    with new_folder(folder) as temporary:
        for number, name in enumerate(dataset.participants):
            progress("exporting the dataset", number, len(dataset.participants))
            pair, plan = dataset.pair(name), dataset.plans[name]
            sessions = [other for other in dataset.participants if person_of(other) == person_of(name)]
            injection = _INJECTION + sessions.index(name) * _BETWEEN_SESSIONS
            for volume, window in ((pair.early, plan.early), (pair.delayed, plan.delayed)):
                series = _series(window, name, dataset.table.get(name, {}), injection, dataset.task)
                planes = _planes(_stored(volume, window), pair.grid)
                write_planes(temporary / name / window.name, series, planes, len(volume))
    progress("exporting the dataset", len(dataset.participants), len(dataset.participants))


def _stored(suv: Volume, window: WindowFrames) -> NDArray[np.float64]:
    """Return the values to be stored: Bq/mL decay-corrected to the start of the image, or SUV."""
    values, calibration = suv.astype(np.float64), window.uses[0].scan.calibration
    return values if calibration is None else values * bq_per_ml_of_one_suv(calibration, window.effective_seconds[0])


def _planes(values: NDArray[np.float64], grid: Grid) -> Iterator[Plane]:
    axes = grid.affine[:3, :3].copy()
    axes[:2] *= -1.0  # NIfTI's world to DICOM's
    origin = grid.affine[:3, 3] * np.array([-1.0, -1.0, 1.0])
    steps = np.sqrt((axes**2).sum(axis=0))
    for index, plane in enumerate(values):
        yield Plane(
            position=tuple(short(value) for value in origin + axes[:, 2] * index),
            orientation=tuple(short(value) for value in (*(axes[:, 0] / steps[0]), *(axes[:, 1] / steps[1]))),
            spacing=(short(steps[1]), short(steps[0])),
            thickness=short(steps[2]),
            values=plane,
        )


def _series(window: WindowFrames, name: str, row: Row, injection: dt.datetime, task: Task) -> DicomDataset:
    """Return all elements that the slices of one series share."""
    frame, calibration = effective_frame(window), window.uses[0].scan.calibration
    half_life = calibration.half_life_seconds if calibration else task.half_life_seconds
    start = injection + dt.timedelta(seconds=frame.start_seconds)
    series = pet_series(
        start,
        frame.duration_seconds,
        half_life,
        is_suv=calibration is None,
        derivation=f"The {window.name} image of a petbench dataset, from {len(window.uses)} measured frames",
    )
    series.PatientID = person_of(name).removeprefix("sub-")
    series.PatientName = f"{series.PatientID}^"
    series.PatientSex = row.get("sex", "")[:1]
    if row.get("age", "").isdigit():
        series.PatientAge = f"{int(row['age']):03d}Y"
    if row.get("height"):
        series.PatientSize = short(float(row["height"]) / 100.0)
    if row.get("body_weight"):
        series.PatientWeight = row["body_weight"]
    if calibration is not None:
        series.PatientWeight = short(calibration.weight_kilograms)
    series.StudyInstanceUID = uid(name, "study")
    series.SeriesInstanceUID = uid(name, window.name)
    series.FrameOfReferenceUID = uid(name, "frame of reference")
    series.SeriesDescription = f"{window.name} PET AC"
    series.SeriesNumber = 1 if window.name == "early" else 2
    series.Manufacturer, series.ManufacturerModelName = "petbench", "export"
    series.StudyDate, series.StudyTime = injection.strftime("%Y%m%d"), injection.strftime("%H%M%S")
    series.StudyID = "1"
    dose = None if calibration is None else calibration.injected_bq
    series.RadiopharmaceuticalInformationSequence = [tracer_item(injection, half_life, dose, task)]
    return series
