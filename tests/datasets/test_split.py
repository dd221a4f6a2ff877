from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import pytest

from petbench_datasets.dataset.reader import open_cohort
from petbench_datasets.dataset.split import Fold, Split, load_split, split_names, write_split
from petbench_datasets.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path

    from tests.datasets.conftest import CohortWriter

    from petbench_datasets.dataset.reader import Cohort

FOLD = Fold(("sub-01", "sub-02"), ("sub-03",), ("sub-04",))


@pytest.fixture
def cohort(writer: CohortWriter) -> Cohort:
    return open_cohort(writer.cohort(4))


def write(cohort: Cohort, *folds: Fold, fingerprint: str | None = None) -> Path:
    return write_split(cohort.root, Split("holdout", fingerprint or cohort.fingerprint, folds))


def refusal(cohort: Cohort, name: str = "holdout") -> str:
    with pytest.raises(DataError) as caught:
        load_split(cohort, name)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_split_comes_back_as_it_was_written(cohort: Cohort) -> None:
    write(cohort, FOLD)
    split = load_split(cohort)
    assert split == Split("holdout", cohort.fingerprint, (FOLD,))
    assert split_names(cohort.root) == ("holdout",)


def test_the_digest_is_that_of_the_canonical_json(cohort: Cohort) -> None:
    write(cohort, FOLD)
    content = {
        "folds": [{"test": ["sub-04"], "train": ["sub-01", "sub-02"], "validation": ["sub-03"]}],
        "fingerprint": cohort.fingerprint,
        "name": "holdout",
    }
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    assert load_split(cohort).digest == hashlib.sha256(text.encode()).hexdigest()


def test_a_missing_split_names_those_there_are(cohort: Cohort) -> None:
    write(cohort, FOLD)
    assert "splits here: holdout" in refusal(cohort, "cv6")


def test_a_split_for_other_images_is_refused(cohort: Cohort) -> None:
    write(cohort, FOLD, fingerprint="0" * 64)
    assert "fingerprint" in refusal(cohort)


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
def test_a_fold_that_would_mislead_is_refused(cohort: Cohort, fold: Fold, words: str) -> None:
    write(cohort, fold)
    assert words in refusal(cohort)


def test_the_same_pixels_under_two_names_are_refused(writer: CohortWriter) -> None:
    root = writer.cohort(4)
    writer.image("sub-04", "delayed", writer.voxels(1))  # those of sub-01
    cohort = open_cohort(root)
    write(cohort, FOLD)
    assert "sub-01 and sub-04 hold the same voxels" in refusal(cohort)


def test_a_split_edited_by_hand_is_refused(cohort: Cohort) -> None:
    path = write(cohort, FOLD)
    path.write_text(path.read_text().replace('"sub-03"', '"sub-05"'))
    assert "digest" in refusal(cohort)


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"name": "holdout", "fingerprint": "x", "folds": 3}'])
def test_a_damaged_split_is_refused(cohort: Cohort, content: str) -> None:
    path = write(cohort, FOLD)
    path.write_text(content)
    assert "not a split file" in refusal(cohort)


def test_a_split_without_folds_is_refused(cohort: Cohort) -> None:
    write(cohort)
    assert "no folds" in refusal(cohort)
