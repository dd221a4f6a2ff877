"""A method as the harness runs it, and what the harness keeps to itself while it trains one."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeAlias

from petbench.contract import Method, RunContext, TrainingData

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from contextlib import AbstractContextManager

    import torch

    from petbench.contract import Volume
    from petbench.scan import Scan
    from petbench.training.clock import TrainingClock
    from petbench.training.ranks import Ranks

Pairs: TypeAlias = "Sequence[tuple[Scan, Volume]]"
"""Early scans and delayed volumes of participants, one pair each."""


Keep: TypeAlias = "Callable[[Volume], None]"
"""Takes one sample of a prediction."""


@dataclass(frozen=True, slots=True)
class HarnessOnly:
    """What no method may have while it trains; the parts of the harness that run methods hand it to each other.

    Attributes:
        validation: (early, delayed) of each validation participant; empty where nobody validates.
        clock: of the training; None where nobody looks at it.
        ranks: who shares the training; None where nobody does.
    """

    validation: Pairs = ()
    clock: TrainingClock | None = None
    ranks: Ranks | None = None

    def while_validating(self) -> AbstractContextManager[None]:
        """Within the block, the clock of the training stands still."""
        return contextlib.nullcontext() if self.clock is None else self.clock.standing_still("validation")


NOTHING = HarnessOnly()
"""Where nobody validates and nobody looks at the clock."""


class RunnableMethod(Method, Protocol):
    """A method as the harness runs it: the four verbs, and where it runs, how large it is, many participants at once.

    `petbench.methods.build` makes one of whatever an author wrote, so that nobody asks for its type.
    """

    @property
    def validates(self) -> bool:
        """Whether the harness scores the validation participants while the method trains."""

    def why_not_shared(self, device: torch.device) -> str:
        """Return why several processes cannot share its training on such a device; empty where they can."""

    def fit(self, data: TrainingData, run: RunContext, own: HarnessOnly = NOTHING) -> None:
        """Learn from `data` until `run.should_stop()`; `own` reaches no line that an author of a method wrote."""

    def predict_all(self, scans: Iterable[Scan], keep: Keep | None = None) -> Iterator[Volume]:
        """Yield the delayed volume of each scan, in their order.

        Args:
            scans: to predict from.
            keep: given each sample that a method draws of a scan, before the scan's volume is yielded.

        Raises:
            PluginError: samples are to be kept, and the method has none.
        """

    def to(self, device: torch.device) -> object:
        """Move what predicts to a device."""

    def parameter_count(self) -> int:
        """Return how many numbers were learnt."""
