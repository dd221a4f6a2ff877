"""Writing `task.toml`, so that a cohort that is written anew is opened by the task it was made for."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from petbench_datasets.files import write_text
from petbench_datasets.images.windows import minutes
from petbench_datasets.tasks.built_in import DEFAULT_TASK
from petbench_datasets.tasks.task_file import DECIDES, TASK_FILE

if TYPE_CHECKING:
    from pathlib import Path

    from petbench_datasets.tasks.task import Task


def write_task(folder: Path, task: Task) -> None:
    """Write which task a cohort is for; nothing for the default, which holds without a file."""
    if task != DEFAULT_TASK:
        write_text(folder / TASK_FILE, definition(task) if task.of_file else f"task = {json.dumps(task.id)}\n")


def definition(task: Task) -> str:
    """Return a task as a file defines it."""
    return "".join(f"{key} = {json.dumps(value)}\n" for key, value in definition_facts(task).items())


def definition_facts(task: Task) -> dict[str, Any]:
    """Return what a file that defines a task says, by its keys; of what it decides, what is not as by default."""
    content = task.content()
    return {
        "name": task.name,
        "version": task.version,
        "summary": task.summary,
        "tracer": task.tracer,
        "spellings": list(task.spellings),
        "radionuclide": task.radionuclide,
        "early_minutes": list(minutes(task.early_seconds)),
        "delayed_minutes": list(minutes(task.delayed_seconds)),
        "least_coverage": task.least_coverage,
        **{key: content[key] for key in DECIDES if key in content},
        "source": task.source,
    }
