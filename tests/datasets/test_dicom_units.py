from __future__ import annotations

import math
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
from petbench_datasets.importers.dicom import import_dicom

if TYPE_CHECKING:
    from pathlib import Path


def test_activity_becomes_suv(tmp_path: Path) -> None:
    assert suv_per_value(tmp_path) == pytest.approx(PLAIN, rel=1e-6)


def test_every_slice_has_its_own_slope_and_intercept(tmp_path: Path) -> None:
    scan = imported(tmp_path, lambda index: {"RescaleSlope": str(1 + index), "RescaleIntercept": str(10 * index)})
    slopes = np.arange(1, 7)[:, None, None]
    expected = (PIXELS * slopes + 10 * (slopes - 1)) * PLAIN / 2.0
    assert np.allclose(scan.suv(), expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("changes", "factor"),
    [
        ({"RadionuclideTotalDose": "250"}, PLAIN),
        ({"PatientWeight": "70000"}, PLAIN),
        ({"DecayCorrection": "ADMIN"}, PLAIN / SEVEN_MINUTES),
        ({"RadionuclideHalfLife": "6588"}, 2.0 * 70000.0 / 250e6 * 2 ** (420 / 6588)),
        ({"Units": "GML"}, 2.0),
        ({"Units": "GML", "SUVType": "BW"}, 2.0),
        ({"Units": "GML", "SUVType": "LBM"}, 2.0 * 70 / (1.07 * 70 - 148 * (70 / 170) ** 2)),
        (
            {"Units": "GML", "SUVType": "LBMJAMES128", "PatientSex": "M"},
            2.0 * 70 / (1.10 * 70 - 128 * (70 / 170) ** 2),
        ),
        (
            {"Units": "GML", "SUVType": "LBMJANMA", "PatientSex": "M"},
            2.0 * 70 / (9270 * 70 / (6680 + 216 * 70 / 1.7**2)),
        ),
        ({"Units": "GML", "SUVType": "IBW"}, 2.0 * 70 / (45.5 + 0.91 * 18)),
        ({"Units": "CM2ML"}, 2.0 * 70000 / (0.007184 * 70**0.425 * 170**0.725 * 1e4)),
        ({"Units": "CNTS", "private": {(0x7053, 0x1000): ("DS", "0.001")}}, 0.002),
        ({"Units": "CNTS", "private": {(0x7053, 0x1000): ("UN", b"0.001 ")}}, 0.002),
        ({"Units": "CNTS", "private": {(0x7053, 0x1009): ("DS", "3")}}, 3 * PLAIN),
        (
            {"Units": "CPS", "CorrectedImage": ["DECY", "ATTN", "DCAL"], "DoseCalibrationFactor": "4"},
            4 * PLAIN,
        ),
    ],
    ids=str,
)
def test_units_doses_and_decay_references(tmp_path: Path, changes: dict[str, Any], factor: float) -> None:
    assert suv_per_value(tmp_path, **changes) == pytest.approx(factor, rel=1e-5)


def test_an_uncorrected_series_is_brought_to_the_injection(tmp_path: Path) -> None:
    rate = math.log(2) / HALF_LIFE
    to_start = rate * 840 / (1 - math.exp(-rate * 840))
    changes: dict[str, Any] = {"DecayCorrection": "NONE", "CorrectedImage": ["ATTN"]}
    assert suv_per_value(tmp_path, **changes) == pytest.approx(PLAIN * to_start, rel=1e-6)


def test_uncorrected_beds_are_each_brought_to_the_injection_from_their_own_time(tmp_path: Path) -> None:
    rate = math.log(2) / HALF_LIFE

    def bed(index: int) -> dict[str, Any]:
        return {"AcquisitionTime": "100700" if index < 3 else "101000", "ActualFrameDuration": 180000}

    scan = imported(tmp_path, bed, DecayCorrection="NONE", CorrectedImage=["ATTN"])
    in_frame = rate * 180 / (1 - math.exp(-rate * 180))
    starts = np.repeat([420.0, 600.0], 3)[:, None, None]
    expected = PIXELS * 2.0 * 70000 / 250e6 * in_frame * np.exp(rate * starts)
    assert np.allclose(scan.suv(), expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.130"}, "Enhanced PET"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.128.1"}, "Legacy Converted Enhanced PET image of 0"),
        ({"CorrectedImage": ["DECY"]}, "attenuation"),
        ({"CorrectedImage": ...}, "attenuation"),
        ({"CorrectedImage": ["ATTN"]}, "DECY"),
        ({"DecayCorrection": ...}, "DecayCorrection"),
        ({"Units": "PROPCNTS"}, "PROPCNTS"),
        ({"Units": "1CM"}, "1CM"),
        ({"Units": "CPS"}, "CPS"),
        ({"Units": "CNTS"}, "7053"),
        ({"Units": ...}, "missing"),
        ({"RadionuclideTotalDose": ...}, "RadionuclideTotalDose"),
        ({"RadionuclideTotalDose": "0"}, "RadionuclideTotalDose"),
        ({"PatientWeight": ...}, "PatientWeight"),
        ({"PatientWeight": "0"}, "PatientWeight"),
        ({"RadiopharmaceuticalStartTime": ...}, "injection time"),
        ({"Nuclide": ("C-163A8", "^177^Lutetium"), "RadionuclideHalfLife": "574300"}, "Lu177|Lutetium177"),
        ({"Nuclide": ("C-131A1", "^68^Gallium"), "RadionuclideHalfLife": "4062.6"}, "Ga68"),
        ({"RadionuclideHalfLife": "4062.6"}, "RadionuclideHalfLife"),
        ({"Nuclide": ..., "RadionuclideHalfLife": ..., "Radiopharmaceutical": "X"}, "radionuclide"),
        ({"SeriesType": ["GATED", "IMAGE"]}, "gated"),
        ({"Units": "GML", "SUVType": "LBM", "PatientSize": ...}, "PatientSize"),
        ({"Units": "GML", "SUVType": "IBW", "PatientSex": ""}, "sex"),
        ({"ActualFrameDuration": ...}, "ActualFrameDuration"),
    ],
    ids=str,
)
def test_what_cannot_be_trusted_is_refused_and_nothing_is_written(
    tmp_path: Path, changes: dict[str, Any], words: str
) -> None:
    write_series(tmp_path / "dicom", PIXELS, **changes)
    with pytest.raises(DataError, match=words) as caught:
        import_dicom(tmp_path / "dicom", tmp_path / "dataset")
    assert "\n" not in str(caught.value)
    assert str(tmp_path / "dicom") in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["dicom"]


def test_a_weight_given_with_the_import_goes_before_the_header(tmp_path: Path) -> None:
    write_series(tmp_path / "dicom", PIXELS, PatientWeight=...)
    report = import_dicom(tmp_path / "dicom", tmp_path / "dataset", weights_kilograms={"P-1": 35.0})
    assert np.allclose(read_scan(report.images[0].path).suv(), PIXELS * PLAIN / 2, rtol=1e-5)
