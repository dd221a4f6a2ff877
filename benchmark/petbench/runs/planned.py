"""The dataset and the fold of a plan, as they were when it was planned."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from petbench.errors import DataError
from petbench.plans.tasks import planned_task
from petbench_datasets.dataset.inputs import input_digest
from petbench_datasets.dataset.reader import open_dataset
from petbench_datasets.dataset.split import Split, check_split, load_split

if TYPE_CHECKING:
    from petbench.plans.run_plan import RunPlan
    from petbench_datasets.dataset.reader import Dataset
    from petbench_datasets.dataset.split import Fold


def open_planned(plan: RunPlan) -> tuple[Dataset, Fold]:
    """Open the dataset of a plan and make sure that it is still the one that was planned with; return it and the fold.

    Raises:
        DataError: images, split or what the method needs beside the images have changed.
    """
    dataset, split = open_planned_split(plan)
    return dataset, split.folds[plan.fold]


def open_again(plan: RunPlan) -> Dataset:
    """Open the dataset of a plan, as it is now, by the reconstruction and the task that it was planned with.

    Raises:
        ChangedError: there is no such task.
        DataError: the dataset cannot be used.
    """
    return open_dataset(Path(plan.dataset_folder), reconstruction=plan.reconstruction, task=planned_task(plan))


def open_planned_split(plan: RunPlan) -> tuple[Dataset, Split]:
    """Do the same, and return all of the split.

    Raises:
        DataError: images, split or what the method needs beside the images have changed.
    """
    dataset = open_again(plan)
    if dataset.fingerprint != plan.fingerprint:
        raise DataError(f"{plan.dataset_folder}: the images have changed since the run was planned; repeat the command")
    if plan.given_split:
        split = Split.from_content(plan.given_split)
        check_split(split, dataset, Path(f"{split.name}.json"))
    else:
        split = load_split(dataset, plan.split)
    if split.digest != plan.split_digest:
        raise DataError(
            f"{plan.dataset_folder}: the split {plan.split} has changed since it was planned; repeat the command"
        )
    changed = [need for need, digest in plan.inputs.items() if input_digest(dataset, need) != digest]
    if changed:
        raise DataError(
            f"{plan.dataset_folder}: the {', '.join(changed)} of its participants have changed since the run was "
            "planned; repeat the command"
        )
    return dataset, split
