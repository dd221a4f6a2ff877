"""A training part that is divided anew: who tests stays, nobody who tests trains, and a file can do nothing else."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import pytest

from petbench_datasets.bids.names import person_of
from petbench_datasets.dataset.folds import make_split, resplit_training
from petbench_datasets.dataset.given_split import find_split, is_own
from petbench_datasets.dataset.reader import open_dataset
from petbench_datasets.dataset.split import Fold, Split, write_split, write_split_file
from petbench_datasets.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.datasets.conftest import DatasetWriter

    from petbench_datasets.dataset.reader import Dataset

SEX = ["F"] * 6 + ["M"] * 6


@pytest.fixture
def dataset(writer: DatasetWriter) -> Dataset:
    return open_dataset(writer.dataset(12, sex=SEX))


@pytest.fixture(params=[{"test": 3, "validation": 2}, {"folds": 4, "validation": 3}])
def base(request: pytest.FixtureRequest, dataset: Dataset) -> Split:
    made = make_split(dataset, "base", **request.param)
    write_split(dataset.root, made)
    return made


@pytest.mark.parametrize("validation", [None, 0, 1, 4, 8])
@pytest.mark.parametrize("seed", [0, 1])
def test_every_fold_tests_whom_it_tested_and_the_others_are_divided_anew(
    dataset: Dataset, base: Split, validation: int | None, seed: int
) -> None:
    made = resplit_training(dataset, base, "mine", validation=validation, seed=seed)
    assert len(made.folds) == len(base.folds)
    for new, old in zip(made.folds, base.folds, strict=True):
        assert new.test == old.test
        assert sorted((*new.train, *new.validation)) == sorted((*old.train, *old.validation))
        assert len(new.validation) == (len(old.validation) if validation is None else validation)
        assert not set(new.train) & set(new.validation)


def test_the_same_seed_gives_the_same_split_and_another_seed_another(dataset: Dataset, base: Split) -> None:
    made = [resplit_training(dataset, base, "mine", seed=seed).digest for seed in range(12)]
    assert made == [resplit_training(dataset, base, "mine", seed=seed).digest for seed in range(12)]
    assert len(set(made)) > 6  # of two of nine participants there are 36 choices


def test_a_column_is_spread_over_both_parts(dataset: Dataset) -> None:
    base = make_split(dataset, "base", test=4, stratify_by="sex")
    for seed in range(5):
        (fold,) = resplit_training(dataset, base, "mine", validation=4, stratify_by="sex", seed=seed).folds
        sexes = [dataset.table[name]["sex"] for name in fold.validation]
        assert (sexes.count("F"), sexes.count("M")) == (2, 2)


def test_sessions_of_a_person_stay_together(dataset: Dataset) -> None:
    twice = [f"{name}_ses-{number}" for name in dataset.participants for number in (1, 2)]
    plans: dict[str, Any] = dict.fromkeys(twice)
    several = dataclasses.replace(dataset, plans=plans, digests={}, table={})
    several.__dict__["fingerprint"] = "f" * 64
    base = Split("base", "f" * 64, (Fold(tuple(twice[:16]), tuple(twice[16:20]), tuple(twice[20:])),))
    (fold,) = resplit_training(several, base, "mine", validation=3, seed=2).folds
    assert len(fold.validation) == 6
    assert len(set(map(person_of, fold.validation))) == 3
    assert not set(map(person_of, fold.validation)) & set(map(person_of, fold.train))


def test_somebody_has_to_train(dataset: Dataset) -> None:
    base = make_split(dataset, "base", test=3)
    with pytest.raises(DataError, match="of 9 participants who do not test 9 cannot validate"):
        resplit_training(dataset, base, "mine", validation=9)


def test_a_split_is_found_by_its_name_and_by_the_path_of_its_file(
    dataset: Dataset, base: Split, tmp_path: Path
) -> None:
    made = resplit_training(dataset, base, "mine", seed=1)
    write_split_file(tmp_path / "mine.json", made)
    assert find_split(dataset, "base") == base
    assert find_split(dataset, str(tmp_path / "mine.json")) == made
    assert (is_own(dataset, base), is_own(dataset, made)) == (True, False)
    write_split_file(tmp_path / "base.json", base)
    assert find_split(dataset, str(tmp_path / "base.json")) == base
    with pytest.raises(DataError, match="no such split"):
        find_split(dataset, str(tmp_path / "none.json"))
    with pytest.raises(DataError, match="no such split"):
        find_split(dataset, "mine")


MOVES: dict[str, Callable[[Fold], Fold]] = {
    "a test participant trains": lambda fold: Fold((*fold.train, fold.test[0]), fold.validation, fold.test[1:]),
    "a test participant validates": lambda fold: Fold(fold.train, (*fold.validation, fold.test[0]), fold.test[1:]),
    "a training participant tests": lambda fold: Fold(fold.train[1:], fold.validation, (*fold.test, fold.train[0])),
    "training and test are exchanged": lambda fold: Fold(fold.test, fold.validation, fold.train),
}


@pytest.mark.parametrize("move", MOVES.values(), ids=MOVES.keys())
def test_a_file_that_moves_anybody_into_or_out_of_the_test_is_refused(
    dataset: Dataset, base: Split, tmp_path: Path, move: Callable[[Fold], Fold]
) -> None:
    folds = (*base.folds[:-1], move(base.folds[-1]))
    write_split_file(tmp_path / "mine.json", Split("mine", dataset.fingerprint, folds))
    with pytest.raises(DataError, match=f"fold {len(folds) - 1} tests, or trains with, others"):
        find_split(dataset, str(tmp_path / "mine.json"))


def test_a_file_with_the_name_of_another_split_of_the_dataset_is_refused(
    dataset: Dataset, base: Split, tmp_path: Path
) -> None:
    write_split_file(tmp_path / "base.json", resplit_training(dataset, base, "base", seed=5))
    with pytest.raises(DataError, match="give this one a name of its own"):
        find_split(dataset, str(tmp_path / "base.json"))


def test_a_file_of_other_images_is_refused(dataset: Dataset, base: Split, tmp_path: Path) -> None:
    other = dataclasses.replace(resplit_training(dataset, base, "mine"), fingerprint="0" * 64)
    write_split_file(tmp_path / "mine.json", other)
    with pytest.raises(DataError, match="made for a dataset with fingerprint 000000000000"):
        find_split(dataset, str(tmp_path / "mine.json"))
