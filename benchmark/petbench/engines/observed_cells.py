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


_MOST_ENDINGS = 8
"""Runs of whose end observers are told at once: after a long absence hundreds have ended."""


class ObservedCells:
    """The observed ones among runs that are watched; after the block, no process of theirs is left.

    Args:
        supervisor: whose observers are told; where it has none, nothing happens.
        stays: whether somebody watches until the runs have ended; else only of those that have ended is told.
    """

    def __init__(self, supervisor: Supervisor, *, stays: bool = True) -> None:
        self._supervisor = supervisor
        self._stays = stays
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
        """Tell that a run goes on, once, where somebody will see its end; before its row says so."""
        if self._stays:
            self._begin(cell)

    def begin_late(self, cell: Cell) -> None:
        """Tell of a run that has ended, unless that was begun before; what it has written is told of all the same."""
        if cell.folder.row_file.exists():  # else it was cancelled before it had begun
            self._begin(cell)

    def end(self, cell: Cell) -> None:
        """Tell how a run has ended, as its row says now; meanwhile the others are watched."""
        run = self._begun.pop(cell.run_id, None)
        if run is None:
            return
        try:
            finish = run.finish()
        except (PetbenchError, OSError) as error:
            run.abandon()
            warn(f"run {cell.run_id}: no observer hears of its end ({one_line(error)})")
            return
        self._ending = [thread for thread in self._ending if thread.is_alive()]
        if len(self._ending) >= _MOST_ENDINGS:
            self._ending.pop(0).join()
        thread = threading.Thread(target=finish, name=f"observers of run {cell.run_id}")
        thread.start()
        self._ending.append(thread)

    def _begin(self, cell: Cell) -> None:
        if cell.is_scoring or cell.run_id in self._begun:
            return
        try:
            run = self._supervisor.observed(self._supervisor.leaderboard.run(cell.run_id), cell.folder)
        except (PetbenchError, OSError) as error:  # it is a run all the same
            warn(f"run {cell.run_id}: no observer hears of it ({one_line(error)})")
            return
        if run is not None:
            self._begun[cell.run_id] = run
