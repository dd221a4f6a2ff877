"""Find the dataset a request names: a registered one, built on first use, or a folder of the user's own."""

from __future__ import annotations

import errno
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from petbench.errors import DataError, PetbenchError, UnknownNameError
from petbench.plans.tasks import asked_task, task_of_folder
from petbench_datasets.specs import TASK_OPTION, find_variant

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from petbench.home import Home
    from petbench.registry import Registry
    from petbench_datasets.dataset.reader import Dataset
    from petbench_datasets.progress import Progress
    from petbench_datasets.tasks.task import Task


@dataclass(frozen=True, slots=True)
class NamedDataset:
    """A dataset under the name that the leaderboard shows."""

    name: str
    dataset: Dataset


def find_dataset(
    name: str, home: Home, registry: Registry, progress: Progress, *, reconstruction: str = "", task: str = ""
) -> NamedDataset:
    """Open the dataset called `name`, building it first where it is a registered one that is not there yet.

    Args:
        name: of a registered dataset, or the path of a BIDS-PET folder.
        home: where built datasets are kept.
        registry: the installed plugins.
        progress: notified of how far the building and reading is.
        reconstruction: as for `open_dataset`.
        task: as typed: a name or a file; empty for that of the dataset. A registered dataset that has a variant for
            another task is taken in that variant.

    Raises:
        UnknownNameError: neither a dataset nor a folder is called so.
        DataError: the folder is no usable dataset.
    """
    from petbench_datasets.dataset.reader import open_dataset

    datasets, asked = registry.datasets(), asked_task(task, registry)
    path = Path(name).expanduser()
    # A cohort that is fetched lies in a folder of the user's, which is often called like it.
    if name in datasets and not (datasets[name].fetch is not None and path.is_dir()):
        name = variant_for(name, asked, registry)
        folder = home.datasets / name
        build_once(datasets[name].build, folder, progress)
        held = task_of_folder(folder, task, registry)
        return NamedDataset(name, open_dataset(folder, progress, reconstruction=reconstruction, task=held))
    if path.is_dir():
        folder = path.resolve()
        held = task_of_folder(folder, task, registry)
        return NamedDataset(folder.name, open_dataset(folder, progress, reconstruction=reconstruction, task=held))
    if "/" in name or path.exists():
        raise DataError(f"{name} is not a folder; give a BIDS-PET folder or one of: {', '.join(sorted(datasets))}")
    raise UnknownNameError("dataset", name, datasets)


def variant_for(name: str, task: Task | None, registry: Registry) -> str:
    """Return the name of a registered dataset's variant for a task; its own where it has none, or none is asked for."""
    found = None if task is None else find_variant(registry.datasets().values(), name, {TASK_OPTION: task.name})
    return found or name


def registered_as(name: str, registered: Collection[str]) -> str:
    """Return which registered dataset a name or folder is: the one that it says itself it is, or is called like.

    Args:
        name: of a registered dataset, or the path of a folder, whatever that is called.
        registered: the names of all.

    Returns:
        Its name; the one that was given where it is none of them.
    """
    from petbench_datasets.bids.description import read_name

    folder = Path(name).expanduser().resolve()
    return next((each for each in (name, read_name(folder), folder.name) if each in registered), name)


def build_once(build: Callable[[Path, Progress], None], folder: Path, progress: Progress) -> None:
    """Build a dataset while no other process builds it; return at once where it is complete, or shared read-only.

    Raises:
        PetbenchError: called while a process of that very build is being started.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    # A script without a main guard is run again in every process that the build starts, which would wait here for
    # the build that waits for it.
    patience = 0 if _runs_a_script_again() else -1
    lock = FileLock(f"{folder}.lock")
    try:
        lock.acquire(timeout=patience)
    except Timeout:
        raise PetbenchError(
            f"{folder} is being built by another process; in a script, call petbench under if __name__ == '__main__'"
        ) from None
    except OSError as error:
        # Shared read-only: it is as those who may write there have built it.
        if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM) and folder.is_dir():
            return
        raise
    try:
        build(folder, progress)
    finally:
        lock.release()


def _runs_a_script_again() -> bool:
    """Return whether this is a process of multiprocessing that runs the script of its parent, to have its functions.

    A process that merely imports multiprocessing has that name too, for its own script.
    """
    return getattr(sys.modules.get("__mp_main__"), "__name__", "") == "__mp_main__"
