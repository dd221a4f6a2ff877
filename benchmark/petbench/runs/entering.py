"""Enter a run that was not made here: its folder and its row come together, or neither comes."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import shutil
from typing import TYPE_CHECKING, Unpack

from filelock import FileLock

from petbench.evaluation.protocol import PROTOCOL
from petbench.runs.folder import RunFolder
from petbench_datasets.files import folder_to_place, partial_name, write_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from sqlalchemy.orm import Session

    from petbench.home import Home
    from petbench.plans.run_plan import RunPlan
    from petbench_datasets.dataset.reader import Dataset
    from petbench_leaderboard.records import RunRecord, RunRow
    from petbench_leaderboard.run_changes import RunChanges
    from petbench_leaderboard.schema import Run
    from petbench_leaderboard.score_records import ScoreRecord
    from petbench_leaderboard.store import Leaderboard


def enter_run(
    plan: RunPlan,
    record: RunRecord,
    scores: Iterable[ScoreRecord],
    dataset: Dataset,
    *,
    fill: Callable[[RunFolder], object],
    beside: Callable[[Session, Run], object] = lambda *_: None,
    origin: str,
    home: Home,
    leaderboard: Leaderboard,
    **changes: Unpack[RunChanges],
) -> tuple[RunRow, bool]:
    """Store a finished run with its folder and the scores that were computed here.

    The folder is filled under a temporary name and gets its own within the transaction that stores the row, as the last
    thing before it ends. A process that is killed leaves no row; what it left of a folder is removed when the same run
    is entered again, since the folder's name is made from what the run is. Of several processes that enter one run at
    once, one does, and the others find its row.

    Args:
        plan: of the run.
        record: the plan's, or a copy that says more.
        scores: all of them.
        dataset: where the real images come from.
        fill: writes predictions and log into the folder.
        beside: stores what else belongs to the row, in the same transaction.
        origin: what the run was made from, such as the hash of a submission.
        home: where the folder is made.
        leaderboard: where the row goes.
        changes: what is known of the run's end.

    Returns:
        The row, and whether it was here already.
    """
    uid = _uid(plan, origin, leaderboard)
    folder = RunFolder.of(home, plan.method, uid)
    record = dataclasses.replace(record, log_path=folder.log_path(home))
    end: RunChanges = {**changes, "status": "ok", "phase": "score", "subgroups": dataset.subgroups}
    claim = home.claim(leaderboard.place, f"enter {plan.identity}")
    claim.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(claim):
        for left in home.runs.glob(f"{partial_name(folder.path)}*"):
            shutil.rmtree(left)
        with folder_to_place(folder.path) as (temporary, place):

            def place_anew() -> None:
                folder.delete()  # of a process that was killed before its row was stored
                place()

            plan.save(RunFolder(temporary).plan_file)
            write_text(RunFolder(temporary).maker_file, f"{leaderboard.place}\n")
            fill(RunFolder(temporary))
            try:
                run_id, known = leaderboard.enter(
                    record,
                    scores,
                    uid=uid,
                    protocol=PROTOCOL,
                    place=place_anew,
                    beside=beside,
                    **end,
                )
            except BaseException:
                if all(row.uid != uid for row in leaderboard.find(plan.identity)):
                    folder.delete()
                raise
    return leaderboard.run(run_id), known


def _uid(plan: RunPlan, origin: str, leaderboard: Leaderboard) -> str:
    """Return the name of a run that is entered, one for what it is: another task of the same name makes another run."""
    definition = json.dumps(dict(plan.task_definition), sort_keys=True)
    facts = (leaderboard.place, plan.identity, origin, definition)
    return hashlib.sha256("\n".join(facts).encode()).hexdigest()[:32]
