"""What the header of a DICOM file says of the person: sex, age and height, as a row of participants.tsv."""

from __future__ import annotations

from typing import TYPE_CHECKING

from petbench_datasets.boundary import reading, without_warnings
from petbench_datasets.importers.dicom_values import age_years

if TYPE_CHECKING:
    from pathlib import Path


def person_in_header(path: Path) -> dict[str, str]:
    """Return sex, age (years) and height (m), each where the header of a readable file says it."""
    import pydicom

    wanted = ["PatientSex", "PatientAge", "PatientSize"]
    with reading(path), without_warnings():
        header = pydicom.dcmread(path, stop_before_pixels=True, force=True, specific_tags=wanted)
    years = age_years(str(header.get("PatientAge") or ""))
    said = {
        "sex": str(header.get("PatientSex") or ""),
        "age": "" if years is None else f"{years:g}",
        "height": str(header.get("PatientSize") or ""),
    }
    return {name: text for name, text in said.items() if text}
