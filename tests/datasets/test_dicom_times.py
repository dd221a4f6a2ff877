from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from tests.datasets.dicom_writer import (
    HALF_LIFE,
    PIXELS,
    PLAIN,
    SEVEN_MINUTES,
    imported,
    suv_per_value,
    write_series,
)

from petbench_datasets.errors import DataError
from petbench_datasets.importers.dicom import import_dicom
from petbench_datasets.importers.dicom_values import moment, parse_datetime

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("changes", "elapsed"),
    [
        ({"RadiopharmaceuticalStartTime": ..., "RadiopharmaceuticalStartDateTime": "20200101095500"}, 720),
        ({"RadiopharmaceuticalStartDateTime": "20200101095500.000+0100"}, 720),
        # A date-time that belongs to another day: anonymisation. Its clock still counts.
        ({"RadiopharmaceuticalStartTime": ..., "RadiopharmaceuticalStartDateTime": "20190501095500"}, 720),
        ({"RadiopharmaceuticalStartDateTime": "20190501095500"}, 420),
        ({"SeriesTime": "001000", "AcquisitionTime": "001000", "RadiopharmaceuticalStartTime": "235000"}, 1200),
        ({"RadiopharmaceuticalStartTime": "1000"}, 420),
        # The series time lies after the acquisition: GE's and Siemens's own, then FrameReferenceTime, decide.
        ({"SeriesTime": "103000", "private": {(0x0009, 0x100D): ("LO", "20200101100700.00")}}, 420),
        ({"SeriesTime": "103000", "private": {(0x0071, 0x1022): ("DT", "20200101100600.00")}}, 360),
        ({"SeriesTime": "103000", "ActualFrameDuration": 1000, "FrameReferenceTime": "60500"}, 360),
        ({"SeriesTime": "103000", "FrameReferenceTime": ...}, 420),
        # A series time before the acquisition is the scan's start, to which all is corrected.
        ({"SeriesTime": "100300"}, 180),
    ],
    ids=str,
)
def test_the_decay_reference_is_found(tmp_path: Path, changes: dict[str, Any], elapsed: float) -> None:
    expected = PLAIN / SEVEN_MINUTES * 2 ** (elapsed / HALF_LIFE)
    assert suv_per_value(tmp_path, **changes) == pytest.approx(expected, rel=1e-5)


def test_times_are_read_as_old_and_new_files_write_them() -> None:
    expected = dt.datetime(2020, 1, 2, 9, 5, 7, 250000)
    assert moment("20200102", "090507.25") == moment("2020.01.02", "09:05:07.250000") == expected
    assert parse_datetime("20200102090507.25-0500") == expected
    assert moment("20200102", "") is None
    assert moment("", "090507") is None
    assert parse_datetime("20200102") is None


def test_an_injection_that_cannot_belong_to_the_scan_is_refused(tmp_path: Path) -> None:
    write_series(tmp_path / "dicom", PIXELS, RadiopharmaceuticalStartTime="110000")
    with pytest.raises(DataError, match="cannot be one scan"):
        import_dicom(tmp_path / "dicom", tmp_path / "dataset")


def test_beds_make_one_image_from_the_first_start_to_the_last_end(tmp_path: Path) -> None:
    def bed(index: int) -> dict[str, Any]:
        number = index // 2
        return {"AcquisitionTime": f"10{7 + 4 * number:02d}00", "ActualFrameDuration": 240000}

    scan = imported(tmp_path, bed)
    assert [(frame.start_seconds, frame.duration_seconds) for frame in scan.frames] == [(420.0, 720.0)]
    assert np.allclose(scan.suv(), PIXELS * PLAIN, rtol=1e-5)


def test_an_unlike_decay_factor_is_reported(tmp_path: Path) -> None:
    write_series(tmp_path / "dicom", PIXELS, DecayFactor="1.2")
    (image,) = import_dicom(tmp_path / "dicom", tmp_path / "dataset").images
    assert any("DecayFactor" in note for note in image.notes)
