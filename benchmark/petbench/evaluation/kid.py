"""The kernel distance between two sets of features: unbiased at every number of samples.

MMD² with the kernel k(x, y) = (x·y/d + 1)³ as a full U-statistic over all rows; no random subsets. It may be
negative: that is what unbiased means. (KID: Bińkowski et al., arXiv 1801.01401.)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from petbench.evaluation.protocol import KID_BOOTSTRAP_SEED, KID_BOOTSTRAPS, KID_DEGREE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Matrix = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Interval:
    """The spread of a bootstrap over participants: standard error and 95 % percentile interval."""

    standard_error: float
    low: float
    high: float


def kernel_distance(first: Matrix, second: Matrix) -> float:
    """Return the unbiased MMD² of two tables of features, shapes (n₁, d) and (n₂, d); lower is better, no unit.

    Raises:
        ValueError: fewer than two rows in one of them.
    """
    if min(len(first), len(second)) < 2:
        raise ValueError(f"the unbiased kernel distance needs at least 2 samples, not {min(len(first), len(second))}")
    within = sum(
        (_kernel(rows, rows).sum() - np.trace(_kernel(rows, rows))) / (len(rows) * (len(rows) - 1))
        for rows in (first, second)
    )
    return float(within - 2.0 * _kernel(first, second).mean())


def matched_kernel_distance(first: Matrix, second: Matrix) -> float:
    """Return MMD² of two tables of shape (n, d) whose rows belong together, matched pairs left out of the cross term.

    The U-statistic of Gretton et al., J. Mach. Learn. Res. 2012;13:723 (lemma 6, equal n): a predicted slice resembles
    its own real slice more than a sample of the same distribution would, which pulls `kernel_distance` below 0; here
    it does not, and identical tables give 0.

    Raises:
        ValueError: unlike shapes, or fewer than two rows.
    """
    if first.shape != second.shape or len(first) < 2:
        raise ValueError(f"matched tables have one shape and at least 2 rows, not {first.shape} and {second.shape}")
    total = _kernel(first, first) + _kernel(second, second) - _kernel(first, second) - _kernel(second, first)
    return float((total.sum() - np.trace(total)) / (len(first) * (len(first) - 1)))


def participant_bootstrap(first: Sequence[Matrix], second: Sequence[Matrix]) -> Interval | None:
    """Return the spread of the kernel distance over resampled participants, or None for one participant.

    `first` and `second` hold one table of features a participant, the same participants in the same order: a
    participant's real and predicted slices are resampled together, for they are not independent. The kernel is summed
    participant by participant once, so that a resample costs a product of counts. A slice is never compared with itself
    or with its own copy in a participant who is resampled twice.
    """
    participants = len(first)
    if participants < 2:
        return None
    blocks = [[_block_sums(a, b) for b in (first, second)] for a in (first, second)]
    traces = [np.array([_diagonal_sum(rows) for rows in side]) for side in (first, second)]
    sizes = [np.array([len(rows) for rows in side], dtype=np.float64) for side in (first, second)]
    generator = np.random.Generator(np.random.Philox(KID_BOOTSTRAP_SEED))
    values = []
    for _ in range(KID_BOOTSTRAPS):
        counts = np.bincount(generator.integers(participants, size=participants), minlength=participants).astype(
            np.float64
        )
        n = [float(counts @ size) for size in sizes]
        within = 0.0
        for side in (0, 1):
            # Copies of one slice are the same sample: they are taken out of the numerator and the denominator alike.
            repeated = float(np.square(counts) @ sizes[side])
            total = float(counts @ blocks[side][side] @ counts) - float(np.square(counts) @ traces[side])
            within += total / (n[side] ** 2 - repeated)
        values.append(within - 2.0 * float(counts @ blocks[0][1] @ counts) / (n[0] * n[1]))
    low, high = np.quantile(values, [0.025, 0.975])
    return Interval(float(np.std(values, ddof=1)), float(low), float(high))


def _kernel(first: Matrix, second: Matrix) -> Matrix:
    return np.asarray((first @ second.T / first.shape[1] + 1.0) ** KID_DEGREE, dtype=np.float64)


def _diagonal_sum(rows: Matrix) -> float:
    return float(((np.square(rows).sum(axis=1) / rows.shape[1] + 1.0) ** KID_DEGREE).sum())


def _block_sums(first: Sequence[Matrix], second: Sequence[Matrix]) -> Matrix:
    return np.array([[float(_kernel(a, b).sum()) for b in second] for a in first])
