"""The pages that tell somebody what to type: each is followed to the letter, and leads where it says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from tests.benchmark.docs_reader import Reader, blocks_of
from tests.datasets.dicom_writer import write_pair

from petbench_datasets.dataset.reader import open_dataset
from petbench_datasets.images.grid import Grid
from petbench_datasets.images.nifti_writer import write_image

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.slow
def test_the_tutorial_leads_to_a_row_and_on_to_somebody_elses_leaderboard(tmp_path: Path, body_dataset: Path) -> None:
    author = Reader(tmp_path, body_dataset)
    author.follow("write-a-method.md")
    (row,) = author.json("petbench runs list --json")
    assert (row["method"], row["status"], row["distribution"]) == ("my-unet", "ok", "my-unet")

    author.home = "organizers-home"
    author.follow("run-a-leaderboard.md")
    (row,) = author.json("petbench runs list --json")
    assert (row["method"], row["verification"]) == ("my-unet", "rescored")
    assert (tmp_path / "results" / "report" / "index.html").exists()


@pytest.mark.slow
def test_the_quick_start_leads_to_a_leaderboard(tmp_path: Path, body_dataset: Path) -> None:
    reader = Reader(tmp_path, body_dataset)
    reader.follow("quick-start.md")
    assert {row["method"] for row in reader.json("petbench runs list --json")} == {"identity", "scale"}


@pytest.mark.slow
def test_ones_own_scans_become_datasets_that_can_be_run(tmp_path: Path, body_dataset: Path) -> None:
    random = np.random.default_rng(0)
    grid = Grid.regular((16, 20, 20), (10.0, 6.0, 6.0))
    for number in range(1, 7):
        write_pair(tmp_path / "dicom" / str(number), f"P-{number}", number)
        for window in ("early", "delayed"):
            image = random.gamma(4.0, 0.3, grid.shape).astype(np.float32)
            write_image(tmp_path / "images" / f"{number:02d}-{window}.nii.gz", image, grid)
    reader = Reader(tmp_path, body_dataset)
    reader.follow("your-own-scans.md")
    assert len(open_dataset(tmp_path / "my-dataset").participants) == 6
    assert open_dataset(tmp_path / "coarse").participants == open_dataset(tmp_path / "other-dataset").participants
    assert (tmp_path / "overview.png").stat().st_size > 0
    (row,) = reader.json("petbench runs list --json")
    assert (row["dataset"], row["status"]) == ("other-dataset", "ok")


@pytest.mark.parametrize("page", ["write-a-method.md", "run-a-leaderboard.md", "quick-start.md", "your-own-scans.md"])
def test_a_page_that_is_followed_has_something_to_follow(page: str) -> None:
    assert sum(len(list(block.commands())) for block in blocks_of(page)) >= 4
