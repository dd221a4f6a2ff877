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
from petbench.processes.tree import adopt_orphans, end_with_parent, kill_descendants
from petbench.runs.folder import RunFolder
from petbench.runs.job import Job
from petbench.runs.method_process.parent import MethodFailedError
from petbench.runs.pipeline import Pipeline
from petbench.runs.progress import ProgressBars
from petbench.runs.scoring.parent import ScoringFailedError
from petbench.terminal import progress_bar, say, that_may_fail, training_bar
from petbench_leaderboard.store import Leaderboard

if TYPE_CHECKING:
    from petbench_leaderboard.run_changes import RunChanges

_LOG = logging.getLogger("petbench")


def work(job: Job) -> None:
    """Run one run to its end, whatever that is."""
    adopt_orphans()
    if job.parent:
        end_with_parent(job.parent)
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
        filename=folder.log,
        level=logging.INFO,
        format="%(asctime)s %(name)s %(levelname)s %(message)s",
        errors="backslashreplace",
    )
    logging.raiseExceptions = False  # a full disk ends no run because of a line in its log
    leaderboard.update(
        job.run_id, status="running", started_at=datetime.now(UTC), error_class=None, error_message=None, fault=None
    )
    ending: RunChanges
    trace = ""
    try:
        remark = Pipeline(job, folder, leaderboard, stop, _bars()).run()
        # Nothing stale stays on the row.
        ending = {"status": "ok", "error_class": None, "error_message": remark, "fault": None}
    except (MethodFailedError, ScoringFailedError) as error:
        ending, trace = error.ending, error.trace
    except BaseException as error:  # whatever happens, the row says how the run ended
        if isinstance(error, MemoryError):
            # What filled the memory hangs on the frames that the exception holds; the row still has to be written.
            traceback.clear_frames(error.__traceback__)
        ending, trace = ending_of(error, "petbench"), traceback.format_exc()
    finally:
        kill_descendants()
    if ending["status"] != "ok":
        ending = with_training_kept(ending) if folder.is_trained else ending
        _LOG.error("the run ended early: %s\n%s", ending.get("error_message"), trace)
    ending["ended_at"] = datetime.now(UTC)
    leaderboard.update(job.run_id, **ending)
    held.release()  # not before the row is true: a free folder of a running row means that its process died
    if ending["status"] == "failed" and job.settings.raise_errors:
        say(trace)


def with_training_kept(ending: RunChanges) -> RunChanges:
    """Return an ending that comes after the training: the same command goes on from there.

    What the method did wrong stays its failure; anything else has only interrupted the run.
    """
    kept = "the training is kept: repeat the command to go on from there"
    message = ending.get("error_message") or ""
    if kept not in message and "to go on from there" not in message:
        message = f"{message}; {kept}"[:1000]
    by_method = ending["status"] == "diverged" or ending.get("fault") == "method"
    return {**ending, "error_message": message, "status": ending["status"] if by_method else "interrupted"}


def _bars() -> ProgressBars:
    return ProgressBars(lambda: that_may_fail(progress_bar()), lambda: that_may_fail(training_bar()))


if __name__ == "__main__":
    work(Job.model_validate_json(sys.stdin.read()))
