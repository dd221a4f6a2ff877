"""The runs of a leaderboard that are with engines, whoever handed them over."""

from __future__ import annotations

from typing import TYPE_CHECKING

from petbench.engines.bring_in import bring_in
from petbench.engines.chosen import ChosenEngine
from petbench.engines.hand_over import attached
from petbench.engines.row_file import read_row
from petbench.engines.watch import interrupted
from petbench.runs.run_all import Outcome
from petbench.runs.standing import UNFINISHED
from petbench_leaderboard.run_queries import Wanted

if TYPE_CHECKING:
    from petbench.engines.cells import Cell
    from petbench.engines.watch import Watch
    from petbench.registry import Registry
    from petbench.runs.supervisor import Supervisor

_ENDED_WITH_IT = "its engine ended with the command that started it; repeat that command to go on"


def with_engines(supervisor: Supervisor) -> list[Cell]:
    """Return the runs of this home that an engine has, oldest first."""
    found: list[Cell] = []
    for status in UNFINISHED:
        wanted = Wanted(status=status)
        for rows in supervisor.leaderboard.batches(wanted, oldest_first=True):
            for row in rows:
                cell = attached(row, supervisor, place=len(found))
                if cell is not None and cell.note.job is not None:
                    found.append(cell)
    return found


def engines_of(cells: list[Cell], registry: Registry) -> list[tuple[ChosenEngine, list[Cell]]]:
    """Return each engine that has some of the runs, with them; what is submitted again gets what it had."""
    groups: dict[str, list[Cell]] = {}
    for cell in cells:
        asked = cell.note.model_dump_json(include={"engine", "address", "options", "resources", "tries"})
        groups.setdefault(asked, []).append(cell)
    return [(ChosenEngine.of_note(some[0].note, registry), some) for some in groups.values()]


def look_once(watch: Watch) -> None:
    """Bring in what has ended by now; a run that its engine has lost is believed to be lost at the second look."""
    watch.look()
    watch.ask()
    if any(cell.unseen for cell in watch.active):
        watch.ask()


def give_up(cells: list[Cell], supervisor: Supervisor) -> dict[int, Outcome]:
    """Bring in runs whose engine has ended with the command that started it, and return what became of them."""
    found: dict[int, Outcome] = {}
    for cell in cells:
        run = read_row(cell.folder.row_file)
        ended = run is not None and run.run.status not in (*UNFINISHED, "interrupted")
        found[cell.place] = Outcome(
            cell.plan, bring_in(cell, supervisor.leaderboard, None if ended else interrupted(_ENDED_WITH_IT))
        )
    return found
