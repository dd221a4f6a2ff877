"""Carry out several plans one after the other: each ends in a row, and one that fails stops none of the others."""

from __future__ import annotations

import contextlib
import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING

from petbench.errors import PetbenchError
from petbench.runs.execute import execute

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from petbench.home import Home
    from petbench.plans.run_plan import RunPlan
    from petbench.runs.supervisor import Conduct
    from petbench_leaderboard.records import RunRow
    from petbench_leaderboard.store import Leaderboard


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one plan.

    Attributes:
        plan: what was asked for.
        row: its row; None where none could be made.
        repeated: whether the row was there already.
        error: why there is no row, in one line.
    """

    plan: RunPlan
    row: RunRow | None
    repeated: bool = False
    error: str | None = None

    @property
    def is_ok(self) -> bool:
        """Whether the run is there and ended well."""
        return self.row is not None and self.row.status == "ok"


def run_matrix(
    plans: Sequence[RunPlan],
    home: Home,
    leaderboard: Leaderboard,
    *,
    force: bool,
    conduct: Conduct,
    tell: Callable[[int, Outcome], None],
) -> list[Outcome]:
    """Carry out plans in their order, and stop after the run under way when somebody asks.

    Args:
        plans: what to run; one that is on the leaderboard already is not repeated.
        home: where the runs' folders are made.
        leaderboard: where their rows are kept.
        force: run again what is there already.
        conduct: how runs are carried out; its `stop_requested` says whether the rest was left untouched.
        tell: told of each outcome, with its place in the order.

    Returns:
        The outcomes of the plans that were begun; those that were not are left as they were.
    """
    outcomes: list[Outcome] = []
    with _noting_requests_to_stop(conduct):
        for place, plan in enumerate(plans):
            if conduct.stop_requested:
                break
            try:
                row, repeated = execute(plan, home, leaderboard, force=force, conduct=conduct)
                outcome = Outcome(plan, row, repeated)
            except PetbenchError as error:  # such as the same run going on in another process
                outcome = Outcome(plan, None, error=str(error))
            outcomes.append(outcome)
            tell(place, outcome)
    return outcomes


@contextlib.contextmanager
def _noting_requests_to_stop(conduct: Conduct) -> Iterator[None]:
    """Between two runs a request to end only sets the flag; during a run it goes to the run as well."""

    def note(*_: object) -> None:
        conduct.stop_requested = True

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
