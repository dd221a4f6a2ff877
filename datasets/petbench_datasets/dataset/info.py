"""What a dataset holds, as data for people to look at: `dataset_info`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from petbench_datasets.dataset.cohort import PartFacts, describe_cohort
from petbench_datasets.dataset.inputs import INPUTS, lacking
from petbench_datasets.dataset.split import load_split, split_names
from petbench_datasets.errors import DataError
from petbench_datasets.images.body import body_mask_from_images
from petbench_datasets.progress import Progress, silent

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from petbench_datasets.dataset.framing import WindowFrames
    from petbench_datasets.dataset.reader import Dataset
    from petbench_datasets.images.grid import Volume


@dataclass(frozen=True, slots=True)
class ImageInfo:
    """One image: the time after injection it really comes from, how much of its window, and its SUV in the body."""

    start_seconds: float
    stop_seconds: float
    coverage: float
    frames: int
    suv_mean_body: float
    suv_maximum: float


@dataclass(frozen=True, slots=True)
class ParticipantInfo:
    """One participant; empty strings for what participants.tsv does not say.

    `delayed` is None where the dataset's organizer withholds that image.
    """

    name: str
    sex: str
    age: str
    body_weight: str
    shape: tuple[int, int, int]
    spacing_millimetres: tuple[float, float, float]
    early: ImageInfo
    delayed: ImageInfo | None
    labels: int


@dataclass(frozen=True, slots=True)
class SplitInfo:
    """One split: how many train, validate and test in each fold, and who they are; `problem` if it cannot be used."""

    name: str
    digest: str
    folds: tuple[tuple[int, int, int], ...]
    problem: str | None = None
    people: tuple[PartFacts, ...] = ()


@dataclass(frozen=True, slots=True)
class DatasetInfo:
    """A dataset's participants, splits and fingerprint.

    `task` is the id of the one whose windows they are. `inputs` says of each thing that a method may ask for why a
    participant has not got it; empty where all have it. `people` says who everybody is, whatever split.
    """

    name: str
    root: Path
    fingerprint: str
    participants: tuple[ParticipantInfo, ...]
    splits: tuple[SplitInfo, ...]
    inputs: dict[str, str]
    people: tuple[PartFacts, ...]
    task: str


def dataset_info(dataset: Dataset, progress: Progress = silent) -> DatasetInfo:
    """Read every image of `dataset` once and describe it."""
    described = []
    for number, name in enumerate(dataset.participants):
        progress("looking at the dataset", number, len(dataset.participants))
        described.append(_participant(dataset, name))
    progress("looking at the dataset", len(described), len(described))
    splits = tuple(_split(dataset, name) for name in split_names(dataset.root))
    return DatasetInfo(
        name=dataset.name,
        root=dataset.root,
        fingerprint=dataset.fingerprint,
        participants=tuple(described),
        splits=splits,
        inputs=_inputs(dataset),
        people=describe_cohort(dataset),
        task=dataset.task.id,
    )


def _inputs(dataset: Dataset) -> dict[str, str]:
    missing = lacking(dataset, INPUTS, dataset.participants)
    return {name: missing.get(name, "") for name in INPUTS}


def _participant(dataset: Dataset, name: str) -> ParticipantInfo:
    plan, row, labels = dataset.plans[name], dataset.table.get(name, {}), dataset.labels(name)
    early, grid = dataset.early(name)
    withheld = name in dataset.withheld
    delayed = None if withheld else dataset.delayed(name)[0]
    body = body_mask_from_images(early, early, grid) if withheld else dataset.body_mask(name)
    return ParticipantInfo(
        name=name,
        sex=row.get("sex", ""),
        age=row.get("age", ""),
        body_weight=row.get("body_weight", ""),
        shape=grid.shape,
        spacing_millimetres=grid.spacing_millimetres,
        early=_image(plan.early, early, body),
        delayed=None if delayed is None else _image(plan.delayed, delayed, body),
        labels=0 if labels is None else int(np.count_nonzero(np.unique(labels[0]))),
    )


def _image(plan: WindowFrames, volume: Volume, body: NDArray[np.bool_]) -> ImageInfo:
    start, stop = plan.effective_seconds
    inside = volume[body]
    mean = float(inside.mean(dtype=np.float64)) if inside.size else 0.0
    return ImageInfo(start, stop, plan.coverage, len(plan.uses), mean, float(volume.max()))


def _split(dataset: Dataset, name: str) -> SplitInfo:
    try:
        split = load_split(dataset, name)
    except DataError as error:
        return SplitInfo(name, "", (), str(error))
    sizes = tuple((len(fold.train), len(fold.validation), len(fold.test)) for fold in split.folds)
    return SplitInfo(name, split.digest, sizes, people=describe_cohort(dataset, split))
