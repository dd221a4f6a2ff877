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

from petbench.home import Home
from petbench.processes import lock
from petbench.processes.ending import ending_of
from petbench.processes.stop import StopFlag
from petbench.processes.tree import adopt_orphans, kill_descendants
from petbench.runs.folder import RunFolder
from petbench.runs.phases import Phases
from petbench.runs.pipeline import carry_out
from petbench_leaderboard.store import Leaderboard

if TYPE_CHECKING:
    from petbench_leaderboard.records import RunChanges

_LOG = logging.getLogger("petbench")


def work(run_id: int, folder: RunFolder) -> int:
    """Carry out one run and return the exit code of its process."""
    adopt_orphans()
    stop = StopFlag()
    home = Home.find()
    leaderboard = Leaderboard.open(home.database)
    held = lock.hold(folder.lock)
    logging.basicConfig(
        filename=folder.log, level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s %(message)s"
    )
    leaderboard.update(run_id, status="running", started_at=datetime.now(UTC), error_class=None, error_message=None)
    ending: RunChanges
    try:
        plan = folder.plan()
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
    held.release()  # not before the row is true: a free folder of a running row means that its process died
    if ending["status"] == "failed" and os.environ.get("PETBENCH_RAISE") == "1":
        traceback.print_exc()
    return 0


if __name__ == "__main__":
    sys.exit(work(int(sys.argv[1]), RunFolder(Path(sys.argv[2]))))
