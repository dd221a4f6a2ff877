"""Watch runs that are with an engine: bring in what has ended, and submit again what an engine has lost.

The row that a node leaves decides what became of a run. What the engine says of a job decides only whether to wait.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from petbench.engine_spec import EngineUnreachableError, JobState
from petbench.engines.bring_in import bring_in, bring_in_scores
from petbench.engines.hand_over import submit
from petbench.engines.row_file import read_row
from petbench.engines.scored import Scored
from petbench.errors import DataError, PetbenchError
from petbench.runs.run_all import Outcome
from petbench.runs.standing import UNFINISHED

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from petbench.engine_spec import Engine
    from petbench.engines.cells import Cell
    from petbench.engines.observed_cells import ObservedCells
    from petbench.runs.supervisor import Supervisor
    from petbench_leaderboard.records import RunRow
    from petbench_leaderboard.run_changes import RunChanges

_GONE = JobState(phase="gone", word="gone")
_LOOKS = 2
"""How often a job is seen to be over, and its run not, before that is believed: a shared disk shows files late."""
_DIED = ("", "ProcessDied")
"""Classes of errors of an interrupted row with which it makes sense to submit the run again."""


class Watch:
    """Some runs with one engine.

    Args:
        cells: the runs.
        engine: that has them.
        supervisor: whose leaderboard and home they are.
        tell: is told in a few words what has changed of a run.
        observed: is told of runs that begin and end; None where nobody wants to know.

    Attributes:
        outcomes: of the runs that have ended, by their place.
        unreachable: why the engine gives no answer now; empty where it does.
        is_cancelled: whether somebody has asked to end all runs.
    """

    def __init__(
        self,
        cells: Sequence[Cell],
        engine: Engine,
        supervisor: Supervisor,
        tell: Callable[[Cell, str], object],
        observed: ObservedCells | None = None,
    ) -> None:
        self.cells = list(cells)
        self.outcomes: dict[int, Outcome] = {}
        self.unreachable = ""
        self.is_cancelled = False
        self._engine = engine
        self._supervisor = supervisor
        self._tell = tell
        self._observed = observed

    @property
    def scores(self) -> bool:
        """Whether runs are scored again, and not made."""
        return any(cell.is_scoring for cell in self.cells)

    @property
    def active(self) -> list[Cell]:
        """The runs that have not ended yet."""
        return [cell for cell in self.cells if cell.note.is_active]

    def ask(self) -> bool:
        """Ask the engine once, act on what it says, and return whether anything has changed.

        Where it gives no answer, all stays as it was last known.
        """
        cells = self.active
        try:
            states = self._engine.states([cell.note.job for cell in cells if cell.note.job])
        except EngineUnreachableError as error:
            self.unreachable = str(error)
            return False
        self.unreachable = ""
        changed = False
        again: list[Cell] = []
        for cell in cells:
            state = states.get(cell.note.job or "", _GONE)
            if state.phase in ("ended", "gone"):
                changed = True
                if self._is_over(cell, state):
                    again.append(cell)
                continue
            cell.unseen = 0
            if state != cell.state:
                changed = True
                self._tell(cell, _in_words(state))
            cell.state = state
        if again:
            self._submit_again(again)
        return changed

    def look(self) -> bool:
        """Look at the rows that nodes have left, without asking the engine; return whether a run has ended."""
        found = False
        for cell in self.active:
            try:
                written_at = cell.folder.row_file.stat().st_mtime
            except OSError:
                continue
            if written_at == cell.read_at:
                continue
            cell.read_at = written_at
            with contextlib.suppress(PetbenchError):  # judged when the engine says that the job is over
                if cell.is_scoring:
                    if _has_answer(cell):
                        found = True
                        self._end(cell)
                    continue
                run = read_row(cell.folder.row_file)
                if run is None or run.run.status == "interrupted":
                    continue
                if run.run.status not in UNFINISHED:
                    found = True
                    self._end(cell)
                elif run.run.status == "running":
                    if self._observed is not None:
                        self._observed.begin(cell)
                    self._supervisor.leaderboard.update(
                        cell.run_id, status="running", phase=run.run.phase, started_at=run.run.started_at
                    )
        return found

    def cancel(self, *, now: bool) -> None:
        """End the runs: those that wait at once, those that run with a checkpoint, or `now` all of them at once.

        Raises:
            EngineUnreachableError: nobody could be asked to end them.
        """
        self.is_cancelled = True
        if not now:
            self.ask()  # what runs by now is not to lose what it has done
        cells = self.active
        for cell in cells:
            with contextlib.suppress(FileNotFoundError):  # somebody has removed the run's folder
                cell.folder.cancelled_file.touch()
        waiting = [cell for cell in cells if now or cell.state.phase != "running"]
        running = [cell for cell in cells if cell not in waiting]
        for some, at_once in ((waiting, True), (running, False)):
            if some:
                self._engine.stop([cell.note.job for cell in some if cell.note.job], now=at_once)
        for cell in waiting:
            self._tell(cell, "cancelled")
            self._end(cell, interrupted("cancelled; repeat the command to go on from what is there"))

    def _is_over(self, cell: Cell, state: JobState) -> bool:
        """Judge a run whose job is over; return whether it is to be submitted again."""
        try:
            if state.phase == "ended" and cell.note.job:
                self._engine.fetch(cell.note.job, cell.folder.path)
            has_answer = _has_answer(cell)
        except EngineUnreachableError:
            return False
        except PetbenchError as error:
            self._end(cell, interrupted(str(error)), read=False)
            return False
        if has_answer:
            self._end(cell)
            return False
        cell.unseen += 1
        if cell.unseen < _LOOKS:
            return False
        if self.is_cancelled or cell.folder.cancelled_file.exists() or state.cause == "cancelled":
            self._end(cell, interrupted("cancelled; repeat the command to go on from what is there"))
        elif state.cause == "memory":
            message = f"{cell.note.name} ended it for its memory; give more with --memory, or use a smaller batch"
            self._end(cell, {"status": "out-of-memory", "error_class": "ProcessDied", "error_message": message})
        elif cell.note.submissions >= cell.note.tries:
            why = f"{cell.note.name} ended its job ({state.word or state.phase}) in each of {cell.note.tries} tries"
            self._end(
                cell, interrupted(f"{why}; see {cell.folder.node_log.name} in its folder, then repeat the command")
            )
        else:
            self._tell(cell, f"its job ended ({state.word or state.phase}), submitted again")
            return True
        return False

    def _submit_again(self, cells: list[Cell]) -> None:
        """Submit runs again that their jobs have not ended; where that cannot be done now, it is tried later."""
        try:
            submit(cells, self._engine, self._supervisor)
        except PetbenchError as error:  # a queue that is closed for a while refuses, too
            self.unreachable = str(error)
            return
        for cell in cells:
            cell.unseen = 0
            cell.state = JobState(phase="waiting")
            cell.renote(submissions=cell.note.submissions + 1)

    def _end(self, cell: Cell, ending: RunChanges | None = None, *, read: bool = True) -> None:
        """Bring a run in that has ended; what its node left may be damaged, or another run's."""
        if cell.is_scoring:
            self.outcomes[cell.place] = self._scored(cell, (ending or {}).get("error_message"))
            return
        if self._observed is not None:
            self._observed.begin_late(cell)
        try:
            row = bring_in(cell, self._supervisor.leaderboard, ending, read=read)
        except DataError as error:
            row = bring_in(cell, self._supervisor.leaderboard, interrupted(str(error)), read=False)
        self.outcomes[cell.place] = Outcome(cell.plan, row)
        if self._observed is not None:
            self._observed.end(cell)

    def _scored(self, cell: Cell, lost: str | None) -> Outcome:
        """Take over a run's new scores, unless they were `lost`."""
        try:
            row = bring_in_scores(cell, self._supervisor.leaderboard)
        except PetbenchError as error:
            return Outcome(cell.plan, None, error=lost or str(error))
        return Outcome(cell.plan, row)


def interrupted(message: str) -> RunChanges:
    """Return what becomes of a run that goes on when its command is repeated."""
    return {"status": "interrupted", "error_message": message, "fault": None, "error_class": None}


def _has_answer(cell: Cell) -> bool:
    """Return whether a node has said for good what became of a run.

    Raises:
        DataError: what it left is damaged.
    """
    if cell.is_scoring:
        return Scored.load(cell.folder, cell.note.order) is not None
    run = read_row(cell.folder.row_file)
    return run is not None and not _may_go_on(run.run)


def _may_go_on(row: RunRow) -> bool:
    """Return whether a run goes on when it is submitted again: nobody has done anything wrong."""
    return row.status in UNFINISHED or (row.status == "interrupted" and (row.error_class or "") in _DIED)


def _in_words(state: JobState) -> str:
    if state.phase == "running":
        return f"running on {state.where}" if state.where else "running"
    return f"waiting ({state.word})" if state.word else "waiting"
