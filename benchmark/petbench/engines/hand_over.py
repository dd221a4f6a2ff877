"""Hand runs over to an engine: row, folder and order first, then the jobs, then their ids; nothing is started twice."""

from __future__ import annotations

import sys
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from petbench.engine_spec import EngineUnreachableError, Work
from petbench.engines.cells import Cell
from petbench.engines.node_has import conventions, extractors
from petbench.engines.order import Order
from petbench.engines.row_file import as_line, exported
from petbench.errors import PetbenchError, UsageError
from petbench.evaluation.protocol import PROTOCOL
from petbench.processes.lock import exclusive
from petbench.runs.claims import claim
from petbench.runs.execute import prepare
from petbench.runs.job_note import JobNote, active_note
from petbench.runs.lookup import find_folder, find_folder_or_none
from petbench.runs.options import imports_from_here
from petbench.runs.run_all import Outcome
from petbench.runs.standing import UNFINISHED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from petbench.engine_spec import Engine
    from petbench.engines.chosen import ChosenEngine
    from petbench.plans.run_plan import RunPlan
    from petbench.runs.supervisor import Supervisor
    from petbench_leaderboard.records import RunRow

WHEN_STOPPED = "--when-stopped"
NODE = "petbench.engines.node"


@dataclass(slots=True)
class HandedOver:
    """What became of plans that were to be handed over.

    Attributes:
        outcomes: of those that are done already or cannot be run, by their place.
        cells: the others.
    """

    outcomes: dict[int, Outcome] = field(default_factory=dict)
    cells: list[Cell] = field(default_factory=list)

    def waiting_to_be_submitted(self) -> list[Cell]:
        """Return the cells that no job makes yet."""
        return [cell for cell in self.cells if cell.note.job is None]


def hand_over(
    plans: Sequence[RunPlan], chosen: ChosenEngine, engine: Engine, supervisor: Supervisor, *, force: bool = False
) -> HandedOver:
    """Hand the runs of plans over, but for those that are done or with an engine already.

    Of two processes that hand over at once, one waits for the other.

    Args:
        plans: what to run.
        chosen: the engine, and what each run is to have.
        engine: built of it.
        supervisor: whose leaderboard and home they are.
        force: make runs anew although the same are stored.

    Raises:
        EngineUnreachableError: nothing could be submitted; the same command does it later.
        PetbenchError: the engine refuses: no engine has the runs then.
    """
    for plan in plans:
        if plan.device.startswith("cuda:"):
            raise UsageError(
                f"--device {plan.device} names one card of a machine, and the engine chooses the machine and the card: "
                "use --device cuda with --gpus 1"
            )
    found = HandedOver()
    ready = extractors(supervisor.settings)
    with exclusive(supervisor.home.claim(supervisor.leaderboard.place, "handing over")):
        for place, plan in enumerate(plans):
            try:
                _take(place, plan, chosen, supervisor, found, ready, force=force)
            except PetbenchError as error:
                found.outcomes[place] = Outcome(plan, None, error=str(error))
        submit_all(found.waiting_to_be_submitted(), engine, supervisor)
    return found


def submit_all(cells: Sequence[Cell], engine: Engine, supervisor: Supervisor) -> None:
    """Submit cells that were just handed over; where the engine refuses, it has none of those that it did not take.

    Raises:
        EngineUnreachableError: nobody knows whether the jobs are there: the same command sees to it.
        PetbenchError: the engine refuses.
    """
    try:
        submit(cells, engine, supervisor)
    except EngineUnreachableError:
        raise
    except PetbenchError:
        for cell in cells:
            if cell.note.job is None:
                cell.renote(is_active=False)
        raise


