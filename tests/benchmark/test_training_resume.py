"""A run that is stopped, killed or damaged resumes exactly where it was."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from petbench import Scan
from petbench.contract import Budget, Supervision, Volume
from petbench.engine_settings import EngineSettings
from petbench.training.context import TrainingContext
from petbench.training.randomness import seed_everything
from petbench.training.runnable_method import HarnessOnly
from petbench.training.step_trainer import StepTrainer
from petbench_gan.cyclegan import CycleGan
from petbench_gan.parameters import CycleGanParameters, Pix2pixParameters
from petbench_gan.pix2pix import Pix2pix

if TYPE_CHECKING:
    from collections.abc import Mapping

SMALL = {
    "depth": 5, "width": 4, "discriminator_layers": 1, "discriminator_width": 4, "batch_size": 4, "images": 96,
    "learning_rate": 1e-3, "shift_voxels": 2, "pool_size": 6,
}  # fmt: skip


class FakeData:
    def __init__(self, supervision: Supervision) -> None:
        self.supervision = supervision
        generator = np.random.default_rng(0)
        self.volumes = [generator.random((9, 32, 32), dtype=np.float32) for _ in range(3)]

    def scans(self) -> list[Scan]:
        return [Scan(volume) for volume in self.volumes[:2]]

    def delayed(self) -> list[Volume]:
        return [volume**2 for volume in self.volumes[:2]]

    def pairs(self) -> list[tuple[Scan, Volume]]:
        return list(zip(self.scans(), self.delayed(), strict=True))

    def own(self) -> HarnessOnly:
        return HarnessOnly([(Scan(self.volumes[2]), self.volumes[2] ** 2)])


def build(name: str, **settings: object) -> StepTrainer:
    seed_everything(5)  # as the process of a method does, once
    if name == "cyclegan":
        return StepTrainer(CycleGan(CycleGanParameters.model_validate({**SMALL, **settings})))
    small = {key: value for key, value in SMALL.items() if key != "pool_size"}
    return StepTrainer(Pix2pix(Pix2pixParameters.model_validate({**small, **settings})))


def context(folder: Path, checkpoint_seconds: float = 60.0) -> TrainingContext:
    return TrainingContext(
        seed=5,
        budget=Budget(images=96),
        device=torch.device("cpu"),
        folder=folder,
        engine=EngineSettings(threads=1),
        checkpoint_seconds=checkpoint_seconds,
    )


def train(folder: Path, name: str = "pix2pix", stop_after: int | None = None, **settings: object) -> StepTrainer:
    method, run = build(name, **settings), context(folder)
    data = FakeData("unpaired" if name == "cyclegan" else "paired")
    if stop_after is not None:
        advance = run.advance

        def stopping(images: int, losses: object) -> None:
            advance(images, losses)  # type: ignore[arg-type]
            if run.images_seen >= stop_after:
                run.request_stop()

        run.advance = stopping  # type: ignore[method-assign]
    method.fit(data, run, data.own())
    assert run.interrupted == (stop_after is not None)
    return method


def assert_same(first: StepTrainer, second: StepTrainer) -> None:
    one, other = first.state_dict(), second.state_dict()
    assert one.keys() == other.keys()
    assert [name for name in one if not torch.equal(one[name], other[name])] == []


@pytest.mark.slow
@pytest.mark.parametrize("name", ["pix2pix", "cyclegan"])
def test_a_training_stopped_twice_ends_bit_for_bit_as_one_that_was_not(name: str, tmp_path: Path) -> None:
    whole = train(tmp_path / "whole", name)
    train(tmp_path / "parts", name, stop_after=20)
    train(tmp_path / "parts", name, stop_after=60)
    assert_same(whole, train(tmp_path / "parts", name))


def test_a_training_depends_on_the_seed_of_the_run_alone(tmp_path: Path) -> None:
    torch.manual_seed(1)
    first = train(tmp_path / "first")
    torch.manual_seed(2)
    assert_same(first, train(tmp_path / "second"))


def test_the_best_weights_survive_a_stop(tmp_path: Path) -> None:
    whole = train(tmp_path / "whole", selection="best", validations=8, learning_rate=0.02)
    train(tmp_path / "parts", stop_after=60, selection="best", validations=8, learning_rate=0.02)
    assert_same(whole, train(tmp_path / "parts", selection="best", validations=8, learning_rate=0.02))
    events = [json.loads(line) for line in (tmp_path / "whole" / "log.jsonl").read_text().splitlines()]
    maes = [event["mae_suv"] for event in events if event["event"] == "validation"]
    (selection,) = (event for event in events if event["event"] == "selection")
    assert len(maes) == 8
    assert selection["rule"] == "best"
    assert selection["mae_suv"] == min(maes)


#: An improvement is a halving of the error, so that training ends long before its budget.
IMPATIENT: dict[str, Any] = {
    "patience": 2, "patience_tolerance": 0.5, "validations": 8, "decay_start": 1, "selection": "best",
    "learning_rate": 0.02,
}  # fmt: skip


@pytest.mark.parametrize("stops", [(20,), (28,), (12, 24)])
def test_a_training_that_ends_by_patience_ends_so_bit_for_bit_after_stops(
    stops: tuple[int, ...], tmp_path: Path
) -> None:
    whole = train(tmp_path / "whole", **IMPATIENT)
    for stop in stops:
        train(tmp_path / "parts", stop_after=stop, **IMPATIENT)
    assert_same(whole, train(tmp_path / "parts", **IMPATIENT))
    lasts, curves = [], []
    for folder in ("whole", "parts"):
        events = [json.loads(line) for line in (tmp_path / folder / "log.jsonl").read_text().splitlines()]
        (selection,) = (event for event in events if event["event"] == "selection")
        lasts.append({name: selection[name] for name in ("images", "ended_by", "rule", "mae_suv")})
        curves.append([(event["images"], event["mae_suv"]) for event in events if event["event"] == "validation"])
    assert lasts[0] == lasts[1]
    assert curves[0] == curves[1]
    assert (lasts[0]["ended_by"], lasts[0]["rule"]) == ("patience", "best")
    assert max(stops) < lasts[0]["images"] < 96


def test_a_training_that_ended_by_patience_is_not_trained_further(tmp_path: Path) -> None:
    assert_same(train(tmp_path, **IMPATIENT), train(tmp_path, **IMPATIENT))


def test_a_finished_training_is_not_trained_further(tmp_path: Path) -> None:
    first = train(tmp_path)
    assert_same(first, train(tmp_path))


KILLED = """
    import json, sys, torch
    from pathlib import Path
    sys.path.insert(0, {folder!r})
    import test_training_resume as tests

    run = tests.context(Path(sys.argv[1]), checkpoint_seconds=0.0)
    method = tests.build("cyclegan", **json.loads(sys.argv[2]))
    advance = run.advance

    def announcing(images, losses):
        advance(images, losses)
        print(run.images_seen, flush=True)

    run.advance = announcing
    data = tests.FakeData("unpaired")
    method.fit(data, run, data.own())
    torch.save(method.state_dict(), Path(sys.argv[1]) / "end.pt")
