"""Small DICOM PET series, written independently of petbench's own exporter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from petbench_datasets.bids.scan import Scan
import numpy as np

from petbench_datasets.bids.scan import read_scan
from petbench_datasets.importers.dicom import import_dicom

PET = "1.2.840.10008.5.1.4.1.1.128"
TRACER_FIELDS = {
    "Radiopharmaceutical",
    "RadiopharmaceuticalStartTime",
    "RadiopharmaceuticalStartDateTime",
    "RadiopharmaceuticalStopTime",
    "RadiopharmaceuticalStopDateTime",
    "RadionuclideTotalDose",
    "RadionuclideHalfLife",
}

OWNERS = {0x7053: "Philips PET Private Group", 0x0009: "GEMS_PETD_01", 0x0071: "SIEMENS MED PT"}
"""Of private groups, as their makers name them."""


def write_series(
    folder: Path,
    pixels: np.ndarray[Any, np.dtype[np.int16]],
    each: Callable[[int], dict[str, Any]] | None = None,
    *,
    series: str = "1.2.3.1",
    **changes: Any,
) -> Path:
    """Write slices, (slice, row, column); `each` gives what differs by slice; `...` removes an element."""
    folder.mkdir(parents=True, exist_ok=True)
    for index, plane in enumerate(pixels):
        fields: dict[str, Any] = {
            "SOPClassUID": PET,
            "SOPInstanceUID": f"{series}.{index + 1}",
            "SeriesInstanceUID": series,
            "Modality": "PT",
            "PatientID": "P-1",
            "PatientSex": "F",
            "PatientAge": "061Y",
            "PatientSize": "1.70",
            "PatientWeight": "70",
            "SeriesDescription": "WB AC",
            "SeriesDate": "20200101",
            "SeriesTime": "100700",
            "AcquisitionDate": "20200101",
            "AcquisitionTime": "100700",
            "SeriesType": ["STATIC", "IMAGE"],
            "Units": "BQML",
            "CorrectedImage": ["DECY", "ATTN", "SCAT"],
            "DecayCorrection": "START",
            "ActualFrameDuration": 840000,
            "FrameReferenceTime": "0",
            "InstanceNumber": index + 1,
            "ImagePositionPatient": [-7.5, -7.5, 4.0 * index],
            "ImageOrientationPatient": [1, 0, 0, 0, 1, 0],
            "PixelSpacing": [5, 5],
            "SliceThickness": 4,
            "RescaleSlope": "2",
            "RescaleIntercept": "0",
            "Radiopharmaceutical": "FDG",
            "RadiopharmaceuticalStartTime": "100000",
            "RadionuclideTotalDose": "250000000",
            "RadionuclideHalfLife": "6586.2",
            "Nuclide": ("C-111A1", "^18^Fluorine"),
        }
        fields |= changes
        fields |= each(index) if each else {}
        _write(folder / f"{series}-{index:04d}.dcm", plane, fields)
    return folder


def _write(path: Path, plane: np.ndarray[Any, np.dtype[np.int16]], fields: dict[str, Any]) -> None:
    dataset, tracer, code = Dataset(), Dataset(), Dataset()
    nuclide = fields.pop("Nuclide")
    private = fields.pop("private", {})
    for name, value in fields.items():
        if value is not ...:
            setattr(tracer if name in TRACER_FIELDS else dataset, name, value)
    if nuclide is not ...:
        code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = nuclide[0], "SRT", nuclide[1]
        tracer.RadionuclideCodeSequence = [code]
    dataset.RadiopharmaceuticalInformationSequence = [tracer]
    for (group, element), (kind, value) in private.items():
        dataset.add_new((group, element >> 8), "LO", OWNERS[group])
        dataset.add_new((group, element), kind, value)
    dataset.Rows, dataset.Columns = plane.shape
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated = dataset.BitsStored = 16
    dataset.HighBit, dataset.PixelRepresentation = 15, 1
    dataset.PixelData = plane.astype("<i2").tobytes()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = UID(str(dataset.SOPClassUID))
    dataset.file_meta.MediaStorageSOPInstanceUID = UID(str(dataset.SOPInstanceUID))
    dataset.save_as(path, enforce_file_format=True)


HALF_LIFE = 6586.2
PIXELS = np.random.default_rng(0).integers(100, 30000, (6, 4, 5)).astype(np.int16)
SEVEN_MINUTES = 2 ** (420 / HALF_LIFE)  # decay from injection at 10:00 to the scan's start at 10:07
PLAIN = 2.0 * 70000.0 / 250e6 * SEVEN_MINUTES  # SUV of one stored value of a series without changes


def imported(tmp_path: Path, each: Callable[[int], dict[str, Any]] | None = None, **changes: Any) -> Scan:
    write_series(tmp_path / "dicom", PIXELS, each, **changes)
    report = import_dicom(tmp_path / "dicom", tmp_path / "dataset")
    assert len(report.images) == 1
    return read_scan(report.images[0].path)


def suv_per_value(tmp_path: Path, each: Callable[[int], dict[str, Any]] | None = None, **changes: Any) -> float:
    suv = imported(tmp_path, each, **changes).suv()
    ratio = suv / PIXELS
    assert ratio.std() < 1e-4 * ratio.mean()
    return float(ratio.mean())


def write_pair(folder: Path, participant: str = "P-1", seed: int = 0, **changes: Any) -> None:
    pixels = np.random.default_rng(seed).integers(100, 30000, (2, 6, 4, 5)).astype(np.int16)
    common: dict[str, Any] = {"PatientID": participant, **changes}
    write_series(folder / "early", pixels[0], series=f"1.2.{seed}.1", **common)
    delayed: dict[str, Any] = {"SeriesTime": "104200", "AcquisitionTime": "104200", "ActualFrameDuration": 1260000}
    write_series(folder / "delayed", pixels[1], series=f"1.2.{seed}.2", **common, **delayed)