def submit(cells: Sequence[Cell], engine: Engine, supervisor: Supervisor) -> None:
    """Submit cells together, and note the ids of their jobs.

    Raises:
        EngineUnreachableError: nothing was submitted.
    """
    path = () if imports_from_here() else ("-P",)
    for resources, options in dict.fromkeys((cell.note.resources, cell.options) for cell in cells):
        alike = [cell for cell in cells if (cell.note.resources, cell.options) == (resources, options)]
        work = Work(
            folders=tuple(cell.folder.path for cell in alike),
            command=(sys.executable, *path, "-m", NODE, *options),
            options=options,
            when_stopped=WHEN_STOPPED,
            resources=resources,
            home=supervisor.home.folder,
        )
        for cell, job in zip(alike, engine.submit(work), strict=True):
            cell.renote(job=job)


def attached(row: RunRow, supervisor: Supervisor, place: int = 0) -> Cell | None:
    """Return the cell of a run that is with an engine; None where it is not."""
    folder = find_folder_or_none(row, supervisor.home) if row.status in UNFINISHED else None
    note = active_note(folder) if folder else None
    if folder is None or note is None:
        return None
    return Cell(place, folder.plan(), row.id, folder, note, is_attached=note.job is not None)


def _take(
    place: int,
    plan: RunPlan,
    chosen: ChosenEngine,
    supervisor: Supervisor,
    found: HandedOver,
    ready: tuple[str, ...],
    *,
    force: bool,
) -> None:
    """Make a plan one of the outcomes, or one of the cells."""
    with claim(supervisor.home, supervisor.leaderboard, plan.identity):
        if not force:
            for row in supervisor.leaderboard.find(plan.identity, plan.task_definition, verification="own"):
                cell = attached(row, supervisor, place)
                if cell is not None and cell.note.name == chosen.name:
                    if cell.note.job is None:  # its submission went wrong, perhaps for what was asked then
                        cell.renote(resources=chosen.resources, options=dict(chosen.options), tries=chosen.tries)
                    found.cells.append(cell)
                    return
        row, known = prepare(plan, supervisor, force=force, here=False)
        if known or row.status == "skipped":
            found.outcomes[place] = Outcome(plan, row, known=known)
            return
        folder = find_folder(row, supervisor.home)
        if row.status != "planned":
            supervisor.leaderboard.update(row.id, status="planned", error_class=None, error_message=None, fault=None)
        order = order_for(row, plan, chosen, supervisor, ready)
        order.save(folder)
        # What an earlier part left is in the order now.
        folder.row_file.unlink(missing_ok=True)
        folder.cancelled_file.unlink(missing_ok=True)
        note = note_for(chosen, order)
        note.save(folder)
        found.cells.append(Cell(place, folder.plan(), row.id, folder, note))


def order_for(
    row: RunRow, plan: RunPlan, chosen: ChosenEngine, supervisor: Supervisor, ready: tuple[str, ...]
) -> Order:
    """Return what a node is to know of a run.

    Args:
        row: of the run.
        plan: of the run.
        chosen: the engine, and what each job is to have.
        supervisor: whose leaderboard and home they are.
        ready: ids of the extractors whose weights are here.
    """
    settings = supervisor.settings
    return Order(
        row=as_line(exported(supervisor.leaderboard, row.id)),
        home=supervisor.home.folder,
        dataset=plan.dataset,
        threads=chosen.resources.cpus,
        time_limit_seconds=supervisor.options.time_limit_seconds,
        isolated=supervisor.options.isolated,
        offline=settings.offline,
        fid_weights=settings.fid_weights,
        fd768_weights=settings.fd768_weights,
        metrics=conventions(plan, supervisor.registry),
        extractors=ready,
        protocol=PROTOCOL,
        id=uuid.uuid4().hex,
    )


def note_for(chosen: ChosenEngine, order: Order) -> JobNote:
    """Return the note of a run that is being handed over."""
    return JobNote(
        engine=chosen.spec.name,
        address=chosen.address,
        options=dict(chosen.options),
        resources=chosen.resources,
        tries=chosen.tries,
        order=order.id,
    )