"""


def kill_somewhere(folder: Path, after_lines: int, settings: Mapping[str, object]) -> bool:
    """Start or resume the training in a process of its own and kill it after some steps; False if it ended first."""
    code = textwrap.dedent(KILLED).format(folder=str(Path(__file__).parent))
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(folder), json.dumps(settings)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ},
    )
    assert process.stdout is not None
    for _ in range(after_lines):  # 0: while it is still starting
        if not process.stdout.readline():
            break
    else:
        process.send_signal(signal.SIGKILL)
    process.stdout.read()
    process.stdout.close()
    return process.wait() == -signal.SIGKILL


@pytest.mark.slow
@pytest.mark.parametrize("settings", [{}, IMPATIENT], ids=["budget", "patience"])
def test_a_process_killed_again_and_again_ends_bit_for_bit_as_one_that_was_not(
    settings: dict[str, Any], tmp_path: Path
) -> None:
    # PETBENCH_KILLS=20 asks for more kills than the suite has time for.
    whole = train(tmp_path / "whole", "cyclegan", **settings)
    chance = random.Random(0)
    for _ in range(int(os.environ.get("PETBENCH_KILLS", "3"))):
        kill_somewhere(tmp_path / "killed", chance.randint(0, 3), settings)
    assert not kill_somewhere(tmp_path / "killed", 1000, settings)
    method = build("cyclegan")
    method.load_state_dict(torch.load(tmp_path / "killed" / "end.pt", weights_only=True))
    assert_same(whole, method)


def test_the_log_of_a_resumed_run_has_no_line_twice_and_none_cut_short(tmp_path: Path) -> None:
    train(tmp_path, stop_after=20)
    with (tmp_path / "log.jsonl").open("a") as file:
        file.write('{"event": "step", "images": 24}\n{"event": "step", "ima')
    train(tmp_path)
    images = [json.loads(line)["images"] for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert images == sorted(images)
    assert 24 not in images
    assert images[-1] == 96
