"""Sidecars as OpenNeuro's data sets of brain FDG have them: read for what they say, and refused for what they are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from petbench_datasets.bids.scan import read_scan
from petbench_datasets.errors import DataError

if TYPE_CHECKING:
    from tests.datasets.conftest import DatasetWriter

    from petbench_datasets.bids.scan import Scan

DATA = Path(__file__).parents[1] / "data" / "openneuro"
MONASH_REST = "ds002898_sub-03_pet.json"
MONASH_CHECKERBOARD = "ds003382_sub-02_acdyn_pet.json"
WITHOUT_PET_FIELDS = "ds003382_sub-02_vis_pet.json"
HALF_LIFE_SECONDS = 6586.2


def scan_of(writer: DatasetWriter, name: str, **changes: Any) -> Scan:
    """Return the scan of a sidecar of OpenNeuro, with an image of as many frames as it says, and a weight of 70 kg."""
    content = {**json.loads((DATA / name).read_text(encoding="utf-8")), **changes}
    movie = np.stack([writer.voxels(0)] * len(content.get("FrameTimesStart", [0])))
    path = writer.image("sub-01", "early", movie)
    kept = {key: value for key, value in content.items() if value is not ...}
    writer.sidecar_path("sub-01", "early").write_text(json.dumps(kept), encoding="utf-8")
    writer.participants({"sub-01": 70})
    return read_scan(path)


@pytest.mark.parametrize("name", [MONASH_REST, MONASH_CHECKERBOARD])
def test_a_constant_infusion_is_refused_as_it_is(writer: DatasetWriter, name: str) -> None:
    with pytest.raises(DataError, match="infused") as caught:
        scan_of(writer, name)
    assert "\n" not in str(caught.value)


def test_a_sidecar_without_fields_of_pet_is_refused_by_what_it_lacks_first(writer: DatasetWriter) -> None:
    with pytest.raises(DataError, match="is missing or n/a; add it to the sidecar") as caught:
        scan_of(writer, WITHOUT_PET_FIELDS)
    assert "\n" not in str(caught.value)


def test_a_dose_as_text_that_the_header_contradicts_is_refused_with_both(writer: DatasetWriter) -> None:
    with pytest.raises(DataError, match=r"InjectedRadioactivity 264\.55 MBq, but RadionuclideTotalDose 2\.263e\+08 Bq"):
        scan_of(writer, MONASH_REST, ModeOfAdministration="bolus")


def test_singular_units_nulls_and_a_dose_as_text_are_understood(writer: DatasetWriter) -> None:
    """As if the scan were a bolus, its header's dose taken out, and its one decay factor, which is no frame's."""
    scan = scan_of(
        writer, MONASH_REST, ModeOfAdministration="bolus", RadionuclideTotalDose=..., DecayCorrectionFactor=...
    )
    assert len(scan.frames) == 356
    assert (scan.frames[0].start_seconds, scan.frames[-1].stop_seconds) == (-34.0, 5680.0 + 16.0 - 34.0)
    decayed = 264.55e6 * 2.0 ** (34.0 / HALF_LIFE_SECONDS)  # corrected to TimeZero, which is before the injection
    assert scan.suv_per_unit(100) == pytest.approx(70e3 / decayed, rel=1e-9)
    assert any("InjectedRadioactivityUnit read as InjectedRadioactivityUnits" in repair for repair in scan.repairs)


def test_units_in_other_letters_and_zeros_for_what_is_not_known_are_understood(writer: DatasetWriter) -> None:
    scan = scan_of(writer, MONASH_CHECKERBOARD, ModeOfAdministration="bolus", DecayFactor=...)
    assert len(scan.frames) == 90
    assert scan.frames[42].start_seconds == 2520.0
    assert scan.suv_per_unit(42) == pytest.approx(70e3 / 39e6, rel=1e-9)


@pytest.mark.parametrize("wrapped", [86399, 86390])
def test_a_first_frame_before_midnight_belongs_to_the_day_before(writer: DatasetWriter, wrapped: int) -> None:
    """As some participants of ds002898 have it: 86399, 15, 31 and so on."""
    starts = [wrapped, *range(15, 15 + 16 * 355, 16)]
    scan = scan_of(
        writer,
        MONASH_REST,
        ModeOfAdministration="bolus",
        RadionuclideTotalDose=...,
        DecayCorrectionFactor=...,
        FrameTimesStart=starts,
        InjectionStart=0,
    )
    assert [frame.start_seconds for frame in scan.frames[:3]] == [wrapped - 86400.0, 15.0, 31.0]
    assert any("taken as a day earlier" in repair for repair in scan.repairs)
