"""The leaderboard that a node works on: its own, in its temporary space, with the one run that it was handed."""

from __future__ import annotations

import contextlib
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from petbench_leaderboard.store import Leaderboard

if TYPE_CHECKING:
    from collections.abc import Iterator

    from petbench.engines.order import Order
    from petbench.home import Home
    from petbench.settings import Settings
    from petbench_leaderboard.exported_run import ExportedRun


@dataclass(frozen=True, slots=True)
class NodeLeaderboard:
    """A leaderboard with one run.

    Attributes:
        settings: with which it was opened.
        leaderboard: itself.
        run_id: the run's number in it.
    """

    settings: Settings
    leaderboard: Leaderboard
    run_id: int


@contextlib.contextmanager
def node_leaderboard(run: ExportedRun, order: Order, home: Home) -> Iterator[NodeLeaderboard]:
    """Give a leaderboard that holds a run, and is gone after the block.

    Args:
        run: with all that belongs to it.
        order: of it.
        home: of petbench on this machine.
    """
    with tempfile.TemporaryDirectory(prefix="petbench-", ignore_cleanup_errors=True) as temporary:
        settings = order.settings(home.folder, Path(temporary) / "leaderboard.db")
        with Leaderboard.open(settings.database) as leaderboard:
            # Whose row it is stays with the leaderboard that has it: here it is a run like any other.
            leaderboard.merge_runs([replace(run, run=replace(run.run, verification="own", submitter=""))])
            (row,) = leaderboard.find(run.run.identity)
            yield NodeLeaderboard(settings, leaderboard, row.id)
