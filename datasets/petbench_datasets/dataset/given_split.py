"""A split in a file beside the dataset: it divides anew who trains and who validates, and leaves who tests."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from petbench_datasets.dataset.split import check_split, load_split, read_split, split_names, split_path
from petbench_datasets.errors import DataError

if TYPE_CHECKING:
    from petbench_datasets.dataset.split import Fold, Split, SplitDataset


def find_split(dataset: SplitDataset, name: str) -> Split:
    """Return a split of a dataset by its name, or one in a file by its path.

    Raises:
        DataError: as `load_split`; or a file tests others than the dataset's own splits do.
    """
    return read_given(dataset, Path(name).expanduser()) if _is_path(name) else load_split(dataset, name)


def read_given(dataset: SplitDataset, path: Path) -> Split:
    """Read a split file that is no part of the dataset.

    Raises:
        DataError: it is damaged, does not fit the dataset, has the name of one of the dataset's splits, or has a fold
            that tests others than the dataset's do, or that trains with anybody who does not train or validate there.
    """
    split = read_split(path, dataset.root)
    check_split(split, dataset, path)
    if is_own(dataset, split):
        return split
    if split.name in split_names(dataset.root):
        raise DataError(f"{path}: the dataset has another split {split.name!r}; give this one a name of its own")
    own = [fold for name in names_of_task(dataset) for fold in load_split(dataset, name).folds]
    for number, fold in enumerate(split.folds):
        if not any(_divides_anew(fold, each) for each in own):
            raise DataError(
                f"{path}: fold {number} tests, or trains with, others than the dataset's own splits do; a file may "
                "only divide anew who trains and who validates (petbench datasets split --resplit-training)"
            )
    return split


def names_of_task(dataset: SplitDataset) -> list[str]:
    """Return the names of a dataset's own splits that divide the images of its task; damaged ones are among them."""
    found = []
    for name in split_names(dataset.root):
        try:
            task = read_split(split_path(dataset.root, name), dataset.root).task
        except DataError:
            task = dataset.task.id
        found += [name] if task == dataset.task.id else []
    return found


def is_own(dataset: SplitDataset, split: Split) -> bool:
    """Return whether a split is one that the dataset has in its folder."""
    try:
        return read_split(split_path(dataset.root, split.name), dataset.root).digest == split.digest
    except DataError:
        return False


def _is_path(name: str) -> bool:
    return name.endswith(".json") or "/" in name


def _divides_anew(fold: Fold, own: Fold) -> bool:
    return set(fold.test) == set(own.test) and {*fold.train, *fold.validation} <= {*own.train, *own.validation}
