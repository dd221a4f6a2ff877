"""Runs without their test participants: trained, validated, never ranked, and tested later without another training."""

from __future__ import annotations

import json
import os
import shutil
from typing import TYPE_CHECKING, Any

import pytest
from tests.benchmark.made_runs import PIX2PIX

import petbench
from petbench_datasets.dataset.reader import open_dataset
from petbench_leaderboard.store import Leaderboard

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.command import Petbench

NO_TEST = (*PIX2PIX, "--no-test")


def tables(row: dict[str, Any]) -> dict[tuple[str, ...], float | None]:
    return {(s["metric"], s["region"], s["participant"] or ""): s["value"] for s in row["scores"]}


@pytest.mark.slow
def test_a_run_without_test_has_a_validation_score_and_nothing_of_the_test_participants(
    ran: Callable[..., Petbench],
) -> None:
    command = ran(NO_TEST)
    row = command.json("runs", "show", "1")
    assert (row["status"], row["purpose"], row["scores"]) == ("ok", "no-test", [])
    assert row["validation_score"] is not None
    assert row["seconds_per_volume"] > 0
    assert "predict" not in {phase["phase"] for phase in row["phases"]}
    assert list((command.home / "runs").glob("*/predictions/*")) == []
    assert [file.name for file in (command.home / "runs").glob("*/validation/*")] == ["sub-03.nii.gz"]
    assert "not tested" in command("runs", "list").stdout
    assert f"{row['validation_score']:.5g}" in command("runs", "list").stdout
    assert [run["id"] for run in command.json("runs", "list", "--where", "purpose=no-test")] == [1]
    assert command.json("leaderboard") == []
    refused = command("submit", "1", "-o", command.home / "mine.petbench.zip", code=2).stderr
    assert "error: run 1 was not tested; run it again without --no-test" in refused


@pytest.mark.slow
def test_no_image_of_a_test_participant_is_read(petbench: Petbench, body_dataset: Path, tmp_path: Path) -> None:
    dataset = tmp_path / "bodies"
    shutil.copytree(body_dataset, dataset)
    run = ("run", "--method", "scale", "--dataset", dataset)
    petbench("plan", "--method", "scale", "--dataset", dataset)  # the hashes of all images are noted
    (image,) = (dataset / "sub-04" / "pet").glob("*rec-delayed*.nii.gz")
    whole, noted = image.read_bytes(), image.stat()
    image.write_bytes(whole[:-100] + bytes(100))  # damaged, and not seen by what compares size and time alone
    os.utime(image, ns=(noted.st_atime_ns, noted.st_mtime_ns))
    row = json.loads(petbench(*run, "--no-test", "--json").stdout)
    assert (row["status"], row["purpose"]) == ("ok", "no-test")
    assert "is cut short or damaged" in petbench(*run, code=130).stderr
    image.write_bytes(whole)
    os.utime(image, ns=(noted.st_atime_ns, noted.st_mtime_ns))
    row = json.loads(petbench(*run, "--json").stdout)
    assert (row["id"], row["status"], row["purpose"]) == (1, "ok", "test")


@pytest.mark.slow
def test_the_same_command_tests_later_with_the_model_that_was_trained(
    ran: Callable[..., Petbench], body_dataset: Path
) -> None:
    command = ran(NO_TEST)
    before = command.json("runs", "show", "1")
    (model,) = (command.home / "runs").glob("*/model.pt")
    weights = (model.read_bytes(), model.stat().st_mtime_ns)
    (cell,) = command.json("plan", "--dataset", body_dataset, "--method", *PIX2PIX)["runs"]
    assert (cell["state"], cell["run"]) == ("trained", 1)
    after = json.loads(command("run", "--dataset", body_dataset, "--method", *PIX2PIX, "--json").stdout)
    assert (model.read_bytes(), model.stat().st_mtime_ns) == weights
    assert (after["id"], after["identity"], after["purpose"]) == (1, before["identity"], "test")
    for kept in ("images_seen", "train_seconds", "validation_score", "parameter_count"):
        assert after[kept] == before[kept], kept
    trained = [phase["phase"] for phase in after["phases"]].count("train")
    assert trained == [phase["phase"] for phase in before["phases"]].count("train")
    at_once = ran_at_once(command, body_dataset)
    assert tables(after) == tables(at_once)
    (board,) = command.json("leaderboard")
    assert [row["runs"] for row in board["rows"]] == [[1]]


def ran_at_once(command: Petbench, dataset: Path) -> Any:
    """Return the same run, tested at once, in another home."""
    other = type(command)(command.home.parent / "other")
    return json.loads(other("run", "--dataset", dataset, "--method", *PIX2PIX, "--json").stdout)


@pytest.mark.slow
def test_a_run_that_was_tested_is_shown_where_its_validation_is_asked_for(
    ran: Callable[..., Petbench], body_dataset: Path
) -> None:
    command = ran(PIX2PIX)
    said = command("run", "--dataset", body_dataset, "--method", *NO_TEST)
    assert "shown instead of repeated" in said.stderr
    assert command.json("runs", "show", "1")["purpose"] == "test"


@pytest.mark.slow
def test_python_runs_without_test_and_tests_the_same_run_later(tmp_path: Path, body_dataset: Path) -> None:
    with petbench.Session(home=tmp_path / "home", offline=True) as session:
        first = petbench.run("scale", dataset=body_dataset, test=False, session=session)
        assert (first.row.purpose, len(first.scores), first.predictions) == ("no-test", 0, {})
        assert first.row.validation_score is not None
        assert "not tested" in first._repr_html_()
        again = petbench.run("scale", dataset=body_dataset, session=session)
        assert (again.id, again.known, again.row.purpose) == (first.id, False, "test")
        assert set(again.predictions) == {"sub-04"}
        assert open_dataset(body_dataset).participants[-1] == "sub-04"


@pytest.mark.slow
def test_a_run_that_failed_its_test_does_not_become_one_that_ran_without(
    ran: Callable[..., Petbench], body_dataset: Path
) -> None:
    command = ran(PIX2PIX)
    with Leaderboard.open(command.home / "leaderboard.db") as leaderboard:
        leaderboard.update(1, status="failed", error_message="predicted NaN")
    command("run", "--dataset", body_dataset, "--method", *NO_TEST)
    rows = {row["id"]: (row["status"], row["purpose"]) for row in command.json("runs", "list")}
    assert rows == {1: ("failed", "test"), 2: ("ok", "no-test")}
