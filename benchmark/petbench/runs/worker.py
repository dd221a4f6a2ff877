"""The process of one run: prepare, train, predict, score, in this order, each phase timed and recorded.

Started by `petbench.runs.supervisor` as `python -m petbench.runs.worker ID FOLDER`.
"""

from __future__ import annotations

import logging
import os
import sys
import traceback
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from petbench.errors import PetbenchError
from petbench.home import Home
from petbench.runs import worker_lock
from petbench.runs.phases import Phases
from petbench.runs.plan import RunPlan
from petbench.runs.process_tree import adopt_orphans, kill_descendants
from petbench.runs.stages import Interrupted, carry_out
from petbench.runs.stop import StopFlag
from petbench_leaderboard.store import Leaderboard

if TYPE_CHECKING:
    from petbench_leaderboard.records import RunChanges

_LOG = logging.getLogger("petbench")


def work(run_id: int, folder: Path) -> int:
    """Carry out one run and return the exit code of its process."""
    adopt_orphans()
    stop = StopFlag()
    home = Home.find()
    leaderboard = Leaderboard.open(home.database)
    lock = worker_lock.hold(folder)
    logging.basicConfig(
        filename=folder / "run.log", level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s %(message)s"
    )
    leaderboard.update(run_id, status="running", started_at=datetime.now(UTC), error_class=None, error_message=None)
    ending: RunChanges
    try:
        plan = RunPlan.load(folder)
        carry_out(plan, run_id, folder, home, leaderboard, Phases(leaderboard, run_id), stop)
        ending = {"status": "ok"}
    except BaseException as error:  # whatever a method does, its row says how it ended
        if isinstance(error, MemoryError):
            # What filled the memory hangs on the frames that the exception holds; the row still has to be written.
            traceback.clear_frames(error.__traceback__)
        _LOG.exception("the run ended early")
        ending = ending_of(error)
    finally:
        kill_descendants()
    ending["ended_at"] = datetime.now(UTC)
    leaderboard.update(run_id, **ending)
    lock.release()  # not before the row is true: a free folder of a running row means that its process died
    if ending["status"] == "failed" and os.environ.get("PETBENCH_RAISE") == "1":
        traceback.print_exc()
    return 0


def ending_of(error: BaseException) -> RunChanges:
    """Return what an exception makes of a run: its status, the exception's class and one line."""
    import torch

    from petbench.training.errors import Diverged

    line = " ".join(str(error).split())[:500]
    name = type(error).__name__
    if isinstance(error, (Interrupted, KeyboardInterrupt)):
        return {"status": "interrupted", "error_message": line or "stopped; repeat the command to go on"}
    if isinstance(error, Diverged):
        return {"status": "diverged", "error_class": name, "error_message": line}
    if isinstance(error, (MemoryError, torch.OutOfMemoryError)) or "can't allocate memory" in line:
        return {"status": "out-of-memory", "error_class": name, "error_message": line or "no memory was left"}
    if not line or not isinstance(error, PetbenchError):
        line = f"{name}: {line}" if line else name
    return {"status": "failed", "error_class": name, "error_message": line}


if __name__ == "__main__":
    sys.exit(work(int(sys.argv[1]), Path(sys.argv[2])))
