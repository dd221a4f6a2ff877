"""Where petbench keeps datasets, runs and the leaderboard."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from petbench_datasets.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator

DATABASE_VARIABLE = "PETBENCH_DB"


@dataclass(frozen=True, slots=True)
class Home:
    """The folder of one petbench user, or of one experiment.

    `$PETBENCH_HOME` names it; else it is the platform's folder for application data.
    """

    folder: Path

    @classmethod
    def find(cls) -> Home:
        """Return the home that the environment names."""
        named = os.environ.get("PETBENCH_HOME")
        if named:
            return cls(Path(named).expanduser().resolve())
        import platformdirs

        return cls(Path(platformdirs.user_data_dir("petbench", appauthor=False)))

    @property
    def datasets(self) -> Path:
        """The folder of built datasets."""
        return self.folder / "datasets"

    def take_over_old_datasets(self) -> None:
        """Rename the folder in which petbench 0.1.0 kept built datasets.

        Raises:
            DataError: it cannot be renamed.
        """
        old = self.folder / "cohorts"
        if not old.is_dir() or self.datasets.exists():
            return
        try:
            old.rename(self.datasets)
        except FileNotFoundError:  # another process was quicker
            return
        except OSError as error:
            raise DataError(f"{old} cannot be renamed ({error.strerror}); rename it to {self.datasets}") from None

    @property
    def runs(self) -> Path:
        """The folder of run folders."""
        return self.folder / "runs"

    @property
    def cache(self) -> Path:
        """What can be made again: features of real images, downloaded weights."""
        return self.folder / "cache"

    @property
    def database(self) -> str:
        """The leaderboard: a file or any SQLAlchemy URL in `$PETBENCH_DB`, else a file of the home."""
        return os.environ.get(DATABASE_VARIABLE) or f"sqlite:///{self.folder / 'leaderboard.db'}"


@contextlib.contextmanager
def using_database(location: str) -> Iterator[None]:
    """Let this process and those that it starts keep their runs in another leaderboard.

    Args:
        location: a file or any SQLAlchemy URL.
    """
    before = os.environ.get(DATABASE_VARIABLE)
    os.environ[DATABASE_VARIABLE] = location
    try:
        yield
    finally:
        if before is None:
            del os.environ[DATABASE_VARIABLE]
        else:
            os.environ[DATABASE_VARIABLE] = before
