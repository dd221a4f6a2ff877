"""What of a task stands in the conventions and texts of its metrics; of FDG's values nothing does."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from petbench.evaluation.protocol import URINARY_TRACT
from petbench_datasets.tasks.built_in import DEFAULT_TASK

if TYPE_CHECKING:
    from petbench_datasets.tasks.task import Task


def number_text(value: float) -> str:
    """Return a number as a convention says it, with every digit that it has: `4`, `2.5`."""
    short = f"{value:g}"
    return short if float(short) == value else repr(value)


def left_out(task: Task) -> frozenset[str]:
    """Return the labels that no mean over organs has: the organs that clear, and the urinary tract where urine does."""
    return frozenset(task.clearance_organs) | (URINARY_TRACT if task.excreted_by_urine else frozenset())


def left_out_id(task: Task) -> str:
    """Return which organs are left out as part of a convention: `no-clearance`, with a digest where it is not FDG's."""
    names = left_out(task)
    if names == left_out(DEFAULT_TASK):
        return "no-clearance"
    return f"no-clearance-{hashlib.sha256(' '.join(sorted(names)).encode()).hexdigest()[:8]}"


def left_out_words(task: Task) -> str:
    """Return which organs are left out, for people: `bladder and kidneys left out`."""
    if left_out(task) == left_out(DEFAULT_TASK):
        return "bladder and kidneys left out"
    names = [name.replace("_", " ") for name in sorted(set(task.clearance_organs) - URINARY_TRACT)]
    if task.excreted_by_urine:
        names.append("urinary tract")
    else:
        names += [name.replace("_", " ") for name in sorted(set(task.clearance_organs) & URINARY_TRACT)]
    return f"{', '.join(names)} left out" if names else "no organ left out"
