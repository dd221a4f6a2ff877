"""Every element and field that is read, spoiled: what the table says of it is what happens, and no number is wrong."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pydicom
import pytest
from pydicom.dataelem import DataElement
from tests.datasets.dicom_writer import HALF_LIFE, PIXELS, PLAIN, write_series

from dataset_pages import dicom_reference, sidecar_reference
from petbench_datasets.bids.scan import read_scan
from petbench_datasets.errors import DataError
from petbench_datasets.evidence.bids_fields import BIDS_FIELDS
from petbench_datasets.evidence.dicom_fields import DICOM_FIELDS
from petbench_datasets.evidence.fields import Otherwise
from petbench_datasets.images.decay import average_count_seconds
from petbench_datasets.importers.dicom import import_dicom

if TYPE_CHECKING:
    from pathlib import Path

    from tests.datasets.conftest import DatasetWriter

    from petbench_datasets.evidence.fields import Field

MEAN = average_count_seconds(840, HALF_LIFE)
SLICES = PIXELS[:3]
ELEMENTS = [field for field in DICOM_FIELDS.values() if field.required != "private"]
REFUSED = {Otherwise.REFUSED, Otherwise.NOT_IN_SUV}
WRONG = ("-1e30", "1e30", "inf", "abc", "7\\8\\9\\7\\8\\9\\7")


def whole_series(folder: Path) -> None:
    """Write a series in which every element that is read says something, and all say the same."""

    def each(index: int) -> dict[str, Any]:
        return {"ImageIndex": index + 1}

    more: dict[str, Any] = {
        "StudyInstanceUID": "1.2.3", "StudyDate": "20200101", "AcquisitionDateTime": "20200101100700",
        "TimezoneOffsetFromUTC": "+0100", "CountsSource": "EMISSION", "SUVType": "BW", "NumberOfSlices": 3,
        "AttenuationCorrectionMethod": "CT", "ReconstructionMethod": "OSEM",
        "DecayFactor": f"{2 ** (MEAN / HALF_LIFE):.8f}", "FrameReferenceTime": f"{1000 * MEAN:.2f}",
        "TemporalPositionIdentifier": 1,
        "RadiopharmaceuticalStartDateTime": "20200101100000+0100", "RadiopharmaceuticalStopTime": "100030",
        "RadiopharmaceuticalStopDateTime": "20200101100030", "DoseCalibrationFactor": "1",
    }  # fmt: skip
    write_series(folder, SLICES, each, **more)


def spoil(folder: Path, field: Field, value: object) -> None:
    """Put `value` into an element of every slice, as text where it is a text; `...` removes it."""
    for path in folder.iterdir():
        dataset = pydicom.dcmread(path)
        item = dataset.RadiopharmaceuticalInformationSequence[0]
        owner = item if field.name in item or "Radio" in field.name else dataset
        tag = pydicom.datadict.tag_for_keyword(field.name)
        assert tag is not None
        if value is ...:
            if tag in owner:
                del owner[tag]
        elif value == "" and pydicom.datadict.dictionary_VR(tag) in {"US", "SQ"}:
            owner[tag] = DataElement(tag, pydicom.datadict.dictionary_VR(tag), [] if tag == 0x00540300 else None)
        else:
            owner[tag] = DataElement(tag, "LO", value)
        dataset.save_as(path)


def outcome(folder: Path, out: Path) -> str:
    """Return the refusal, which must be one line, or empty where the SUV is right."""
    refusal = ""
    try:
        report = import_dicom(folder, out)
    except DataError as error:
        refusal = str(error)
    if refusal:
        assert "\n" not in refusal
        assert not out.exists()
        return refusal
    (image,) = report.images
    assert np.allclose(read_scan(image.path).suv(), SLICES * PLAIN, rtol=1e-3), "silently wrong"
    return ""


def test_the_series_that_is_spoiled_is_right_as_it_is(tmp_path: Path) -> None:
    whole_series(tmp_path / "dicom")
    assert outcome(tmp_path / "dicom", tmp_path / "out") == ""


@pytest.mark.parametrize("gap", [..., ""], ids=["absent", "blank"])
@pytest.mark.parametrize("field", ELEMENTS, ids=lambda field: field.name)
def test_a_missing_element_is_treated_as_the_table_says(field: Field, gap: object, tmp_path: Path) -> None:
    whole_series(tmp_path / "dicom")
    spoil(tmp_path / "dicom", field, gap)
    said = outcome(tmp_path / "dicom", tmp_path / "out")
    if field.missing in REFUSED:
        assert field.name in said
    else:
        assert said == ""


@pytest.mark.parametrize("field", [one for one in ELEMENTS if one.allowed], ids=lambda field: field.name)
def test_a_wrong_element_is_treated_as_the_table_says(field: Field, tmp_path: Path) -> None:
    for number, value in enumerate(WRONG):
        whole_series(tmp_path / f"dicom{number}")
        spoil(tmp_path / f"dicom{number}", field, value)
        said = outcome(tmp_path / f"dicom{number}", tmp_path / f"out{number}")
        if field.wrong in REFUSED:
            assert field.name in said, value
        else:
            assert said == "" or field.name in said, value


@pytest.mark.parametrize("value", ["abc", "20201399", "256199", "20200101", "99999999999999999", "-1", "1e30"])
@pytest.mark.parametrize(
    "field", [one for one in ELEMENTS if "Date" in one.name or "Time" in one.name], ids=lambda field: field.name
)
def test_a_wrong_time_is_outweighed_or_refused(field: Field, value: str, tmp_path: Path) -> None:
    whole_series(tmp_path / "dicom")
    spoil(tmp_path / "dicom", field, value)
    outcome(tmp_path / "dicom", tmp_path / "out")


def whole_sidecar(writer: DatasetWriter) -> dict[str, Any]:
    return writer.sidecar(
        "early",
        ManufacturersModelName="x",
        RadionuclideHalfLife=HALF_LIFE,
        RadionuclideTotalDose=250e6,
        ModeOfAdministration="bolus",
        InjectionEnd=30,
        RadiopharmaceuticalStartTime="10:00:00",
        RadiopharmaceuticalStartDateTime="2020-01-01T10:00:00",
        FrameTimesStartUnits="s",
        FrameDurationUnits="s",
        DecayCorrectionFactor=[2 ** ((420 + MEAN) / HALF_LIFE)],
        DecayFactor=[2 ** ((420 + MEAN) / HALF_LIFE)],
        CorrectedImage=["DECY", "ATTN"],
        PatientWeight=70,
    )


def understood(writer: DatasetWriter, sidecar: dict[str, Any]) -> str:
    writer.participants({"sub-01": 70})
    path = writer.image("sub-01", "early", writer.voxels(0))
    writer.sidecar_path("sub-01", "early").write_text(json.dumps(sidecar))
    refusal = ""
    try:
        scan = read_scan(path)
    except DataError as error:
        refusal = str(error)
    if refusal:
        assert "\n" not in refusal
        return refusal
    assert scan.suv_per_unit(0) == pytest.approx(70000 / 250e6, rel=1e-3), "silently wrong"
    assert scan.frames[0].start_seconds == pytest.approx(420, abs=1)
    assert scan.frames[0].duration_seconds == 840
    return ""


SIDECAR_FIELDS = [field for field in BIDS_FIELDS.values() if field.name != "body_weight"]


@pytest.mark.parametrize("gap", [..., "", "n/a", None], ids=str)
@pytest.mark.parametrize("field", SIDECAR_FIELDS, ids=lambda field: field.name)
def test_a_missing_sidecar_field_is_treated_as_the_table_says(field: Field, gap: Any, writer: DatasetWriter) -> None:
    sidecar = whole_sidecar(writer)
    assert understood(writer, sidecar) == ""
    sidecar[field.name] = gap
    said = understood(writer, {key: value for key, value in sidecar.items() if value is not ...})
    if field.missing in REFUSED:
        assert field.name in said
    else:
        assert said == ""


@pytest.mark.parametrize(
    "value", ["abc", 1e30, -1e30, float("inf"), float("nan"), {}, [], [[]], True, 1615280400, "∞"], ids=str
)
@pytest.mark.parametrize("field", SIDECAR_FIELDS, ids=lambda field: field.name)
def test_a_wrong_sidecar_field_is_outweighed_or_refused(field: Field, value: Any, writer: DatasetWriter) -> None:
    said = understood(writer, whole_sidecar(writer) | {field.name: value})
    if field.low is not None and field.wrong in REFUSED and value in (1e30, -1e30, 1615280400):
        assert field.name in said


@pytest.mark.parametrize("value", ["abc", "inf", "1e30", "-70", "0.001"])
def test_a_wrong_weight_of_the_table_is_refused(value: str, writer: DatasetWriter) -> None:
    path = writer.image("sub-01", "early", writer.voxels(0))
    writer.participants({"sub-01": value})
    with pytest.raises(DataError, match="body_weight"):
        read_scan(path)


def test_the_tables_of_the_documentation_hold_every_field() -> None:
    for field in DICOM_FIELDS.values():
        assert f"| `{field.name}` {field.place} | {field.required} |" in dicom_reference()
    for field in BIDS_FIELDS.values():
        assert f"| `{field.name}` | {field.required} |" in sidecar_reference()
