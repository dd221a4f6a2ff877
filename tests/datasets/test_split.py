from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import pytest

from petbench_datasets.dataset.reader import open_dataset
from petbench_datasets.dataset.split import Fold, Split, load_split, split_names, write_split
from petbench_datasets.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path

    from tests.datasets.conftest import DatasetWriter

    from petbench_datasets.dataset.reader import Dataset

FOLD = Fold(("sub-01", "sub-02"), ("sub-03",), ("sub-04",))


@pytest.fixture
def dataset(writer: DatasetWriter) -> Dataset:
    return open_dataset(writer.dataset(4))


def write(dataset: Dataset, *folds: Fold, fingerprint: str | None = None) -> Path:
    return write_split(dataset.root, Split("holdout", fingerprint or dataset.fingerprint, folds))


def refusal(dataset: Dataset, name: str = "holdout") -> str:
    with pytest.raises(DataError) as caught:
        load_split(dataset, name)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_split_comes_back_as_it_was_written(dataset: Dataset) -> None:
    write(dataset, FOLD)
    split = load_split(dataset)
    assert split == Split("holdout", dataset.fingerprint, (FOLD,))
    assert split_names(dataset.root) == ("holdout",)


def test_the_digest_is_that_of_the_canonical_json(dataset: Dataset) -> None:
    write(dataset, FOLD)
    content = {
        "folds": [{"test": ["sub-04"], "train": ["sub-01", "sub-02"], "validation": ["sub-03"]}],
        "fingerprint": dataset.fingerprint,
        "name": "holdout",
    }
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    assert load_split(dataset).digest == hashlib.sha256(text.encode()).hexdigest()


def test_a_missing_split_names_those_there_are(dataset: Dataset) -> None:
    write(dataset, FOLD)
    assert "splits here: holdout" in refusal(dataset, "cv6")


def test_a_split_for_other_images_is_refused(dataset: Dataset) -> None:
    write(dataset, FOLD, fingerprint="0" * 64)
    assert "fingerprint" in refusal(dataset)


@pytest.mark.parametrize(
    ("fold", "words"),
    [
        (Fold(("sub-01", "sub-02"), ("sub-03",), ("sub-02",)), "sub-02 in both train and test"),
        (Fold(("sub-01",), ("sub-03", "sub-03"), ("sub-02",)), "sub-03 in validation twice"),
        (Fold(("sub-01",), (), ("sub-09",)), "sub-09"),
        (Fold((), ("sub-01",), ("sub-02",)), "nobody to train"),
        (Fold(("sub-01",), ("sub-02",), ()), "nobody to test"),
    ],
)
def test_a_fold_that_would_mislead_is_refused(dataset: Dataset, fold: Fold, words: str) -> None:
    write(dataset, fold)
    assert words in refusal(dataset)


def test_the_same_pixels_under_two_names_are_refused(writer: DatasetWriter) -> None:
    root = writer.dataset(4)
    writer.image("sub-04", "delayed", writer.voxels(1))  # those of sub-01
    dataset = open_dataset(root)
    write(dataset, FOLD)
    assert "sub-01 and sub-04 hold the same voxels" in refusal(dataset)


def test_a_split_edited_by_hand_is_refused(dataset: Dataset) -> None:
    path = write(dataset, FOLD)
    path.write_text(path.read_text().replace('"sub-03"', '"sub-05"'))
    assert "digest" in refusal(dataset)


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"name": "holdout", "fingerprint": "x", "folds": 3}'])
def test_a_damaged_split_is_refused(dataset: Dataset, content: str) -> None:
    path = write(dataset, FOLD)
    path.write_text(content)
    assert "not a split file" in refusal(dataset)


def test_a_split_without_folds_is_refused(dataset: Dataset) -> None:
    write(dataset)
    assert "no folds" in refusal(dataset)
