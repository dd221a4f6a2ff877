"""The numbers of the comparison, all of them from the scores on the leaderboard."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from petbench.evaluation.distribution import EXTRACTOR_METRICS
from petbench.evaluation.metrics.psnr import PSNR_METRICS
from petbench.reproduce.paper import BETTER, OTHER
from petbench_leaderboard.cells import make_cell
from petbench_leaderboard.run_groups import REGIONS, column_of
from petbench_leaderboard.statistics.intervals import difference_interval
from petbench_leaderboard.statistics.paired import compare_all

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from petbench_leaderboard.board import Cell, Column
    from petbench_leaderboard.records import RunRow, ScoreRow
    from petbench_leaderboard.statistics.intervals import Interval, Table
    from petbench_leaderboard.store import Leaderboard

PSNR_CONVENTIONS = tuple(spec.name for spec in PSNR_METRICS)
FRECHET_DISTANCES = tuple(metrics.frechet.name for metrics in EXTRACTOR_METRICS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One row of Table 2.

    Attributes:
        name: the method's.
        runs: all seeds and folds.
        cells: by the metric's name.
    """

    name: str
    runs: tuple[RunRow, ...]
    cells: Mapping[str, Cell]

    @property
    def seeds(self) -> tuple[int, ...]:
        """The seeds, each once."""
        return tuple(sorted({run.seed for run in self.runs}))


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """pix2pix minus CycleGAN in one convention of PSNR, in dB.

    Attributes:
        metric: the convention.
        mean: over participants, each the mean of its seeds.
        standard_deviation: over participants; None for one.
        seed_standard_deviation: of the seeds' means; None for one seed.
        interval: of the mean, over participants and seeds; None for fewer than three participants.
        by_participant: each participant's gap, the mean of its seeds.
        wilcoxon_p: two-sided, over participants.
    """

    metric: str
    mean: float
    standard_deviation: float | None
    seed_standard_deviation: float | None
    interval: Interval | None
    by_participant: Mapping[str, float]
    wilcoxon_p: float

    @property
    def error_ratio(self) -> float:
        """How many times CycleGAN's root mean square error is pix2pix's."""
        return float(10.0 ** (self.mean / 20.0))

    @property
    def ahead(self) -> int:
        """In how many participants pix2pix is better."""
        return sum(gap > 0.0 for gap in self.by_participant.values())

    @property
    def distinguished(self) -> bool:
        """Whether pix2pix is ahead: by the interval, or in every one of too few participants for an interval."""
        return self.ahead == len(self.by_participant) if self.interval is None else self.interval.low > 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """Table 2 and the gap.

    Attributes:
        participants: everyone that the split predicts.
        columns: by the metric's name.
        lines: in the order of the table.
        gaps: one for each convention of PSNR.
    """

    participants: tuple[str, ...]
    columns: Mapping[str, Column]
    lines: tuple[Line, ...]
    gaps: tuple[Gap, ...]

    def line(self, name: str) -> Line:
        """Return a method's line."""
        return next(line for line in self.lines if line.name == name)


def gather(rows: Sequence[RunRow], order: Sequence[str], leaderboard: Leaderboard) -> Results:
    """Return the results of runs of one dataset and split.

    Args:
        rows: the runs, each with its scores on the leaderboard.
        order: the methods, in the order of the table; one without a run is left out.
        leaderboard: where the scores are.
    """
    participants = rows[0].split_participants or rows[0].test_participants
    found = leaderboard.scores([row.id for row in rows], regions=REGIONS, protocol=rows[0].protocol)
    columns = {score.metric: column_of(score) for score in found}
    lines = tuple(_line(name, rows, found, participants) for name in order if any(row.method == name for row in rows))
    results = Results(participants=tuple(participants), columns=columns, lines=lines, gaps=())
    tables = {name: results.line(name) for name in (BETTER, OTHER)}
    gaps = tuple(_gap(metric, tables[BETTER], tables[OTHER], participants) for metric in PSNR_CONVENTIONS)
    return Results(participants=results.participants, columns=columns, lines=lines, gaps=gaps)


def _line(name: str, rows: Sequence[RunRow], scores: Sequence[ScoreRow], participants: Sequence[str]) -> Line:
    runs = {row.id: row for row in rows if row.method == name}
    table: dict[str, dict[int, dict[str, ScoreRow]]] = defaultdict(lambda: defaultdict(dict))
    for score in scores:
        if score.run_id in runs:
            run = runs[score.run_id]
            table[score.metric][run.seed][score.participant or f"fold {run.fold}"] = score
    seeds = sorted({run.seed for run in runs.values()})
    cells = {metric: make_cell(of_metric, seeds, participants) for metric, of_metric in table.items()}
    return Line(name=name, runs=tuple(runs.values()), cells=cells)


def _gap(metric: str, better: Line, other: Line, participants: Sequence[str]) -> Gap:
    ours, theirs = _table(better, metric, participants), _table(other, metric, participants)
    table = ours - theirs
    of_participants, of_seeds = table.mean(axis=0), table.mean(axis=1)
    values = {line.name: line.cells[metric].values for line in (better, other)}
    return Gap(
        metric=metric,
        mean=float(of_participants.mean()),
        standard_deviation=float(np.std(of_participants, ddof=1)) if len(of_participants) > 1 else None,
        seed_standard_deviation=float(np.std(of_seeds, ddof=1)) if len(of_seeds) > 1 else None,
        interval=difference_interval(ours, theirs),
        by_participant=dict(zip(participants, map(float, of_participants), strict=True)),
        wilcoxon_p=compare_all(values)[0].wilcoxon_p,
    )


def _table(line: Line, metric: str, participants: Sequence[str]) -> Table:
    """Return a method's scores, shape (seeds, participants)."""
    by_seed = line.cells[metric].by_seed
    return np.array([[by_seed[seed][who] for who in participants] for seed in line.seeds], dtype=np.float64)
