"""`petbench runs`: failures on demand, a run on a screen, and deleting what fulfils a condition."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from petbench.cli.main import cli
from petbench.home import Home
from petbench.processes.lock import claimed
from petbench.runs.claims import claim_path
from petbench_leaderboard.metric_facts import MetricFacts
from petbench_leaderboard.records import FAILURES, STATUSES, RunRecord
from petbench_leaderboard.score_records import ScoreRecord
from petbench_leaderboard.store import Leaderboard

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result


def record(seed: int, **changes: object) -> RunRecord:
    facts: dict[str, object] = {
        "identity": f"{seed:064x}", "method": "pix2pix", "plugin": "gan", "distribution": "petbench", "version": "1",
        "source_hash": "a" * 64, "supervision": "paired", "preset": "small",
        "changed_parameters": {"learning_rate": 0.003},
        "parameters": {f"p{number}": number for number in range(40)} | {"learning_rate": 0.003}, "dataset": "d",
        "fingerprint": "f" * 64, "split": "s", "split_digest": "5" * 64, "fold": 0, "seed": seed, "precision": "fp32",
        "budget": "images=1", "protocol": 1, "log_path": f"runs/{seed}/run.log", "test_participants": ("sub-01",),
        "machine": {"processor": "some processor"}, "environment": {f"package-{n}": "1.0" for n in range(50)},
    }  # fmt: skip
    return RunRecord(**facts | changes)  # type: ignore[arg-type]


def score(participant: str, value: float) -> ScoreRecord:
    return ScoreRecord(
        participant=participant, region="body", metric="psnr", convention_id="psnr@1", value=value, unit="dB",
        higher_is_better=True, facts=MetricFacts(label="PSNR", detail="body", decimals=2),
    )  # fmt: skip


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with a run of every status; those that failed say why."""
    monkeypatch.setenv("PETBENCH_HOME", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.delenv("PETBENCH_DB", raising=False)
    with Leaderboard.open(tmp_path / "leaderboard.db") as store:
        for seed, status in enumerate(STATUSES):
            run_id = store.plan(record(seed))
            store.update(run_id, status=status)
            if status in FAILURES:
                store.update(run_id, error_message=f"reason {seed}", fault="method")
            if status == "ok":
                store.record_scores(run_id, [score("sub-01", 30.0)])
                store.record_validation_scores(run_id, [score("sub-02", 41.0), score("sub-03", 43.0)])
    return tmp_path


def call(*arguments: str, code: int = 0, typed: str = "") -> Result:
    result = CliRunner().invoke(cli, ["runs", *arguments], input=typed)
    assert result.exit_code == code, result.output + result.stderr
    return result


def left(home: Path) -> list[int]:
    with Leaderboard.read(home / "leaderboard.db") as store:
        return [run.id for run in store.runs()][::-1]


OK = STATUSES.index("ok") + 1
FAILED = [number for number, status in enumerate(STATUSES, 1) if status in FAILURES]


def test_failed_runs_are_listed_on_demand_with_their_reason_and_their_log(home: Path) -> None:
    shown = call("list", "--failed").stdout
    for number in FAILED:
        assert f"reason {number - 1}" in shown
        assert str(home / "runs" / str(number - 1) / "run.log") in shown.replace("\n", "")
    assert "(the method's fault)" in shown
    assert "interrupted" not in shown
    assert len([line for line in shown.splitlines() if line.split()[:1] and line.split()[0].isdigit()]) == len(FAILED)
    assert call("list", "--where", f"seed={OK - 1}", "--failed").stdout.startswith("no such run")
    assert "give it or --status" in call("list", "--failed", "--status", "ok", code=2).stderr


def test_a_run_is_shown_on_a_screen_with_both_kinds_of_means_and_in_full_on_demand(home: Path) -> None:
    shown = call("show", str(OK)).stdout
    assert len(shown.splitlines()) <= 24
    for part in ("learning_rate=0.003", "seed", "split s, fold 0", "30.00", "42.00", "2 participants", "--all"):
        assert part in shown
    assert "package-7" not in shown
    assert "p17" not in shown
    full = call("show", str(OK), "--all").stdout
    assert "p17=17" in full
    assert "sub-03" in full
    failed = call("show", str(FAILED[0])).stdout
    assert f"reason {FAILED[0] - 1} (the method's fault)" in failed


def test_deleting_by_a_condition_lists_what_goes_and_asks(home: Path) -> None:
    every = left(home)
    condition = ("delete", "--where", "status=failed or status=diverged and learning_rate=0.003")
    refused = call(*condition, typed="n\n", code=1)
    assert "reason" in refused.output
    assert "Delete these 2 runs" in refused.output
    assert left(home) == every
    done = call(*condition, "--yes")
    gone = [number for number in FAILED if STATUSES[number - 1] in ("failed", "diverged")]
    assert left(home) == [number for number in every if number not in gone]
    assert all(f"run {number} is deleted" in done.output for number in gone)


def test_a_run_that_goes_on_is_never_among_them(home: Path) -> None:
    number = STATUSES.index("running") + 1
    with Leaderboard.open(home / "leaderboard.db") as store:
        path = claim_path(Home(home), store, store.run(number).identity)
    path.parent.mkdir(parents=True, exist_ok=True)
    with claimed(path):
        result = call("delete", "--where", "seed>=0", "--yes")
        assert f"run {number} is going on and stays" in result.stderr
        assert left(home) == [number]
        assert f"run {number} is going on; stop it" in call("delete", str(number), "--yes", code=2).stderr
    call("delete", "--where", "status=running", "--yes")  # its process is gone
    assert left(home) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "name the runs by their numbers, or give --where"),
        (("1", "--where", "seed=0"), "one of the two"),
        (("--where", "learnin_rate=0.003"), "did you mean 'learning_rate'"),
    ],
)
def test_what_to_delete_is_said_in_one_way_and_rightly(home: Path, arguments: tuple[str, ...], message: str) -> None:
    assert message in call("delete", *arguments, "--yes", code=2).stderr
    assert len(left(home)) == len(STATUSES)


