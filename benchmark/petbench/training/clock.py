"""The clock of a training: it counts what the method spends, and stands still while the harness validates or saves.

The rule is that of AlgoPerf (Dahl et al.: Benchmarking Neural Network Training Algorithms, 2023, arXiv:2306.07179):
compilation counts; validation and the writing of checkpoints, which the harness decides on, do not.
"""

from __future__ import annotations

import contextlib
import sys
import time
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

StandStill = Literal["validation", "checkpoint"]


class TrainingClock:
    """The seconds of one part of a training, from the moment when the clock is made.

    Attributes:
        before: seconds counted in earlier parts of a resumed run.
        wall_before: seconds that passed in those, the clock standing still or not.
        warm_up: seconds until the first step of this part was done: data, compilation, first kernels; 0 before that.
        warm_up_images: images of that step.
        stood_still: seconds that the clock stood still in this part, by what it did so for.
    """

    def __init__(self) -> None:
        self.before = self.wall_before = self.warm_up = 0.0
        self.warm_up_images = 0
        self.stood_still: dict[StandStill, float] = {}
        self._started = time.monotonic()
        self._stopped: float | None = None

    @property
    def seconds(self) -> float:
        """Seconds counted in this part."""
        now = time.monotonic() if self._stopped is None else self._stopped
        return now - self._started - sum(self.stood_still.values())

    @property
    def total(self) -> float:
        """Seconds counted over all parts of the run."""
        return self.before + self.seconds

    @property
    def wall(self) -> float:
        """Seconds that passed over all parts of the run, those of a clock that stood still included."""
        return self.wall_before + time.monotonic() - self._started

    @property
    def parts(self) -> dict[str, float]:
        """The seconds of this part that are not steps after the first one, by name."""
        return ({"warm-up": self.warm_up} if self.warm_up else {}) | dict(self.stood_still)

    def warmed_up(self, images: int) -> None:
        """Note that the first step, of so many images, is done."""
        synchronize()
        self.warm_up, self.warm_up_images = self.seconds, images

    def take_over(
        self,
        *,
        before: float,
        wall_before: float,
        steps: float,
        stood_still: Mapping[StandStill, float],
        warm_up_images: int,
    ) -> None:
        """Take what the harness's clock in another process, which trained for this one, has counted.

        What this clock has counted beyond it, such as the start of that process, belongs to the warm-up.

        Args:
            before: seconds counted in earlier parts of the run.
            wall_before: seconds that passed in those.
            steps: seconds of the steps of this part, without the first one.
            stood_still: seconds that the clock there stood still in this part.
            warm_up_images: images of the first step; 0 where there was no step.
        """
        self.before, self.wall_before, self.stood_still = before, wall_before, dict(stood_still)
        if warm_up_images:
            self.warm_up, self.warm_up_images = self.seconds - steps, warm_up_images

    @contextlib.contextmanager
    def standing_still(self, part: StandStill) -> Iterator[None]:
        """Within the block, which is not the method's to spend, the clock stands still."""
        synchronize()
        self._stopped = started = time.monotonic()
        try:
            yield
        finally:
            synchronize()
            self._stopped = None
            self.stood_still[part] = self.stood_still.get(part, 0.0) + time.monotonic() - started


def synchronize() -> None:
    """Wait for the accelerator, so that what was asked of it counts where it was asked for."""
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available() and torch.cuda.is_initialized():
        torch.cuda.synchronize()
