"""Reproducing a submission: whose the row is and what it says, how it stops and goes on, and what it refuses."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner
from tests.benchmark import stranger

from petbench.cli.main import cli
from petbench.plans.run_plan import RunPlan, identity_of
from petbench.processes.sandbox import ISOLATED, NOT_ISOLATED, why_not_isolated
from petbench.runs.options import RunOptions
from petbench.runs.supervisor import Supervisor
from petbench.settings import Settings
from petbench.submissions import reproduce
from petbench.submissions.limits import SubmissionError
from petbench_leaderboard import admissions
from petbench_leaderboard.records import REPRODUCTION
from petbench_leaderboard.store import Leaderboard

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.benchmark.made_runs import MadeRuns
    from tests.command import Petbench

    from petbench_leaderboard.records import RunRow, Status

PLAN = RunPlan(
    method="scale", plugin="baselines", distribution="petbench", version="1", source_hash="0", supervision="paired",
    preset="default", parameters={}, dataset="bodies", dataset_folder="bodies", fingerprint="1", split="holdout",
    split_digest="2", fold=0, test_participants=("sub-04",), split_participants=("sub-04",), seed=0,
    budget="images=0", precision="fp32", compile="off", deterministic=False, device="cpu", protocol=1,
)  # fmt: skip


def test_a_request_to_stop_begins_no_further_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    nothing: Any = None
    supervisor = Supervisor(Settings(home=tmp_path), nothing, nothing)

    def interrupted(*_: object) -> object:
        supervisor.stop_requested = True
        return SimpleNamespace(status="interrupted"), False

    monkeypatch.setattr(reproduce, "_check_source", lambda *_: None)
    monkeypatch.setattr(reproduce, "_train_again", interrupted)
    monkeypatch.setattr(reproduce, "_compared", lambda *_, **__: SimpleNamespace())
    submission: Any = SimpleNamespace(runs=[SimpleNamespace(plan=PLAN)] * 3, digest="0" * 64)
    assert len(reproduce.reproduce(submission, None, supervisor)) == 1


def test_a_device_that_only_the_author_has_is_not_insisted_on() -> None:
    theirs = dataclasses.replace(PLAN, device="cuda:99")
    here = reproduce._on_a_device_of_this_machine(theirs)
    assert here.device == "auto"
    assert here.identity == theirs.identity
    assert reproduce._on_a_device_of_this_machine(PLAN) is PLAN


class Made(Supervisor):
    """A supervisor that enters what it is asked to make, without a process."""

    status: Status = "ok"

    def start(self, row: RunRow) -> RunRow:
        self.leaderboard.update(row.id, status=self.status)
        return self.leaderboard.run(row.id)


def sent(*plans: RunPlan) -> Any:
    """Return a submission of runs with these plans, as verifying it leaves it."""
    facts = SimpleNamespace(uid="theirs")
    runs = [SimpleNamespace(plan=plan, submitted=SimpleNamespace(scores=(), facts=facts), scores=()) for plan in plans]
    archive = SimpleNamespace(path=Path("their.petbench.zip"))
    return SimpleNamespace(runs=runs, digest="d" * 64, archive=archive)


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Made]:
    monkeypatch.setattr(reproduce, "_check_source", lambda *_: None)
    nothing: Any = None
    with Leaderboard.open(tmp_path / "leaderboard.db") as board:
        yield Made(Settings(home=tmp_path), board, nothing)


def test_a_reproduced_row_has_its_submitter_and_one_entry_in_the_log_whatever_happened_before_that_was_written(
    made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(reproduce, "note", full)
        with pytest.raises(SubmissionError, match="No space left"):
            reproduce.reproduce(sent(PLAN), None, made, submitter="a lab")
    (row,) = made.leaderboard.runs()
    assert (row.status, row.machine.keys() & {REPRODUCTION}, admissions.log(made.leaderboard)) == ("ok", set(), [])
    for _ in range(2):
        (again,) = reproduce.reproduce(sent(PLAN), None, made, submitter="a lab")
        assert (again.row.id, again.known, again.row.submitter) == (row.id, True, "a lab")
        facts: Any = again.row.machine[REPRODUCTION]
        assert facts["submission"] == "d" * 64
        (entry,) = admissions.log(made.leaderboard)
        assert (entry.action, entry.submitter, entry.source, entry.uid) == (
            "reproduced",
            "a lab",
            "their.petbench.zip",
            row.uid,
        )


@pytest.mark.parametrize("isolated", [True, False])
def test_the_code_is_looked_at_in_a_process_that_is_started_as_a_methods_is(
    isolated: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[tuple[list[str], dict[str, str]]] = []

    def answer(command: list[str], *, env: dict[str, str], **_: object) -> Any:
        started.append((command, env))
        facts = {"distribution": PLAN.distribution, "version": PLAN.version, "source_hash": PLAN.source_hash}
        return SimpleNamespace(returncode=0, stdout=json.dumps(facts), stderr="")

    monkeypatch.setattr("petbench.submissions.reproduce.subprocess.run", answer)
    monkeypatch.setenv("PETBENCH_HOME", str(tmp_path))
    monkeypatch.setenv("SERVICE_TOKEN", "secret")
    nothing: Any = None
    supervisor = Supervisor(Settings(home=tmp_path), nothing, nothing, RunOptions(isolated=isolated))
    reproduce._check_source(PLAN, "./theirs", supervisor)
    ((command, environment),) = started
    assert (command[0] == "bwrap", "--share-net" in command) == (isolated, False)
    assert "PETBENCH_HOME" not in environment
    assert ("SERVICE_TOKEN" in environment) == (not isolated)
    with pytest.raises(SubmissionError, match=r"its code \(SHA-256\) is 0, the submission says 1"):
        reproduce._check_source(dataclasses.replace(PLAN, source_hash="1"), "./theirs", supervisor)


def test_without_a_name_the_submitter_is_known_by_the_file(made: Made) -> None:
    (found,) = reproduce.reproduce(sent(PLAN), None, made)
    assert found.row.submitter == f"submission {'d' * 12}"


def test_a_reproduction_that_was_stopped_goes_on_and_one_that_failed_enters_no_log(made: Made) -> None:
    made.status = "interrupted"
    (stopped,) = reproduce.reproduce(sent(PLAN), None, made)
    assert admissions.log(made.leaderboard) == []
    made.status = "ok"
    (found,) = reproduce.reproduce(sent(PLAN), None, made)
    assert (found.row.id, found.row.status, found.known) == (stopped.row.id, "ok", False)
    assert len(admissions.log(made.leaderboard)) == 1


@pytest.fixture(scope="module")
def submission(tmp_path_factory: pytest.TempPathFactory, made_runs: MadeRuns) -> Path:
    """Return a submission of `scale`, which comes with petbench."""
    author = made_runs.copy(tmp_path_factory.mktemp("author") / "home", "scale")
    author("submit", "1", "-o", author.home / "theirs.petbench.zip")
    return author.home / "theirs.petbench.zip"


@pytest.mark.slow
@pytest.mark.parametrize("isolated", [True, False], ids=["isolated", "not isolated"])
def test_a_submission_is_trained_again_and_the_row_says_whose_it_is_and_where_its_code_ran(
    isolated: bool, submission: Path, body_dataset: Path, petbench: Petbench
) -> None:
    again = ("leaderboard", "accept", submission, "-d", body_dataset, "--reproduce", "--submitter", "a lab", "--json")
    result = petbench(*again, *([] if isolated else ["--not-isolated"]))
    why_not = why_not_isolated()
    assert ("warning: not isolated" in result.stderr) == (isolated and why_not is not None)
    (found,) = json.loads(result.stdout)
    expected = ISOLATED if isolated and why_not is None else NOT_ISOLATED
    assert (found["status"], found["isolation"], found["known"]) == ("ok", expected, False)
    assert {each["difference"] for each in found["differences"]} == {0.0}
    row = petbench.json("runs", "show", str(found["run"]))
    assert (row["verification"], row["submitter"], row["isolation"]) == ("reproduced", "a lab", expected)
    assert row["machine"][REPRODUCTION]["differences"]
    with Leaderboard.open(petbench.home / "leaderboard.db") as board:
        (entry,) = admissions.log(board)
    assert (entry.action, entry.submitter, entry.run_id) == ("reproduced", "a lab", found["run"])
    assert entry.source == submission.name
    assert entry.digest == hashlib.sha256(submission.read_bytes()).hexdigest()


@pytest.mark.slow
def test_an_endless_budget_is_refused_before_anything_is_started(
    submission: Path, body_dataset: Path, tmp_path: Path
) -> None:
    files = stranger.files_of(submission)
    plan = json.loads(files["runs/0/plan.json"]) | {"budget": f"images={10**30}"}
    facts = json.loads(files["runs/0/run.json"]) | {"identity": identity_of(plan)}
    files |= {"runs/0/plan.json": json.dumps(plan).encode(), "runs/0/run.json": json.dumps(facts).encode()}
    endless = stranger.write(tmp_path / "endless.petbench.zip", files)
    runner = CliRunner(env={"PETBENCH_HOME": str(tmp_path / "home"), "PETBENCH_OFFLINE": "1"})
    result = runner.invoke(cli, ["leaderboard", "accept", str(endless), "-d", str(body_dataset), "--reproduce"])
    assert result.exit_code == 1
    assert "plan.json: the budget 'images=1000000" in result.stderr
    assert not (tmp_path / "home" / "runs").exists()
    assert not list((tmp_path / "home").rglob("reproduce-*"))
