"""Of several processes with one plan, one makes the run: it holds the run's claim from planning to the end.

A run has no folder to lock before it is planned, so the claim is a lock of its own, by leaderboard and identity.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from petbench.errors import PetbenchError
from petbench.processes.lock import claimed, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from petbench.home import Home
    from petbench_leaderboard.store import Leaderboard


class RunningElsewhereError(PetbenchError):
    """The same run is going on in another process.

    Attributes:
        lock: that the other process holds; None where it is in another home, and cannot be waited for.
    """

    def __init__(self, message: str, lock: Path | None = None) -> None:
        super().__init__(message)
        self.lock = lock

    def wait(self) -> None:
        """Wait until the other process lets go of the run."""
        if self.lock is not None:
            wait_for(self.lock)


def claim_path(home: Home, leaderboard: Leaderboard, identity: str) -> Path:
    """Return the lock of the process that makes a run."""
    return home.claim(leaderboard.place, identity)


@contextlib.contextmanager
def claim(home: Home, leaderboard: Leaderboard, identity: str) -> Iterator[None]:
    """Within the block, be the one process that makes a run.

    Raises:
        RunningElsewhereError: another process is.
    """
    path = claim_path(home, leaderboard, identity)
    with claimed(path) as mine:
        if not mine:
            raise RunningElsewhereError(
                f"another process makes the same run{_going_on(leaderboard, identity)}; wait for it, or stop it with "
                "Ctrl-C there",
                path,
            )
        yield


def _going_on(leaderboard: Leaderboard, identity: str) -> str:
    """Return in words what the other process is at, empty while it has planned nothing yet."""
    for row in leaderboard.find(identity):
        if row.status in ("planned", "running"):
            since = f", since {row.started_at:%Y-%m-%d %H:%M} UTC" if row.started_at else ""
            phase = f", phase {row.phase}" if row.phase else ""
            return f", run {row.id} of {row.method} seed {row.seed} fold {row.fold}: {row.status}{phase}{since}"
    return ""
