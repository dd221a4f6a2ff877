"""Where petbench keeps datasets, runs and what it can make again."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from petbench_datasets.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Home:
    """The folder of one petbench user, or of one experiment: `Settings.home`."""

    folder: Path

    @property
    def datasets(self) -> Path:
        """The folder of built datasets."""
        return self.folder / "datasets"

    @property
    def runs(self) -> Path:
        """The folder of run folders."""
        return self.folder / "runs"

    @property
    def cache(self) -> Path:
        """What can be made again: features of real images and downloaded weights."""
        return self.folder / "cache"

    @property
    def observers(self) -> Path:
        """What observers of runs keep, such as a tracker's files, each in a folder of its own."""
        return self.folder / "observers"

    @property
    def work(self) -> Path:
        """Where methods work: beside the home, so that no folder above theirs is the home."""
        return self.folder.with_name(f"{self.folder.name}-methods")

    @property
    def environments(self) -> Path:
        """The virtual environments of methods."""
        return self.work / "environments"

    @property
    def jobs(self) -> Path:
        """The folders in which the processes of methods work while they run."""
        return self.work / "jobs"

    def claim(self, leaderboard: str, what: str) -> Path:
        """Return the lock of the process that makes something for a leaderboard, which it may be made for once.

        Args:
            leaderboard: where that one is; others that share this home make their own.
            what: is made, such as a run's identity.
        """
        return self.cache / "claims" / f"{hashlib.sha256(f'{leaderboard} {what}'.encode()).hexdigest()[:32]}.lock"

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
