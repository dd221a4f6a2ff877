from __future__ import annotations

from typing import TYPE_CHECKING, Any

import nibabel
import numpy as np
import pytest
from tests.datasets.dicom_writer import (
    HALF_LIFE,
    PIXELS,
    imported,
    write_series,
)

from petbench_datasets.bids.scan import read_scan
from petbench_datasets.errors import DataError
from petbench_datasets.importers.dicom import import_dicom

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


nib: Any = nibabel


@pytest.mark.parametrize("time_source", ["AcquisitionTime", "FrameReferenceTime", "TemporalPositionIdentifier"])
def test_a_dynamic_series_becomes_a_dynamic_image(tmp_path: Path, time_source: str) -> None:
    movie = np.random.default_rng(1).integers(1, 9999, (3, 4, 4, 5)).astype(np.int16)

    def place(number: int) -> dict[str, Any]:
        frame, index = divmod(number, 4)
        fields: dict[str, Any] = {
            "ImagePositionPatient": [-7.5, -7.5, 4.0 * index],
            "ActualFrameDuration": 600000,
            "FrameReferenceTime": str(600000 * frame),
            "AcquisitionTime": f"10{10 * frame:02d}00",
        }
        if time_source == "FrameReferenceTime":
            fields["AcquisitionTime"] = "100000"  # anonymisation left one
        if time_source == "TemporalPositionIdentifier":
            fields["TemporalPositionIdentifier"] = frame + 1
        return fields

    shuffled = np.random.default_rng(2).permutation(12)
    flat = movie.reshape(12, 4, 5)[shuffled]
    write_series(
        tmp_path / "dicom",
        flat,
        lambda number: place(int(shuffled[number])),
        SeriesType=["DYNAMIC", "IMAGE"],
        SeriesTime="100000",
        RadiopharmaceuticalStartTime="100010",
    )
    (image,) = import_dicom(tmp_path / "dicom", tmp_path / "dataset").images
    scan = read_scan(image.path)
    assert [frame.start_seconds for frame in scan.frames] == [-10.0, 590.0, 1190.0]
    factor = 2.0 * 70000 / 250e6 * 2 ** (-10 / HALF_LIFE)
    assert np.allclose(scan.suv(), movie * factor, rtol=1e-5)
    assert "rec-dynamic" in image.path.name


def test_slices_lie_where_the_header_says(tmp_path: Path) -> None:
    # Feet first in the file, columns running to the right: compare with an affine worked out by hand.
    def place(index: int) -> dict[str, Any]:
        return {
            "ImagePositionPatient": [30.0, -40.0, 100.0 - 4.0 * index],
            "ImageOrientationPatient": [-1, 0, 0, 0, 1, 0],
            "PixelSpacing": [5.0, 3.0],
        }

    scan = imported(tmp_path, place)
    image = nib.load(scan.path)
    slice_, row, column = 4, 2, 3
    left, posterior, superior = 30.0 - 3.0 * column, -40.0 + 5.0 * row, 100.0 - 4.0 * slice_
    world = np.array([-left, -posterior, superior, 1.0])
    x, y, z = np.rint(np.linalg.solve(image.affine, world)[:3]).astype(int)
    assert image.get_fdata()[x, y, z] == pytest.approx(2.0 * PIXELS[slice_, row, column])


def test_a_stack_across_the_body_is_turned_to_lps_order(tmp_path: Path) -> None:
    scan = imported(
        tmp_path,
        lambda index: {
            "ImagePositionPatient": [-10.0, 4.0 * index, 50.0],
            "ImageOrientationPatient": [1, 0, 0, 0, 0, -1],
        },
    )
    assert scan.grid.shape == (4, 6, 5)
    assert np.allclose(scan.activity(0), 2.0 * PIXELS.transpose(1, 0, 2)[::-1])


def test_jitter_of_the_table_is_tolerated(tmp_path: Path) -> None:
    wobble = [0.0, 0.05, -0.05, 0.08, 0.0, 0.02]
    scan = imported(tmp_path, lambda index: {"ImagePositionPatient": [-7.5, -7.5, 4.0 * index + wobble[index]]})
    assert scan.grid.spacing_millimetres[0] == pytest.approx(4.0, abs=0.01)


@pytest.mark.parametrize(
    ("each", "words"),
    [
        (lambda index: {"ImagePositionPatient": [-7.5, -7.5, 4.0 * (index + (index > 2))]}, "missing"),
        (lambda index: {"ImagePositionPatient": [-7.5, -7.5, 4.0 * min(index, 4)]}, "whole frames"),
        (lambda index: {"ImagePositionPatient": [-7.5, -7.5, 4.0 * (index // 2)]}, "one place and time"),
        (lambda index: {"PixelSpacing": [5, 5 if index else 6]}, "differs"),
        (lambda index: {"Units": "GML" if index else "BQML"}, "two series"),
        (lambda index: {"PatientWeight": "70" if index else "71"}, "two series"),
    ],
)
def test_slices_that_are_no_stack_are_refused(
    tmp_path: Path, each: Callable[[int], dict[str, Any]], words: str
) -> None:
    write_series(tmp_path / "dicom", PIXELS, each)
    with pytest.raises(DataError, match=words):
        import_dicom(tmp_path / "dicom", tmp_path / "dataset")
