"""From the logs of runs to the seconds that one needed to be as good as another: read, kept in rows and shown."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import torch
from click.testing import CliRunner
from tests.benchmark.made_runs import PIX2PIX

from petbench.cli.main import cli
from petbench.contract import Budget, MethodSpec
from petbench.engine_settings import EngineSettings
from petbench.errors import PluginError
from petbench.home import Home
from petbench.methods.program.method import ProgramMethod
from petbench.registry import load_plugins
from petbench.runs.folder import RunFolder
from petbench.runs.lookup import folder_of
from petbench.runs.rescore import rescore
from petbench.runs.scorer import Scorer
from petbench.runs.time_to_target import record_history, seconds_to_reference, validation_history
from petbench.settings import Settings
from petbench.training.context import TrainingContext
from petbench.training.training_log import HARNESS_EVENTS, TrainingLog, read_events
from petbench_datasets.progress import silent
from petbench_leaderboard.records import RunRecord
from petbench_leaderboard.store import Leaderboard

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from click.testing import Result
    from tests.command import Petbench


def trained(folder: Path, errors: list[float], final: float | None) -> RunFolder:
    run = RunFolder(folder)
    log = TrainingLog(run.training)
    for number, error in enumerate(errors, start=1):
        log.append("step", {"images": 16 * number, "seconds": 10.0 * number - 1})
        log.append("validation", {"images": 16 * number, "seconds": 10.0 * number, "mae_suv": error})
    if final is not None:
        log.append("validated", {"images": 16 * len(errors), "seconds": 10.0 * len(errors), "mae_suv": final})
    return run


def test_the_seconds_until_a_run_is_as_good_as_a_reference_come_from_both_logs(tmp_path: Path) -> None:
    run = trained(tmp_path / "run", [0.5, 0.3, 0.2, 0.25], 0.25)
    assert validation_history(run.losses) == [(10.0, 0.5), (20.0, 0.3), (30.0, 0.2), (40.0, 0.25)]
    assert seconds_to_reference(run, trained(tmp_path / "kinetic", [], 0.31)) == 20.0
    assert seconds_to_reference(run, trained(tmp_path / "ridge", [], 0.1)) is None


def test_without_a_validation_there_is_no_such_time(tmp_path: Path) -> None:
    run, reference = trained(tmp_path / "run", [0.5], 0.5), trained(tmp_path / "reference", [], None)
    assert seconds_to_reference(run, reference) is None
    assert seconds_to_reference(reference, run) is None
    assert seconds_to_reference(RunFolder(tmp_path / "nowhere"), run) is None


def test_a_line_that_a_kill_cut_short_is_left_out(tmp_path: Path) -> None:
    run = trained(tmp_path / "run", [0.5], 0.5)
    with run.losses.open("a", encoding="utf-8") as file:
        file.write('{"event": "validation", "images": 32, "sec')
    assert validation_history(run.losses) == [(10.0, 0.5)]


def planned(leaderboard: Leaderboard, **changes: Any) -> int:
    facts: dict[str, Any] = {
        "method": "pix2pix", "plugin": "gan", "distribution": "petbench", "version": "1", "source_hash": "a" * 64,
        "supervision": "paired", "preset": "mini", "parameters": {}, "dataset": "bodies", "fingerprint": "f" * 64,
        "split": "holdout", "split_digest": "5" * 64, "fold": 0, "seed": 0, "precision": "fp32",
        "budget": "images=32", "protocol": 2, "identity": "1" * 64,
    }  # fmt: skip
    return leaderboard.plan(RunRecord(**facts | changes))


def test_a_row_keeps_what_its_log_says_and_nan_as_nothing(tmp_path: Path) -> None:
    run = trained(tmp_path / "run", [0.5, float("nan"), 0.2], 0.25)
    with Leaderboard.open(tmp_path / "board.db") as leaderboard:
        run_id = planned(leaderboard)
        record_history(leaderboard, run_id, run)
        assert leaderboard.run(run_id).validation_history == {
            "seconds": [10.0, 20.0, 30.0], "mae_suv": [0.5, None, 0.2], "final_mae_suv": 0.25
        }  # fmt: skip


@pytest.mark.parametrize(
    "change",
    [
        {"protocol": 1},
        {"verification": "self-reported"},
        {"verification": "rescored", "submitter": "rival-lab"},
        {"plugin": "external"},
    ],
    ids=lambda change: "-".join(map(str, next(iter(change.items())))),
)
def test_nothing_is_kept_of_a_training_that_was_not_seen_here_or_clocked_otherwise(
    tmp_path: Path, change: dict[str, Any]
) -> None:
    run = trained(tmp_path / "run", [0.5], 0.5)
    with Leaderboard.open(tmp_path / "board.db") as leaderboard:
        run_id = planned(leaderboard, **change)
        record_history(leaderboard, run_id, run)
        assert leaderboard.run(run_id).validation_history == {}


@pytest.mark.parametrize(
    "line",
    [
        '"seconds": 10.0, "mae_suv": "0.5"',
        '"seconds": 10.0, "mae_suv": true',
        '"seconds": 10.0, "mae_suv": [0.5]',
        f'"seconds": 10.0, "mae_suv": 1{"0" * 400}',
        '"seconds": NaN, "mae_suv": 0.5',
        '"seconds": -1.0, "mae_suv": 0.5',
        '"seconds": 10.0, "mae_suv": -0.5',
        '"seconds": 10.0',
    ],
)
def test_a_log_that_a_method_wrote_itself_costs_its_run_no_more_than_the_history(tmp_path: Path, line: str) -> None:
    run = trained(tmp_path / "run", [], 0.25)
    with run.losses.open("a", encoding="utf-8") as file:
        file.write(f'{{"event": "validation", "images": 32, {line}}}\n')
    with Leaderboard.open(tmp_path / "board.db") as leaderboard:
        run_id = planned(leaderboard)
        record_history(leaderboard, run_id, run)
        kept = leaderboard.run(run_id).validation_history
    assert kept in ({}, {"seconds": [], "mae_suv": [], "final_mae_suv": 0.25})


def context(folder: Path, *, harness_validates: bool) -> TrainingContext:
    return TrainingContext(
        seed=0,
        budget=Budget(images=32),
        device=torch.device("cpu"),
        folder=folder,
        engine=EngineSettings(),
        harness_validates=harness_validates,
    )


def test_the_harness_logs_validations_of_what_it_trains_itself(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    context(run.training, harness_validates=True).log("validation", {"mae_suv": 0.5})
    assert [error for _, error in validation_history(run.losses)] == [0.5]


@pytest.mark.parametrize("event", sorted(HARNESS_EVENTS))
def test_a_method_cannot_log_a_validation_of_its_own(tmp_path: Path, event: str) -> None:
    run = RunFolder(tmp_path)
    given = context(run.training, harness_validates=False)
    given.log("anything-else", {"mae_suv": 0.0})
    with pytest.raises(PluginError, match=f"a method logged '{event}', which only the harness does"):
        given.log(event, {"seconds": 0.001, "mae_suv": 0.0})
    assert [line["event"] for line in read_events(run.losses)] == ["anything-else"]


PROGRAM = """
import json, pathlib, sys
job = pathlib.Path(sys.argv[1])
lines = [
    {"event": "epoch", "images": 1, "loss": 0.5},
    {"event": "validation", "images": 1, "seconds": 0.001, "mae_suv": 0.0},
    {"event": "validated", "images": 1, "seconds": 0.001, "mae_suv": 0.0},
]
(job / "work" / "log.jsonl").write_text("".join(json.dumps(line) + chr(10) for line in lines))
(job / "model" / "weights").write_text("1")
(job / "status.json").write_text(json.dumps({"version": 3, "state": "ok"}))
"""


class NoImages:
    supervision = "no-target"

    def scans(self) -> list[Any]:
        return []


@pytest.mark.slow
def test_a_program_of_somebody_else_cannot_either(tmp_path: Path) -> None:
    import sys

    spec = MethodSpec(
        name="liar",
        summary="says that it is perfect",
        supervision="no-target",
        command=(sys.executable, "-c", PROGRAM, "{job}"),
    )
    method = ProgramMethod(spec, {}, None, tmp_path)
    run = RunFolder(tmp_path / "run")
    method.fit(NoImages(), context(run.training, harness_validates=method.validates))  # type: ignore[arg-type]
    assert [line["event"] for line in read_events(run.losses)] == ["epoch"]
    assert validation_history(run.losses) == []


def typed(home: Path, monkeypatch: pytest.MonkeyPatch, *options: str) -> Result:
    monkeypatch.setenv("PETBENCH_HOME", str(home))
    monkeypatch.delenv("PETBENCH_DB", raising=False)
    return CliRunner().invoke(cli, ["leaderboard", *options])


@pytest.mark.slow
def test_a_real_run_arrives_when_its_own_log_says(
    ran: Callable[..., Petbench], monkeypatch: pytest.MonkeyPatch
) -> None:
    petbench = ran("identity", PIX2PIX)

    def shown(*options: str) -> Any:
        return json.loads(typed(petbench.home, monkeypatch, "--time-to-target", "--json", *options).stdout)

    with Leaderboard.open(petbench.home / "leaderboard.db") as store:
        trained_run, identity = store.runs()
    home = Home(petbench.home)
    seconds, error = validation_history(folder_of(trained_run, home).losses)[0]
    events = list(read_events(folder_of(identity, home).losses))
    (validated,) = [line for line in events if line["event"] == "validated"]

    ((table,),) = [board["tables"] for board in shown()["boards"]]
    assert table["targets"] == [{"fold": 0, "suv": validated["mae_suv"], "reference": "identity"}]
    before = shown("--target", str(error))
    ((table,),) = [board["tables"] for board in before["boards"]]
    assert [(each["run"], each["seconds"]) for row in table["rows"] for each in row["outcomes"]] == [
        (trained_run.id, seconds)
    ]
    assert 0.0 < seconds <= (trained_run.train_seconds or 0.0) + 0.001

    log = folder_of(identity, home).losses  # as one of an earlier version, without the final model's error
    log.write_text("".join(json.dumps(line) + "\n" for line in events if line["event"] != "validated"))
    with Leaderboard.open(petbench.home / "leaderboard.db") as store:
        for row in (trained_run, identity):
            store.update(row.id, validation_history={})
        assert "petbench score --runs all reads it" in str(shown("--target", str(error)))
        scorer = Scorer.of(Settings.read(home=petbench.home, offline=True), load_plugins(), silent)
        for row in (trained_run, identity):
            rescore(store.run(row.id), home, store, scorer)
            assert store.run(row.id).validation_history == row.validation_history
    assert shown("--target", str(error)) == before


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--target", "0.2"], "--target is of --time-to-target; give both"),
        (["--time-to-target", "--metric", "fid"], "give one of the two"),
        (["--time-to-target", "--target", "0"], "--target 0 is no validation error"),
        (["--time-to-target", "--target", "-1"], "--target -1 is no validation error"),
        (["--time-to-target", "--target", "nan"], "--target nan is no validation error"),
        (["--time-to-target", "--target", "inf"], "--target inf is no validation error"),
        (["--time-to-target", "--target", "low"], "'low' is not a valid float"),
        (["--time-to-target", "--dataset", "nowhere"], "no dataset on this leaderboard"),
    ],
)
def test_a_request_that_makes_no_sense_is_refused_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: list[str], message: str
) -> None:
    result = typed(tmp_path, monkeypatch, *options)
    assert (result.exit_code, result.stdout) == (2, "")
    assert message in result.stderr


def test_an_empty_leaderboard_says_what_to_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "nothing on the leaderboard yet" in typed(tmp_path, monkeypatch, "--time-to-target").stdout
    shown = json.loads(typed(tmp_path, monkeypatch, "--time-to-target", "--json").stdout)
    assert shown == {"boards": [], "profiles": []}
