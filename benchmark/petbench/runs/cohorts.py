"""Find the cohort a request names: a registered one, built on first use, or a folder of the user's own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from petbench.errors import DataError, UnknownNameError

if TYPE_CHECKING:
    from petbench.home import Home
    from petbench.registry import Registry
    from petbench_datasets.cohort import Cohort
    from petbench_datasets.progress import Progress


@dataclass(frozen=True, slots=True)
class NamedCohort:
    """A cohort under the name that the leaderboard shows."""

    name: str
    cohort: Cohort


def find_cohort(name: str, home: Home, registry: Registry, progress: Progress) -> NamedCohort:
    """Open the cohort called `name`, building it first where it is a registered one that is not there yet.

    Args:
        name: of a registered cohort, or the path of a BIDS-PET folder.
        home: where built cohorts are kept.
        registry: the installed plugins.
        progress: told how far the building and reading is.

    Raises:
        UnknownNameError: neither a cohort nor a folder is called so.
        DataError: the folder is no usable cohort.
    """
    from petbench_datasets.cohort import open_cohort

    datasets = registry.datasets()
    if name in datasets:
        folder = home.cohorts / name
        build_once(datasets[name].build, folder, progress)
        return NamedCohort(name, open_cohort(folder, progress))
    path = Path(name).expanduser()
    if path.is_dir():
        return NamedCohort(path.resolve().name, open_cohort(path.resolve(), progress))
    if "/" in name or path.exists():
        raise DataError(f"{name} is not a folder; give a BIDS-PET folder or one of: {', '.join(sorted(datasets))}")
    raise UnknownNameError("dataset", name, datasets)


def build_once(build: object, folder: Path, progress: Progress) -> None:
    """Build a cohort while no other process builds it; return at once where it is complete."""
    from filelock import FileLock

    if not callable(build):
        raise TypeError(f"{build!r} cannot be called")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{folder}.lock"):
        build(folder, progress)
