"""Where petbench keeps cohorts, runs and the leaderboard."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path


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
    def cohorts(self) -> Path:
        """The folder of built cohorts."""
        return self.folder / "cohorts"

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
        """The leaderboard's SQLAlchemy URL; `$PETBENCH_DB` overrides it."""
        return os.environ.get("PETBENCH_DB") or f"sqlite:///{self.folder / 'leaderboard.db'}"
