"""Which files of a folder are slices of a DICOM PET series."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import pydicom
from pydicom.errors import InvalidDicomError
from pydicom.uid import PositronEmissionTomographyImageStorage

from petbench_datasets.errors import DataError
from petbench_datasets.importers.dicom_headers import SliceHeader, slice_header

if TYPE_CHECKING:
    from pathlib import Path

_ENHANCED = {
    "1.2.840.10008.5.1.4.1.1.130": "Enhanced PET",
    "1.2.840.10008.5.1.4.1.1.128.1": "Legacy Converted Enhanced PET",
}


def pet_slices(folder: Path) -> tuple[list[SliceHeader], list[tuple[str, str]]]:
    """Read the headers of every PET slice below `folder`.

    Returns:
        The slices, and what was passed over: (what, why).

    Raises:
        DataError: no such folder, no DICOM file, no PET slice, or a PET image of a kind that is not supported.
    """
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder; give the folder that holds the DICOM files")
    slices: dict[str, SliceHeader] = {}
    others: dict[str, int] = {}
    any_dicom = False
    for path in sorted(path for path in folder.rglob("*") if path.is_file() and path.name.upper() != "DICOMDIR"):
        dataset = _header(path)
        if dataset is None:
            others["files that are not DICOM"] = others.get("files that are not DICOM", 0) + 1
            continue
        any_dicom = True
        kind = str(dataset.get("SOPClassUID", ""))
        if kind in _ENHANCED:
            raise DataError(
                f"{path}: {_ENHANCED[kind]} images (SOP class {kind}) are not supported; "
                "export the series as classic PET images, one file a slice"
            )
        if kind != PositronEmissionTomographyImageStorage:
            what = f"{dataset.get('Modality', 'unknown')} objects"
            others[what] = others.get(what, 0) + 1
            continue
        header = slice_header(path, dataset)
        slices.setdefault(header.instance, header)
    if not slices:
        found = ", ".join(f"{count} {what}" for what, count in others.items()) or "nothing"
        wanted = "PET image" if any_dicom else "DICOM file"
        raise DataError(f"{folder}: has no {wanted} (found {found}); give the folder that holds the PET series")
    return list(slices.values()), [(f"{what} ({count})", "not PET images") for what, count in others.items()]


def _header(path: Path) -> Any | None:
    """Read a file's header, or return None when it is not DICOM."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # odd values of single elements are checked where they matter
        try:
            return pydicom.dcmread(path, stop_before_pixels=True)
        except InvalidDicomError:
            pass
        except (OSError, ValueError, EOFError, AttributeError, KeyError):
            return None
    return _forced(path)


def _forced(path: Path) -> Any | None:
    """Read a file without DICOM's preamble, if it says for itself what it is."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            dataset = pydicom.dcmread(path, stop_before_pixels=True, force=True)
            return dataset if "SOPClassUID" in dataset and "Modality" in dataset else None  # noqa: TRY300
        except Exception:  # any other file, forced through a DICOM parser, may raise anything
            return None
