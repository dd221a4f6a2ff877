"""What a run could not score is said before it trains, and training that was done is not done twice."""

from __future__ import annotations

import shutil
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from petbench_datasets.images.grid import Grid
from petbench_datasets.images.nifti_writer import write_image

if TYPE_CHECKING:
    from tests.command import Petbench

DATA = Path(__file__).resolve().parents[1] / "data"


@pytest.mark.slow
@pytest.mark.parametrize("part", ["test", "validation"])
def test_labels_on_another_grid_stop_a_run_before_it_trains(
    part: str, petbench: Petbench, body_dataset: Path, tmp_path: Path
) -> None:
    dataset = shutil.copytree(body_dataset, tmp_path / "bodies")
    who = {"test": "sub-04", "validation": "sub-03"}[part]
    folder = dataset / "derivatives" / "TotalSegmentator" / who
    labels = folder / f"{who}_desc-organs_dseg.nii.gz"
    write_image(labels, np.ones((40, 64, 64)), Grid.regular((40, 64, 64), (10.0, 6.0, 6.0)), dtype=np.int16)
    (folder.parent / "dseg.tsv").write_text("index\tname\n1\tliver\n", encoding="utf-8")
    said = petbench("run", "-m", "scale", "-d", dataset, code=1).stderr
    assert f"{labels}: lies elsewhere than the PET images" in said
    assert "petbench datasets resample" in said
    row = petbench.json("runs", "show", "1")
    assert row["status"] == "failed"
    assert [phase["phase"] for phase in row["phases"]] == ["prepare"]
    shutil.rmtree(folder.parent)
    petbench("run", "-m", "scale", "-d", dataset)


@pytest.mark.slow
def test_the_case_of_labels_on_the_ct_grid_is_refused_by_run_and_runs_once_it_is_resampled(
    petbench: Petbench, tmp_path: Path
) -> None:
    with tarfile.open(DATA / "cases-of-people.tar.gz") as content:
        content.extractall(tmp_path, filter="data")
    case, dataset = tmp_path / "b_labels_on_ct_grid", tmp_path / "three"
    petbench("datasets", "check", case, code=1)
    petbench("datasets", "resample", case, "--to", "early", "--out", dataset)
    assert "errors: 0" in petbench("datasets", "check", dataset).stdout
