from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from scipy.integrate import quad

from petbench_datasets.bids.scan import Scan, read_scan
from petbench_datasets.errors import DataError
from petbench_datasets.images.decay import average_count_seconds, mean_over_frame, nuclide, remaining
from petbench_datasets.images.suv import Calibration
from petbench_datasets.images.windows import Frame
from petbench_datasets.tasks.built_in import DEFAULT_TASK

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.datasets.conftest import DatasetWriter

HALF_LIFE = 6586.2


def scan_with(writer: DatasetWriter, **changes: Any) -> Scan:
    writer.participants({"sub-01": 70})
    return read_scan(writer.image("sub-01", "early", writer.voxels(0), **changes), task=DEFAULT_TASK)


def factor(scan: Scan) -> float:
    return scan.suv_per_unit(0)


PLAIN = 70000.0 / 250e6  # decay-corrected to the injection


def test_suv_is_activity_times_weight_over_dose(writer: DatasetWriter) -> None:
    scan = scan_with(writer)
    assert np.allclose(scan.suv(), writer.voxels(0) * PLAIN, rtol=1e-6)


def test_the_dose_is_decayed_to_the_time_of_correction(writer: DatasetWriter) -> None:
    scan = scan_with(writer, InjectionStart=-600, FrameTimesStart=[0], ImageDecayCorrectionTime=0)
    assert factor(scan) == pytest.approx(PLAIN * 2 ** (600 / HALF_LIFE), rel=1e-9)
    assert scan.frames == (Frame(600.0, 840.0),)


def test_an_uncorrected_frame_gives_the_suv_that_constant_uptake_has() -> None:
    # A voxel of constant decay-corrected activity: what the scanner counts is its mean over the frame.
    start, duration = 2520.0, 1260.0
    measured = quad(lambda t: 5000.0 * 2 ** (-t / HALF_LIFE), start, start + duration)[0] / duration
    raw = Calibration(250e6, 70.0, HALF_LIFE, None)
    assert measured * raw.suv_per_unit(Frame(start, duration)) == pytest.approx(5000.0 * PLAIN, rel=1e-9)


def test_decay_formulae_agree_with_numerical_integration() -> None:
    mean = quad(lambda t: remaining(t, HALF_LIFE), 0, 1800)[0] / 1800
    assert mean_over_frame(1800, HALF_LIFE) == pytest.approx(mean, rel=1e-10)
    assert remaining(average_count_seconds(1800, HALF_LIFE), HALF_LIFE) == pytest.approx(mean, rel=1e-10)
    assert mean_over_frame(1e-9, HALF_LIFE) == pytest.approx(1.0)


@pytest.mark.parametrize("text", ["F18", "18F", "F-18", "^18^Fluorine", "[18F]", "Fluorine-18", "^18^F"])
def test_a_nuclide_is_recognised_however_it_is_written(text: str) -> None:
    assert nuclide(text) == "F18"


@pytest.mark.parametrize(
    "changes",
    [
        {"InjectedRadioactivityUnits": "Mbq"},
        {"InjectedRadioactivity": "250"},
        {"InjectedRadioactivity": 250e6, "InjectedRadioactivityUnits": "Bq"},
        {"InjectedRadioactivity": 250e6, "InjectedRadioactivityUnits": "MBq"},
        {"InjectedRadioactivity": 250, "InjectedRadioactivityUnits": "Bq"},
        {"InjectedRadioactivity": 0.25, "InjectedRadioactivityUnits": "GBq"},
        {"InjectedRadioactivityUnits": ..., "InjectedRadioactivityUnit": "MBq"},
        {"InjectedRadioactivityUnits": ..., "InjectedRadioActivityUnits": "MBq"},
        {"Units": "Bq/ml"},
        {"Units": "BQML"},
        {"FrameTimesStart": 420, "FrameDuration": 840},
        {"FrameTimesStart": [7], "FrameTimesStartUnits": "min", "FrameDuration": [14], "FrameDurationUnit": "min"},
        {"RadionuclideTotalDose": 251e6},
        {"SpecificRadioactivity": "n/a", "InjectedMass": "n/a"},
        {"ImageDecayCorrected": "true"},
    ],
    ids=str,
)
def test_quirks_seen_in_public_data_sets_are_repaired(writer: DatasetWriter, changes: dict[str, Any]) -> None:
    scan = scan_with(writer, **changes)
    assert factor(scan) == pytest.approx(PLAIN, rel=1e-9)
    assert scan.frames == (Frame(420.0, 840.0),)


def test_a_repair_that_changes_a_number_is_reported(writer: DatasetWriter) -> None:
    scan = scan_with(writer, InjectedRadioactivity=250, InjectedRadioactivityUnits="Bq")
    assert any("taken as MBq" in repair for repair in scan.repairs)


