"""Whether the organs that a task names are labelled in a cohort: a misspelt one would be left out of nothing."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from petbench_datasets.dataset.derivatives import ORGANS_ENDING, find_derivative, label_names
from petbench_datasets.errors import DataError, unknown_name
from petbench_datasets.tasks.built_in import DEFAULT_TASK

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from petbench_datasets.tasks.task import Task

_WITH_MARGIN = "urinary_zone"
"""No label, but a row of its own in the share of the squared error: the urinary tract with what surrounds it."""


def unlabelled_organs(root: Path, participants: Iterable[str], task: Task) -> list[str]:
    """Return one line for each organ that a task names and that nobody's labels do; none where nobody has labels.

    FDG's kidneys go by several names, of which a cohort has one: they are not missed.
    """
    named = dict.fromkeys((*task.clearance_organs, *task.shown_organs))
    asked = [name for name in named if name not in (*DEFAULT_TASK.clearance_organs, _WITH_MARGIN)]
    labelled: set[str] = set()
    for participant in participants if asked else ():
        with contextlib.suppress(DataError):  # what is wrong with labels is said where they are read
            path = find_derivative(root, participant, ORGANS_ENDING)
            labelled |= set(label_names(path, root).values()) if path else set()
    return [
        f"{root}: of the organs of the task {task.id}, {unknown_name('label', name, labelled, 'There:')} Correct the "
        "task, or the labels' dseg.tsv"
        for name in asked
        if labelled and name not in labelled
    ]
