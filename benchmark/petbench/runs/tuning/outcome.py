"""What comes of a search: the best settings trained and tested as an ordinary run, beside the method's own settings."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING

from petbench.errors import PetbenchError
from petbench.plans.planner import plan_on
from petbench.runs.execute import execute
from petbench.runs.run_all import noting_requests_to_stop
from petbench.runs.tuning.search import best_of, cost_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from petbench.runs.run_all import MakeRun
    from petbench.runs.supervisor import Supervisor
    from petbench.runs.tuning.search import SearchRequest, Trial
    from petbench_leaderboard.records import RunRow
    from petbench_leaderboard.tuning import Tuning


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuned:
    """Two rows: of the method's own settings, and of those that a search found.

    Attributes:
        best: the trial that did best on validation.
        cost: of all trials.
        default: the row of the method's own settings.
        tuned: the row of the best; the same one where no trial did better.
    """

    best: Trial
    cost: Tuning
    default: RunRow
    tuned: RunRow


def make_rows(
    asked: SearchRequest, trials: Sequence[Trial], supervisor: Supervisor, *, make: MakeRun = execute
) -> Tuned | None:
    """Test the method's own settings and the best of a search, and note in the row of the latter what the search cost.

    A trial with the row's budget is that very run: its model is tested, and nothing is trained again. None where
    somebody stopped it before both rows were there.

    Raises:
        PetbenchError: no trial ended well, or one of the runs is going on elsewhere.
    """
    best = best_of(trials)
    if best is None:
        why = next((trial.error or (trial.row and trial.row.error_message) for trial in trials), None)
        raise PetbenchError(f"none of the {len(trials)} trials ended well, so there are no settings; the first: {why}")
    request, registry = asked.request, supervisor.registry
    changed = dataclasses.replace(request, settings=(*request.settings, *best.settings))
    made = []
    with noting_requests_to_stop(supervisor):
        for each in (request, changed):
            made.append(make(plan_on(each, asked.place, registry), supervisor)[0])
            if supervisor.stop_requested:
                return None
    default, tuned = made
    cost, rows = cost_of(trials, request.seed), supervisor.leaderboard
    rows.update(tuned.id, tuning=cost.to_dict())
    return Tuned(best=best, cost=cost, default=rows.run(default.id), tuned=rows.run(tuned.id))
