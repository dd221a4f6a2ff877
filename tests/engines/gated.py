"""A method that stops in the middle of its training until the test opens a gate: nothing here waits for a clock."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import torch
from tests.benchmark.installed import install_module
from tests.engines.slurm_cluster import until

from petbench.home import Home
from petbench.runs.lookup import find_folder
from petbench_datasets.images.nifti import read_image
from petbench_leaderboard.readable import ReadableLeaderboard
from petbench_leaderboard.store import Leaderboard

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from petbench_leaderboard.records import RunRow

METHOD = "gated"
IMAGES = 240
_SOURCE = """
    import json
    import os
    import select
    import sys
    import time
    from pathlib import Path

    import torch
    from torch import nn

    from petbench import MethodSpec, ObserverSpec, StepMethod, StepParameters, hookimpl

    class Parameters(StepParameters):
        images: int = 240
        batch_size: int = 4
        validations: int = 2

    class Gated(StepMethod):
        def __init__(self, parameters):
            super().__init__(parameters)
            self.network = nn.Sequential(nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 1, 3, padding=1))
            self.steps = 0

        def training_step(self, batch):
            self.steps += 1
            gate = os.environ.get("GATE")
            if self.steps == 20 and gate:
                reached = Path(gate) / f"reached-{os.environ.get('SLURM_JOB_ID', os.getpid())}"
                go = Path(gate) / "go"
                stands_there = not go.exists()
                if stands_there:
                    reached.touch()
                while not go.exists():
                    time.sleep(0.02)
                if stands_there and go.read_text() == "to stop":
                    # What this process is told while it trains is to stop, and nothing else.
                    select.select([int(sys.argv[1])], [], [])
            return {"l1": (self.network(batch.early) - batch.delayed).abs().mean()}

        def translate(self, scans):
            return self.network(scans.early)

    @hookimpl
    def petbench_methods():
        return [MethodSpec(name="gated", summary="stops at a gate", build=Gated, parameters=Parameters)]

    def diary(folder):
        def write(event):
            facts = {"kind": type(event).__name__, "seed": event.run.seed, "status": getattr(event, "status", None)}
            facts |= {"images": getattr(event, "images", None), "scores": len(getattr(event, "scores", ()))}
            with (folder / "diary.jsonl").open("a") as file:
                file.write(json.dumps(facts) + chr(10))
        return write

    @hookimpl
    def petbench_observers():
        return [ObserverSpec(name="diary", summary="writes down what it hears", build=diary)]
