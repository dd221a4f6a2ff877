"""Making splits: which participants train, validate and test."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import numpy as np

from petbench_datasets.bids.names import person_of
from petbench_datasets.dataset.split import Fold, Split
from petbench_datasets.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from petbench_datasets.dataset.reader import Dataset


def make_split(
    dataset: Dataset,
    name: str,
    *,
    folds: int | None = None,
    test: int | None = None,
    validation: int | None = None,
    stratify_by: str | None = None,
    leave_out: str | None = None,
    seed: int = 0,
) -> Split:
    """Make a split of `dataset`; write it with `petbench_datasets.dataset.split.write_split`.

    All sessions of a person are in one part.

    Exactly one of three kinds: a hold-out (neither `folds` nor `leave_out`), k-fold, or leave-one-group-out.

    Args:
        dataset: whose participants are divided.
        name: of the split.
        folds: k: every participant tests in exactly one fold.
        test: hold-out: how many test; a sixth, at least one, if not given.
        validation: how many validate in every fold; about an eighth of those who do not test, if not given.
        stratify_by: a column of participants.tsv whose values are spread evenly over the parts, such as sex or site.
        leave_out: a column of participants.tsv; each of its values tests in one fold.
        seed: of the shuffle; the same seed gives the same split on every machine.

    Raises:
        DataError: too few participants, or a column or value that participants.tsv does not have.
    """
    if folds is not None and leave_out is not None:
        raise DataError(f"{name}: asks for folds and for leaving out a {leave_out} at once; choose one of them")
    generator = np.random.Generator(np.random.PCG64(seed))
    groups = _groups(dataset, stratify_by) if stratify_by else {"": list(dataset.people)}
    shuffled = [[members[index] for index in generator.permutation(len(members))] for members in groups.values()]
    everybody = [participant for members in shuffled for participant in members]
    if leave_out is not None:
        tests = list(_groups(dataset, leave_out).values())
    elif folds is not None:
        if not 2 <= folds <= len(everybody):
            raise DataError(
                f"{dataset.root}: cannot make {folds} folds of {len(everybody)} participants; ask for fewer"
            )
        # Dealt like cards, group after group: every fold gets its share of each group, to within one.
        tests = [everybody[number::folds] for number in range(folds)]
    else:
        tests = [_choose(shuffled, max(1, round(len(everybody) / 6)) if test is None else test, 0)]
    made = [
        _with_sessions(_fold(dataset, shuffled, part, validation, turn), dataset) for turn, part in enumerate(tests)
    ]
    return Split(name, dataset.fingerprint, tuple(made), dataset.task.id)


def resplit_training(
    dataset: Dataset,
    base: Split,
    name: str,
    *,
    validation: int | None = None,
    stratify_by: str | None = None,
    seed: int = 0,
) -> Split:
    """Divide anew who trains and who validates in every fold of a split, and leave who tests as it is.

    All sessions of a person stay in one part.

    Args:
        dataset: whose split it is.
        base: the split; its test participants are those of the new one, fold by fold.
        name: of the new split.
        validation: how many people validate in every fold; as many as in the split if not given.
        stratify_by: a column of participants.tsv whose values are spread evenly over both parts.
        seed: of the shuffle; the same seed gives the same split on every machine.

    Raises:
        DataError: nobody would be left to train, or a column that participants.tsv does not have.
    """
    generator = np.random.Generator(np.random.PCG64(seed))
    groups = _groups(dataset, stratify_by) if stratify_by else {"": list(dataset.people)}
    folds = []
    for fold in base.folds:
        names = {*fold.train, *fold.validation}
        people = set(map(person_of, names))
        count = len(set(map(person_of, fold.validation))) if validation is None else validation
        if not 0 <= count < len(people):
            raise DataError(
                f"{dataset.root}: of {len(people)} participants who do not test {count} cannot validate, since "
                "somebody has to train; ask for fewer"
            )
        some = [[person for person in members if person in people] for members in groups.values()]
        shuffled = [[members[index] for index in generator.permutation(len(members))] for members in some if members]
        chosen = set(_choose(shuffled, count, 0))
        validates = tuple(sorted(each for each in names if person_of(each) in chosen))
        folds.append(Fold(tuple(sorted(names.difference(validates))), validates, fold.test))
    return Split(name, dataset.fingerprint, tuple(folds), dataset.task.id)


def _with_sessions(fold: Fold, dataset: Dataset) -> Fold:
    """Return a fold of people as one of their pairs."""
    parts = fold.parts().values()
    return Fold(*(tuple(name for name in dataset.participants if person_of(name) in set(part)) for part in parts))


def _fold(
    dataset: Dataset, groups: Sequence[Sequence[str]], test: Sequence[str], validation: int | None, turn: int
) -> Fold:
    rest = [[name for name in members if name not in set(test)] for members in groups]
    left = sum(len(members) for members in rest)
    count = max(1, round(left / 8)) if validation is None else validation
    if not test or count < 0 or left - count < 1:
        raise DataError(
            f"{dataset.root}: {len(dataset.people)} participants are too few for {len(test)} to test and {count} "
            "to validate; ask for fewer"
        )
    chosen = set(_choose(rest, count, turn))
    train = [name for members in rest for name in members if name not in chosen]
    return Fold(tuple(sorted(train)), tuple(sorted(chosen)), tuple(sorted(test)))


def _choose(groups: Sequence[Sequence[str]], count: int, turn: int) -> list[str]:
    """Choose `count` names, from each group in proportion to its size; another `turn` begins elsewhere in a group."""
    total = sum(len(members) for members in groups)
    count = min(count, total)
    shares = [count * len(members) / total for members in groups]
    quotas = [int(share) for share in shares]
    by_remainder = sorted(range(len(groups)), key=lambda index: quotas[index] - shares[index])
    for index in by_remainder[: count - sum(quotas)]:
        quotas[index] += 1
    chosen: list[str] = []
    for members, quota in zip(groups, quotas, strict=True):
        chosen += [members[(turn * quota + number) % len(members)] for number in range(quota)]
    return chosen


def _groups(dataset: Dataset, column: str) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = defaultdict(list)
    first = {person_of(name): name for name in reversed(dataset.participants)}
    for name in dataset.people:
        value = dataset.table.get(first[name], {}).get(column, "")
        if not value:
            raise DataError(
                f"{dataset.root / 'participants.tsv'}: no {column} for {name}; fill the column or split without it"
            )
        groups[value].append(name)
    if len(groups) < 2:
        raise DataError(f"{dataset.root / 'participants.tsv'}: everybody has the same {column}; split without it")
    return dict(sorted(groups.items()))
