"""`petbench run` from outside: a real command, real processes, real files."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from datetime import datetime
from typing import TYPE_CHECKING, Any

import nibabel as untyped_nibabel
import numpy as np
import psutil
import pytest
from tests.benchmark.made_runs import PIX2PIX

from petbench_datasets.dataset.reader import open_dataset
from petbench_leaderboard.store import Leaderboard

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.command import Petbench

pytestmark = pytest.mark.slow

nibabel: Any = untyped_nibabel


def test_a_run_leaves_predictions_scores_phases_and_a_row(petbench: Petbench, body_dataset: Path) -> None:
    row = json.loads(petbench.process("run", "--method", "scale", "--dataset", body_dataset, "--json").stdout)
    assert row["status"] == "ok"
    assert row["dataset"] == "bodies"
    assert row["test_participants"] == ["sub-04"]
    assert [phase["phase"] for phase in row["phases"]] == [
        *("prepare", "train", "checkpoint", "predict", "validation", "score")
    ]
    assert {"psnr_body_suv20", "psnr_volume_max", "psnr_slice_volume_max", "mae_body_suv", "fid"} <= {
        score["metric"] for score in row["scores"]
    }
    (prediction,) = (petbench.home / "runs").glob("*/predictions/*.nii.gz")
    image = nibabel.load(prediction)
    early, grid = open_dataset(body_dataset).early("sub-04")
    assert image.get_data_dtype() == np.float32
    np.testing.assert_array_equal(image.affine, grid.affine)
    ratio = np.asarray(image.dataobj).transpose() / np.where(early > 0, early, 1)
    assert np.ptp(ratio[early > 0]) < 1e-5  # one factor everywhere


def test_the_phases_of_a_run_are_apart_and_add_up_to_its_time_but_for_moments_between_them(
    ran: Callable[..., Petbench],
) -> None:
    row = ran(PIX2PIX).json("runs", "show", "1")
    names = [phase["phase"] for phase in row["phases"]]
    assert names == [
        *("prepare", "train", "warm-up", "validation", "checkpoint"),
        *("checkpoint", "predict", "validation", "score"),
    ]
    assert all(phase["seconds"] >= 0 for phase in row["phases"])
    training = [phase["seconds"] for phase in row["phases"] if phase["phase"] in ("train", "warm-up")]
    assert sum(training) == pytest.approx(row["train_seconds"], abs=0.5)
    began, ended = (datetime.fromisoformat(row[name]) for name in ("started_at", "ended_at"))
    between = (ended - began).total_seconds() - sum(phase["seconds"] for phase in row["phases"])
    assert 0 <= between < 0.2 * (ended - began).total_seconds()


def test_an_identity_prediction_is_the_early_image_to_the_bit(ran: Callable[..., Petbench], body_dataset: Path) -> None:
    (prediction,) = (ran("identity").home / "runs").glob("*/predictions/*.nii.gz")
    early, _ = open_dataset(body_dataset).early("sub-04")
    np.testing.assert_array_equal(np.asarray(nibabel.load(prediction).dataobj).transpose(), early)


def test_missing_inception_weights_leave_fid_empty_with_its_reason(ran: Callable[..., Petbench]) -> None:
    row = ran("identity").json("runs", "show", "1")
    (fid,) = [score for score in row["scores"] if score["metric"] == "fid"]
    assert fid["value"] is None
    assert "weights" in fid["reason"]
    (other,) = [score for score in row["scores"] if score["metric"] == "fd_randconv"]
    assert "slices: fd_randconv takes at least 961" in other["reason"]


def test_the_same_run_is_shown_and_not_repeated_unless_forced(ran: Callable[..., Petbench], body_dataset: Path) -> None:
    petbench, command = ran("identity"), ("run", "--method", "identity", "--dataset", body_dataset)
    again = petbench(*command)
    assert "shown instead of repeated" in again.stderr
    assert len(petbench.json("runs", "list")) == 1
    petbench(*command, "--force")
    assert len(petbench.json("runs", "list")) == 2


def test_one_seed_gives_one_prediction_to_the_bit_and_another_seed_another(
    petbench: Petbench, body_dataset: Path
) -> None:
    command = ("run", "-d", body_dataset, "--precision", "fp32", "-m", *PIX2PIX)
    for extra in ((), ("--force",), ("--seed", "1")):
        petbench(*command, *extra)
    other, repeated, first = (  # the newest row comes first
        (petbench.home / row["log_path"]).with_name("predictions").joinpath("sub-04.nii.gz").read_bytes()
        for row in petbench.json("runs", "list")
    )
    assert first == repeated
    assert first != other


def test_ctrl_c_leaves_an_interrupted_row_from_which_the_run_goes_on(petbench: Petbench, body_dataset: Path) -> None:
    command = ["run", "-m", "pix2pix", "-d", str(body_dataset), "--budget", "images=2400", "--set", "width=4"]
    with _started(petbench, command) as process:
        _wait_for_line(process, r"[1-9]0 %")
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=120)
    assert process.returncode == 130, errors
    (row,) = petbench.json("runs", "list")
    assert row["status"] == "interrupted"
    assert 0 < row["images_seen"] < 2400
    assert list((petbench.home / "runs").glob("*/training/checkpoints/*"))
    petbench("runs", "resume", "1")
    (row,) = petbench.json("runs", "list")
    assert row["status"] == "ok"
    assert row["images_seen"] == 2400
    assert row["validation_score"] is not None
    assert "shown instead of repeated" in petbench(*command).stderr


@pytest.mark.parametrize(
    ("everybody", "processes"),
    [(True, 1), (False, 1), (True, 2)],
    ids=["to every process", "to the command", "to every process that shares the training"],
)
def test_sigterm_again_and_again_is_one_request_and_loses_no_training(
    everybody: bool, processes: int, petbench: Petbench, body_dataset: Path
) -> None:
    """As Slurm ends a job: SIGTERM, SIGCONT and SIGTERM within a second."""
    command = ["run", "-m", "pix2pix", "-d", str(body_dataset), "--budget", "images=2400", "--set", "width=4"]
    command += ["--processes", str(processes)]
    with _started(petbench, command) as process:
        _wait_for_line(process, r"[1-9]0 %")
        asked = [psutil.Process(process.pid)]
        asked += asked[0].children(recursive=True) if everybody else []
        for number in (signal.SIGTERM, signal.SIGCONT, signal.SIGTERM, signal.SIGTERM):
            for each in asked:
                with contextlib.suppress(psutil.NoSuchProcess):
                    each.send_signal(number)
        _, errors = process.communicate(timeout=120)
    assert process.returncode == 130, errors
    (row,) = petbench.json("runs", "list")
    assert row["status"] == "interrupted"
    assert list((petbench.home / "runs").glob(f"*/training/checkpoints/images-{row['images_seen']:012d}.checkpoint"))
    refused = petbench(*command[:-1], str(3 - processes), "--set", "batch_size=4", code=2).stderr
    assert f"begun with --processes {processes}" in refused
    petbench(*command)
    row = petbench.json("runs", "show", "1")
    assert (row["status"], row["machine"]["engine"]["processes"]) == ("ok", processes)
    assert ("cpu, shared by 2 processes" in petbench("runs", "show", "1").stdout) == (processes == 2)


def test_a_second_ctrl_c_ends_at_once(petbench: Petbench, body_dataset: Path) -> None:
    command = ["run", "-m", "pix2pix", "-d", str(body_dataset), "--budget", "images=1000000", "--set", "width=4"]
    with _started(petbench, command) as process:
        _wait_for_line(process, "0 %")
        for _ in range(2):
            process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    assert process.returncode == 130
    assert petbench.json("runs", "list")[0]["status"] == "interrupted"


def test_a_misspelt_method_exits_2_with_the_nearest_name(petbench: Petbench) -> None:
    result = petbench.process("run", "--method", "pix2px", code=2)
    assert "did you mean 'pix2pix'" in result.stderr
    assert result.stderr.count("\n") == 1
    assert not petbench.home.exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--set", "widht=3"], "did you mean 'width'"),
        (["--set", "width=-3"], "'width'"),
        (["--set", "width"], "key=value"),
        (["--budget", "epochs=3"], "images=12000"),
        (["--budget", "images=many"], "images=12000"),
        (["--preset", "papr"], "did you mean 'paper'"),
        (["--fold", "7"], "folds 0 to 0"),
        (["--device", "cuda:63"], "no cuda:63"),
        (["--device", "nosuch"], "does not run on 'nosuch'"),
        (["--device", "mps"], "does not run on 'mps'"),
        (["--dataset", "fdg-fantom"], "did you mean 'fdg-phantom'"),
    ],
)
def test_a_request_that_makes_no_sense_is_one_line(
    arguments: list[str], message: str, petbench: Petbench, body_dataset: Path
) -> None:
    result = petbench("run", "-m", "pix2pix", "-d", str(body_dataset), *arguments, code=2)
    assert message in result.stderr
    assert not list(petbench.home.glob("runs/*"))
    assert petbench.json("runs", "list") == []


def test_a_dataset_that_is_not_usable_is_refused_and_nothing_is_written(
    petbench: Petbench, body_dataset: Path, tmp_path: Path
) -> None:
    damaged = tmp_path / "damaged"
    shutil.copytree(body_dataset, damaged)
    (missing,) = damaged.glob("sub-02/pet/*delayed*.nii.gz")
    missing.unlink()
    before = sorted(path for path in damaged.rglob("*"))
    result = petbench("run", "-m", "identity", "-d", damaged, code=1)
    assert "sub-02" in result.stderr
    assert "delayed" in result.stderr
    assert result.stderr.count("\n") == 1
    assert not (petbench.home / "runs").exists()
    assert sorted(path for path in damaged.rglob("*")) == before


def test_weights_named_wrongly_are_refused_before_anything_is_trained(petbench: Petbench, body_dataset: Path) -> None:
    wrong = petbench.home.parent / "README.md"
    wrong.write_text("not weights")
    result = petbench(
        "run", "-m", "pix2pix", "-d", body_dataset, code=1, variables={"PETBENCH_FD768_WEIGHTS": str(wrong)}
    )
    assert f"{wrong}: SHA-256" in result.stderr
    (row,) = petbench.json("runs", "list")
    assert row["status"] == "failed"
    assert not row["images_seen"]


def test_fifty_rows_are_not_needed_to_read_the_board_as_data(ran: Callable[..., Petbench]) -> None:
    petbench = ran("identity", "scale")
    (board,) = petbench.json("leaderboard")
    assert {row["method"] for row in board["rows"]} == {"identity", "scale"}
    with Leaderboard.open(petbench.home / "leaderboard.db") as store:
        (run,) = store.runs(method="scale")
        stored = {score.metric: score.value for score in store.scores([run.id])}
    (scale,) = [row for row in board["rows"] if row["method"] == "scale"]
    assert scale["mae_body_suv"] == stored["mae_body_suv"]
    assert "psnr_body_suv20" in petbench("leaderboard", "--csv").stdout.splitlines()[0]


@contextlib.contextmanager
def _started(petbench: Petbench, command: list[str]) -> Iterator[subprocess.Popen[str]]:
    """Start a command that is to be interrupted; it never outlives its test."""
    environment = os.environ | {
        "PETBENCH_HOME": str(petbench.home),
        "PETBENCH_OFFLINE": "1",
        "OMP_NUM_THREADS": "1",
        "PYTHONUNBUFFERED": "1",
    }
    whole = [sys.executable, "-m", "petbench", *command]
    pipe = subprocess.PIPE
    with subprocess.Popen(whole, env=environment, stdout=pipe, stderr=pipe, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def _wait_for_line(process: subprocess.Popen[str], pattern: str) -> None:
    """Read what a process says until a line holds `pattern`."""
    assert process.stderr is not None
    said = []
    for line in process.stderr:
        said.append(line)
        if re.search(pattern, line):
            return
    pytest.fail(f"the process ended before it said {pattern!r}: {said}")


def test_a_run_can_be_read_as_json_in_full(ran: Callable[..., Petbench]) -> None:
    row = ran("identity").json("runs", "show", "1")
    assert row["machine"]["cores"] >= 1
    assert row["environment"]["torch"]
    assert len(row["identity"]) == 64
