"""Small step methods, a tiny dataset of theirs, and what a training of them needs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, cast

import numpy as np
import torch
from torch import Tensor, nn

from petbench import Batch, Scan, Scans, StepMethod, StepParameters, Update, Volume
from petbench.engine_settings import EngineSettings
from petbench.training.context import TrainingContext
from petbench.training.runnable_method import HarnessOnly

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from petbench.contract import Budget, Supervision


CPU = torch.device("cpu")


SMALL = StepParameters(images=40, batch_size=4, shift_voxels=0, learning_rate=0.01, validations=2, suv_clip=100.0)


class Linear(StepMethod):
    """One 1x1 convolution with batch norm and dropout, so that evaluation conventions show."""

    def __init__(self, parameters: StepParameters) -> None:
        super().__init__(parameters)
        self.network = nn.Sequential(nn.Conv2d(1, 1, 1), nn.BatchNorm2d(1), nn.Dropout(0.5))
        self.dtypes: set[torch.dtype] = set()

    @property
    def convolution(self) -> nn.Conv2d:
        return cast("nn.Conv2d", self.network[0])

    @property
    def running_mean(self) -> Tensor:
        return cast("Tensor", cast("nn.BatchNorm2d", self.network[1]).running_mean)

    def training_step(self, batch: Batch) -> Mapping[str, Tensor] | Iterator[Update]:
        predicted = self.network(batch.early)
        self.dtypes.add(predicted.dtype)
        return {"l1": (predicted - batch.delayed).abs().mean()}

    def translate(self, scans: Scans) -> Tensor:
        predicted: Tensor = self.network(scans.early)
        return predicted


class Slabs(StepMethod):
    """Five slices in, three out: the output of a slab names the slice it is for."""

    early_slices = 5
    delayed_slices = 3
    size_multiple = 4

    def __init__(self, parameters: StepParameters) -> None:
        super().__init__(parameters)
        self.unused = nn.Parameter(torch.zeros(()))

    def translate(self, scans: Scans) -> Tensor:
        return scans.early[:, 1:4]


class FakeData:
    supervision: Supervision = "paired"

    def __init__(self, value: float = 1.0) -> None:
        self.volume = np.full((10, 4, 4), value, dtype=np.float32)

    def scans(self) -> list[Scan]:
        return [Scan(self.volume)]

    def delayed(self) -> list[Volume]:
        return [self.volume]

    def pairs(self) -> list[tuple[Scan, Volume]]:
        return [(Scan(self.volume), self.volume)]

    def own(self) -> HarnessOnly:
        return HarnessOnly([(Scan(self.volume), self.volume)])


def context(folder: Path, budget: Budget, engine: EngineSettings = EngineSettings()) -> TrainingContext:  # noqa: B008
    return TrainingContext(seed=0, budget=budget, device=CPU, folder=folder, engine=engine)


def events(folder: Path, name: str) -> list[dict[str, object]]:
    lines = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    return [line for line in lines if line["event"] == name]
