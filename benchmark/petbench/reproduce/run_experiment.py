"""Make the runs of the experiment, one at a time; what is on the leaderboard already is taken from there.

Several processes with one home share the work: each takes the next run that nobody makes, and waits only where all that
is left is being made elsewhere.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from petbench.errors import PetbenchError
from petbench.processes.lock import is_held
from petbench.runs.claims import RunningElsewhereError
from petbench.runs.execute import claim_of, execute
from petbench.runs.run_all import noting_requests_to_stop
from petbench_leaderboard.records import FAILURES
from petbench_leaderboard.report.formatting import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from petbench.reproduce.agenda import Agenda
    from petbench.reproduce.experiment import Cell
    from petbench.runs.run_all import MakeAll, Outcome
    from petbench.runs.supervisor import Supervisor

WAIT_SECONDS = 2.0
"""Between two looks at whether a run that another process makes has ended."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A run that did not end well, and how, in words."""

    name: str
    message: str

    def __str__(self) -> str:
        return f"{self.name} {self.message}"


class Runner:
    """Makes what an agenda lists.

    Args:
        agenda: of the experiment.
        supervisor: makes the runs; its `stop_requested` says afterwards whether somebody stopped this.
        say: given one line before and after each run.
    """

    def __init__(self, agenda: Agenda, supervisor: Supervisor, say: Callable[[str], None]) -> None:
        self._agenda = agenda
        self._supervisor = supervisor
        self._say = say
        self._begun = datetime.now(UTC)
        self._not_run: dict[str, Failure] = {}
        self._waiting_for = 0

    def run(self, make_all: MakeAll | None = None) -> None:
        """Make every run that is left, or as many as there are before somebody stops this.

        Args:
            make_all: makes several runs elsewhere; None to make them here, one after the other.

        A run that does not end well stops none of the others. The next command tries it again, unless it diverged,
        which it would do again.
        """
        with noting_requests_to_stop(self._supervisor):
            while not self._supervisor.stop_requested:
                left = [cell for cell in self._agenda.cells() if not self._has_ended(cell)]
                if not left:
                    return
                if make_all is not None:
                    self._note(left, make_all([cell.plan for cell in left]))
                elif not self._make_one(left):
                    self._wait(len(left))

    def failures(self) -> list[Failure]:
        """Return the runs that did not end well, in this command or in an earlier one."""
        found = dict(self._not_run)
        for cell in self._agenda.cells():
            row = self._agenda.row(cell)
            if row is not None and row.status in FAILURES:
                found[cell.plan.identity] = Failure(cell.name, f"{row.status} (run {row.id})")
        return list(found.values())

    def _has_ended(self, cell: Cell) -> bool:
        row = self._agenda.row(cell)
        if cell.plan.identity in self._not_run:
            return True
        if row is None or row.status not in FAILURES:
            return row is not None and row.status == "ok"
        return row.status == "diverged" or (row.ended_at is not None and row.ended_at >= self._begun)

    def _make_one(self, cells: Sequence[Cell]) -> bool:
        """Make the first run that no other process makes; return whether there was one."""
        for cell in cells:
            if is_held(claim_of(cell.plan, self._supervisor)):
                continue
            self._say(f"{cell.name}: begins, {self._left(cells)} left")
            try:
                row, _ = execute(cell.plan, self._supervisor)
            except RunningElsewhereError:  # another process was quicker, or the run outlives the one that started it
                self._say(f"{cell.name}: another process makes it")
                continue
            except PetbenchError as error:
                self._not_run[cell.plan.identity] = Failure(cell.name, f"not run: {error}")
                self._say(f"{cell.name}: not run: {error}")
                return True
            message = f": {row.error_message}" if row.error_message else ""
            self._say(f"{cell.name}: run {row.id} {row.status}{message}")
            return True
        return False

    def _note(self, cells: Sequence[Cell], outcomes: Sequence[Outcome]) -> None:
        """Note what was not made after all the tries of its engine, so that it is not tried for ever."""
        names = {cell.plan.identity: cell.name for cell in cells}
        for outcome in outcomes:
            identity, row = outcome.plan.identity, outcome.row
            if row is None:
                self._not_run[identity] = Failure(names[identity], f"not run: {outcome.error}")
            elif row.status not in ("ok", *FAILURES):
                self._not_run[identity] = Failure(names[identity], f"{row.status} (run {row.id}): {row.error_message}")

    def _left(self, cells: Sequence[Cell]) -> int:
        """Return how many runs are not made yet, those included that wait for a learning rate."""
        planned = {cell.plan.identity for cell in self._agenda.cells()}
        waiting = {cell.plan.identity for cell in self._agenda.waiting()} - planned
        return len({cell.plan.identity for cell in cells} | waiting)

    def _wait(self, left: int) -> None:
        """Wait a moment for other processes, or until somebody stops this."""
        if left != self._waiting_for:
            self._waiting_for = left
            self._say(f"other processes make what is left ({counted(left, 'run')}); waiting for them")
        until = time.monotonic() + WAIT_SECONDS
        while time.monotonic() < until and not self._supervisor.stop_requested:
            time.sleep(0.1)