"""


@dataclass
class Gate:
    """Where runs of one test stop.

    Attributes:
        folder: of the gate.
    """

    folder: Path

    @property
    def reached(self) -> list[str]:
        """The jobs that have stopped there."""
        return sorted(path.name.partition("-")[2] for path in self.folder.glob("reached-*"))

    def wait_for(self, count: int) -> None:
        """Wait until so many runs have stopped there."""
        until(lambda: len(self.reached) >= count, f"{count} runs reach the gate")

    def open(self) -> None:
        """Let the runs go on, and all that come later."""
        self._say("")

    def open_to_stop(self) -> None:
        """Let the runs that stand there go on when they have heard that they are to stop."""
        self._say("to stop")

    def _say(self, words: str) -> None:
        (self.folder / "saying").write_text(words, encoding="utf-8")
        (self.folder / "saying").rename(self.folder / "go")

    def close(self) -> None:
        """Stop the runs that come from now on."""
        (self.folder / "go").unlink()
        for path in self.folder.glob("reached-*"):
            path.unlink()


@dataclass
class Lab:
    """A home, the gated method and a gate; commands are started as a user does.

    Attributes:
        folder: of all of it.
        dataset: that the runs are on.
        given: variables of the engine.
    """

    folder: Path
    dataset: Path
    given: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        (self.folder / "gate").mkdir(parents=True)
        self.gate = Gate(self.folder / "gate")
        self.home = self.folder / "home"
        self._site = install_module(self.folder / "site", METHOD, _SOURCE)

    @property
    def variables(self) -> dict[str, str]:
        """The environment of the commands."""
        own = {"PETBENCH_HOME": str(self.home), "PETBENCH_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
        return {**os.environ, "PETBENCH_DB": "", **own, "GATE": str(self.gate.folder), **self._site, **self.given}

    def begin(self, *arguments: str) -> Command:
        """Start `petbench run` with the gated method."""
        asked = ("run", "--method", METHOD, "--dataset", str(self.dataset), "--precision", "fp32", *arguments)
        return self.command(*asked)

    def command(self, *arguments: str) -> Command:
        """Start a command of petbench."""
        log = self.folder / f"said-{len(list(self.folder.glob('said-*')))}"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "petbench", *arguments],
                env=self.variables,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                preexec_fn=_takes_interrupts,
            )
        return Command(process, log)

    def rows(self) -> list[RunRow]:
        """Return the runs of the leaderboard, oldest first."""
        with ReadableLeaderboard.read(str(self.home / "leaderboard.db")) as leaderboard:
            return sorted(leaderboard.runs(), key=lambda row: row.id)

    def scores(self, run_id: int) -> dict[tuple[str, ...], float | None]:
        """Return what a run scored on test and validation participants."""
        with ReadableLeaderboard.read(str(self.home / "leaderboard.db")) as leaderboard:
            found = {"test": leaderboard.scores([run_id]), "validation": leaderboard.validation_scores([run_id])}
        return {
            (part, score.metric, score.region, score.participant or ""): score.value
            for part, scores in found.items()
            for score in scores
        }

    def spoil_scores(self, run_id: int) -> None:
        """Put other numbers in the place of all that a run scored."""
        with Leaderboard.open(str(self.home / "leaderboard.db")) as leaderboard:
            protocol = leaderboard.run(run_id).protocol
            spoiled = [
                [replace(score, value=-1.0, reason=None) for score in scores]
                for scores in (leaderboard.scores([run_id]), leaderboard.validation_scores([run_id]))
            ]
            leaderboard.record_scores(run_id, spoiled[0], protocol=protocol)
            leaderboard.record_validation_scores(run_id, spoiled[1], protocol=protocol)
            leaderboard.update(run_id, validation_score=-1.0)
        assert set(self.scores(run_id).values()) == {-1.0}

    def listed(self) -> list[dict[str, Any]]:
        """Return what `petbench runs list --json` says, oldest first."""
        asked = [sys.executable, "-m", "petbench", "runs", "list", "--json"]
        said = subprocess.run(asked, env=self.variables, capture_output=True, text=True, check=True).stdout
        return sorted(json.loads(said), key=lambda row: int(row["id"]))

    def diary(self, seed: int) -> list[dict[str, Any]]:
        """Return what the observer `diary` has heard of the runs of a seed."""
        lines = (self.home / "observers" / "diary" / "diary.jsonl").read_text(encoding="utf-8").splitlines()
        return [event for event in map(json.loads, lines) if event["seed"] == seed]

    def made(self, row: RunRow) -> tuple[dict[str, torch.Tensor], list[NDArray[np.float32]]]:
        """Return the weights and the predictions of a run."""
        folder = find_folder(row, Home(self.home))
        state = torch.load(folder.model, weights_only=True)
        return _tensors(state), [read_image(folder.prediction(name))[0] for name in row.test_participants]


@dataclass(frozen=True)
class Command:
    """A command that goes on.

    Attributes:
        process: of it.
        log: what it prints.
    """

    process: subprocess.Popen[bytes]
    log: Path

    @property
    def said(self) -> str:
        """What it has printed by now."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    def says(self, words: str, times: int = 1) -> None:
        """Wait until it has printed some words so often."""
        until(lambda: self.said.count(words) >= times or self.process.poll() is not None, f"it says {words!r}")
        assert self.said.count(words) >= times, self.said

    def interrupt(self) -> None:
        """Press Ctrl-C."""
        self.process.send_signal(signal.SIGINT)

    def end(self, code: int = 0) -> str:
        """Wait for it, insist on its exit code, and return what it has printed."""
        found = self.process.wait(timeout=120)
        assert found == code, self.said
        return self.said


def same_bits(one: Lab, other: Lab, row: RunRow, as_row: RunRow) -> bool:
    """Return whether two runs have the same weights and predictions, to the bit."""
    (weights, images), (as_weights, as_images) = one.made(row), other.made(as_row)
    assert weights
    assert images
    return (
        weights.keys() == as_weights.keys()
        and all(torch.equal(weights[name], as_weights[name]) for name in weights)
        and all((a == b).all() for a, b in zip(images, as_images, strict=True))
    )


def _takes_interrupts() -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell starts what runs in its background without


def _tensors(state: Any, name: str = "") -> dict[str, torch.Tensor]:
    if isinstance(state, torch.Tensor):
        return {name: state}
    if isinstance(state, dict):
        return {key: value for each in state for key, value in _tensors(state[each], f"{name}/{each}").items()}
    return {}
