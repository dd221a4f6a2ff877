"""The one slice that a training leaves to look at: whose it is, what predicts it, and what resuming makes of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from tests.benchmark.test_training_resume import FakeData, assert_same, train

from petbench.training.example_image import FOLDER_NAME, example_slice, predicted_slices

if TYPE_CHECKING:
    from pathlib import Path


def test_the_slice_is_what_the_weights_of_its_validation_predict_of_the_first_validation_participant(
    tmp_path: Path,
) -> None:
    method = train(tmp_path)
    images, path = predicted_slices(tmp_path)[-1]
    assert images == 96
    scan, _ = FakeData("paired").own().validation[0]
    np.testing.assert_array_equal(np.load(path), method.predict(scan)[example_slice(scan.early)])


def test_a_training_that_goes_on_has_no_slice_of_later_than_its_checkpoint(tmp_path: Path) -> None:
    train(tmp_path, stop_after=60)
    there = [images for images, _ in predicted_slices(tmp_path)]
    stale = tmp_path / FOLDER_NAME / "images-000000000095.npy"
    np.save(stale, np.zeros((3, 3)))
    whole = train(tmp_path)
    assert not stale.exists()
    assert there[-1] <= 60 < predicted_slices(tmp_path)[-1][0] == 96
    assert_same(whole, train(tmp_path / "whole"))


def test_a_training_ends_as_ever_where_the_slice_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "blocked").mkdir()
    (tmp_path / "blocked" / FOLDER_NAME).write_text("a file in the folder's place")
    assert_same(train(tmp_path / "blocked"), train(tmp_path / "free"))


def test_a_method_that_nobody_validates_leaves_none(tmp_path: Path) -> None:
    train(tmp_path, validations=0)
    assert predicted_slices(tmp_path) == []
