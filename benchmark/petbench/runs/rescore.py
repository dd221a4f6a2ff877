"""Score the stored predictions of a run again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from petbench.errors import UsageError
from petbench.runs import apply, stages
from petbench.runs.plan import RunPlan

if TYPE_CHECKING:
    from petbench.home import Home
    from petbench_datasets.progress import Progress
    from petbench_leaderboard.records import RunRow
    from petbench_leaderboard.store import Leaderboard


def rescore(row: RunRow, home: Home, leaderboard: Leaderboard, progress: Progress) -> None:
    """Replace the scores of a run by those of its prediction files.

    Raises:
        UsageError: the run did not end well, or its folder is elsewhere.
    """
    if row.status != "ok":
        raise UsageError(f"run {row.id} is {row.status} and has no predictions to score")
    folder = apply.run_folder(home, row.id)
    plan = RunPlan.load(folder)
    cohort, fold = stages.open_planned(plan)
    stages.score(cohort, fold.test, folder, row.id, home, leaderboard, progress)
