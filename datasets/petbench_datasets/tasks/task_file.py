"""Which task a cohort is for: `task.toml` beside it, and the one rule for what holds where several are named."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Any

from petbench_datasets.boundary import first_line
from petbench_datasets.errors import DataError, unknown_name
from petbench_datasets.images.decay import nuclide
from petbench_datasets.tasks.built_in import BUILT_IN, DEFAULT_TASK
from petbench_datasets.tasks.task import Task, letters

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

TASK_FILE = "task.toml"
"""Its name beside a cohort."""

_THRESHOLDS = ("hot_suv", "core_percent")
DECIDES = ("clearance_organs", "excreted_by_urine", *_THRESHOLDS, "shown_organs", "ranking_metrics")
"""What a task may decide of its scores, its boards and the report; where it does not, what holds for FDG does."""

_NAMES_ONE = "task"
_WINDOWS = {"early_minutes": "early_seconds", "delayed_minutes": "delayed_seconds"}
_NEEDED = ("name", "version", "summary", "tracer", "radionuclide", "source", *_WINDOWS)
_MAY_BE_LEFT_OUT = ("spellings", "least_coverage", *DECIDES)


def task_for(root: Path, asked: Task | None = None, known: Mapping[str, Task] = BUILT_IN) -> Task:
    """Return the task that holds for the cohort at `root`.

    The one that was asked for goes before that of the cohort's `task.toml`, and this before the default.

    Args:
        root: the cohort's folder.
        asked: as somebody asks for it; None where nobody does.
        known: the tasks that a file may name.

    Raises:
        DataError: the cohort's file cannot be used.
    """
    path = root / TASK_FILE
    if asked is not None:
        return asked
    return read_task(path, known) if path.exists() else DEFAULT_TASK


def read_task(path: Path, known: Mapping[str, Task] = BUILT_IN) -> Task:
    """Read a task's file: either `task = "fdg-60-to-120"`, or a whole definition.

    Args:
        path: of the file.
        known: the tasks that it may name.

    Raises:
        DataError: in one line, with the file, what is wrong.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error}); correct the path") from error
    except ValueError as error:
        raise DataError(f"{path}: is no TOML ({first_line(error)}); write it as on the page of tasks") from error
    if _NAMES_ONE in content:
        return _named(content, path, known)
    return _defined(content, path)


def _named(content: dict[str, Any], path: Path, known: Mapping[str, Task]) -> Task:
    if len(content) > 1:
        others = ", ".join(key for key in content if key != _NAMES_ONE)
        raise DataError(
            f"{path}: names a task, and says {others} too; keep task alone, or define a task of its own name"
        )
    name = content[_NAMES_ONE]
    found = next((task for task in known.values() if name in (task.name, task.id)), None)
    if found is None:
        raise DataError(f"{path}: {unknown_name('task', str(name), known, 'There:')}")
    return found


def _defined(content: dict[str, Any], path: Path) -> Task:
    missing = [key for key in _NEEDED if key not in content]
    odd = [key for key in content if key not in (*_NEEDED, *_MAY_BE_LEFT_OUT)]
    if odd:
        raise DataError(f"{path}: {unknown_name('key of a task', odd[0], (*_NEEDED, *_MAY_BE_LEFT_OUT), 'Keys:')}")
    if missing:
        raise DataError(f"{path}: {missing[0]} is missing; a task has {', '.join(_NEEDED)}")
    facts = dict(content)
    for minutes, seconds in _WINDOWS.items():
        facts[seconds] = _seconds(facts.pop(minutes), minutes, path)
    if isinstance(facts["radionuclide"], str):
        facts["radionuclide"] = nuclide(facts["radionuclide"])
    facts.setdefault("spellings", [letters(str(facts["tracer"]))])
    if isinstance(facts["spellings"], list):
        facts["spellings"] = tuple(letters(one) if isinstance(one, str) else one for one in facts["spellings"])
    facts |= {key: tuple(facts[key]) for key in DECIDES if isinstance(facts.get(key), list)}
    # 2 and 2.0 are one SUV, so they are one task.
    facts |= {key: float(facts[key]) for key in _THRESHOLDS if type(facts.get(key)) is int}
    try:
        return Task(**facts, of_file=True)
    except DataError as error:
        raise DataError(f"{path}: {error}") from error


def _seconds(value: object, key: str, path: Path) -> tuple[float, float]:
    numbers = value if isinstance(value, list) else []
    if len(numbers) != 2 or not all(isinstance(one, int | float) and not isinstance(one, bool) for one in numbers):
        raise DataError(f"{path}: {key} is {value!r}; give its start and its end after the injection, such as [60, 75]")
    start, stop = numbers
    return 60.0 * start, 60.0 * stop
