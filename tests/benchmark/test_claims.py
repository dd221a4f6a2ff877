"""The same plan given twice makes one run: the other command waits for it, and says what it waits for."""

from __future__ import annotations

import contextlib
import dataclasses
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.benchmark.test_run_lookup import PLAN

from petbench.home import Home
from petbench.plans.forecast import forecast
from petbench.processes.lock import claimed
from petbench.runs.claims import RunningElsewhereError
from petbench.runs.execute import Origin, claim_of, execute, resume
from petbench.runs.folder import plan_run
from petbench.runs.options import RunOptions
from petbench.runs.supervisor import Supervisor
from petbench.settings import Settings
from petbench_leaderboard.store import Leaderboard

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from petbench.runs.folder import RunFolder
    from petbench_leaderboard.records import RunRow, Status


class Made(Supervisor):
    """A supervisor that enters what it is asked to make, without a process."""

    def __init__(self, home: Path, store: Leaderboard) -> None:
        super().__init__(Settings(home=home), store, None)  # type: ignore[arg-type] # no observers are told
        self.started: list[int] = []
        self.ends: Status = "ok"

    def start(self, row: RunRow) -> RunRow:
        self.started.append(row.id)
        self.leaderboard.update(row.id, status=self.ends)
        return self.leaderboard.run(row.id)


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Made]:
    with Leaderboard.open(tmp_path / "leaderboard.db") as store:
        yield Made(tmp_path / "home", store)


class OtherProcess:
    """Another process that makes the same run, until this one waits for it."""

    def __init__(self, made: Made, *, plans: bool = True, holds: str = "claim") -> None:
        self.made, self.said = made, list[str]()
        self.run_id = 0
        self.folder: RunFolder | None = None
        if plans:
            self.run_id, self.folder = plan_run(PLAN, PLAN.record(), made.home, made.leaderboard)
        self._held = contextlib.ExitStack()
        path = claim_of(PLAN, made) if holds == "claim" else self._lock()
        assert self._held.enter_context(claimed(path))

    def _lock(self) -> Path:
        assert self.folder is not None
        return self.folder.lock

    def ends(self, status: Status | None) -> Callable[[str], None]:
        """Return what ends it when it is told that somebody waits."""

        def end(said: str) -> None:
            self.said.append(said)
            if status:
                self.made.leaderboard.update(self.run_id, status=status)
            self._held.close()

        return end


def test_the_second_command_waits_and_shows_the_row_of_the_first(made: Made) -> None:
    other = OtherProcess(made)
    made.leaderboard.update(other.run_id, status="running", phase="train")
    row, known = execute(PLAN, made, waiting=other.ends("ok"))
    assert (row.id, row.status, known) == (other.run_id, "ok", True)
    assert made.started == []
    assert "another process makes the same run, run 1 of ridge seed 0 fold 0: running, phase train" in other.said[0]


@pytest.mark.parametrize("status", ["failed", "out-of-memory", "diverged", "timed-out", "interrupted"])
def test_however_the_first_ended_the_second_does_not_try_it_again_unasked(made: Made, status: Any) -> None:
    row, known = execute(PLAN, made, waiting=OtherProcess(made).ends(status))
    assert (row.status, known, made.started) == (status, True, [])


def test_a_first_command_that_ended_before_it_had_planned_leaves_the_run_to_the_second(made: Made) -> None:
    row, known = execute(PLAN, made, waiting=OtherProcess(made, plans=False).ends(None))
    assert (row.status, known, made.started) == ("ok", False, [1])


def test_a_run_that_outlives_the_command_that_started_it_is_waited_for_as_well(made: Made) -> None:
    other = OtherProcess(made, holds="folder")
    made.leaderboard.update(other.run_id, status="running")
    row, known = execute(PLAN, made, waiting=other.ends("ok"))
    assert (row.status, known, made.started) == ("ok", True, [])
    assert "run 1 is the same run and still going" in other.said[0]


def test_a_first_that_was_killed_leaves_an_interrupted_row(made: Made) -> None:
    other = OtherProcess(made)
    made.leaderboard.update(other.run_id, status="running")
    row, _ = execute(PLAN, made, waiting=other.ends(None))
    assert row.status == "interrupted"
    assert made.started == []
    row, known = execute(PLAN, made)
    assert (row.id, row.status, known, made.started) == (other.run_id, "ok", False, [other.run_id])


