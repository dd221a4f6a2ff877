"""What becomes of runs that are with an engine, whatever the engine says or does not say; no program is started."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any

import pytest
from tests.benchmark.test_run_lookup import PLAN
from tests.engines.dry import Dry

from petbench.engine_spec import EngineUnreachableError, Resources
from petbench.engines.chosen import ChosenEngine
from petbench.engines.collect import engines_of, give_up, look_once, with_engines
from petbench.engines.hand_over import HandedOver, hand_over
from petbench.engines.watch import Watch
from petbench.errors import PetbenchError, UsageError
from petbench.registry import Plugin, Registry
from petbench.runs.claims import RunningElsewhereError
from petbench.runs.delete import delete_run
from petbench.runs.execute import execute, resume
from petbench.runs.job_note import JobNote, active_note, in_words, ran_on
from petbench.runs.supervisor import Supervisor
from petbench.settings import Settings
from petbench_leaderboard.store import Leaderboard
from petbench_leaderboard.transfer import export_runs

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from petbench.engines.cells import Cell
    from petbench.plans.run_plan import RunPlan
    from petbench_leaderboard.records import RunRow


class Desk:
    """Where runs are handed over: a leaderboard, a home, a dry engine, and what was told."""

    def __init__(self, home: Path, leaderboard: Leaderboard) -> None:
        self.dry = Dry()
        plugin = Plugin(name="dry", distribution="dry", version="1", module="dry", engines=(self.dry.spec,))
        self.registry = Registry([plugin])
        self.supervisor = Supervisor(Settings(home=home), leaderboard, self.registry)
        self.leaderboard = leaderboard
        self.told: list[str] = []
        self.chosen = ChosenEngine(self.dry.spec, resources=Resources(cpus=2))

    def hand_over(self, plans: Sequence[RunPlan] = (PLAN,), **options: Any) -> HandedOver:
        return hand_over(plans, self.chosen, self.dry, self.supervisor, **options)

    def watch(self, handed: HandedOver) -> Watch:
        return Watch(handed.cells, self.dry, self.supervisor, self._tell)

    def row(self, run_id: int = 1) -> RunRow:
        return self.leaderboard.run(run_id)

    def _tell(self, cell: Cell, words: str) -> None:
        self.told.append(f"{cell.plan.seed}: {words}")


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with Leaderboard.open(tmp_path / "leaderboard.db") as leaderboard:
        yield Desk(tmp_path / "home", leaderboard)


def seeds(count: int) -> list[RunPlan]:
    return [dataclasses.replace(PLAN, seed=seed) for seed in range(count)]


def test_a_run_is_brought_in_with_the_nodes_machine_and_its_scores_once(desk: Desk, tmp_path: Path) -> None:
    watch = desk.watch(desk.hand_over())
    assert desk.row().status == "planned"
    desk.dry.run("0")
    watch.ask()
    desk.dry.leave("0")
    watch.look()
    row = desk.row()
    assert (row.status, row.device, row.machine["system"]) == ("ok", "cuda:0", "the node's")
    assert row.environment == {"torch": "the node's"}
    assert row.log_path is not None
    assert [score.value for score in desk.leaderboard.scores([1])] == [30.0]
    assert watch.active == []
    assert watch.outcomes[0].is_ok
    facts = ran_on(row, desk.supervisor.home)
    assert facts is not None
    assert in_words(facts) == "dry on node7"
    before = desk.leaderboard.state()
    watch.look()
    watch.ask()
    assert desk.leaderboard.state() == before
    export_runs(desk.leaderboard, tmp_path / "runs.jsonl")
    assert "node7" not in (tmp_path / "runs.jsonl").read_text(encoding="utf-8")


def test_the_same_plans_once_more_attach_to_what_goes_on_and_show_what_has_ended(desk: Desk) -> None:
    plans = seeds(3)
    first = desk.watch(desk.hand_over(plans))
    desk.dry.leave("1")
    first.look()
    again = desk.hand_over(plans)
    assert desk.dry.submitted == [("0", "1", "2")]
    assert [(cell.place, cell.is_attached) for cell in again.cells] == [(0, True), (2, True)]
    assert again.outcomes[1].known
    more = desk.hand_over(seeds(4))
    assert desk.dry.submitted == [("0", "1", "2"), ("3",)]
    assert [cell.place for cell in more.waiting_to_be_submitted()] == []


def test_a_run_that_an_engine_has_is_made_nowhere_else_and_not_deleted(desk: Desk) -> None:
    desk.hand_over()
    with pytest.raises(RunningElsewhereError, match="run 1 is the same run and with dry, job 0"):
        execute(PLAN, desk.supervisor)
    with pytest.raises(RunningElsewhereError, match="with dry, job 0"):
        resume(1, desk.supervisor)
    with pytest.raises(UsageError, match="run 1 is with dry, job 0"):
        delete_run(1, desk.supervisor.home, desk.leaderboard)
    other = dataclasses.replace(desk.chosen, address="elsewhere")
    handed = hand_over([PLAN], other, desk.dry, desk.supervisor)
    assert "with dry, job 0" in (handed.outcomes[0].error or "")
    assert desk.row().status == "planned"


def test_a_submitter_that_died_before_the_jobs_id_was_noted_submits_when_it_is_repeated(desk: Desk) -> None:
    desk.dry.is_silent = True
    with pytest.raises(EngineUnreachableError):
        desk.hand_over()
    assert desk.dry.submitted == []
    desk.dry.is_silent = False
    handed = desk.hand_over()
    assert desk.dry.submitted == [("0",)]
    assert handed.cells[0].note.job == "0"
    assert len(desk.leaderboard.runs()) == 1


@pytest.mark.parametrize("left", [None, "running", "interrupted"])
@pytest.mark.parametrize("word", ["FAILED", "NODE_FAIL", "TIMEOUT", "COMPLETED", None])
def test_a_job_that_is_gone_while_its_run_is_not_done_is_submitted_again_until_its_tries_are_used_up(
    desk: Desk, left: Any, word: str | None
) -> None:
    watch = desk.watch(desk.hand_over())
    for job in ("0", "1", "2"):
        assert desk.row().status in ("planned", "running")
        desk.dry.run(job)
        watch.ask()
        if left:
            desk.dry.leave(job, left, error_class="ProcessDied" if left == "interrupted" else None)
        if word is None:
            del desk.dry.jobs[job]
            desk.dry.jobs["unused"] = desk.dry.jobs.get("unused", None) or _ended()
        else:
            desk.dry.end(job, word)
        watch.ask()
        assert watch.active  # seen once: files of a shared disk come late
        watch.ask()
        if job != "2" and word is None:
            _renumber(desk, watch, str(int(job) + 1))
    assert watch.active == []
    row = desk.row()
    assert (row.status, row.fault) == ("interrupted", None)
    assert "in each of 3 tries" in (row.error_message or "")
    facts = ran_on(row, desk.supervisor.home)
    assert facts is not None
    assert facts["tries"] == 3


def _ended() -> Any:
    from petbench.engine_spec import JobState

    return JobState(phase="ended")


def _renumber(desk: Desk, watch: Watch, job: str) -> None:
    """Give the newest job the number that the test counts to: the dry engine numbers by how many it has."""
    (cell,) = watch.active
    old = cell.note.job or ""
    if old != job:
        desk.dry.jobs[job] = desk.dry.jobs.pop(old)
        desk.dry.folders[job] = desk.dry.folders.pop(old)
        cell.renote(job=job)


@pytest.mark.parametrize(
    ("status", "error_class"),
    [
        ("failed", "ValueError"),
        ("diverged", "Diverged"),
        ("out-of-memory", "OutOfMemoryError"),
        ("timed-out", "TimeLimit"),
        ("interrupted", "ChangedError"),
        ("interrupted", "OSError"),
    ],
)
def test_a_run_that_has_failed_on_its_node_is_not_tried_again(desk: Desk, status: Any, error_class: str) -> None:
    watch = desk.watch(desk.hand_over())
    desk.dry.leave("0", status, error_class=error_class)
    watch.look()
    desk.dry.end("0", "FAILED")
    watch.ask()
    assert watch.active == []
    assert (desk.row().status, desk.row().error_class) == (status, error_class)
    assert len(desk.dry.submitted) == 1


@pytest.mark.parametrize(
    ("cause", "status", "said"),
    [("cancelled", "interrupted", "cancelled"), ("memory", "out-of-memory", "give more with --memory")],
)
def test_a_job_that_ended_for_a_cause_is_not_submitted_again(desk: Desk, cause: str, status: str, said: str) -> None:
    watch = desk.watch(desk.hand_over())
    desk.dry.run("0")
    desk.dry.end("0", cause.upper(), cause=cause)
    watch.ask()
    watch.ask()
    assert desk.row().status == status
    assert said in (desk.row().error_message or "")
    assert len(desk.dry.submitted) == 1


def test_an_engine_that_gives_no_answer_leaves_all_as_it_was_known(desk: Desk) -> None:
    watch = desk.watch(desk.hand_over())
    desk.dry.run("0")
    watch.ask()
    desk.dry.is_silent = True
    for _ in range(5):
        watch.ask()
    assert watch.unreachable == "nobody answers"
    assert watch.active[0].state.where == "node7"
    desk.dry.leave("0")
    watch.look()  # what a node has left is seen all the same
    assert desk.row().status == "ok"


def test_the_first_ctrl_c_ends_what_waits_and_asks_what_runs_and_the_second_ends_all(desk: Desk) -> None:
    watch = desk.watch(desk.hand_over(seeds(3)))
    desk.dry.run("0")
    watch.cancel(now=False)
    assert desk.dry.stopped == [(("1", "2"), True), (("0",), False)]
    assert [desk.row(run_id).status for run_id in (1, 2, 3)] == ["planned", "interrupted", "interrupted"]
    watch.cancel(now=True)
    assert desk.dry.stopped[-1] == (("0",), True)
    assert desk.row(1).status == "interrupted"
    handed = desk.hand_over(seeds(3))  # the same command goes on in the same folders
    assert len(handed.cells) == 3
    assert len(desk.leaderboard.runs()) == 3
    assert not any(cell.folder.cancelled_file.exists() for cell in handed.cells)


def test_what_was_trained_before_goes_along_in_the_order_of_a_run_that_goes_on(desk: Desk) -> None:
    watch = desk.watch(desk.hand_over())
    desk.dry.run("0")
    desk.dry.leave("0", "interrupted")
    watch.ask()
    watch.cancel(now=True)
    assert desk.row().train_seconds == 12.0
    (cell,) = desk.hand_over().cells
    order = json.loads(cell.folder.order_file.read_text(encoding="utf-8"))
    assert json.loads(order["row"])["run"]["train_seconds"] == 12.0
    assert not cell.folder.row_file.exists()
    assert order["threads"] == 2


def test_a_damaged_row_ends_its_run_alone_and_says_which_file(desk: Desk) -> None:
    watch = desk.watch(desk.hand_over(seeds(2)))
    for job in ("0", "1"):
        desk.dry.run(job)
        desk.dry.leave(job)
    desk.dry.folders["0"].row_file.write_text('{"run": ', encoding="utf-8")
    desk.dry.end("0")
    watch.look()
    watch.ask()
    assert [desk.row(run_id).status for run_id in (1, 2)] == ["interrupted", "ok"]
    assert "row.jsonl is damaged" in (desk.row(1).error_message or "")


def test_a_row_of_another_run_is_not_taken(desk: Desk) -> None:
    watch = desk.watch(desk.hand_over(seeds(2)))
    desk.dry.leave("1")
    desk.dry.folders["0"].row_file.write_bytes(desk.dry.folders["1"].row_file.read_bytes())
    desk.dry.end("0")
    watch.ask()
    assert desk.row(1).status == "interrupted"
    assert "is of another run" in (desk.row(1).error_message or "")
    assert desk.leaderboard.scores([1]) == []


def test_collecting_finds_the_runs_of_every_engine_whoever_handed_them_over(desk: Desk) -> None:
    desk.hand_over(seeds(2))
    desk.chosen = dataclasses.replace(desk.chosen, resources=Resources(cpus=1, gpus=1))
    desk.hand_over(seeds(3))
    desk.dry.leave("0")
    found = engines_of(with_engines(desk.supervisor), desk.registry)
    assert sorted((chosen.resources.gpus, len(some)) for chosen, some in found) == [(0, 2), (1, 1)]
    for _, some in found:
        look_once(Watch(some, desk.dry, desk.supervisor, lambda *_: None))
    assert sorted(row.status for row in desk.leaderboard.runs()) == ["ok", "planned", "planned"]
    assert len(with_engines(desk.supervisor)) == 2


def test_a_card_by_its_number_is_refused_because_the_engine_chooses_it(desk: Desk) -> None:
    with pytest.raises(UsageError, match="use --device cuda with --gpus 1"):
        desk.hand_over([dataclasses.replace(PLAN, device="cuda:1")])
    assert desk.leaderboard.runs() == []


def test_a_damaged_note_is_said_in_one_line(desk: Desk) -> None:
    (cell,) = desk.hand_over().cells
    cell.folder.job_file.write_text("{", encoding="utf-8")
    handed = desk.hand_over()
    assert "engine-job.json is damaged" in (handed.outcomes[0].error or "")
    assert ran_on(desk.row(), desk.supervisor.home) is None


@pytest.mark.slow
def test_a_thousand_runs_are_submitted_watched_and_collected(desk: Desk) -> None:
    plans = [dataclasses.replace(PLAN, seed=n % 10, parameters={"width": n // 10}) for n in range(1000)]
    watch = desk.watch(desk.hand_over(plans))
    assert len(desk.dry.submitted) == 1
    for job in list(desk.dry.jobs):
        desk.dry.run(job)
    watch.ask()
    for job in list(desk.dry.jobs):
        desk.dry.leave(job)
    watch.look()
    assert watch.active == []
    assert len(watch.outcomes) == 1000
    assert len(desk.leaderboard.runs(status="ok")) == 1000
    assert all(active_note(cell.folder) is None for cell in watch.cells)


def test_a_note_says_what_was_asked_and_survives_its_file(desk: Desk) -> None:
    (cell,) = desk.hand_over().cells
    assert JobNote.load(cell.folder) == cell.note
    assert cell.note.resources == Resources(cpus=2)
    assert cell.note.name == "dry"


def test_what_an_engine_refuses_no_engine_has(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_work: Any) -> Any:
        raise PetbenchError("no such partition")

    with monkeypatch.context() as patched:
        patched.setattr(desk.dry, "submit", refuse)
        with pytest.raises(PetbenchError, match="no such partition"):
            desk.hand_over()
    assert with_engines(desk.supervisor) == []
    (cell,) = desk.hand_over().cells
    assert (cell.run_id, cell.note.job) == (1, "0")


def test_runs_that_ask_for_other_resources_are_other_submissions(desk: Desk) -> None:
    first = desk.hand_over(seeds(1))
    desk.chosen = dataclasses.replace(desk.chosen, resources=Resources(gpus=1))
    watch = desk.watch(desk.hand_over(seeds(2)))
    assert len(first.cells) == 1
    for job in ("0", "1"):
        desk.dry.end(job, "NODE_FAIL")
    watch.ask()
    watch.ask()
    assert desk.dry.submitted[2:] == [("2",), ("3",)]


@pytest.mark.parametrize(("left", "status"), [(None, "interrupted"), ("running", "interrupted"), ("ok", "ok")])
def test_runs_of_an_engine_that_ended_with_its_command_are_brought_in_as_they_are(
    desk: Desk, left: Any, status: str
) -> None:
    desk.hand_over()
    if left:
        desk.dry.leave("0", left)
    (outcome,) = give_up(with_engines(desk.supervisor), desk.supervisor).values()
    assert outcome.row is not None
    assert outcome.row.status == status
    assert with_engines(desk.supervisor) == []