def test_several_numbers_are_deleted_at_once_and_nothing_is_no_error(home: Path) -> None:
    call("delete", "1", "2", "2", "--yes")
    assert left(home) == list(range(3, len(STATUSES) + 1))
    assert "no run to delete" in call("delete", "--where", "seed=77", "--yes").stdout


@pytest.mark.parametrize(
    "verb",
    [
        ("runs", "list"),
        ("leaderboard",),
        ("leaderboard", "export", "FOLDER/runs.jsonl"),
        ("scores", "export"),
        ("report", "-o", "FOLDER/site"),
    ],
)
def test_every_verb_that_takes_a_condition_compares_parameters_and_scores_on_validation(
    home: Path, verb: tuple[str, ...]
) -> None:
    command = [part.replace("FOLDER", str(home / "new")) for part in verb]
    for condition in ("learning_rate=0.003", "learning_rate>=3e-3", "not validation.psnr>50"):
        result = CliRunner().invoke(cli, [*command, "--where", condition])
        assert result.exit_code == 0, result.output + result.stderr
    for wrong, message in (("learning_rat=0.003", "'learning_rate'"), ("validation.psn=1", "'validation.psnr'")):
        refused = CliRunner().invoke(cli, [*command, "--where", wrong])
        assert refused.exit_code == 2
        assert f"did you mean {message}" in refused.stderr
        assert refused.stderr.startswith("error: ")


def test_a_run_without_any_test_score_is_found_by_its_scores_on_validation_and_shows_them(home: Path) -> None:
    with Leaderboard.open(home / "leaderboard.db") as store:
        run_id = store.plan(record(99, parameters={"only": "validated"}))
        store.record_validation_scores(run_id, [score("sub-02", 20.0), score("sub-03", 22.0)])
        store.update(run_id, status="ok", error_message="unscored")
        assert [run.id for run in store.runs(where="validation.psnr<30")] == [run_id]
        assert store.scores([run_id]) == []
    assert "21.00" in call("show", str(run_id)).stdout
    shown = call("list", "--where", "validation.psnr<30").stdout
    assert str(run_id) in shown
