"""`petbench predict`: a trained run applied to a scan that is no part of its cohort."""

from __future__ import annotations

import os
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nibabel as untyped_nibabel
import numpy as np
import pytest

from petbench.runs.apply import fit_grid
from petbench_datasets.bids import read_scan
from petbench_datasets.grid import Grid

if TYPE_CHECKING:
    from tests.benchmark.conftest import Petbench

nibabel: Any = untyped_nibabel

BESIDE = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "real"
ARCHIVE = Path(os.environ.get("PETBENCH_REAL_DATA", BESIDE)) / "sts_001_bids_pet.tar.gz"


@pytest.fixture(scope="session")
def real_scan(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Unpack one real whole-body scan."""
    if not ARCHIVE.exists():
        pytest.skip(f"{ARCHIVE.name} is not here; set PETBENCH_REAL_DATA to the folder that holds it")
    folder = tmp_path_factory.mktemp("real")
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(folder, filter="data")
    (scan,) = folder.rglob("*_pet.nii.gz")
    return scan


def train(petbench: Petbench, cohort: Path) -> None:
    petbench("run", "-m", "pix2pix", "-d", cohort, "--budget", "images=64", "--set", "width=4")


def test_a_real_whole_body_scan_gets_a_finite_suv_image_on_its_own_grid(
    petbench: Petbench, body_cohort: Path, real_scan: Path, tmp_path: Path
) -> None:
    train(petbench, body_cohort)
    output = tmp_path / "delayed.nii.gz"
    facts = petbench.json("predict", "1", real_scan, "-o", output)
    drawn, scan = nibabel.load(output), nibabel.load(real_scan)
    assert drawn.shape == scan.shape
    np.testing.assert_array_equal(drawn.affine, scan.affine)
    assert nibabel.aff2axcodes(drawn.affine) == ("L", "P", "S")
    assert np.isfinite(np.asarray(drawn.dataobj)).all()
    assert drawn.get_data_dtype() == np.float32
    assert facts["early_maximum_suv"] == pytest.approx(66.52, abs=0.01)
    assert facts["early_mean_suv"] == pytest.approx(0.1493, abs=0.0001)
    assert any("min after injection" in warning for warning in facts["warnings"])


def test_a_method_that_draws_what_it_is_given_gives_a_smooth_scan_back_through_the_models_grid(
    petbench: Petbench, body_cohort: Path, tmp_path: Path
) -> None:
    petbench("run", "-m", "identity", "-d", body_cohort)
    (scan,) = (body_cohort / "sub-04" / "pet").glob("*early*.nii.gz")
    output = tmp_path / "back.nii.gz"
    petbench("predict", "1", scan, "-o", output)
    np.testing.assert_allclose(
        np.asarray(nibabel.load(output).dataobj).transpose(), read_scan(scan).suv(), rtol=1e-4, atol=1e-4
    )


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


@pytest.mark.parametrize("case", ["exists", "ending", "no scan", "no run", "failed run"])
def test_a_request_that_cannot_be_met_is_one_line_and_leaves_nothing(
    case: str, petbench: Petbench, body_cohort: Path, tmp_path: Path
) -> None:
    petbench("run", "-m", "identity", "-d", body_cohort)
    if case == "failed run":
        petbench("run", "-m", "pix2pix", "-d", body_cohort, "--device", "cuda:63", code=1)
    (scan,) = (body_cohort / "sub-04" / "pet").glob("*early*.nii.gz")
    output = tmp_path / ("out.nii" if case == "ending" else "out.nii.gz")
    if case == "exists":
        output.write_bytes(b"mine")
    run_id = {"no run": "9", "failed run": "2"}.get(case, "1")
    given = tmp_path / "nothing.nii.gz" if case == "no scan" else scan
    code = 1 if case in ("no scan", "no run") else 2
    result = petbench("predict", run_id, given, "-o", output, code=code)
    assert result.stderr.startswith("error:")
    assert result.stderr.count("\n") == 1
    assert output.read_bytes() == b"mine" if case == "exists" else not output.exists()
