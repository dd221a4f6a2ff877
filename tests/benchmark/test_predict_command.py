"""`petbench predict`: a trained run applied to a scan that is no part of its dataset."""

from __future__ import annotations

import json
import os
import re
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nibabel as untyped_nibabel
import numpy as np
import pytest
from tests.benchmark.made_runs import PIX2PIX

from petbench.runs.on_model_grid import fit_grid
from petbench_datasets.bids.scan import read_scan
from petbench_datasets.images.grid import Grid

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.benchmark.made_runs import MadeRuns
    from tests.command import Petbench

nibabel: Any = untyped_nibabel

BESIDE = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "real"
REAL = Path(os.environ.get("PETBENCH_REAL_DATA", BESIDE))


def unpack(name: str, folder: Path) -> Path:
    if not (REAL / name).exists():
        pytest.skip(f"{name} is not here; set PETBENCH_REAL_DATA to the folder that holds it")
    with tarfile.open(REAL / name) as archive:
        archive.extractall(folder, filter="data")
    return folder


@pytest.fixture(scope="session")
def real_scan(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Unpack one real whole-body scan."""
    (scan,) = unpack("sts_001_bids_pet.tar.gz", tmp_path_factory.mktemp("real")).rglob("*_pet.nii.gz")
    return scan


@pytest.fixture(scope="session")
def real_dicom(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Unpack the same scan as its scanner, a GE Discovery ST, wrote it."""
    return unpack("sts_001_fdg_pet_dicom.tar.gz", tmp_path_factory.mktemp("dicom"))


@pytest.fixture(scope="module")
def applied(made_runs: MadeRuns, tmp_path_factory: pytest.TempPathFactory, body_dataset: Path) -> Petbench:
    """Return a home where run 1 is `identity` and run 2 failed."""
    petbench = made_runs.copy(tmp_path_factory.mktemp("applied") / "home", "identity")
    petbench("run", "-m", "pix2pix", "-d", body_dataset, "--time-limit", "0.01", code=1)
    return petbench


@pytest.mark.slow
def test_a_real_whole_body_scan_gets_a_finite_suv_image_on_its_own_grid(
    ran: Callable[..., Petbench], real_scan: Path, tmp_path: Path
) -> None:
    petbench = ran(PIX2PIX)
    output = tmp_path / "delayed.nii.gz"
    facts = petbench.json("predict", "1", real_scan, "-o", output)
    predicted, scan = nibabel.load(output), nibabel.load(real_scan)
    assert predicted.shape == scan.shape
    np.testing.assert_array_equal(predicted.affine, scan.affine)
    assert nibabel.aff2axcodes(predicted.affine) == ("L", "P", "S")
    assert np.isfinite(np.asarray(predicted.dataobj)).all()
    assert predicted.get_data_dtype() == np.float32
    assert facts["early_maximum_suv"] == pytest.approx(66.52, abs=0.01)
    assert facts["early_mean_suv"] == pytest.approx(0.1493, abs=0.0001)
    assert any("min after injection" in warning for warning in facts["warnings"])


@pytest.mark.slow
def test_a_method_that_draws_what_it_is_given_gives_a_smooth_scan_back_through_the_models_grid(
    applied: Petbench, body_dataset: Path, tmp_path: Path
) -> None:
    (scan,) = (body_dataset / "sub-04" / "pet").glob("*early*.nii.gz")
    output = tmp_path / "back.nii.gz"
    applied("predict", "1", scan, "-o", output)
    np.testing.assert_allclose(
        np.asarray(nibabel.load(output).dataobj).transpose(), read_scan(scan).suv(), rtol=1e-4, atol=1e-4
    )


@pytest.mark.slow
def test_a_folder_of_dicom_files_gives_what_its_nifti_gives_and_in_bq_per_ml_what_the_scanner_stored(
    applied: Petbench, real_scan: Path, real_dicom: Path, tmp_path: Path
) -> None:
    facts = applied.json("predict", "1", real_dicom, "-o", tmp_path / "dicom.nii.gz", "--unit", "bq_per_ml")
    applied("predict", "1", real_scan, "-o", tmp_path / "nifti.nii.gz")
    assert facts["early_maximum_suv"] == pytest.approx(66.52, abs=0.01)
    dicom, nifti = nibabel.load(tmp_path / "dicom.nii.gz"), nibabel.load(tmp_path / "nifti.nii.gz")
    assert nibabel.aff2axcodes(dicom.affine) == ("L", "P", "S")
    np.testing.assert_allclose(dicom.affine, nifti.affine, atol=1e-2)
    # 388.8 MBq were injected into 71 kg; the scan is corrected to its own start, and the card says when that was.
    (minutes,) = re.findall(r"to ([\d.]+) min after injection", facts["unit_in_words"])
    of_one_suv = 388.8e6 / 71_000 * 2 ** (-float(minutes) / 109.77)
    predicted, expected = np.asarray(dicom.dataobj), np.asarray(nifti.dataobj)
    np.testing.assert_allclose(predicted / of_one_suv, expected, rtol=2e-3, atol=1e-3)
    assert predicted.sum() == pytest.approx(
        np.asarray(nibabel.load(real_scan).dataobj).sum(), rel=0.05
    )  # the coarse grid cuts a little off


@pytest.mark.slow
def test_the_card_beside_the_image_says_what_predicted_it_how_well_and_what_it_is_not_for(
    applied: Petbench, body_dataset: Path, tmp_path: Path
) -> None:
    (scan,) = (body_dataset / "sub-04" / "pet").glob("*early*.nii.gz")
    facts = applied.json("predict", "1", scan, "-o", tmp_path / "delayed.nii.gz")
    card = json.loads((tmp_path / "delayed.card.json").read_text(encoding="utf-8"))
    row = applied.json("runs", "show", "1")
    assert {key: card["run"][key] for key in ("fingerprint", "split_digest", "fold", "seed", "budget", "protocol")} == {
        key: row[key] for key in ("fingerprint", "split_digest", "fold", "seed", "budget", "protocol")
    }
    scores = {(score["metric"], score["region"]): score for score in card["scores"]}
    (psnr,) = (score for score in row["scores"] if score["metric"] == "psnr_body_suv20")
    assert scores["psnr_body_suv20", "body"]["mean"] == psnr["value"]
    assert scores["psnr_body_suv20", "body"]["participants"] == 1
    page = (tmp_path / "delayed.card.md").read_text(encoding="utf-8")
    assert facts["card"] == str(tmp_path / "delayed.card.md")
    for needed in (
        "Research only",
        "7-21 min",
        "42-63 min",
        "not measured",
        f"| PSNR (body, dB) | {psnr['value']:.2f} |",
        "delayed.nii.gz",
    ):
        assert needed in page
    assert str(tmp_path) not in page
    applied("predict", "1", scan, "-o", tmp_path / "delayed.nii.gz", code=2)
    applied("predict", "1", scan, "-o", tmp_path / "delayed.nii.gz", "--force")


def test_the_models_grid_keeps_its_spacing_and_shares_the_scans_centre() -> None:
    model = Grid.regular((98, 64, 64), (20.0, 10.69, 10.69))
    affine = np.diag([-4.6875, -4.6875, 3.27, 1.0])
    affine[:3, 3] = [297.7, 297.7, -881.3]
    scan = Grid((267, 128, 128), affine)
    fitted = fit_grid(scan, model)
    np.testing.assert_allclose(fitted.spacing_millimetres, model.spacing_millimetres)
    assert fitted.shape[1:] == model.shape[1:]
    assert fitted.shape[0] * 20.0 >= 267 * 3.27
    np.testing.assert_allclose(fitted.corners_millimetres().mean(axis=0), scan.corners_millimetres().mean(axis=0))


def test_a_depth_that_is_a_whole_number_of_slices_but_for_rounding_needs_no_further_one() -> None:
    scan, model = Grid.regular((3, 8, 8), (2.2, 4.0, 4.0)), Grid.regular((2, 8, 8), (3.3, 4.0, 4.0))
    assert 3 * 2.2 / 3.3 > 2.0
    assert fit_grid(scan, model).shape[0] == 2


@pytest.mark.slow
@pytest.mark.parametrize("case", ["exists", "ending", "no scan", "no dicom", "no image", "no run", "failed run"])
def test_a_request_that_cannot_be_met_is_one_line_and_leaves_nothing(
    case: str, applied: Petbench, body_dataset: Path, tmp_path: Path
) -> None:
    (scan,) = (body_dataset / "sub-04" / "pet").glob("*early*.nii.gz")
    output = tmp_path / ("out.nii" if case == "ending" else "out.nii.gz")
    if case == "exists":
        output.write_bytes(b"mine")
    run_id = {"no run": "9", "failed run": "2"}.get(case, "1")
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes.txt").write_text("no image")
    other = {"no scan": "nothing.nii.gz", "no dicom": "empty", "no image": "notes.txt"}
    given = tmp_path / other[case] if case in other else scan
    code = 1 if case in (*other, "no run") else 2
    result = applied("predict", run_id, given, "-o", output, code=code)
    assert result.stderr.startswith("error:")
    assert result.stderr.count("\n") == 1
    assert output.read_bytes() == b"mine" if case == "exists" else not output.exists()