def test_frame_times_that_wrap_at_midnight_are_unwrapped(writer: DatasetWriter) -> None:
    writer.participants({"sub-01": 70})
    movie = np.stack([writer.voxels(seed) for seed in range(3)])
    path = writer.image(
        "sub-01", "early", movie, FrameTimesStart=[86399, 15, 31], FrameDuration=[16, 16, 16], InjectionStart=0
    )
    scan = read_scan(path)
    assert [frame.start_seconds for frame in scan.frames] == [-1.0, 15.0, 31.0]
    assert scan.repairs


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"InjectedRadioactivity": "n/a"}, "InjectedRadioactivity is missing"),
        ({"InjectedRadioactivity": "a lot"}, "InjectedRadioactivity"),
        ({"InjectedRadioactivity": 0}, "impossible"),
        ({"InjectedRadioactivity": -250}, "impossible"),
        ({"InjectedRadioactivityUnits": ...}, "InjectedRadioactivityUnits"),
        (
            {"InjectedRadioactivity": 251, "RadionuclideTotalDose": 167.6e6},
            "InjectedRadioactivity 251 MBq, but RadionuclideTotalDose",
        ),
        ({"InjectionStart": ...}, "InjectionStart is missing"),
        ({"FrameTimesStart": ...}, "FrameTimesStart is missing"),
        ({"FrameDuration": [840, 840]}, "FrameDuration"),
        ({"FrameDuration": [0]}, "FrameDuration"),
        ({"FrameTimesStart": [0], "ScanStart": 3000}, "ScanStart"),
        ({"ImageDecayCorrected": ...}, "ImageDecayCorrected is missing"),
        ({"ImageDecayCorrectionTime": "n/a"}, "ImageDecayCorrectionTime is missing"),
        ({"Units": "counts"}, "Units"),
        ({"Units": ...}, "Units is missing"),
        ({"TracerRadionuclide": "Xx99"}, "Xx99, not F18"),
        ({"TracerRadionuclide": "Ga68"}, "Ga68, not F18"),
        ({"TracerName": "PSMA-1007"}, "PSMA-1007"),
        ({"AttenuationCorrection": "none"}, "not corrected for attenuation"),
        ({"AttenuationCorrection": False}, "not corrected for attenuation"),
        ({"CorrectedImage": ["DECY", "SCAT"]}, "not corrected for attenuation"),
        ({"ModeOfAdministration": "infusion"}, "infused"),
        ({"ModeOfAdministration": "bolus-infusion"}, "infused"),
        ({"InjectionEnd": 5400}, "90 min"),
        ({"ImageDecayCorrectionTime": 1615280400}, "ImageDecayCorrectionTime is 1615280400"),
        ({"InjectionStart": float("inf")}, "InjectionStart is inf"),
        ({"FrameTimesStart": [1e30]}, "FrameTimesStart"),
        ({"RadiopharmaceuticalStartTime": "09:00:00"}, "InjectionStart .*TimeZero 10:00:00.*09:00:00"),
        ({"DecayCorrectionFactor": [1.3]}, "ImageDecayCorrectionTime .*DecayCorrectionFactor"),
        ({"PatientWeight": 90}, "body_weight of participants.tsv 70 kg, but PatientWeight of the sidecar 90 kg"),
        ({"RadionuclideHalfLife": 1223.0}, "RadionuclideHalfLife"),
    ],
    ids=str,
)
def test_what_would_need_a_guess_is_refused_in_one_line(
    writer: DatasetWriter, changes: dict[str, Any], words: str
) -> None:
    with pytest.raises(DataError, match=words) as caught:
        scan_with(writer, **changes)
    assert str(writer.sidecar_path("sub-01", "early")) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_frames_that_overlap_are_refused(writer: DatasetWriter) -> None:
    writer.participants({"sub-01": 70})
    path = writer.image(
        "sub-01", "early", np.stack([writer.voxels(0)] * 2), FrameTimesStart=[420, 500], FrameDuration=[400, 400]
    )
    with pytest.raises(DataError, match="before frame 0 ends"):
        read_scan(path)


def test_voxels_that_are_suv_already_need_neither_dose_nor_weight(writer: DatasetWriter) -> None:
    scan = scan_with(writer, Units="g/mL", InjectedRadioactivity="n/a", InjectedRadioactivityUnits="n/a")
    assert np.array_equal(scan.suv(), writer.voxels(0))


@pytest.mark.parametrize("weight", ["n/a", "", "heavy", "0", "-70", "7e9"])
def test_a_missing_or_impossible_weight_is_refused_by_name(writer: DatasetWriter, weight: str) -> None:
    path = writer.image("sub-01", "early", writer.voxels(0))
    writer.participants({"sub-01": weight})
    with pytest.raises(DataError, match="body_weight") as caught:
        read_scan(path)
    assert "participants.tsv" in str(caught.value)
    assert "sub-01" in str(caught.value)


