"""Run several plans one after the other: each ends in a row, and one that fails stops none of the others."""

from __future__ import annotations

import contextlib
import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from petbench.errors import PetbenchError
from petbench.runs.execute import execute

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from petbench.plans.run_plan import RunPlan
    from petbench.runs.supervisor import Supervisor
    from petbench_leaderboard.records import RunRow


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one plan.

    Attributes:
        plan: what was asked for.
        row: its row; None where none could be made.
        known: whether the row was there already.
        error: why there is no row, in one line.
    """

    plan: RunPlan
    row: RunRow | None
    known: bool = False
    error: str | None = None

    @property
    def is_ok(self) -> bool:
        """Whether the run is there and ended well."""
        return self.row is not None and self.row.status == "ok"

    @property
    def is_declined(self) -> bool:
        """Whether the dataset has not got what the method needs, which is nobody's failure."""
        return self.row is not None and self.row.status == "skipped"

    @property
    def name(self) -> str:
        """Method, fold and seed, in words."""
        return f"{self.plan.method} fold {self.plan.fold} seed {self.plan.seed}"


class MakeRun(Protocol):
    """Makes the run of a plan: returns its row, and whether the row was there already."""

    def __call__(self, plan: RunPlan, supervisor: Supervisor) -> tuple[RunRow, bool]:
        """Make it."""
        ...


MakeAll: TypeAlias = "Callable[[Sequence[RunPlan]], list[Outcome]]"
"""Makes the runs of plans and returns what became of each, in their order."""


def one_by_one(make_all: MakeAll) -> MakeRun:
    """Return what makes one run as `make_all` makes several."""

    def make(plan: RunPlan, supervisor: Supervisor) -> tuple[RunRow, bool]:  # noqa: ARG001 - the protocol's signature
        (outcome,) = make_all([plan])
        if outcome.row is None:
            raise PetbenchError(outcome.error or f"{outcome.name} was not made")
        return outcome.row, outcome.known

    return make


def run_all(
    plans: Sequence[RunPlan],
    supervisor: Supervisor,
    *,
    make: MakeRun = execute,
    ended: Callable[[int, Outcome], Any] = lambda _place, _outcome: None,
) -> list[Outcome]:
    """Run plans in their order, and stop after the run under way when somebody asks.

    Args:
        plans: what to run.
        supervisor: makes the runs; its `stop_requested` says afterwards whether the rest was left untouched.
        make: makes one of them; `execute` repeats none that is on the leaderboard already.
        ended: called after each run with its place in the order.

    Returns:
        The outcomes of the plans that were begun; those that were not are left as they were.
    """
    outcomes: list[Outcome] = []
    with noting_requests_to_stop(supervisor):
        for place, plan in enumerate(plans):
            if supervisor.stop_requested:
                break
            try:
                outcome = Outcome(plan, *make(plan, supervisor))
            except PetbenchError as error:  # such as the same run going on in another process
                outcome = Outcome(plan, None, error=str(error))
            outcomes.append(outcome)
            ended(place, outcome)
    return outcomes


DECLINED = 3
"""Exit code where nothing failed, and nothing was run: no dataset asked for has what the methods need."""


def exit_code(outcomes: Sequence[Outcome]) -> int:
    """Return 0 where a run is there and none failed, `DECLINED` where every one was declined, 1 for a failure."""
    if not all(outcome.is_ok or outcome.is_declined for outcome in outcomes):
        return 1
    return DECLINED if outcomes and all(outcome.is_declined for outcome in outcomes) else 0


@contextlib.contextmanager
def noting_requests_to_stop(supervisor: Supervisor) -> Iterator[None]:
    """Between two runs a request to end only sets the flag; during a run it goes to the run as well."""

    def note(*_: object) -> None:
        supervisor.stop_requested = True

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
