"""A handful of small participants in memory, for checks that take seconds: bodies with a brain that fills up."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from petbench.training.entitled_data import EntitledData

if TYPE_CHECKING:
    from collections.abc import Sequence

    from petbench.contract import Supervision, Volume

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


class SmallData(EntitledData):
    """Small participants under a method's supervision; notes whether pairs were asked for.

    An unpaired method gets the delayed images of other participants than the early ones, and one fewer, so that nothing
    it does can rest on their order.
    """

    def __init__(self, supervision: Supervision, training: int = TRAINING) -> None:
        pairs = participants(training)
        given = pairs if supervision == "paired" else participants(max(1, training - 1), first=100)
        super().__init__(
            supervision,
            [early.copy for early, _ in pairs],
            [delayed.copy for _, delayed in given],
        )
        self.pairs_asked_for = False

    def pairs(self) -> Sequence[tuple[Volume, Volume]]:
        """Return (early, delayed) of each training participant, and note that they were asked for."""
        self.pairs_asked_for = True
        return super().pairs()
