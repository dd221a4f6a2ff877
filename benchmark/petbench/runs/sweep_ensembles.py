"""Enter the ensembles of a sweep once its runs have ended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from petbench.errors import PetbenchError
from petbench.runs.ensemble import enter_ensemble
from petbench.runs.scorer import Scorer
from petbench.terminal import late_progress_bar

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from petbench.plans.ensembles import PlannedEnsemble
    from petbench.runs.run_all import Outcome
    from petbench.runs.supervisor import Supervisor
    from petbench_leaderboard.records import RunRow


@dataclass(frozen=True, slots=True)
class EnsembleOutcome:
    """What became of one ensemble.

    Attributes:
        ensemble: what was asked for.
        members: numbers of its members' runs that are there.
        row: its row; None where none could be made.
        error: why there is no row, in one line.
    """

    ensemble: PlannedEnsemble
    members: tuple[int, ...]
    row: RunRow | None
    error: str | None = None


def enter_ensembles(
    ensembles: Sequence[PlannedEnsemble], outcomes: Sequence[Outcome], supervisor: Supervisor
) -> Iterator[EnsembleOutcome]:
    """Enter each ensemble whose members all ended well, and yield what became of each.

    Args:
        ensembles: of the sweep.
        outcomes: of its runs; those that were not begun are missing.
        supervisor: has made the runs.
    """
    of_plan = {outcome.plan.identity: outcome for outcome in outcomes}
    for ensemble in ensembles:
        found = [of_plan.get(plan.identity) for plan in ensemble.members]
        rows = [outcome.row for outcome in found if outcome is not None and outcome.row is not None and outcome.is_ok]
        numbers = tuple(row.id for row in rows)
        left = len(ensemble.members) - len(rows)
        if left:
            why = f"{left} of its {len(ensemble.members)} members did not end well; repeat the command"
            yield EnsembleOutcome(ensemble, numbers, None, why)
            continue
        try:
            with late_progress_bar() as progress:
                row = enter_ensemble(
                    rows,
                    home=supervisor.home,
                    leaderboard=supervisor.leaderboard,
                    scorer=Scorer.of(supervisor.settings, supervisor.registry, progress),
                )
        except PetbenchError as error:  # such as a prediction that is gone
            yield EnsembleOutcome(ensemble, numbers, None, str(error))
        else:
            yield EnsembleOutcome(ensemble, numbers, row)
