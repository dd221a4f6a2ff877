"""The process of one run: prepare, train, predict, score, in this order, each phase timed and recorded.

Started by `petbench.runs.supervisor` as `python -m petbench.runs.worker ID FOLDER`.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import time
import traceback
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from petbench.errors import PetbenchError
from petbench.home import Home
from petbench.runs import worker_lock
from petbench.runs.plan import RunPlan
from petbench.runs.stages import Interrupted, carry_out
from petbench.runs.stop import StopFlag
from petbench_leaderboard.store import Leaderboard

if TYPE_CHECKING:
    from collections.abc import Iterator

    from petbench_leaderboard.records import RunChanges

_LOG = logging.getLogger("petbench")


class Phases:
    """Time the phases of a run and keep its row up to date."""

    def __init__(self, leaderboard: Leaderboard, run_id: int) -> None:
        self._leaderboard = leaderboard
        self._run_id = run_id

    @contextlib.contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        """Note that phase `name` runs, and its seconds when it ends, with success or without."""
        self._leaderboard.update(self._run_id, phase=name)
        _LOG.info("phase %s", name)
        _synchronise()
        start = time.perf_counter()
        try:
            yield
        finally:
            _synchronise()
            self.record(name, time.perf_counter() - start)

    def record(self, name: str, seconds: float) -> None:
        """Note how long a phase took that was timed elsewhere."""
        self._leaderboard.record_phase(self._run_id, name, seconds)
        _LOG.info("phase %s took %.3f s", name, seconds)


def work(run_id: int, folder: Path) -> int:
    """Carry out one run and return the exit code of its process."""
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
        _LOG.exception("the run ended early")
        ending = ending_of(error)
    finally:
        lock.release()
    ending["ended_at"] = datetime.now(UTC)
    leaderboard.update(run_id, **ending)
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


def _synchronise() -> None:
    """Wait for the accelerator, so that a phase's time is its own."""
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available() and torch.cuda.is_initialized():
        torch.cuda.synchronize()


if __name__ == "__main__":
    sys.exit(work(int(sys.argv[1]), Path(sys.argv[2])))
