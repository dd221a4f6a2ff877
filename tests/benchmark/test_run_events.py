"""Observers are told of a run while it goes on, and whatever they do, the run ends as it does without them."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import psutil
import pytest
from tests.benchmark.conftest import write_body_dataset
from tests.benchmark.docs_reader import blocks_of
from tests.benchmark.installed import install_module
from tests.command import Petbench

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow

TRAINING = (
    *("-m", "pix2pix", "--budget", "images=800", "--seed", "3"),
    *("--set", "batch_size=8", "--set", "width=8", "--set", "discriminator_width=8", "--set", "validations=4"),
)

TELLER = """
    import dataclasses, json
    from petbench import ExampleImages, ObserverSpec, hookimpl

    def build(folder):
        def observe(event):
            told = {name: getattr(event, name) for name in event.__dataclass_fields__}
            for name in ("early", "predicted", "delayed"):
                if isinstance(event, ExampleImages):
                    told[name] = [str(told[name].dtype), told[name].shape, float(told[name].max())]
            told["run"] = dataclasses.asdict(event.run)
            with (folder / "told.jsonl").open("a") as file:
                file.write(json.dumps({"event": type(event).__name__, **told}) + "\\n")
        return observe

    @hookimpl
    def petbench_observers():
        return [ObserverSpec(name="teller", summary="writes down what it is told", build=build)]
"""

HARMFUL = """
    import os, pathlib, subprocess, sys, time
    from petbench import ObserverSpec, hookimpl

    def noted(folder, pid):
        (folder / f"{pid}.pid").touch()

    def sleeping(folder):
        def observe(event):
            # What it starts goes its own way: a session of its own, and nobody waits for it.
            child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(3600)"], start_new_session=True)
            noted(folder, child.pid), noted(folder, os.getpid())
            time.sleep(3600)
        return observe

    def raising(folder):
        def observe(event):
            raise ConnectionError("the tracker is down")
        return observe

    def printing(folder):
        def observe(event):
            for _ in range(100):
                print("x" * 2**20)
            noted(folder, os.getpid())
        return observe

    def leaving(folder):
        def observe(event):
            noted(folder, os.getpid())
            sys.exit("it has had enough")
        return observe

    def vanishing(folder):
        def observe(event):
            noted(folder, os.getpid())
            os._exit(7)
        return observe

    def broken(folder):
        raise RuntimeError("no licence for it")

    @hookimpl
    def petbench_observers():
        kinds = (sleeping, raising, printing, leaving, vanishing, broken)
        return [ObserverSpec(name=each.__name__, summary="harms", build=each, always=True) for each in kinds]
