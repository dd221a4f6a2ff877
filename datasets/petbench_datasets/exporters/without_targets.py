"""Copy a dataset without the delayed images of its test participants, for submitters who must not see them."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from petbench_datasets.bids.description import DESCRIPTION_NAME
from petbench_datasets.bids.names import person_of, session_of, session_of_image
from petbench_datasets.bids.participants import WEIGHT_COLUMNS
from petbench_datasets.bids.scan import sidecars_of
from petbench_datasets.bids.writer import exclude_from_bids
from petbench_datasets.dataset.derivatives import CT_ENDING, find_derivative, sidecar_of_mask
from petbench_datasets.dataset.framing import uses_of
from petbench_datasets.dataset.inputs import input_labels_path
from petbench_datasets.dataset.made_from import may_be_input
from petbench_datasets.dataset.split import SPLITS_FOLDER, load_split, split_path
from petbench_datasets.dataset.withheld import write_withheld
from petbench_datasets.errors import DataError
from petbench_datasets.exporters.images import new_folder, write_people
from petbench_datasets.progress import Progress, silent
from petbench_datasets.tasks.task_writer import write_task

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from petbench_datasets.dataset.reader import Dataset

_SHARED_COLUMNS = frozenset(
    {"participant_id", "species", "strain", "handedness", "age", "sex", "height", "site", *WEIGHT_COLUMNS}
)


def export_without_targets(
    dataset: Dataset, split_name: str, folder: Path, progress: Progress = silent
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Copy a dataset without the delayed images of one split's test participants.

    Everyone else's files are copied as they are, derivatives included; of a test participant only the early images, and
    the organ labels and CT that owe nothing to a delayed image, with the sidecars that apply to them. Of
    participants.tsv go the columns that petbench or BIDS has a meaning for: an organizer's own columns and their
    descriptions may hold names or reveal what is in the hidden images.

    Returns:
        The test participants, and the columns left out.

    Raises:
        DataError: the split has nobody who is never tested, a test participant's early frames lie in one file with
            delayed ones, the dataset lacks delayed images itself, or the folder exists or cannot be written.
    """
    split = load_split(dataset, split_name)
    hidden = split.test_participants
    learning = {name for fold in split.folds for part in (fold.train, fold.validation) for name in part}
    if dataset.withheld:
        raise DataError(f"{dataset.root}: lacks delayed images itself; export from the full dataset of its organizer")
    both = sorted(learning & set(hidden))
    if both:
        raise DataError(
            f"{dataset.root}: {both[0]} is tested in one fold of {split_name!r} and learnt from in another; name a "
            "split whose test participants are the same in every fold"
        )
    for name in hidden:
        _check_apart(dataset, name)
    with new_folder(folder) as temporary:
        for number, name in enumerate(dataset.participants):
            progress("exporting the dataset", number, len(dataset.participants))
            _copy(dataset.root, temporary, _early_files(dataset, name) if name in hidden else _all_files(dataset, name))
        _copy(dataset.root, temporary, _shared_files(dataset.root))
        columns = list(dict.fromkeys(["participant_id", *(key for row in dataset.table.values() for key in row)]))
        shared = [column for column in columns if column.lower() in _SHARED_COLUMNS]
        write_people(temporary, dataset, shared)
        write_task(temporary, dataset.task)
        _copy(dataset.root, temporary, [split_path(dataset.root, split_name)])
        exclude_from_bids(temporary, SPLITS_FOLDER)
        write_withheld(temporary, dataset.fingerprint, {name: dataset.digests[name] for name in hidden})
    progress("exporting the dataset", len(dataset.participants), len(dataset.participants))
    return hidden, tuple(column for column in columns if column not in shared)


def _check_apart(dataset: Dataset, name: str) -> None:
    for use in dataset.plans[name].early.uses:
        if uses_of(use.scan, dataset.task.delayed_seconds):
            raise DataError(
                f"{use.scan.path}: holds early and delayed frames of {name}; make the dataset of single images first "
                "(petbench datasets export), keep that as the full one, and withhold from it"
            )


def _early_files(dataset: Dataset, name: str) -> Iterable[Path]:
    for use in dataset.plans[name].early.uses:
        yield use.scan.path
        yield from _sidecars(dataset.root, use.scan.path)
    for path in (input_labels_path(dataset.root, name), find_derivative(dataset.root, name, CT_ENDING)):
        if path is not None and may_be_input(path, dataset.root):
            yield from (path, sidecar_of_mask(path))


def _all_files(dataset: Dataset, name: str) -> Iterable[Path]:
    person, session = person_of(name), session_of(name)
    folders = [dataset.root / person, *(dataset.root / "derivatives").glob(f"*/{person}")]
    files = (path for folder in folders for path in folder.rglob("*") if path.is_file())
    yield from (path for path in files if not session or session_of_image(path) == session)
    plan = dataset.plans[name]
    for use in (*plan.early.uses, *plan.delayed.uses):
        yield from _sidecars(dataset.root, use.scan.path)


def _sidecars(root: Path, image: Path) -> Iterable[Path]:
    """Return the sidecars that apply to an image, those of the folders above it included."""
    return (root / path.relative_to(root.absolute()) for path in sidecars_of(image, root))


def _shared_files(root: Path) -> Iterable[Path]:
    """Return what describes the dataset and names its labels; other tables may reveal what is in the hidden images."""
    derivatives = root / "derivatives"
    return [
        root / DESCRIPTION_NAME,
        *derivatives.glob(f"*/{DESCRIPTION_NAME}"),
        *derivatives.glob("*/*dseg.tsv"),
        *derivatives.glob("*/*dseg.json"),
        *derivatives.glob("*/ct.json"),
    ]


def _copy(root: Path, target: Path, files: Iterable[Path]) -> None:
    for file in dict.fromkeys(files):
        if file.is_file():
            copy = target / file.relative_to(root)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, copy)
