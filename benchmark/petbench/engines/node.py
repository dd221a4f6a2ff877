"""The program of a node: make the run in one folder, or score it again, and say there what became of it.

An engine starts it as `python -m petbench.engines.node FOLDER`, as often as it likes: what has ended is left alone, and
what was stopped goes on from its checkpoint. It works on a leaderboard of its own in temporary space of the node; the
machine that submits takes over the row from the folder.
"""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from petbench.engines.mirror import Mirror
from petbench.engines.node_has import check_metrics, node_name, with_images
from petbench.engines.node_leaderboard import node_leaderboard
from petbench.engines.order import Order
from petbench.engines.row_file import exported, parse_row, read_row, write_row
from petbench.errors import PetbenchError, UsageError
from petbench.home import Home
from petbench.plans.same_code import check_same_code
from petbench.plans.tasks import require_unchanged
from petbench.processes.ending import ending_of
from petbench.processes.lock import is_held
from petbench.processes.tree import end_with_parent
from petbench.registry import load_plugins
from petbench.runs.folder import RunFolder
from petbench.runs.job_note import note_try
from petbench.runs.options import RunOptions
from petbench.runs.run_all import noting_requests_to_stop
from petbench.runs.scoring_folder import SCORE, ScoringFolder
from petbench.runs.standing import UNFINISHED
from petbench.runs.supervisor import Supervisor
from petbench.terminal import say

if TYPE_CHECKING:
    from petbench.engines.node_leaderboard import NodeLeaderboard
    from petbench.registry import Registry
    from petbench.settings import Settings
    from petbench_leaderboard.exported_run import ExportedRun
    from petbench_leaderboard.run_changes import RunChanges

AGAIN_EXIT_CODE = 75
"""With which the program ends when the run was stopped and goes on when it is started again: EX_TEMPFAIL."""
_PATIENCE_SECONDS = 60.0
"""How long the process of a job that the engine has just ended may take to be gone; and how long the engine may take to
end this one once it was asked to start it again."""


class Node:
    """One run on this machine.

    Args:
        folder: of the run.
        order: in it.
        home: where datasets, environments and the methods' own folders are on this machine.
    """

    def __init__(self, folder: RunFolder, order: Order, home: Home) -> None:
        self.folder = folder
        self.home = home
        self._order = order

    def earlier(self) -> ExportedRun:
        """Return what an earlier part has left of the run, or what the order says of it."""
        return read_row(self.folder.row_file) or parse_row(self._order.row.encode(), self.folder.order_file)

    def make(self) -> bool:
        """Make the run, and return whether it was stopped; what becomes of it stands in the row's file.

        Raises:
            PetbenchError: the run's process is still there on another node.
        """
        self._wait_for_an_earlier_part()
        with node_leaderboard(self.earlier(), self._order, self.home) as here:
            with Mirror(here.settings.database, here.run_id, self.folder.row_file):
                stopped = self._make(here)
            ended = exported(here.leaderboard, here.run_id)
            write_row(ended, self.folder.row_file)
        return stopped and ended.run.status == "interrupted"

    def _make(self, here: NodeLeaderboard) -> bool:
        """Make the run in the node's own leaderboard, whose row says how that went; return whether it was to stop."""
        leaderboard, run_id = here.leaderboard, here.run_id
        registry = load_plugins()
        options = RunOptions(
            time_limit_seconds=self._order.time_limit_seconds,
            isolated=self._order.isolated,
            ends_with_this_process=True,
        )
        supervisor = Supervisor(here.settings, leaderboard, registry, options)
        try:
            with noting_requests_to_stop(supervisor):
                self._check(registry, here.settings)
                if supervisor.stop_requested:
                    leaderboard.update(run_id, status="interrupted", error_message="stopped before it had begun")
                    return True
                leaderboard.update(run_id, status="planned")
                supervisor.start(leaderboard.run(run_id))
        except PetbenchError as error:
            # Nothing that the method did, and nothing is lost: with that put right, the same command goes on.
            ending: RunChanges = ending_of(error, "machine")
            ending |= {"status": "interrupted", "fault": "machine", "ended_at": datetime.now(UTC)}
            leaderboard.update(run_id, **ending)
            say(f"error: {error}")
        return supervisor.stop_requested

    def _check(self, registry: Registry, settings: Settings) -> None:
        """Make sure that code and images are here; the run compares the images with the plan before it trains.

        Raises:
            PetbenchError: code or metrics are others than where the run was planned, or the images cannot be had.
        """
        plan = self.folder.plan()
        try:
            check_same_code(plan, registry)
            require_unchanged(plan, registry)
        except UsageError as error:  # a method that is not installed here
            raise PetbenchError(f"{error} (on the node {node_name()})") from None
        check_metrics(plan, self._order, settings, registry)
        here = with_images(plan, self._order, self.home, registry)
        if here != plan:
            here.save(self.folder.plan_file)

    def _wait_for_an_earlier_part(self) -> None:
        """Wait for what an engine has ended a moment ago.

        Raises:
            PetbenchError: it does not end.
        """
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while is_held(self.folder.lock):
            if time.monotonic() > deadline:
                raise PetbenchError(f"another process is at work on {self.folder.path.name}; nothing was done")
            time.sleep(0.2)


def _facts_of_this_try() -> dict[str, object]:
    """Return where the run is made now: times of runs that share a node cannot be compared."""
    return {
        "began_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "host": node_name(),
        "job": os.environ.get("SLURM_JOB_ID", ""),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "threads": int(os.environ["OMP_NUM_THREADS"]),
        "gpus": os.environ.get("CUDA_VISIBLE_DEVICES", ""),
    }


@click.command()
@click.argument("path", metavar="FOLDER", type=click.Path(path_type=Path))
@click.option("--home", "home_folder", type=click.Path(path_type=Path), help="Petbench's home on this machine.")
@click.option(SCORE, "scores", is_flag=True, help="Score its predictions again instead.")
@click.option("--when-stopped", default="", help="Command that has this job started again; run when it is stopped.")
def main(path: Path, home_folder: Path | None, when_stopped: str, *, scores: bool) -> None:
    """Make the run in FOLDER on this machine."""
    end_with_parent(os.getppid())  # with what the engine started it by, so that no second one meets it
    folder = ScoringFolder(path) if scores else RunFolder(path)
    try:
        order = Order.load(folder)
        # The order decides: with another number of threads a run that resumes would not have the same bits.
        os.environ["OMP_NUM_THREADS"] = str(order.threads)
        home = Home(home_folder or order.home)
        if scores:
            from petbench.engines.node_scoring import score_on_node  # half a second that a run does not need

            if not folder.cancelled_file.exists():
                score_on_node(folder, order, home, load_plugins())
            return
        node = Node(folder, order, home)
        if node.earlier().run.status not in (*UNFINISHED, "interrupted"):
            say(f"{path.name} has ended already")
            return
        if folder.cancelled_file.exists():
            say(f"{path.name} was cancelled")
            return
        note_try(folder, _facts_of_this_try())
        stopped = node.make()
    except PetbenchError as error:
        say(f"error: {error}")
        sys.exit(error.exit_code)
    if stopped and not folder.cancelled_file.exists():
        _ask_to_be_started_again(when_stopped)
        sys.exit(AGAIN_EXIT_CODE)


def _ask_to_be_started_again(command: str) -> None:
    """Ask the engine to start this job again, and wait to be ended: one that ends by itself counts as done."""
    if not command:
        return
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    if subprocess.run(shlex.split(command), stdin=subprocess.DEVNULL).returncode == 0:
        time.sleep(_PATIENCE_SECONDS)


if __name__ == "__main__":
    main()
