"""A handful of small participants in memory, for checks that take seconds: bodies with a brain that fills up."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from petbench.scan import ANSWERS, Scan
from petbench.training.entitled_data import EntitledData
from petbench_datasets.images.windows import minutes
from petbench_datasets.tasks.built_in import DEFAULT_TASK

if TYPE_CHECKING:
    from collections.abc import Sequence

    from petbench.contract import Supervision, Volume
    from petbench.scan import Need

SHAPE = (10, 32, 32)
TRAINING, VALIDATION, TEST = 3, 1, 1


def participants(count: int, first: int = 0) -> list[tuple[Volume, Volume]]:
    """Return (early, delayed) of `count` participants in SUV, each of shape `SHAPE`; the same for the same numbers."""
    return [_participant(first + number) for number in range(count)]


def _participant(number: int) -> tuple[Volume, Volume]:
    random = np.random.default_rng(number)
    z, y, x = np.meshgrid(*(np.linspace(-1, 1, size) for size in SHAPE), indexing="ij")
    size = random.uniform(0.85, 1.15)
    body = (x / 0.8) ** 2 + (y / 0.55) ** 2 < size
    brain = (x / 0.35) ** 2 + (y / 0.35) ** 2 + ((z - 0.6) / 0.4) ** 2 < size
    liver = ((x + 0.3) / 0.35) ** 2 + (y / 0.35) ** 2 + ((z + 0.4) / 0.35) ** 2 < size
    early = np.where(brain, 4.0, np.where(liver, 3.7, np.where(body, 0.8, 0.0)))
    delayed = np.where(brain, 7.0, np.where(liver, 2.4, np.where(body, 0.6, 0.0)))
    noise = random.normal(1.0, 0.05, (2, *SHAPE)).clip(0.8, 1.2)
    return (early * noise[0]).astype(np.float32), (delayed * noise[1]).astype(np.float32)


def scans(count: int, needs: Sequence[Need], first: int = 0) -> list[tuple[Scan, Volume]]:
    """Return (early scan, delayed volume) of the same participants, with what a method needs."""
    return [
        (_scan(first + number, early, needs), delayed)
        for number, (early, delayed) in enumerate(participants(count, first))
    ]


def _scan(number: int, early: Volume, needs: Sequence[Need]) -> Scan:
    random = np.random.default_rng([number, 1])
    start, stop = minutes(DEFAULT_TASK.early_seconds)
    middle = 0.5 * (start + stop)
    labels = np.where(early > 3.0, 1, 0).astype(np.int16)
    labels[SHAPE[0] // 2 :] *= 2
    known = {
        "spacing_mm": (10.0, 12.0, 12.0),
        "weight_kg": float(random.uniform(50, 100)),
        "dose_mbq": float(random.uniform(150, 350)),
        "sex": ("female", "male")[number % 2],
        "height_m": float(random.uniform(1.5, 2.0)),
        "age_years": float(random.integers(20, 80)),
        "early_minutes": (start, stop),
        "delayed_minutes": minutes(DEFAULT_TASK.delayed_seconds),
        "frames": np.stack([0.9 * early, 1.1 * early]).astype(np.float32),
        "frame_minutes": ((start, middle), (middle, stop)),
        "ct": np.where(early > 0.4, 40.0, -1000.0).astype(np.float32),
        "labels": labels,
        "label_names": {1: "liver", 2: "brain"},
    }
    named = {field for need in needs for field in ANSWERS[need]}
    return Scan(early, **{field: value for field, value in known.items() if field in named})  # type: ignore[arg-type]


class SmallData(EntitledData):
    """Small participants under a method's supervision; notes whether pairs were asked for.

    An unpaired method gets the delayed images of other participants than the early ones, and one fewer, so that nothing
    it does can rest on their order.
    """

    def __init__(self, supervision: Supervision, training: int = TRAINING, needs: Sequence[Need] = ()) -> None:
        pairs = scans(training, needs)
        given = pairs if supervision == "paired" else scans(max(1, training - 1), (), first=100)
        super().__init__(
            supervision,
            [scan.copy for scan, _ in pairs],
            [delayed.copy for _, delayed in given],
        )
        self.pairs_asked_for = False

    def pairs(self) -> Sequence[tuple[Scan, Volume]]:
        """Return (early scan, delayed volume) of each training participant, and note that they were asked for."""
        self.pairs_asked_for = True
        return super().pairs()
