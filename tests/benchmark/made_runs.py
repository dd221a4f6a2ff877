"""Runs on the dataset of bodies that are made once in a session: who needs them gets a home of his own with them."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.command import Petbench
from tests.made_once import made_once

if TYPE_CHECKING:
    from pathlib import Path

PIX2PIX = ("pix2pix", "--budget", "images=64", "--set", "width=4")
"""A network that is trained as any other, in a second."""


def copy_home(made: Path, home: Path) -> Petbench:
    """Return the command with a copy of a home, where its leaderboards are those that made its runs."""
    shutil.copytree(made, home)
    for maker in home.glob("runs/*/leaderboard.txt"):  # nothing else in a home says where it is
        maker.write_text(maker.read_text(encoding="utf-8").replace(str(made), str(home)), encoding="utf-8")
    return Petbench(home)


@dataclass(frozen=True)
class MadeRuns:
    """Makes runs when they are first asked for, and copies the home in which they are.

    Args:
        folder: shared by all workers of the session.
        dataset: what the runs are on, in the same place for all of them.
    """

    folder: Path
    dataset: Path

    def copy(self, home: Path, *runs: str | tuple[str, ...]) -> Petbench:
        """Return the command with a new home, where run 1, 2, ... are those of `petbench run --method RUN`."""
        return copy_home(self._made(tuple((run,) if isinstance(run, str) else run for run in runs)), home)

    def _made(self, runs: tuple[tuple[str, ...], ...]) -> Path:
        def make(home: Path) -> None:
            petbench = copy_home(self._made(runs[:-1]), home) if runs[:-1] else Petbench(home)
            petbench("run", "--dataset", self.dataset, "--method", *runs[-1])

        return made_once(self.folder / hashlib.sha256(repr(runs).encode()).hexdigest()[:16], make)
