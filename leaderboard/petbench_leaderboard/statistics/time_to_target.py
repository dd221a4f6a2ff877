"""How long a training needs to become good enough, and how methods compare in that over several problems.

Time to a target is what AlgoPerf ranks by (Dahl et al.: Benchmarking Neural Network Training Algorithms, 2023,
arXiv:2306.07179): the seconds of training, on a clock that stands still in validation, until validation is first as
good as the target. Over several problems, such as datasets or folds, times are compared by performance profiles (Dolan
and Moré, Math Program 2002;91(2):201-213).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

LARGEST_RATIO = 4.0
"""Where AlgoPerf ends the integral of a profile: who needs longer than that counts as who never arrives."""


def seconds_to_target(
    history: Sequence[tuple[float, float]], target: float, *, higher_is_better: bool = False
) -> float | None:
    """Return the seconds of training after which validation was first as good as the target; None if it never was.

    Args:
        history: (seconds of training, what validation gave then), in the order of time.
        target: what is good enough.
        higher_is_better: the direction of what validation gives; an error is better lower.
    """
    for seconds, value in history:
        if value >= target if higher_is_better else value <= target:
            return seconds
    return None


@dataclass(frozen=True, slots=True)
class PerformanceProfile:
    """How often a method is within a factor of the fastest.

    Attributes:
        ratios: for each problem, the method's time over the fastest method's; infinite where it never arrived.
    """

    ratios: tuple[float, ...]

    def share_within(self, factor: float) -> float:
        """Return the share of the problems in which the method needs at most `factor` times the fastest time."""
        return sum(ratio <= factor for ratio in self.ratios) / len(self.ratios)

    def score(self, largest: float = LARGEST_RATIO) -> float:
        """Return the mean of `share_within` over factors from 1 to `largest`: 1 is fastest everywhere, 0 never near.

        The profile is a step function, so that its integral is exact.
        """
        return sum(max(0.0, largest - ratio) for ratio in self.ratios) / (len(self.ratios) * (largest - 1.0))


def performance_profiles(times: Mapping[str, Sequence[float | None]]) -> dict[str, PerformanceProfile]:
    """Return each method's performance profile.

    Args:
        times: each method's seconds to the target, problem by problem, the same problems for all; None where it never
            arrived. A problem in which nobody arrives counts for all of them as one in which they do not.

    Raises:
        ValueError: there is no problem, methods have different numbers of them, or a time is not positive.
    """
    counts = {len(each) for each in times.values()}
    if len(counts) != 1 or counts == {0}:
        raise ValueError(f"every method needs a time for each of the same problems, at least one; found {counts}")
    if any(seconds is not None and not 0.0 < seconds < math.inf for each in times.values() for seconds in each):
        raise ValueError("a time to a target is positive and finite, or None where the target was never reached")
    finite = {name: [math.inf if one is None else one for one in each] for name, each in times.items()}
    fastest = [min(column) for column in zip(*finite.values(), strict=True)]
    return {
        name: PerformanceProfile(
            tuple(math.inf if math.isinf(one) else one / best for one, best in zip(each, fastest, strict=True))
        )
        for name, each in finite.items()
    }
