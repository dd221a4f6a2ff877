"""Hand runs that have ended over to an engine, to have their predictions scored again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from petbench.engine_spec import EngineUnreachableError
from petbench.engines.cells import Cell
from petbench.engines.hand_over import note_for, order_for, submit_all
from petbench.engines.node_has import extractors
from petbench.engines.order import Order
from petbench.errors import DataError, PetbenchError, UsageError
from petbench.processes.lock import exclusive
from petbench.runs.job_note import active_note
from petbench.runs.lookup import find_folder
from petbench.runs.scoring_folder import ScoringFolder

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from petbench.engine_spec import Engine
    from petbench.engines.chosen import ChosenEngine
    from petbench.runs.job_note import JobNote
    from petbench.runs.supervisor import Supervisor
    from petbench_leaderboard.records import RunRow


def hand_over_scoring(
    rows: Sequence[RunRow],
    chosen: ChosenEngine,
    engine: Engine,
    supervisor: Supervisor,
    refuse: Callable[[RunRow, Exception], object],
) -> list[Cell]:
    """Hand runs over to be scored; one that the engine scores already is only attached to.

    Args:
        rows: of the runs.
        chosen: the engine, and what each job is to have.
        engine: built of it.
        supervisor: whose leaderboard and home they are.
        refuse: is told which run cannot be scored, and why; the others are.

    Raises:
        EngineUnreachableError: nothing could be submitted; the same command does it later.
        PetbenchError: the engine refuses: it has none of the runs then.
    """
    cells: list[Cell] = []
    ready = extractors(supervisor.settings)
    with exclusive(supervisor.home.claim(supervisor.leaderboard.place, "handing over")):
        for place, row in enumerate(rows):
            try:
                cells.append(_cell(place, row, chosen, engine, supervisor, ready))
            except EngineUnreachableError:
                raise
            except (PetbenchError, OSError) as error:
                refuse(row, error)
        submit_all([cell for cell in cells if not cell.is_attached], engine, supervisor)
    return cells


def _cell(
    place: int, row: RunRow, chosen: ChosenEngine, engine: Engine, supervisor: Supervisor, ready: tuple[str, ...]
) -> Cell:
    """Return the cell of a run, with its order and its note in the folder.

    Raises:
        EngineUnreachableError: a job that was ordered something else cannot be ended now.
        PetbenchError: it cannot be scored here.
    """
    if row.status != "ok":
        raise UsageError(f"it is {row.status} and has no predictions to score")
    folder = ScoringFolder(find_folder(row, supervisor.home).path)
    plan = folder.plan()
    order = order_for(row, plan, chosen, supervisor, ready)
    note = _living(active_note(folder), supervisor)
    if note is not None and note.job is not None:
        if note.name != chosen.name:
            raise UsageError(f"{note.name} scores it already, job {note.job}: --on {note.name} sees to that")
        if _was_ordered(folder, order):
            return Cell(place, plan, row.id, folder, note, is_attached=True)
        engine.stop([note.job], now=True)  # it would score without what has come since, such as weights or a plugin
    order.save(folder)
    folder.row_file.unlink(missing_ok=True)
    folder.cancelled_file.unlink(missing_ok=True)
    note = note_for(chosen, order)
    note.save(folder)
    return Cell(place, plan, row.id, folder, note)


def _was_ordered(folder: ScoringFolder, order: Order) -> bool:
    """Return whether the job of a run was ordered to do the same."""
    try:
        return Order.load(folder).asks_the_same_as(order)
    except DataError:  # of another version of petbench
        return False


def _living(note: JobNote | None, supervisor: Supervisor) -> JobNote | None:
    """Return a note of a job that may still go on: those of some engines end with the command that started them."""
    found = supervisor.registry.engines().get(note.engine) if note else None
    return note if found is not None and found[0].outlives else None
