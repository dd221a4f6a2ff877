"""One line against another on the same participants: the mean difference, its interval, and what that allows."""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import fmean
from typing import TYPE_CHECKING, Literal

import numpy as np

from petbench_leaderboard.report.formatting import counted
from petbench_leaderboard.statistics.intervals import CONFIDENCE, Interval
from petbench_leaderboard.statistics.paired import compare_all

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from petbench.reproduce.results import Line
    from petbench_leaderboard.board import Cell, Column
    from petbench_leaderboard.statistics.intervals import Table

Verdict = Literal["ahead", "behind", "open", "undecided"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """First minus second in one metric.

    Attributes:
        column: the metric.
        mean: over participants and seeds; None where one of the two has no mean.
        interval: of the mean, 95 %, over participants and seeds; over seeds alone for a distance, which belongs to all
            participants together. None where nothing can be said of the spread.
        separated: whether the two are apart: the interval leaves out 0 and, over participants, the test of signed ranks
            agrees, as on the leaderboard.
        detectable: what would be found in 80 % of such experiments, positive; None for a distance.
        by_participant: each participant's difference, the mean over seeds; empty for a distance.
        reason: why there is no mean, or nothing can be decided; empty where it can.
        under_floor: which of the two lie under the distance's own floor: what real slices are apart.
    """

    column: Column
    mean: float | None
    interval: Interval | None = None
    separated: bool = False
    detectable: float | None = None
    by_participant: Mapping[str, float] = field(default_factory=dict)
    reason: str = ""
    under_floor: tuple[str, ...] = ()

    @property
    def verdict(self) -> Verdict:
        """Whether the first is ahead of the second, behind it, not to be told apart from it, or nobody can say."""
        if self.reason or self.mean is None or self.column.higher_is_better is None:
            return "undecided"
        if not self.separated:
            return "open"
        return "ahead" if (self.mean > 0.0) == self.column.higher_is_better else "behind"

    @property
    def ahead(self) -> int:
        """In how many participants the first is better."""
        sign = -1.0 if self.column.higher_is_better is False else 1.0
        return sum(sign * value > 0.0 for value in self.by_participant.values())


def differ(first: Line, second: Line, column: Column, participants: Sequence[str]) -> Difference:
    """Return first minus second in one column."""
    ours, theirs = first.cells.get(column.metric), second.cells.get(column.metric)
    missing = _missing(first, ours) or _missing(second, theirs)
    if missing or ours is None or theirs is None:
        return Difference(column=column, mean=None, reason=missing)
    cells = ((first, ours), (second, theirs))
    if not ours.values:
        return _of_distances(column, ours, theirs, tuple(line.name for line, cell in cells if cell.under_floor))
    tables = {line.name: table_of(cell, line.seeds, participants) for line, cell in cells}
    scores = {name: dict(zip(participants, table.T.tolist(), strict=True)) for name, table in tables.items()}
    (found,) = compare_all(scores)
    of_participants = tables[first.name].mean(axis=0) - tables[second.name].mean(axis=0)
    return Difference(
        column=column,
        mean=found.difference,
        interval=found.interval,
        separated=found.separated,
        detectable=found.detectable_difference,
        by_participant=dict(zip(participants, map(float, of_participants), strict=True)),
        reason="" if found.can_decide else f"{counted(found.participants, 'participant')} can decide nothing",
    )


def table_of(cell: Cell, seeds: Sequence[int], participants: Sequence[str]) -> Table:
    """Return scores of participants, shape (seeds, participants)."""
    return np.array([[cell.by_seed[seed][who] for who in participants] for seed in seeds], dtype=np.float64)


def _missing(line: Line, cell: Cell | None) -> str:
    if cell is not None and cell.mean is not None:
        return ""
    return f"{line.name}: {cell.reason if cell is not None and cell.reason else 'no score yet'}"


def _of_distances(column: Column, ours: Cell, theirs: Cell, under: tuple[str, ...]) -> Difference:
    """Compare two scores of all participants together: seed by seed, each the mean over folds."""
    first, second = (np.array([fmean(cell.by_seed[seed].values()) for seed in cell.by_seed]) for cell in (ours, theirs))
    interval = _interval_over_seeds(first, second)
    reason = "" if interval else "one seed has no interval"
    if len(under) == 2:
        reason = "both lie under the distance between real slices, where a distance orders nothing"
    return Difference(
        column=column,
        mean=float(first.mean() - second.mean()),
        interval=interval,
        separated=interval is not None and 0.0 not in interval,
        reason=reason,
        under_floor=under,
    )


def _interval_over_seeds(first: NDArray[np.float64], second: NDArray[np.float64]) -> Interval | None:
    """Return Welch's interval of the difference of two means; of one mean and a number where one has a single value."""
    from scipy import stats

    if len(first) < 2 and len(second) < 2:
        return None
    mean = float(first.mean() - second.mean())
    if np.ptp(first) == 0.0 and np.ptp(second) == 0.0:
        return Interval(mean, mean, CONFIDENCE)
    if len(first) > 1 and len(second) > 1:
        found = stats.ttest_ind(first, second, equal_var=False).confidence_interval(CONFIDENCE)
        return Interval(float(found.low), float(found.high), CONFIDENCE)
    several = first if len(first) > 1 else second
    reach = float(stats.t.ppf((1.0 + CONFIDENCE) / 2.0, len(several) - 1) * stats.sem(several))
    return Interval(mean - reach, mean + reach, CONFIDENCE)