@pytest.mark.parametrize("force", [False, True])
def test_who_does_not_wait_is_told_what_goes_on(made: Made, force: bool) -> None:
    other = OtherProcess(made)
    waiting = pytest.fail if force else None
    with pytest.raises(RunningElsewhereError, match=r"run 1 of ridge seed 0 fold 0: planned; wait for it, or stop it"):
        execute(PLAN, made, force=force, waiting=waiting)
    with pytest.raises(RunningElsewhereError):
        resume(other.run_id, made)
    assert made.started == []


def test_a_run_of_another_home_is_neither_taken_for_dead_nor_made_again_nor_waited_for(
    made: Made, tmp_path: Path
) -> None:
    run_id, folder = plan_run(PLAN, PLAN.record(), Home(tmp_path / "elsewhere"), made.leaderboard)
    made.leaderboard.update(run_id, status="running")
    with pytest.raises(
        RunningElsewhereError, match=r"run 1 is the same run and running in another home.*runs delete 1"
    ):
        execute(PLAN, made, waiting=pytest.fail)
    assert made.leaderboard.run(run_id).status == "running"
    made.leaderboard.update(run_id, status="interrupted")
    row, known = execute(PLAN, made)  # its checkpoints are not here: begun afresh
    assert (row.id, known) == (2, False)
    assert folder.path.exists()


def test_a_run_whose_images_and_files_have_moved_goes_on_with_where_they_are_now(made: Made) -> None:
    plan = dataclasses.replace(PLAN, dataset_folder="/old", parameter_files={"a": "/old/a"}, compile="on")
    run_id, folder = plan_run(plan, plan.record(), made.home, made.leaderboard)
    made.leaderboard.update(run_id, status="interrupted")
    now = dataclasses.replace(PLAN, dataset_folder="/new", parameter_files={"a": "/new/a"})
    assert execute(now, made)[0].id == run_id
    assert folder.plan() == dataclasses.replace(now, compile="on")


def test_of_two_homes_that_plan_the_same_run_at_once_one_is_refused_by_the_leaderboard_itself(
    made: Made, tmp_path: Path
) -> None:
    """As two machines with one PostgreSQL: neither sees the other's locks, and each has looked before it plans."""
    run_id, _ = plan_run(PLAN, PLAN.record(), Home(tmp_path / "elsewhere"), made.leaderboard, alone=True)
    with pytest.raises(RunningElsewhereError, match=f"run {run_id} is the same run and under way in another process"):
        made.plan(PLAN, PLAN.record(), alone=True)
    assert [row.id for row in made.leaderboard.runs()] == [run_id]
    assert not list(made.home.folder.rglob("plan.json"))
    made.leaderboard.update(run_id, status="failed")
    assert made.start(made.plan(PLAN, PLAN.record(), alone=True)).status == "ok"


@pytest.mark.parametrize(("first", "flags"), [("", []), (None, []), ("/usr/bin", ["-P"])])
def test_a_runs_process_imports_from_the_folder_it_is_started_in_only_if_this_one_does(
    first: str | None, flags: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a module there would be part of the run, and unknown to the identity that was planned."""
    monkeypatch.setattr("sys.path", [str(Path.cwd()) if first is None else first, *sys.path])
    assert RunOptions(python="python").command("-m", "x") == ["python", *flags, "-m", "x"]


@pytest.mark.parametrize("verification", ["rescored", "reproduced", "self-reported"])
@pytest.mark.parametrize("status", ["ok", "interrupted"])
def test_what_somebody_sent_stands_for_no_run_of_ones_own_though_it_is_the_same_run(
    made: Made, verification: Any, status: Any
) -> None:
    record = dataclasses.replace(PLAN.record(), verification=verification, submitter="a lab")
    theirs, folder = plan_run(PLAN, record, made.home, made.leaderboard)
    made.leaderboard.update(theirs, status=status)
    assert forecast([PLAN], made.leaderboard)[0].state == "missing"
    row, known = execute(PLAN, made)
    assert (row.verification, row.submitter, known, made.started) == ("own", "", False, [row.id])
    assert made.leaderboard.run(theirs).status == status
    assert folder.plan_file.exists()
    assert execute(PLAN, made) == (row, True)
    assert forecast([PLAN], made.leaderboard)[0].run == row.id


def test_a_run_of_ones_own_stands_for_no_reproduction(made: Made) -> None:
    own, _ = execute(PLAN, made)
    again, known = execute(PLAN, made, origin=Origin("reproduced", "a lab"))
    assert (again.verification, again.submitter, known) == ("reproduced", "a lab", False)
    assert again.id != own.id
