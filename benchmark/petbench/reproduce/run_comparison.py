"""Run the comparison; what is on the leaderboard already is taken from there."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from petbench.errors import DataError, PetbenchError
from petbench.plans.planner import Place
from petbench.runs.references import score_reference
from petbench.runs.run_all import run_all
from petbench_datasets.dataset.reader import open_dataset
from petbench_datasets.dataset.split import load_split

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from petbench.plans.run_plan import RunPlan
    from petbench.runs.run_all import Outcome
    from petbench.runs.scorer import Scorer
    from petbench.runs.supervisor import Supervisor
    from petbench_leaderboard.records import RunRow
    from petbench_leaderboard.store import Leaderboard


class StoppedError(PetbenchError):
    """A run of the comparison did not end well; what was done before it stays done."""

    def __init__(self, message: str, *, interrupted: bool) -> None:
        super().__init__(message)
        self.exit_code = 130 if interrupted else 1


def run_comparison(plans: Sequence[RunPlan], supervisor: Supervisor, progress: Callable[[str], None]) -> list[RunRow]:
    """Return the row of every plan, all of them ended well.

    Args:
        plans: in the order in which to run them.
        supervisor: makes the runs.
        progress: given one line before and after each run.

    Raises:
        StoppedError: the user stopped a run, or it failed; the same command resumes there.
    """

    def begun(place: int, plan: RunPlan) -> None:
        progress(f"[{place + 1}/{len(plans)}] {plan.method} fold {plan.fold} seed {plan.seed}")

    def ended(place: int, outcome: Outcome) -> None:
        if outcome.row is not None and outcome.is_ok:
            how = ", on the leaderboard already" if outcome.known else " done"
            progress(f"[{place + 1}/{len(plans)}] {outcome.name}: run {outcome.row.id}{how}")

    outcomes = run_all(plans, supervisor, begun=begun, ended=ended, stop_at_failure=True)
    if outcomes and not outcomes[-1].is_ok:
        raise _stopped_at(outcomes[-1])
    if len(outcomes) < len(plans):
        raise StoppedError(
            f"stopped after {len(outcomes)} of {len(plans)} runs; the same command resumes there", interrupted=True
        )
    return [outcome.row for outcome in outcomes if outcome.row is not None]


def _stopped_at(outcome: Outcome) -> StoppedError:
    row = outcome.row
    if row is None:
        return StoppedError(f"{outcome.name} was not run: {outcome.error}", interrupted=False)
    if row.status == "interrupted":
        return StoppedError(
            f"run {row.id} ({outcome.name}) was interrupted; the same command resumes from its checkpoint and repeats "
            "nothing that is done",
            interrupted=True,
        )
    return StoppedError(
        f"run {row.id} ({outcome.name}) ended as {row.status}: {row.error_message or 'no message'}; "
        f"`petbench runs show {row.id}` says more, the same command tries it again",
        interrupted=False,
    )


def score_references(
    plans: Sequence[RunPlan], names: Sequence[str], supervisor: Supervisor, scorer: Scorer
) -> tuple[list[RunRow], dict[str, str]]:
    """Return the rows of references that the harness makes itself, fold by fold; and why it cannot make the others.

    Args:
        plans: of one method and seed, one for each fold.
        names: of the references.
        supervisor: knows home and leaderboard.
        scorer: scores those that are not there yet.
    """
    rows: list[RunRow] = []
    missing: dict[str, str] = {}
    for name in names:
        try:
            rows += [
                _stored(plan, name, supervisor.leaderboard) or _score(plan, name, supervisor, scorer) for plan in plans
            ]
        except DataError as error:
            missing[name] = str(error).removeprefix(
                f"{plans[0].dataset_folder}: "
            )  # no page names a folder of its machine
    return rows, missing


def _stored(plan: RunPlan, name: str, leaderboard: Leaderboard) -> RunRow | None:
    known = leaderboard.runs(dataset=plan.dataset, split=plan.split, method=name, status="ok")
    same = ("fingerprint", "split_digest", "fold", "protocol")
    return next((row for row in known if all(getattr(row, name) == getattr(plan, name) for name in same)), None)


def _score(plan: RunPlan, name: str, supervisor: Supervisor, scorer: Scorer) -> RunRow:
    dataset = open_dataset(Path(plan.dataset_folder))
    place = Place(plan.dataset, dataset, load_split(dataset, plan.split), plan.fold)
    home, leaderboard = supervisor.home, supervisor.leaderboard
    return score_reference(place, name, home=home, leaderboard=leaderboard, scorer=scorer)
