"""How the settings of a row were found by a search, and what its trials cost."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from petbench_leaderboard.report.formatting import counted, duration

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuning:
    """A search, of which a row has the best settings by its validation participants.

    Attributes:
        trials: settings that were tried, the method's own among them, and those that failed.
        failed: trials that did not end well.
        images: seen in training by all trials together.
        seconds: of training of all trials together.
        budget: of each trial, as typed.
        seed: of the search.
    """

    trials: int
    failed: int
    images: int
    seconds: float
    budget: str
    seed: int

    @classmethod
    def of(cls, facts: Mapping[str, Any]) -> Self | None:
        """Return what a run's row says; None where no search found its settings."""
        return cls(**facts) if facts else None

    def to_dict(self) -> dict[str, Any]:
        """Return it as a row holds it."""
        return dataclasses.asdict(self)

    def __str__(self) -> str:
        """Return what stands on every row: `tuned: 20 trials, 40,000 images in 58 s, seed 0`."""
        failed = f" ({self.failed} failed)" if self.failed else ""
        cost = f"{self.images:,} images in {duration(self.seconds)}" if self.images else duration(self.seconds)
        return f"tuned: {counted(self.trials, 'trial')}{failed}, {cost}, seed {self.seed}"
