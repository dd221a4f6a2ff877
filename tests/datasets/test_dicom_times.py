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

from petbench_datasets.bids.scan import read_scan
from petbench_datasets.errors import DataError
from petbench_datasets.images.decay import average_count_seconds
from petbench_datasets.importers.dicom import import_dicom
from petbench_datasets.importers.dicom_values import moment, parse_datetime

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("changes", "elapsed"),
    [
        ({"RadiopharmaceuticalStartTime": ..., "RadiopharmaceuticalStartDateTime": "20200101095500"}, 720),
        (
            {"RadiopharmaceuticalStartTime": ..., "RadiopharmaceuticalStartDateTime": "20200101095500.000+0100"},
            720,
        ),
        # The scanner's clock is an hour ahead of UTC, the injection's date-time is in UTC, or in yet another zone.
        (
            {
                "RadiopharmaceuticalStartTime": ...,
                "RadiopharmaceuticalStartDateTime": "20200101085500+0000",
                "TimezoneOffsetFromUTC": "+0100",
            },
            720,
        ),
        ({"RadiopharmaceuticalStartDateTime": "20200101030000-0600", "TimezoneOffsetFromUTC": "+0100"}, 420),
        # A date-time that belongs to another day: anonymisation. Its clock still counts.
        ({"RadiopharmaceuticalStartTime": ..., "RadiopharmaceuticalStartDateTime": "20190501095500"}, 720),
        ({"RadiopharmaceuticalStartDateTime": "20190501100000"}, 420),
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


MEAN_MILLISECONDS = 1000 * average_count_seconds(840, HALF_LIFE)
CORRECTED_TO_START: dict[str, Any] = {"FrameReferenceTime": f"{MEAN_MILLISECONDS:.3f}", "DecayFactor": "1.044853"}


def test_two_fields_that_agree_outweigh_a_series_time_and_it_is_noted(tmp_path: Path) -> None:
    write_series(tmp_path / "dicom", PIXELS, SeriesTime="095000", **CORRECTED_TO_START)
    (image,) = import_dicom(tmp_path / "dicom", tmp_path / "dataset").images
    assert np.allclose(read_scan(image.path).suv(), PIXELS * PLAIN, rtol=1e-5)
    assert any("against SeriesTime" in note for note in image.notes)


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        # Each alone against the series time, which is not the start of the acquisition.
        ({"SeriesTime": "095000", "DecayFactor": "1.044853"}, ("SeriesTime", "DecayFactor")),
        (
            {"SeriesTime": "095000", "FrameReferenceTime": f"{MEAN_MILLISECONDS:.3f}"},
            ("SeriesTime", "FrameReferenceTime"),
        ),
        # Two against two: the times were copied from each other, or the frame's fields are of another reconstruction.
        ({"FrameReferenceTime": "2936906", "DecayFactor": "1.362"}, ("SeriesTime", "FrameReferenceTime")),
        ({"RadiopharmaceuticalStartDateTime": "20200101094000"}, ("(0018,1078) 09:40:00", "(0018,1072) 10:00:00")),
        (
            {"RadiopharmaceuticalStartTime": "090000", "RadiopharmaceuticalStartDateTime": "20200101090000+0000",
             "TimezoneOffsetFromUTC": "+0100"},
            ("(0018,1078) 09:00:00 at UTC+00:00", "(0018,1072) 09:00:00"),
        ),
        (
            {"RadiopharmaceuticalStartTime": ..., "RadiopharmaceuticalStartDateTime": "20200101090000+0000"},
            ("(0018,1078)", "TimezoneOffsetFromUTC"),
        ),
        ({"AcquisitionDateTime": "20200101103000"}, ("AcquisitionTime", "AcquisitionDateTime")),
        ({"RadiopharmaceuticalStopTime": "113000", "RadiopharmaceuticalStartTime": "100000"}, ("90 min", "infusion")),
    ],
    ids=str,
)  # fmt: skip
def test_fields_that_contradict_each_other_are_refused_by_name(
    tmp_path: Path, changes: dict[str, Any], fields: tuple[str, str]
) -> None:
    write_series(tmp_path / "dicom", PIXELS, **changes)
    with pytest.raises(DataError) as caught:
        import_dicom(tmp_path / "dicom", tmp_path / "dataset")
    assert all(field in str(caught.value) for field in fields), str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("date", ["00010101", "99991231", "19000101"])
def test_dates_that_no_scanner_wrote_leave_the_clocks(tmp_path: Path, date: str) -> None:
    dates: dict[str, Any] = dict.fromkeys(("StudyDate", "SeriesDate", "AcquisitionDate"), date)
    assert suv_per_value(tmp_path, **dates) == pytest.approx(PLAIN, rel=1e-5)


def test_missing_dates_are_called_so_where_the_clocks_are_there(tmp_path: Path) -> None:
    write_series(tmp_path / "dicom", PIXELS, SeriesDate="", AcquisitionDate=...)
    with pytest.raises(DataError, match="clock times, but no date"):
        import_dicom(tmp_path / "dicom", tmp_path / "dataset")


def test_frames_with_one_acquisition_time_start_where_their_mean_times_say(tmp_path: Path) -> None:
    lengths = [60.0, 120.0, 300.0]
    begins = [0.0, 60.0, 180.0]
    pixels = np.concatenate([PIXELS[:2]] * 3)

    def frame(index: int) -> dict[str, Any]:
        number = index // 2
        mean = begins[number] + average_count_seconds(lengths[number], HALF_LIFE)
        return {
            "ImagePositionPatient": [-7.5, -7.5, 4.0 * (index % 2)],
            "ActualFrameDuration": int(1000 * lengths[number]),
            "FrameReferenceTime": f"{1000 * mean:.3f}",
            "DecayFactor": f"{2 ** (mean / HALF_LIFE):.9f}",
        }

    write_series(tmp_path / "dicom", pixels, frame, SeriesType=["DYNAMIC", "IMAGE"])
    (image,) = import_dicom(tmp_path / "dicom", tmp_path / "dataset").images
    frames = read_scan(image.path).frames
    assert [item.start_seconds - 420 for item in frames] == pytest.approx(begins, abs=0.01)
