"""The process of one run, which says in the run's row how it ended.

Started by `petbench.runs.supervisor` as `python -m petbench.runs.worker`, with its job on standard input.
"""

from __future__ import annotations

import logging
import sys
import traceback
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from petbench.processes import lock
from petbench.processes.ending import ending_of
from petbench.processes.stop import StopFlag
from petbench.processes.tree import adopt_orphans, kill_descendants
from petbench.runs.folder import RunFolder
from petbench.runs.job import Job
from petbench.runs.pipeline import Pipeline
from petbench.runs.progress import ProgressBars
from petbench.terminal import progress_bar, training_bar
from petbench_leaderboard.store import Leaderboard

if TYPE_CHECKING:
    from petbench_leaderboard.records import RunChanges

_LOG = logging.getLogger("petbench")


def work(job: Job) -> None:
    """Run one run to its end, whatever that is."""
    adopt_orphans()
    stop = StopFlag()
    with Leaderboard.open(job.settings.database) as leaderboard:
        _work(job, leaderboard, stop)


def _work(job: Job, leaderboard: Leaderboard, stop: StopFlag) -> None:
    folder = RunFolder(job.folder)
    try:
        held = lock.hold(folder.lock)
    except lock.HeldError as error:  # the row is the other process's
        sys.stderr.write(f"{error}\n")
        sys.exit(error.exit_code)
    logging.basicConfig(
        filename=folder.log, level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s %(message)s"
    )
    leaderboard.update(job.run_id, status="running", started_at=datetime.now(UTC), error_class=None, error_message=None)
    ending: RunChanges
    try:
        remark = Pipeline(job, leaderboard, stop, ProgressBars(progress_bar, training_bar)).run()
        ending = {"status": "ok", "error_class": None, "error_message": remark}  # nothing stale stays on the row
    except BaseException as error:  # whatever a method does, its row says how it ended
        if isinstance(error, MemoryError):
            # What filled the memory hangs on the frames that the exception holds; the row still has to be written.
            traceback.clear_frames(error.__traceback__)
        _LOG.exception("the run ended early")
        ending = ending_of(error)
    finally:
        kill_descendants()
    ending["ended_at"] = datetime.now(UTC)
    leaderboard.update(job.run_id, **ending)
    held.release()  # not before the row is true: a free folder of a running row means that its process died
    if ending["status"] == "failed" and job.settings.raise_errors:
        traceback.print_exc()


if __name__ == "__main__":
    work(Job.model_validate_json(sys.stdin.read()))
