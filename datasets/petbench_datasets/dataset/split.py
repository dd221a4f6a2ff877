"""Which participants train, validate and test, fold by fold: a hashed JSON file, never a random choice of slices."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from petbench_datasets.bids.names import person_of
from petbench_datasets.bids.writer import exclude_from_bids
from petbench_datasets.errors import DataError
from petbench_datasets.files import write_json
from petbench_datasets.tasks.built_in import DEFAULT_TASK

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from petbench_datasets.tasks.task import Task

PARTS = ("train", "validation", "test")
SPLITS_FOLDER = "splits"
EVERYONE = "everyone"
"""The split by which everybody tests and nobody trains, which every dataset has: for models trained elsewhere."""


@dataclass(frozen=True, slots=True)
class Fold:
    """One division of a dataset's participants; no participant is in two parts."""

    train: tuple[str, ...]
    validation: tuple[str, ...]
    test: tuple[str, ...]

    def parts(self) -> dict[str, tuple[str, ...]]:
        """Return the three parts by name."""
        return {"train": self.train, "validation": self.validation, "test": self.test}


@dataclass(frozen=True, slots=True)
class Split:
    """The folds of one dataset.

    Attributes:
        name: the same as the file's stem.
        fingerprint: of the dataset it was made for.
        folds: at least one.
        task: the id of the one whose images have that fingerprint; a cohort has splits for each task.
    """

    name: str
    fingerprint: str
    folds: tuple[Fold, ...]
    task: str = DEFAULT_TASK.id

    @property
    def digest(self) -> str:
        """The sha256 of the split's content, whatever its file looks like."""
        text = json.dumps(self.content(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def test_participants(self) -> tuple[str, ...]:
        """Whom all folds test together, in the order of their names."""
        return tuple(sorted({name for fold in self.folds for name in fold.test}))

    @classmethod
    def from_content(cls, data: Mapping[str, Any]) -> Split:
        """Return the split that `content` gave.

        Raises:
            KeyError: something is missing.
            TypeError: something is of another kind.
        """
        folds = tuple(Fold(*(tuple(map(str, fold[part])) for part in PARTS)) for fold in data["folds"])
        return cls(str(data["name"]), str(data["fingerprint"]), folds, str(data.get("task", DEFAULT_TASK.id)))

    def content(self) -> dict[str, Any]:
        """Return the split as plain data, without its digest."""
        folds = [{part: list(names) for part, names in fold.parts().items()} for fold in self.folds]
        content = {"name": self.name, "fingerprint": self.fingerprint, "folds": folds}
        # Splits of before name none, and keep their digest.
        return content if self.task == DEFAULT_TASK.id else {**content, "task": self.task}


class SplitDataset(Protocol):
    """What a split needs to know of its dataset."""

    @property
    def root(self) -> Path:
        """The dataset's folder."""

    @property
    def participants(self) -> tuple[str, ...]:
        """The names of its participants."""

    @property
    def fingerprint(self) -> str:
        """The hash of its content."""

    @property
    def pixel_digests(self) -> Mapping[str, tuple[str, ...]]:
        """The hashes of each participant's voxels alone."""

    @property
    def task(self) -> Task:
        """The task whose images they are."""


def split_path(root: Path, name: str) -> Path:
    """Return where the split called `name` of the dataset at `root` is kept."""
    return root / SPLITS_FOLDER / f"{name}.json"


def write_split_file(path: Path, split: Split) -> None:
    """Write a split into a file, wholly or not at all."""
    write_json(path, {**split.content(), "digest": split.digest})


def write_split(root: Path, split: Split) -> Path:
    """Write a split into the dataset at `root`, wholly or not at all, and return its path."""
    path = split_path(root, split.name)
    write_split_file(path, split)
    exclude_from_bids(root, SPLITS_FOLDER)
    return path


def split_names(root: Path) -> tuple[str, ...]:
    """Return the names of the splits that the dataset at `root` has."""
    return tuple(sorted(path.stem for path in (root / SPLITS_FOLDER).glob("*.json")))


def load_split(dataset: SplitDataset, name: str = "holdout") -> Split:
    """Return one split of `dataset`, which is read from its file but for `EVERYONE`; refuse one that would mislead.

    Raises:
        DataError: no such split; damaged, edited by hand, or made for other images; a participant in two parts or
            unknown; an empty part; the same voxels under two names.
    """
    path = split_path(dataset.root, name)
    if name == EVERYONE and not path.exists():
        split = Split(EVERYONE, dataset.fingerprint, (Fold((), (), dataset.participants),), dataset.task.id)
    else:
        split = read_split(path, dataset.root)
    check_split(split, dataset, path)
    return split


def check_split(split: Split, dataset: SplitDataset, path: Path) -> None:
    """Raise a DataError that names `path` unless `split` fits `dataset`."""
    if split.task != dataset.task.id:
        raise DataError(
            f"{path}: divides the images of the task {split.task}, and these are of {dataset.task.id}; make a split of "
            "its own (petbench datasets split --task), or name the other task"
        )
    if split.fingerprint != dataset.fingerprint:
        raise DataError(
            f"{path}: made for a dataset with fingerprint {split.fingerprint[:12]}, but the images here have "
            f"{dataset.fingerprint[:12]}; make the split anew (petbench datasets split)"
        )
    if not split.folds:
        raise DataError(f"{path}: has no folds; make the split anew (petbench datasets split)")
    for number, fold in enumerate(split.folds):
        _check_fold(fold, number, dataset.participants, path)
    used = {name for fold in split.folds for part in fold.parts().values() for name in part}
    copies = duplicates({name: dataset.pixel_digests[name] for name in sorted(used)})
    for first, second in copies:
        if person_of(first) == person_of(second):
            continue  # they are in one part
        raise DataError(f"{path}: {first} and {second} hold the same voxels under two names; remove one of them")


def duplicates(digests: Mapping[str, tuple[str, ...]]) -> list[tuple[str, str]]:
    """Return the pairs of participants that share an image, by the hashes of their voxels."""
    owner: dict[str, str] = {}
    found: list[tuple[str, str]] = []
    for participant, hashes in digests.items():
        earlier = (owner.setdefault(digest, participant) for digest in hashes)
        found.extend((first, participant) for first in earlier if first != participant)
    return list(dict.fromkeys(found))


def _check_fold(fold: Fold, number: int, participants: tuple[str, ...], path: Path) -> None:
    seen: dict[str, str] = {}
    people: dict[str, tuple[str, str]] = {}
    for part, names in fold.parts().items():
        for name in names:
            if name not in participants:
                raise DataError(f"{path}: fold {number} names {name}, whom the dataset does not have; correct it")
            if name in seen:
                where = f"both {seen[name]} and {part}" if seen[name] != part else f"{part} twice"
                raise DataError(f"{path}: fold {number} has {name} in {where}; keep every participant in one part")
            seen[name] = part
            other, where = people.setdefault(person_of(name), (name, part))
            if where != part:
                raise DataError(
                    f"{path}: fold {number} has {other} in {where} and {name}, the same person, in {part}; keep all "
                    "sessions of a person in one part"
                )
    # One that only tests is for models that were trained on other people.
    for part in ("train", "test") if fold.train or fold.validation else ("test",):
        if not fold.parts()[part]:
            raise DataError(f"{path}: fold {number} has nobody to {part}; name at least one participant")


def read_split(path: Path, root: Path) -> Split:
    """Read a split file of the dataset at `root` without comparing it with the images.

    Raises:
        DataError: missing, damaged or edited by hand.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        split = Split.from_content(data)
        digest = str(data["digest"])
    except FileNotFoundError as error:
        known = ", ".join(split_names(root)) or "none"
        raise DataError(
            f"{path}: no such split; splits here: {known} (make one with petbench datasets split)"
        ) from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path}: not a split file; make it anew with petbench datasets split") from error
    if digest != split.digest:
        raise DataError(f"{path}: its content does not match its digest; make it anew with petbench datasets split")
    if split.name != path.stem:
        raise DataError(f"{path}: holds the split {split.name!r}; name the file {split.name}.json")
    return split
