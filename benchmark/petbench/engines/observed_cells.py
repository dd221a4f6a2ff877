"""Tell trackers and other observers of runs that an engine makes, from the machine that watches them.

Nodes know nothing of observers: what a training writes into the run's folder is followed from here.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Self

from petbench.errors import PetbenchError, one_line
from petbench.terminal import warn

if TYPE_CHECKING:
    from types import TracebackType

    from petbench.engines.cells import Cell
    from petbench.runs.observing.watch import ObservedRun
    from petbench.runs.supervisor import Supervisor


class ObservedCells:
    """The observed ones among runs that are watched; after the block, no process of theirs is left.

    Args:
        supervisor: whose observers are told; where it has none, nothing happens.
    """

    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor
        self._begun: dict[int, ObservedRun] = {}
        self._ending: list[threading.Thread] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for run in self._begun.values():  # they go on without anybody who watches
            run.abandon()
        for thread in self._ending:
            thread.join()

    def begin(self, cell: Cell) -> None:
        """Tell that a run begins or goes on, once; before its row says so."""
        if cell.is_scoring or cell.run_id in self._begun:
            return
        try:
            run = self._supervisor.observed(self._supervisor.leaderboard.run(cell.run_id), cell.folder)
        except (PetbenchError, OSError) as error:  # it is a run all the same
            warn(f"run {cell.run_id}: no observer hears of it ({one_line(error)})")
            return
        if run is not None:
            self._begun[cell.run_id] = run

    def end(self, cell: Cell) -> None:
        """Tell how a run has ended, as its row says now; meanwhile the others are watched."""
        run = self._begun.pop(cell.run_id, None)
        if run is not None:
            thread = threading.Thread(target=run.finish(), name=f"observers of run {cell.run_id}")
            thread.start()
            self._ending.append(thread)
