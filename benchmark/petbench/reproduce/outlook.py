"""What is done of the experiment, what is left, and how long that may take."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from petbench.plans.forecast import forecast
from petbench.reproduce.experiment import PARTS
from petbench_leaderboard.report.formatting import counted, duration

if TYPE_CHECKING:
    from collections.abc import Sequence

    from petbench.plans.forecast import State
    from petbench.reproduce.agenda import Agenda
    from petbench.reproduce.experiment import Cell, Part
    from petbench_leaderboard.store import Leaderboard


@dataclass(frozen=True, slots=True)
class Outlook:
    """One run of the experiment.

    Attributes:
        cell: which.
        rate: its learning rate; None for a reference, and where none is chosen yet.
        state: as `petbench plan` says it; `waiting` where the learning rate is not chosen yet, `shared` where the run
            is also one of an earlier part: under equal images, that of the grid with the chosen rate.
        run: its row, where there is one.
        why: what makes it out of date, or how it failed.
        seconds: expected to be spent, at most where training ends when validation no longer improves; 0 for a run that
            is there, None where no past run is like it.
    """

    cell: Cell
    rate: float | None
    state: State | Literal["waiting", "shared"]
    run: int | None
    why: tuple[str, ...]
    seconds: float | None

    @property
    def is_there(self) -> bool:
        """Whether nothing is left to be done for it by itself."""
        return self.state in ("cached", "shared")


def look_ahead(agenda: Agenda, leaderboard: Leaderboard) -> list[Outlook]:
    """Return every run that is asked for, part by part, in the order in which they are made."""
    cells, waiting = agenda.cells(), agenda.waiting()
    forecasts = forecast([cell.plan for cell in (*cells, *waiting)], leaderboard)
    found: list[Outlook] = []
    seen: set[str] = set()
    for cell, expected in zip(cells, forecasts, strict=False):
        if cell.plan.identity in seen:
            found.append(Outlook(cell, cell.rate, "shared", expected.run, (), 0.0))
        else:
            found.append(Outlook(cell, cell.rate, expected.state, expected.run, expected.why, expected.seconds))
        seen.add(cell.plan.identity)
    for cell, expected in zip(waiting, forecasts[len(cells) :], strict=True):
        if cell.plan.identity in seen:  # whichever rate is chosen, its run is one of the grid's
            found.append(Outlook(cell, None, "shared", None, (), 0.0))
        else:
            found.append(Outlook(cell, None, "waiting", None, (), expected.seconds))
    return sorted(found, key=lambda one: PARTS.index(one.cell.part))


def summarize(outlooks: Sequence[Outlook]) -> list[str]:
    """Say part by part and method by method what is there and what is not, and then how long all that is left takes."""
    groups: dict[tuple[Part, str], list[Outlook]] = {}
    for one in outlooks:
        groups.setdefault((one.cell.part, one.cell.plan.method), []).append(one)
    lines = []
    for (part, method), members in groups.items():
        states = [one.state for one in members]
        counts = ", ".join(
            f"{states.count(state)} {'there' if state == 'cached' else state}" for state in dict.fromkeys(states)
        )
        left = [one for one in members if not one.is_there]
        why = "; ".join(sorted({reason for one in left for reason in one.why}))
        lines.append(f"{part}, {method}: {counts}{f', {_time(left)}' if left else ''}{f' ({why})' if why else ''}")
    left = [one for one in outlooks if not one.is_there]
    runs = counted(sum(one.state != "shared" for one in outlooks), "run")
    rest = f"{len(left)} of {runs} to make, {_time(left)}" if left else f"all {runs} are there"
    return [*lines, rest]


def _time(left: Sequence[Outlook]) -> str:
    known = [one.seconds for one in left if one.seconds is not None]
    if not known:
        return "for how long no past run shows"
    most = "at most " if all(one.cell.part == "converged" for one in left) else "about "
    unknown = len(left) - len(known)
    return most + duration(sum(known)) + (f" and {counted(unknown, 'run')} of unknown length" if unknown else "")
