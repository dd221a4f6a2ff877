"""The runs of a leaderboard that are with engines, whoever handed them over."""

from __future__ import annotations

from typing import TYPE_CHECKING

from petbench.engines.chosen import ChosenEngine
from petbench.engines.hand_over import attached
from petbench.runs.supervisor import UNFINISHED
from petbench_leaderboard.run_queries import Wanted

if TYPE_CHECKING:
    from petbench.engines.cells import Cell
    from petbench.engines.watch import Watch
    from petbench.registry import Registry
    from petbench.runs.supervisor import Supervisor


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
