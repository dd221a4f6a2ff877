"""Legacy Converted Enhanced PET, as highdicom converts a classic series: read as that series, or one line."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import numpy as np
import pydicom
import pytest
from highdicom.legacy import LegacyConvertedEnhancedPETImage
from tests.datasets.dicom_writer import write_series

from petbench_datasets.bids.scan import read_scan
from petbench_datasets.errors import DataError
from petbench_datasets.importers.dicom import import_dicom

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from petbench_datasets.bids.scan import Scan

PIXELS = np.random.default_rng(2).integers(100, 30000, (12, 4, 5)).astype(np.int16)
COMMON: dict[str, Any] = {
    "FrameOfReferenceUID": "1.2.77", "StudyInstanceUID": "1.2.7", "StudyDate": "20200101", "StudyTime": "100000",
    "StudyID": "1", "AccessionNumber": "", "PatientName": "", "PatientBirthDate": "", "ReferringPhysicianName": "",
    "ImageType": ["ORIGINAL", "PRIMARY"], "Manufacturer": "Nobody",
}  # fmt: skip


def convert(classic: Path, path: Path) -> Path:
    """Convert the slices of a folder into one file."""
    logging.getLogger("highdicom").setLevel(logging.ERROR)
    slices = [pydicom.dcmread(each) for each in sorted(classic.iterdir())]
    converted = LegacyConvertedEnhancedPETImage(
        slices, series_instance_uid="1.2.5", series_number=3, sop_instance_uid="1.2.5.1", instance_number=1
    )
    path.parent.mkdir()
    converted.save_as(path)
    return path


def imported(folder: Path, out: Path) -> Scan:
    (image,) = import_dicom(folder, out).images
    return read_scan(image.path)


def beds(index: int) -> dict[str, Any]:
    """Two beds of six slices, the second 14 min later, corrected to the start of the scan; a slope a slice."""
    late = index >= 6
    return {
        "AcquisitionTime": "101400" if late else "100700",
        "FrameReferenceTime": "599268" if late else "180000",
        "RescaleSlope": f"{1.0 + 0.1 * index:.1f}",
    }


def frames(index: int) -> dict[str, Any]:
    """Two frames of six slices, 7 min long."""
    late = index >= 6
    return {
        "ImagePositionPatient": [-7.5, -7.5, 4.0 * (index % 6)],
        "AcquisitionTime": "101400" if late else "100700",
        "FrameReferenceTime": "629060" if late else "209527",
        "SeriesType": ["DYNAMIC", "IMAGE"],
        "ActualFrameDuration": 420_000,
    }


@pytest.mark.parametrize(
    ("each", "changes"),
    [
        (None, {"NumberOfSlices": 12}),
        (None, {"DecayCorrection": "ADMIN"}),
        (None, {"DecayCorrection": "NONE", "CorrectedImage": ["ATTN"]}),
        (None, {"Units": "GML", "RescaleSlope": "0.001"}),
        (beds, {"ActualFrameDuration": 360_000}),
        (frames, {}),
    ],
    ids=["static", "admin", "none", "suv", "beds", "frames"],
)
def test_a_converted_series_is_the_classic_one(
    each: Callable[[int], dict[str, Any]] | None, changes: dict[str, Any], tmp_path: Path
) -> None:
    write_series(tmp_path / "classic", PIXELS, each, **{**COMMON, **changes})
    convert(tmp_path / "classic", tmp_path / "converted" / "one.dcm")
    classic = imported(tmp_path / "classic", tmp_path / "a")
    converted = imported(tmp_path / "converted", tmp_path / "b")
    assert converted.grid.matches(classic.grid)
    assert converted.frames == classic.frames
    assert converted.calibration == classic.calibration
    for frame in range(len(classic.frames)):
        assert np.allclose(converted.suv_frame(frame), classic.suv_frame(frame), rtol=1e-6)


def test_a_contradiction_in_the_slices_is_one_in_the_file(tmp_path: Path) -> None:
    changes = {"RadiopharmaceuticalStartDateTime": "20200101094000"}  # twenty minutes before the other field
    write_series(tmp_path / "classic", PIXELS, **{**COMMON, **changes})
    convert(tmp_path / "classic", tmp_path / "converted" / "one.dcm")
    said = []
    for folder in ("classic", "converted"):
        with pytest.raises(DataError) as caught:
            import_dicom(tmp_path / folder, tmp_path / "out")
        said.append(str(caught.value).partition("): ")[2])
    assert said[0] == said[1] != ""


def without_group(name: str) -> Callable[[Any], None]:
    def remove(dataset: Any) -> None:
        for groups in (*dataset.SharedFunctionalGroupsSequence, *dataset.PerFrameFunctionalGroupsSequence):
            if name in groups:
                del groups[name]

    return remove


def drop_a_frame(dataset: Any) -> None:
    del dataset.PerFrameFunctionalGroupsSequence[3]


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (without_group("PixelValueTransformationSequence"), "without PixelValueTransformationSequence"),
        (without_group("PlanePositionSequence"), "without PlanePositionSequence"),
        (without_group("PixelMeasuresSequence"), "without PixelMeasuresSequence"),
        (without_group("UnassignedSharedConvertedAttributesSequence"), "Units"),
        (without_group("FrameContentSequence"), "ActualFrameDuration"),
        (drop_a_frame, "Legacy Converted Enhanced PET image of 12 frames, but 11 items"),
    ],
)
def test_what_a_converted_series_lacks_is_said_in_one_line(
    spoil: Callable[[Any], None], words: str, tmp_path: Path
) -> None:
    write_series(tmp_path / "classic", PIXELS, **COMMON)
    path = convert(tmp_path / "classic", tmp_path / "converted" / "one.dcm")
    dataset = pydicom.dcmread(path)
    spoil(dataset)
    dataset.save_as(path)
    with pytest.raises(DataError, match=words) as caught:
        import_dicom(tmp_path / "converted", tmp_path / "out")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_slices_that_were_missing_when_it_was_converted_are_noticed(tmp_path: Path) -> None:
    write_series(tmp_path / "classic", PIXELS, **COMMON)
    path = convert(tmp_path / "classic", tmp_path / "converted" / "one.dcm")
    dataset = pydicom.dcmread(path)
    (shared,) = dataset.SharedFunctionalGroupsSequence[0].UnassignedSharedConvertedAttributesSequence
    shared.NumberOfSlices = 20
    dataset.save_as(path)
    with pytest.raises(DataError, match=r"NumberOfSlices \(0054,0081\) is 20, but slices lie at 12 places"):
        import_dicom(tmp_path / "converted", tmp_path / "out")


def test_the_converted_series_beside_its_slices_is_a_choice_to_be_made(tmp_path: Path) -> None:
    write_series(tmp_path / "both" / "classic", PIXELS, **COMMON)
    convert(tmp_path / "both" / "classic", tmp_path / "both" / "converted" / "one.dcm")
    with pytest.raises(DataError, match=r"WB AC \(enhanced conversion\)"):
        import_dicom(tmp_path / "both", tmp_path / "out")
    assert len(import_dicom(tmp_path / "both", tmp_path / "out", series=["WB AC"]).images) == 1
