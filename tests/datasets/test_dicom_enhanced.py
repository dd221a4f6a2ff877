"""Enhanced PET: the frames of one file give what the slices of a classic series give, or one line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import UID
from tests.datasets.dicom_writer import PIXELS, write_series

from petbench_datasets.bids.scan import read_scan
from petbench_datasets.errors import DataError
from petbench_datasets.importers.dicom import import_dicom

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from petbench_datasets.bids.scan import Scan

ENHANCED = UID("1.2.840.10008.5.1.4.1.1.130")
START = "20200101100700.000000"


def item(**elements: Any) -> Dataset:
    found = Dataset()
    for name, value in elements.items():
        setattr(found, name, value)
    return found


def write_enhanced(folder: Path, pixels: Any = PIXELS, starts: tuple[str, ...] = (START,), **changes: Any) -> Path:
    """Write frames, (frame, row, column), of as many passes as there are starts, the slices from head to feet."""
    write_series(folder / "one", pixels[:1], RadiopharmaceuticalStartDateTime="20200101100000")
    (source,) = (folder / "one").iterdir()
    dataset = pydicom.dcmread(source)
    for name in (
        "ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "SliceThickness", "RescaleSlope", "Units",
        "RescaleIntercept", "ActualFrameDuration", "AcquisitionTime", "AcquisitionDate", "CorrectedImage",
        "DecayCorrection", "FrameReferenceTime", "SeriesType",
    ):  # fmt: skip
        del dataset[name]
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = ENHANCED
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"]
    dataset.DecayCorrected = dataset.AttenuationCorrected = dataset.ScatterCorrected = "YES"
    dataset.DecayCorrectionDateTime = START
    unit = item(CodeValue="Bq/ml", CodingSchemeDesignator="UCUM", CodeMeaning="Becquerels/milliliter")
    mapping = item(RealWorldValueSlope=2.0, RealWorldValueIntercept=0.0, MeasurementUnitsCodeSequence=[unit])
    dataset.SharedFunctionalGroupsSequence = [
        item(
            PixelMeasuresSequence=[item(PixelSpacing=[5, 5], SliceThickness=4)],
            PlaneOrientationSequence=[item(ImageOrientationPatient=[1, 0, 0, 0, 1, 0])],
            RealWorldValueMappingSequence=[mapping],
        )
    ]
    places = len(pixels) // len(starts)
    dataset.PerFrameFunctionalGroupsSequence = [
        item(
            PlanePositionSequence=[item(ImagePositionPatient=[-7.5, -7.5, 4.0 * place])],
            FrameContentSequence=[
                item(FrameAcquisitionDateTime=start, FrameAcquisitionDuration=840000.0, TemporalPositionIndex=number)
            ],
        )
        for number, start in enumerate(starts, start=1)
        for place in reversed(range(places))
    ]
    frames = np.concatenate([block[::-1] for block in np.split(pixels, len(starts))])
    dataset.NumberOfFrames = len(frames)
    dataset.PixelData = frames.astype("<i2").tobytes()
    for name, value in changes.items():
        setattr(dataset, name, value)
    source.unlink()
    (folder / "one").rmdir()
    dataset.save_as(folder / "enhanced.dcm")
    return folder


def imported(folder: Path, out: Path) -> Scan:
    (image,) = import_dicom(folder, out).images
    return read_scan(image.path)


def test_the_frames_of_one_file_are_a_classic_series(tmp_path: Path) -> None:
    enhanced = imported(write_enhanced(tmp_path / "enhanced"), tmp_path / "a")
    classic = imported(write_series(tmp_path / "classic", PIXELS), tmp_path / "b")
    assert enhanced.grid.matches(classic.grid)
    assert np.allclose(enhanced.suv(), classic.suv(), rtol=1e-6)
    assert enhanced.frames == classic.frames


def test_frames_of_two_times_are_a_dynamic_image(tmp_path: Path) -> None:
    starts = (START, "20200101102100.000000")
    both = np.concatenate([PIXELS, PIXELS[:, ::-1]])
    scan = imported(write_enhanced(tmp_path / "enhanced", both, starts), tmp_path / "a")
    assert [frame.start_seconds for frame in scan.frames] == [420.0, 1260.0]
    classic = imported(write_series(tmp_path / "classic", PIXELS), tmp_path / "b")
    assert np.allclose(scan.suv_frame(0), classic.suv(), rtol=1e-6)
    assert np.allclose(scan.suv_frame(1), classic.suv()[:, ::-1], rtol=1e-6)


@pytest.mark.parametrize(
    ("changes", "classic"),
    [
        ({"DecayCorrectionDateTime": "20200101100000"}, {"DecayCorrection": "ADMIN"}),
        ({"DecayCorrected": "NO"}, {"DecayCorrection": "NONE", "CorrectedImage": ["ATTN"]}),
        ({"DecayCorrectionDateTime": "20200101095000"}, {"SeriesTime": "095000"}),
    ],
)
def test_every_decay_reference_is_the_classic_one(
    changes: dict[str, Any], classic: dict[str, Any], tmp_path: Path
) -> None:
    enhanced = imported(write_enhanced(tmp_path / "enhanced", **changes), tmp_path / "a")
    same = imported(write_series(tmp_path / "classic", PIXELS, **classic), tmp_path / "b")
    assert np.allclose(enhanced.suv(), same.suv(), rtol=1e-6)


def without_group(name: str) -> Callable[[Any], None]:
    def remove(dataset: Any) -> None:
        for groups in (*dataset.SharedFunctionalGroupsSequence, *dataset.PerFrameFunctionalGroupsSequence):
            if name in groups:
                del groups[name]

    return remove


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (without_group("PlanePositionSequence"), "without PlanePositionSequence"),
        (without_group("PixelMeasuresSequence"), "without PixelMeasuresSequence"),
        (without_group("RealWorldValueMappingSequence"), "without RealWorldValueMappingSequence"),
        (without_group("FrameContentSequence"), "without FrameContentSequence"),
        ({"PerFrameFunctionalGroupsSequence": []}, "Enhanced PET image of 6 frames"),
        ({"NumberOfFrames": 70000}, "Enhanced PET image of 70000 frames"),
        ({"DecayCorrectionDateTime": "20200101103000"}, "after FrameAcquisitionDateTime"),
        ({"DecayCorrectionDateTime": ""}, "DecayCorrectionDateTime"),
        ({"AttenuationCorrected": "NO"}, "not corrected for attenuation"),
        ({"PixelData": bytes(100)}, "pixels"),
        ({"ImageType": ["ORIGINAL", "PRIMARY", "GATED"]}, "gated"),
    ],
)
def test_what_an_enhanced_image_lacks_is_said_in_one_line(
    spoil: Callable[[Any], None] | dict[str, Any], words: str, tmp_path: Path
) -> None:
    path = write_enhanced(tmp_path / "dicom") / "enhanced.dcm"
    dataset = pydicom.dcmread(path)
    if isinstance(spoil, dict):
        for name, value in spoil.items():
            setattr(dataset, name, value)
    else:
        spoil(dataset)
    dataset.save_as(path)
    with pytest.raises(DataError, match=words) as caught:
        import_dicom(tmp_path / "dicom", tmp_path / "out")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_one_frame_missing_from_a_file_is_noticed(tmp_path: Path) -> None:
    path = write_enhanced(tmp_path / "dicom") / "enhanced.dcm"
    dataset = pydicom.dcmread(path)
    del dataset.PerFrameFunctionalGroupsSequence[2]
    dataset.NumberOfFrames = len(PIXELS) - 1
    dataset.save_as(path)
    with pytest.raises(DataError, match="slices are missing"):
        import_dicom(tmp_path / "dicom", tmp_path / "out")