"""


def told_by(home: Path) -> list[dict[str, Any]]:
    text = (home / "observers" / "teller" / "told.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def log_of(home: Path) -> list[str]:
    folder = next((home / "runs").iterdir())
    return (folder / "training" / "log.jsonl").read_text(encoding="utf-8").splitlines()


def test_an_observer_is_told_of_steps_validations_example_images_and_the_end_and_of_no_participant(
    petbench: Petbench, body_dataset: Path, tmp_path: Path
) -> None:
    visible = install_module(tmp_path / "site", "watcher", TELLER)
    result = petbench(
        "run", *TRAINING, "-d", body_dataset, "--log-to", "teller", "--json",
        variables=visible | {"PETBENCH_OBSERVER_SECONDS": "120"},
    )  # fmt: skip
    row = json.loads(result.stdout)
    assert row["status"] == "ok"
    assert "observer" not in result.stderr
    told = told_by(petbench.home)
    assert [told[0]["event"], told[-1]["event"]] == ["RunStarted", "RunEnded"]
    assert {line["event"] for line in told} == {"RunStarted", "StepLogged", "Validated", "ExampleImages", "RunEnded"}
    run = told[0]["run"]
    assert (run["run"], run["method"], run["seed"], run["identity"]) == (1, "pix2pix", 3, row["identity"])
    assert run["parameters"]["width"] == 8
    assert run["settings"]["budget"] == "images=800"
    assert run["folder"] == str(next((petbench.home / "runs").iterdir()))
    log = [json.loads(line) for line in log_of(petbench.home)]
    logged = [line for line in log if line["event"] == "validation"]
    assert [line["images"] for line in told if line["event"] == "Validated"] == [line["images"] for line in logged]
    assert [line["values"]["mae_suv"] for line in told if line["event"] == "Validated"] == [
        line["mae_suv"] for line in logged
    ]
    steps = [line for line in told if line["event"] == "StepLogged"]
    assert steps[-1]["images"] == 800
    assert steps[-1]["losses"] == next(line["losses"] for line in reversed(log) if line["event"] == "step")
    picture = next(line for line in reversed(told) if line["event"] == "ExampleImages")
    for name in ("early", "predicted", "delayed"):
        assert picture[name][:2] == ["float32", [32, 32]]
    assert picture["delayed"][2] > 1.0
    scored = [s["value"] for s in row["scores"] if (s["metric"], s["region"]) == ("mae_body_suv", "body")]
    assert [told[-1]["scores"]["mae_body_suv/body"]] == scored
    assert set(told[-1]["seconds"]) >= {"prepare", "train", "checkpoint", "predict", "validation", "score"}
    assert told[-1]["costs"]["images_seen"] == 800
    assert "sub-" not in json.dumps(told)


def test_a_failure_that_names_a_participant_reaches_observers_without_the_name(
    petbench: Petbench, tmp_path: Path
) -> None:
    dataset = write_body_dataset(tmp_path / "bodies")
    # The image of the test participant is damaged once the run has been planned.
    damaging = TELLER.replace(
        "def observe(event):",
        f"""def observe(event):
            if type(event).__name__ == "RunStarted":
                import pathlib
                for image in pathlib.Path({str(dataset)!r}).glob("sub-04/pet/*delayed*.nii.gz"):
                    image.write_bytes(image.read_bytes()[:4000])""",
    )
    visible = install_module(tmp_path / "site", "watcher", damaging) | {"PETBENCH_LOG_TO": "teller"}
    # It is met before the training, which then has failed, or in scoring, after which the run can go on.
    result = petbench("run", "-m", "identity", "-d", dataset, variables=visible, code=(1, 130))
    assert "sub-04" in result.stderr + result.stdout
    told = told_by(petbench.home)
    assert told[-1]["event"] == "RunEnded"
    assert told[-1]["status"] != "ok"
    assert "sub-*/pet/sub-*_trc-18FFDG_rec-delayed_pet.nii.gz" in told[-1]["message"]
    assert "sub-04" not in json.dumps(told)


def test_observers_that_hang_raise_print_leave_or_vanish_change_no_bit_of_a_run_and_none_outlives_it(
    petbench: Petbench, body_dataset: Path, tmp_path: Path
) -> None:
    visible = install_module(tmp_path / "site", "harmful", HARMFUL) | {"PETBENCH_OBSERVER_SECONDS": "2"}
    result = petbench("run", *TRAINING, "-d", body_dataset, "--json", variables=visible)
    alone = Petbench(tmp_path / "alone")
    plain = alone("run", *TRAINING, "-d", body_dataset, "--json")

    def files(home: Path) -> dict[str, bytes]:
        folder = next((home / "runs").iterdir())
        return {path.name: path.read_bytes() for path in (folder / "predictions").iterdir()}

    observed, unobserved = json.loads(result.stdout), json.loads(plain.stdout)
    assert observed["status"] == unobserved["status"] == "ok"
    assert files(petbench.home) == files(alone.home) != {}
    assert {(s["metric"], s["value"]) for s in observed["scores"] if s["metric"].startswith("psnr")} == {
        (s["metric"], s["value"]) for s in unobserved["scores"] if s["metric"].startswith("psnr")
    }
    of = {
        line.partition("the observer ")[2].partition(" ")[0]: line
        for line in result.stderr.splitlines()
        if "the observer " in line
    }
    assert set(of) >= {"sleeping", "raising", "leaving", "vanishing", "broken"}
    assert len([line for line in result.stderr.splitlines() if "observer raising" in line]) == 1
    assert "was still at work 2 s after the run had ended, and was stopped" in of["sleeping"]
    assert "failed when it was told RunStarted: ConnectionError: the tracker is down, and" in of["raising"]
    assert "failed when it was told RunStarted: SystemExit: it has had enough" in of["leaving"]
    assert "ended by itself before the run was over (exit code 7)" in of["vanishing"]
    assert "failed before the first event: RuntimeError: no licence for it" in of["broken"]
    assert len(result.stderr) < 10_000
    folder = next((petbench.home / "runs").iterdir())
    assert (folder / "observers.log").stat().st_size < 2**25
    started = [int(path.stem) for path in (petbench.home / "observers").glob("*/*.pid")]
    assert len(started) >= 4
    for pid in started:
        assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE, pid


def test_a_tracker_that_is_unknown_or_not_installed_is_refused_before_anything_is_made(
    petbench: Petbench, body_dataset: Path, tmp_path: Path
) -> None:
    lacking = """
        from petbench import ObserverSpec, hookimpl

        @hookimpl
        def petbench_observers():
            needs = {"imports": ("no_such_module",), "install": "lacking[it]"}
            return [ObserverSpec(name="lacking", summary="", build=print, **needs)]
    """
    visible = install_module(tmp_path / "site", "lacking", lacking)
    unknown = petbench("run", "-m", "identity", "-d", body_dataset, "--log-to", "tensorbord", code=2)
    assert "tensorboard" in unknown.stderr
    missing = petbench("run", "-m", "identity", "-d", body_dataset, "--log-to", "lacking", variables=visible, code=2)
    assert (
        "the tracker lacking needs no_such_module, which is not installed: pip install 'lacking[it]'" in missing.stderr
    )
    assert not (petbench.home / "runs").exists()


def test_the_observer_of_the_documentation_hears_how_a_run_ended(
    petbench: Petbench, body_dataset: Path, tmp_path: Path
) -> None:
    (block,) = [block for block in blocks_of("trackers.md") if block.title == "tell_me.py"]
    visible = install_module(tmp_path / "site", "tell_me", block.body)
    petbench("run", "-m", "identity", "-d", body_dataset, variables=visible)
    told = (petbench.home / "observers" / "tell-me" / "ended.txt").read_text(encoding="utf-8")
    assert re.fullmatch(r"identity-fold0-seed0-[0-9a-f]{8}: ok \n", told)
