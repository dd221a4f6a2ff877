"""A predicted DICOM series: at the scan's slices whatever their planes, in its study, with its names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pydicom
import pytest
from tests.datasets.dicom_writer import write_series

from petbench_datasets.bids.scan import read_scan
from petbench_datasets.exporters.predicted_dicom import Prediction, is_predicted_series, write_predicted_series
from petbench_datasets.importers.dicom import import_dicom
from petbench_datasets.tasks.built_in import DEFAULT_TASK

if TYPE_CHECKING:
    from pathlib import Path

PIXELS = np.random.default_rng(5).integers(100, 30000, (6, 4, 5)).astype(np.int16)
PLANES: dict[str, tuple[list[float], list[float]]] = {
    "axial": ([1, 0, 0, 0, 1, 0], [0, 0, 4]),
    "axial, from the head": ([1, 0, 0, 0, 1, 0], [0, 0, -4]),
    "coronal": ([1, 0, 0, 0, 0, -1], [0, 4, 0]),
    "sagittal": ([0, 1, 0, 0, 0, -1], [4, 0, 0]),
    "prone": ([-1, 0, 0, 0, -1, 0], [0, 0, 4]),
    "oblique": ([0.96, 0.28, 0, -0.28, 0.96, 0], [0, 0, 4]),
}


def predict(folder: Path, **changes: Any) -> tuple[list[Any], list[Any]]:
    """Write a scan, and as its prediction itself; return the headers of both, in order of the files."""
    write_series(folder / "scan", PIXELS, **changes)
    (imported,) = import_dicom(folder / "scan", folder / "dataset").images
    scan = read_scan(imported.path)
    prediction = Prediction(scan.suv(), scan.grid, scan.calibration, False, "10:00:00", "by nobody", "1", DEFAULT_TASK)
    write_predicted_series(folder / "series", prediction, imported.files)
    read = [[pydicom.dcmread(path) for path in sorted((folder / kind).glob("*.dcm"))] for kind in ("scan", "series")]
    return read[0], read[1]


@pytest.mark.parametrize("plane", PLANES)
def test_every_slice_is_where_and_what_that_of_the_scan_is(plane: str, tmp_path: Path) -> None:
    orientation, step = PLANES[plane]
    before, after = predict(
        tmp_path,
        each=lambda index: {"ImagePositionPatient": [round(-7.5 + index * way, 3) for way in step]},
        ImageOrientationPatient=orientation,
    )
    # The scan is corrected to 10:07, the prediction to 10:42.
    decay = 2 ** (-2100 / 6586.2)
    for scan, predicted in zip(before, after, strict=True):
        assert predicted.ImagePositionPatient == scan.ImagePositionPatient
        assert predicted.ImageOrientationPatient == scan.ImageOrientationPatient
        values = predicted.pixel_array * float(predicted.RescaleSlope)
        np.testing.assert_allclose(values, scan.pixel_array * 2.0 * decay, rtol=1e-3, atol=2)
        assert predicted.SeriesTime == "104200.000000"


@pytest.mark.parametrize(
    ("position", "codes"),
    [
        ("HFS", ("headfirst", "supine")),
        ("FFS", ("feet-first", "supine")),
        ("HFP", ("headfirst", "prone")),
        ("HFDR", ("", "")),
        (..., ("", "")),
    ],
)
def test_how_the_patient_lay_is_said_in_pets_codes(position: Any, codes: tuple[str, str], tmp_path: Path) -> None:
    _, (first, *_) = predict(tmp_path, PatientPosition=position)
    assert "PatientPosition" not in first
    gantry, facing = first.PatientGantryRelationshipCodeSequence, first.PatientOrientationCodeSequence
    found = (
        gantry[0].CodeMeaning if gantry else "",
        facing[0].PatientOrientationModifierCodeSequence[0].CodeMeaning if facing else "",
    )
    assert found == codes


def test_a_name_in_another_character_set_stays_that_name(tmp_path: Path) -> None:
    before, after = predict(tmp_path, SpecificCharacterSet="ISO_IR 100", PatientName="Müller^Zoë")
    assert str(before[0].PatientName) == str(after[0].PatientName) == "Müller^Zoë"
    assert after[0].SpecificCharacterSet == "ISO_IR 192"


def test_only_a_predicted_series_is_known_as_one(tmp_path: Path) -> None:
    predict(tmp_path)
    assert is_predicted_series(tmp_path / "series")
    assert not is_predicted_series(tmp_path / "scan")
    (tmp_path / "series" / "notes.txt").write_text("mine")
    assert not is_predicted_series(tmp_path / "series")