@pytest.mark.parametrize(("unit", "weight"), [("kg", 70.0), ("g", 70000.0), ("lb", 154.3236), ("pounds", 154.3236)])
def test_the_unit_that_the_tables_description_names_is_honoured(
    writer: DatasetWriter, unit: str, weight: float
) -> None:
    path = writer.image("sub-01", "early", writer.voxels(0))
    writer.participants({"sub-01": weight})
    (writer.root / "participants.json").write_text(json.dumps({"body_weight": {"Units": unit}}))
    assert factor(read_scan(path)) == pytest.approx(PLAIN, rel=1e-6)


def test_a_unit_that_is_none_of_a_weight_is_refused(writer: DatasetWriter) -> None:
    path = writer.image("sub-01", "early", writer.voxels(0))
    writer.participants({"sub-01": 70})
    (writer.root / "participants.json").write_text(json.dumps({"body_weight": {"Units": "stone"}}))
    with pytest.raises(DataError, match="'stone'"):
        read_scan(path)


def test_two_decay_factors_that_agree_outweigh_the_correction_time(writer: DatasetWriter) -> None:
    # Both say that the image is corrected to the start of its frame, 420 s after the injection.
    mean = average_count_seconds(840, HALF_LIFE)
    corrected_to_start = 2 ** (mean / HALF_LIFE)
    scan = scan_with(
        writer, DecayCorrectionFactor=[corrected_to_start], DecayFactor=[corrected_to_start], ImageDecayCorrectionTime=0
    )
    assert factor(scan) == pytest.approx(PLAIN * 2 ** (420 / HALF_LIFE), rel=1e-6)
    assert any("against ImageDecayCorrectionTime" in repair for repair in scan.repairs)


def test_a_weight_in_grams_is_understood(writer: DatasetWriter) -> None:
    path = writer.image("sub-01", "early", writer.voxels(0))
    writer.participants({"sub-01": 70000})
    assert factor(read_scan(path)) == pytest.approx(PLAIN)


def test_the_weight_of_a_session_goes_before_that_of_the_participant(writer: DatasetWriter) -> None:
    source = writer.image("sub-01", "early", writer.voxels(0))
    writer.participants({"sub-01": 70})
    folder = writer.root / "sub-01" / "ses-2" / "pet"
    folder.mkdir(parents=True)
    path = source.rename(folder / "sub-01_ses-2_pet.nii.gz")
    writer.sidecar_path("sub-01", "early").rename(folder / "sub-01_ses-2_pet.json")
    (writer.root / "sub-01" / "sub-01_sessions.tsv").write_text("session_id\tbody_weight\nses-2\t77\n")
    assert factor(read_scan(path)) == pytest.approx(PLAIN * 77 / 70)


def test_sidecars_are_inherited_from_folders_above(writer: DatasetWriter) -> None:
    path = writer.image("sub-01", "early", writer.voxels(0))
    writer.participants({"sub-01": 70})
    own = writer.sidecar_path("sub-01", "early")
    shared = {"InjectedRadioactivity": 100.0, "TracerRadionuclide": "F18"}
    rest = {key: value for key, value in json.loads(own.read_text()).items() if key not in shared}
    own.write_text(json.dumps(rest))
    (writer.root / "pet.json").write_text(json.dumps(shared))
    (writer.root / "rec-delayed_pet.json").write_text(json.dumps({"InjectedRadioactivity": 1.0}))
    (writer.root / "sub-01" / "sub-01_pet.json").write_text(json.dumps({"InjectedRadioactivity": 250.0}))
    assert factor(read_scan(path)) == pytest.approx(PLAIN)


@pytest.mark.parametrize("content", ["{", "[]", "not json", ""])
def test_a_damaged_sidecar_is_refused(writer: DatasetWriter, content: str) -> None:
    path = writer.image("sub-01", "early", writer.voxels(0))
    writer.participants({"sub-01": 70})
    writer.sidecar_path("sub-01", "early").write_text(content)
    with pytest.raises(DataError, match="json"):
        read_scan(path)


def test_the_real_whole_body_scan_has_its_published_suv(real_data: Callable[[str], Path]) -> None:
    path = real_data("sts_001_bids_pet") / "bids/sub-sts001/pet/sub-sts001_trc-18FFDG_pet.nii.gz"
    scan = read_scan(path)
    suv = scan.suv()
    assert suv.max() == pytest.approx(66.52, abs=0.01)
    assert suv.mean() == pytest.approx(0.1493, abs=0.0001)
    assert suv.shape == (267, 128, 128)
    assert scan.grid.spacing_millimetres == pytest.approx((3.27, 4.6875, 4.6875), abs=1e-3)
