from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from petbench_datasets.dataset.folds import make_split
from petbench_datasets.dataset.reader import open_dataset
from petbench_datasets.dataset.split import load_split, write_split
from petbench_datasets.errors import DataError

if TYPE_CHECKING:
    from tests.datasets.conftest import DatasetWriter

    from petbench_datasets.dataset.reader import Dataset

SEX = ["F"] * 6 + ["M"] * 6
SITE = ["north", "south", "east"] * 4


@pytest.fixture
def dataset(writer: DatasetWriter) -> Dataset:
    return open_dataset(writer.dataset(12, sex=SEX, site=SITE))


def test_a_split_that_was_made_can_be_written_and_loaded(dataset: Dataset) -> None:
    for split in (
        make_split(dataset, "holdout"),
        make_split(dataset, "cv4", folds=4, stratify_by="sex"),
        make_split(dataset, "sites", leave_out="site"),
    ):
        write_split(dataset.root, split)
        assert load_split(dataset, split.name) == split


def test_a_holdout_uses_everybody_once(dataset: Dataset) -> None:
    (fold,) = make_split(dataset, "holdout", test=3, validation=2).folds
    assert (len(fold.train), len(fold.validation), len(fold.test)) == (7, 2, 3)
    assert sorted((*fold.train, *fold.validation, *fold.test)) == list(dataset.participants)


@pytest.mark.parametrize("folds", [2, 3, 4, 5, 12])
def test_in_k_folds_everybody_tests_once(dataset: Dataset, folds: int) -> None:
    split = make_split(dataset, "cv", folds=folds)
    tested = Counter(name for fold in split.folds for name in fold.test)
    assert tested == dict.fromkeys(dataset.participants, 1)
    for fold in split.folds:
        assert sorted((*fold.train, *fold.validation, *fold.test)) == list(dataset.participants)


@pytest.mark.parametrize("folds", [2, 3, 6])
@pytest.mark.parametrize("column", ["sex", "site"])
def test_stratified_folds_have_the_datasets_proportions(dataset: Dataset, folds: int, column: str) -> None:
    split = make_split(dataset, "cv", folds=folds, stratify_by=column)
    groups = Counter(row[column] for row in dataset.table.values())
    for fold in split.folds:
        here = Counter(dataset.table[name][column] for name in fold.test)
        for value, count in groups.items():
            assert abs(here[value] - count / folds) < 1.0


@pytest.mark.parametrize("count", [2, 4, 6])
def test_a_stratified_holdout_tests_and_validates_both_sexes_alike(dataset: Dataset, count: int) -> None:
    (fold,) = make_split(dataset, "holdout", test=count, validation=2, stratify_by="sex").folds
    assert Counter(dataset.table[name]["sex"] for name in fold.test) == {"F": count // 2, "M": count // 2}
    assert Counter(dataset.table[name]["sex"] for name in fold.validation) == {"F": 1, "M": 1}


def test_leaving_out_a_site_tests_all_of_it_and_nothing_else(dataset: Dataset) -> None:
    split = make_split(dataset, "sites", leave_out="site")
    assert len(split.folds) == 3
    for fold in split.folds:
        (site,) = {dataset.table[name]["site"] for name in fold.test}
        assert len(fold.test) == 4
        assert all(dataset.table[name]["site"] != site for name in (*fold.train, *fold.validation))


def test_the_seed_decides_and_nothing_else(dataset: Dataset) -> None:
    first = make_split(dataset, "cv", folds=3, seed=1)
    assert make_split(dataset, "cv", folds=3, seed=1) == first
    assert make_split(dataset, "cv", folds=3, seed=2) != first


def test_the_shuffle_is_the_same_on_every_machine(dataset: Dataset) -> None:
    (fold,) = make_split(dataset, "holdout", test=2, validation=1, seed=7).folds
    assert (fold.test, fold.validation) == (("sub-05", "sub-07"), ("sub-11",))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"folds": 13}, "13 folds of 12"),
        ({"folds": 1}, "1 folds"),
        ({"test": 12}, "too few"),
        ({"test": 3, "validation": 9}, "too few"),
        ({"leave_out": "scanner"}, "no scanner for sub-01"),
        ({"stratify_by": "age"}, "no age for sub-01"),
        ({"folds": 3, "leave_out": "site"}, "choose one"),
    ],
    ids=str,
)
def test_what_cannot_be_split_so_is_refused(dataset: Dataset, arguments: dict[str, int], words: str) -> None:
    with pytest.raises(DataError, match=words):
        make_split(dataset, "x", **arguments)  # type: ignore[arg-type]
