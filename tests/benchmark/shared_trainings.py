"""Trainings that several processes share, each process a program of its own: `python shared_trainings.py RANK ORDERS`.

`ORDERS` is a file with a list of `Case` as JSON. Every process takes its part in one after the other; the leading one
leaves what came of each.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor, nn

from petbench import Batch, Optimization, Scan, Scans, StepMethod, StepParameters, Update, Volume
from petbench.contract import Budget, Supervision
from petbench.engine_settings import EngineSettings
from petbench.errors import PetbenchError
from petbench.runs.method_process.peer import FollowingContext
from petbench.training.context import TrainingContext
from petbench.training.randomness import seed_everything
from petbench.training.ranks import ALONE, joined
from petbench.training.runnable_method import HarnessOnly
from petbench.training.step_trainer import StepTrainer
from petbench_gan.cyclegan import CycleGan
from petbench_gan.parameters import CycleGanParameters, Pix2pixParameters, UNetParameters
from petbench_gan.pix2pix import Pix2pix
from petbench_gan.unet import UNetRegression

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

CPU = torch.device("cpu")
STEPS = {"batch_size": 4, "images": 80, "learning_rate": 1e-3, "shift_voxels": 2, "intensity_jitter": 0.1}
UNET = {**STEPS, "depth": 4, "width": 4, "norm": "instance", "dropout": False}
GAN = {**UNET, "discriminator_layers": 1, "discriminator_width": 4}


class Convolved(StepMethod):
    """Two convolutions, optimized in every way that `Optimization` offers."""

    splittable = True

    def __init__(self, parameters: StepParameters) -> None:
        super().__init__(parameters)
        self.network = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.GELU(), nn.Conv2d(4, 1, 3, padding=1))

    def optimizers(self) -> Mapping[str, Optimization]:
        adam = torch.optim.AdamW(self.network.parameters(), lr=self.parameters_chosen.learning_rate)
        return {"model": Optimization(adam, clip_norm=0.05, accumulate=2, average=0.9)}

    def training_step(self, batch: Batch) -> Mapping[str, Tensor]:
        return {"l1": (self.translate(batch) - batch.delayed).abs().mean()}

    def translate(self, scans: Scans) -> Tensor:
        predicted: Tensor = self.network(scans.early)
        return predicted


class Poisoned(Convolved):
    """Loses its numbers in the second half of the batch, from the fifth step on."""

    def training_step(self, batch: Batch) -> Mapping[str, Tensor]:
        self.steps = getattr(self, "steps", 0) + 1
        poison = float("nan") if self.steps >= 5 and dist.get_rank() == 1 else 1.0
        return {"l1": super().training_step(batch)["l1"] * poison}


class Wilful(Convolved):
    """Has other weights in each process."""

    def __init__(self, parameters: StepParameters) -> None:
        super().__init__(parameters)
        with torch.no_grad():
            self.network[0].weight.add_(int(os.environ["RANK"]))  # type: ignore[operator]


class Fickle(Convolved):
    """Gives other loss terms in each process."""

    def training_step(self, batch: Batch) -> Mapping[str, Tensor]:
        name = f"l{dist.get_rank()}"
        return {name: super().training_step(batch)["l1"]}


class Skipping(Convolved):
    """Makes no update of its second network in the third step, in one of the processes."""

    rank_that_skips = 1

    def __init__(self, parameters: StepParameters) -> None:
        super().__init__(parameters)
        self.second = nn.Conv2d(1, 1, 3, padding=1)
        self.steps = 0

    def optimizers(self) -> Mapping[str, nn.Module]:  # type: ignore[override] # as authors write it
        return {"first": self.network, "second": self.second}

    def training_step(self, batch: Batch) -> Iterator[Update]:  # type: ignore[override] # as authors write it
        self.steps += 1
        yield Update("first", {"l1": (self.network(batch.early) - batch.delayed).abs().mean()})
        if dist.get_rank() != self.rank_that_skips or self.steps != 3:
            yield Update("second", {"l1": (self.second(batch.early) - batch.delayed).abs().mean()})


class SkippingInTheLead(Skipping):
    """Does so in the leading process."""

    rank_that_skips = 0


class Lopsided(Convolved):
    """Gives as many weights a gradient in each process, and other ones."""

    def __init__(self, parameters: StepParameters) -> None:
        super().__init__(parameters)
        self.parts = nn.ModuleList(nn.Conv2d(1, 1, 3, padding=1) for _ in range(2))

    def optimizers(self) -> Mapping[str, nn.Module]:  # type: ignore[override] # as authors write it
        return {"model": self.parts}

    def training_step(self, batch: Batch) -> Mapping[str, Tensor]:
        return {"l1": (self.parts[dist.get_rank()](batch.early) - batch.delayed).abs().mean()}


class HalfUsed(Lopsided):
    """Leaves some weights without a gradient, the same ones in each process."""

    def training_step(self, batch: Batch) -> Mapping[str, Tensor]:
        return {"l1": (self.parts[0](batch.early) - batch.delayed).abs().mean()}


class Drawing(Convolved):
    """Reports what it draws."""

    def training_step(self, batch: Batch) -> Mapping[str, Tensor]:
        return {"drawn": 0.0 * super().training_step(batch)["l1"] + torch.rand(())}


def made_of(kind: type[StepMethod]) -> Callable[[dict[str, Any]], StepMethod]:
    return lambda given: kind(StepParameters.model_validate({**STEPS, **given}))


_KINDS: Sequence[type[StepMethod]] = (
    Convolved, Poisoned, Wilful, Fickle, Drawing, Skipping, SkippingInTheLead, Lopsided, HalfUsed,
)  # fmt: skip
METHODS: Mapping[str, Callable[[dict[str, Any]], StepMethod]] = {
    "unet": lambda given: UNetRegression(UNetParameters.model_validate({**UNET, **given})),
    "pix2pix": lambda given: Pix2pix(Pix2pixParameters.model_validate({**GAN, **given})),
    "cyclegan": lambda given: CycleGan(CycleGanParameters.model_validate({**GAN, "pool_size": 6, **given})),
    **{kind.__name__.lower(): made_of(kind) for kind in _KINDS},
}


@dataclass(frozen=True)
class Case:
    """One training.

    Attributes:
        name: of its folder.
        method: one of `METHODS`.
        processes: that share it.
        settings: of the method.
        stop_after: images after which somebody asks to stop; None for nobody.
        seconds: the budget, in place of images.
    """

    name: str
    method: str
    processes: int = 2
    settings: dict[str, Any] = field(default_factory=dict)
    stop_after: int | None = None
    seconds: float | None = None


@dataclass(frozen=True)
class Outcome:
    """What came of a training.

    Attributes:
        losses: of each step, by name.
        state: of the method; empty where it failed.
        predicted: of the participant who validates, (z, y, x) in SUV.
        error: class and message of what ended it; empty where nothing did.
        images: that were seen.
    """

    losses: list[dict[str, float]]
    state: dict[str, Tensor]
    predicted: Tensor
    error: str
    images: int


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

    def validation(self) -> list[tuple[Scan, Volume]]:
        return [(Scan(self.volumes[2]), self.volumes[2] ** 2)]


def take_part(case: Case, folder: Path, rank: int) -> None:
    """Train; the leading process writes what came of it."""
    seed_everything(5, "weights")
    trainer = StepTrainer(METHODS[case.method](case.settings))
    budget = (
        Budget(seconds=case.seconds) if case.seconds else Budget(images=trainer.step_method.parameters_chosen.images)
    )
    context = TrainingContext if rank == 0 else FollowingContext
    engine = EngineSettings(precision="fp32", threads=1, processes=case.processes)
    run = context(seed=5, budget=budget, device=CPU, folder=folder / case.name, engine=engine)
    run.folder.mkdir(exist_ok=True)
    found: list[dict[str, float]] = []
    advance = run.advance

    def noting(images: int, losses: Callable[[], Mapping[str, float]]) -> None:
        found.append(dict(losses()))
        advance(images, lambda: found[-1])
        if case.stop_after is not None and run.images_seen >= case.stop_after:
            run.request_stop()

    run.advance = noting  # type: ignore[method-assign]
    data, error = FakeData("unpaired" if case.method == "cyclegan" else "paired"), ""
    store = str(folder / f"{case.name}.store")
    try:
        with nullcontext(ALONE) if case.processes == 1 else joined(rank, case.processes, store, CPU) as ranks:
            trainer.fit(data, run, HarnessOnly(data.validation(), ranks=ranks))
    except (PetbenchError, ValueError) as failed:
        error = f"{type(failed).__name__}: {failed}"
    if dist.is_initialized():
        dist.destroy_process_group()
    if rank == 0:
        predicted = torch.from_numpy(trainer.predict(data.validation()[0][0]))
        outcome = Outcome(found, {} if error else trainer.state_dict(), predicted, error, run.images_seen)
        torch.save(asdict(outcome), folder / f"{case.name}.outcome")


def trained(folder: Path, *cases: Case) -> dict[str, Outcome]:
    """Train all cases, one after the other, in as many processes as the first of them says; return what came of each.

    A store is for one training: cases of one name, which go on in one folder, are ordered in several calls.
    """
    orders = folder / "orders.json"
    orders.write_text(json.dumps([asdict(case) for case in cases]), encoding="utf-8")
    for case in cases:
        (folder / f"{case.name}.store").unlink(missing_ok=True)
    processes = [
        subprocess.Popen(
            [sys.executable, "-X", "faulthandler", "-W", "error", __file__, str(rank), str(orders)],
            env={**os.environ, "OMP_NUM_THREADS": "1", "RANK": str(rank)},
        )
        for rank in range(cases[0].processes)
    ]
    assert [process.wait() for process in processes] == [0] * len(processes)
    found = {case.name: torch.load(folder / f"{case.name}.outcome", weights_only=True) for case in cases}
    return {name: Outcome(**outcome) for name, outcome in found.items()}


def main(arguments: Sequence[str]) -> None:
    rank, orders = int(arguments[0]), Path(arguments[1])
    for case in json.loads(orders.read_text(encoding="utf-8")):
        take_part(Case(**case), orders.parent, rank)


if __name__ == "__main__":
    main(sys.argv[1:])
    os._exit(0)  # as the processes of a run that do not lead
