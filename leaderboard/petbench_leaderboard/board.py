"""The leaderboard as data: a board for each dataset, split and protocol, with its columns, rows and cells.

Numbers are at full precision and are formatted only where people read them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from petbench_leaderboard.errors import LeaderboardError
from petbench_leaderboard.metric_facts import MetricFacts, distance_from_best
from petbench_leaderboard.records import EXTERNAL, FIRST_TASK

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from petbench_leaderboard.records import Role, RunRow

IDENTITY_METHOD = "identity"
"""The early image as it is: every gain is over it, and normalized scores count from it."""

OWN_DISTRIBUTION = "petbench"
"""The package whose `identity` that is, and no other's."""

RANKING_METRICS = ("psnr_body_suv20_no_urinary", "psnr_body_suv20")
"""What decides the order where nobody asks for a metric, and the task names none: the first that a board has a mean of.

Chosen by `petbench study metrics`, see the protocol. Without labels of the urinary tract it is the second.
"""

ChosenBy = Literal["only", "validation", "planned"]
"""Why a row competes for its method: the only one that can, best on validation, or planned first."""


@dataclass(frozen=True, slots=True, order=True)
class Column:
    """One metric in one convention and region: what may be compared from row to row.

    Attributes:
        metric: the metric's name.
        region: of the whole image, such as `body`.
        convention_id: names formula, window, mask and version.
        unit: of the values, empty or `1` for a plain number.
        higher_is_better: the metric's direction; None for one that has none.
        facts: how the metric is shown.
    """

    metric: str
    region: str
    convention_id: str
    unit: str
    higher_is_better: bool | None
    facts: MetricFacts = field(default_factory=MetricFacts, compare=False, repr=False)

    @property
    def ranks(self) -> bool:
        """Whether values of the metric can be ordered: it has a direction, or a best value."""
        return self.higher_is_better is not None or self.facts.best_value is not None

    def distance(self, value: float) -> float:
        """Return a number that is smaller the better a value is.

        Raises:
            LeaderboardError: the metric orders nothing; see `ranks`.
        """
        found = distance_from_best(value, self.higher_is_better, self.facts.best_value)
        if found is None:
            raise LeaderboardError(f"{self.metric} has neither a direction nor a best value: it orders nothing")
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """How many have a score of those that must: of the participants that a split predicts, or of the seeds."""

    scored: int
    expected: int

    @property
    def complete(self) -> bool:
        """Whether nobody is missing."""
        return self.expected > 0 and self.scored == self.expected

    def __str__(self) -> str:
        """Return it as it is shown, such as `3/4`."""
        return f"{self.scored}/{self.expected}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One metric of one row.

    Attributes:
        mean: over participants, each the mean of its seeds; None unless every participant and every seed has a score.
        standard_deviation: over participants, N - 1 in the denominator; None for fewer than two.
        seed_standard_deviation: of the seeds' means; None for fewer than two seeds.
        gain: how much better than `identity`, in the metric's unit, positive where better: the mean of the
            differences participant by participant.
        normalized_score: the mean on a scale from `identity`, 0, to `predictable`, 1: what can be predicted at all.
        normalized_score_reason: why there is none, in a few words; empty where there is one.
        values: each participant's score, the mean of its seeds; empty for a score of all participants together.
        by_seed: the same, seed by seed; a score of all participants together is named by its fold.
        reason: why there is no mean.
        extra: what came with the first run's score, such as the number of images and the extractor.
        floor: of a distance between sets of images, the same distance between real images and other real ones, the mean
            over the same runs; None for other metrics, and where it could not be computed.
    """

    mean: float | None
    standard_deviation: float | None = None
    seed_standard_deviation: float | None = None
    gain: float | None = None
    normalized_score: float | None = None
    normalized_score_reason: str = ""
    values: Mapping[str, float] = field(default_factory=dict)
    by_seed: Mapping[int, Mapping[str, float]] = field(default_factory=dict)
    reason: str | None = None
    extra: Mapping[str, object] = field(default_factory=dict)
    floor: float | None = None

    @property
    def under_floor(self) -> bool:
        """Whether the mean is smaller than real images are apart: such a value orders nothing."""
        return self.mean is not None and self.floor is not None and self.mean < self.floor


@dataclass(frozen=True, slots=True, kw_only=True)
class BestOf:
    """What the rows of one method come to, chosen on the test set: to stand beside the row that competes, unranked.

    Attributes:
        rows: how many rows the method has on the board.
        mean: the best of their means in the ranking column; None where none has one.
    """

    rows: int
    mean: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """What a row's runs took, the mean over them; nothing is averaged over different devices."""

    train_seconds: float | None = None
    images_seen: float | None = None
    images_per_second: float | None = None
    seconds_per_volume: float | None = None
    peak_memory_bytes: float | None = None
    peak_device_memory_bytes: float | None = None
    parameter_count: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """All runs that differ in nothing but seed and fold.

    Attributes:
        rank: 1 is best, ties share a rank; None for rows that do not compete, and without a mean in the ranking column.
        run: one of the runs, for what they have in common: method, version, parameters, budget.
        run_ids: the runs that the numbers come from.
        seeds: those that cover every participant; where none does, all that have any score.
        failed_seeds: seeds with a run that failed and that no finished one replaced.
        devices: what the runs trained on.
        coverage: of the participants, by the ranking metric.
        cells: by column; a column that was never scored has no cell.
        costs: the mean over the runs.
        newest: when the latest of the runs was planned.
        differing: under which conditions the runs differ that are no part of their identity, each in words, such as
            `threads 1, 2`.
        competes: whether the row stands for its method: one row of each competing method does, and only such rows are
            ranked and tested against each other.
        chosen_by: why this row of its method competes; None where it does not.
        best_of: what all rows of the method come to; None where it does not compete, or is the method's only row.
        reaches_repeat_scan: whether somebody else's row scores at or above the repeat scan: look at its images.
        validation: the row's means on validation participants, by column, where they were asked for. They rank nothing.
    """

    rank: int | None
    run: RunRow
    run_ids: tuple[int, ...]
    seeds: tuple[int, ...]
    failed_seeds: tuple[int, ...]
    devices: tuple[str, ...]
    coverage: Coverage
    cells: Mapping[Column, Cell]
    costs: Costs
    newest: datetime
    differing: tuple[str, ...] = ()
    competes: bool = False
    chosen_by: ChosenBy | None = None
    best_of: BestOf | None = None
    reaches_repeat_scan: bool = False
    validation: Mapping[Column, Cell] = field(default_factory=dict)

    @property
    def seed_coverage(self) -> Coverage:
        """How many of the seeds that ended, well or not, have scores; interrupted ones do not count."""
        ended = {*self.seeds, *self.failed_seeds}
        return Coverage(scored=len(ended.difference(self.failed_seeds)), expected=len(ended))

    @property
    def is_own(self) -> bool:
        """Whether the row was made here, and by nobody else: what others are measured by is always one's own."""
        return self.run.verification == "own"

    @property
    def is_identity(self) -> bool:
        """Whether this is the harness's own `identity`: whoever else takes that name would shift every gain."""
        run = self.run
        named = (run.method, run.distribution, run.role) == (IDENTITY_METHOD, OWN_DISTRIBUTION, "reference")
        return named and run.plugin != EXTERNAL and self.is_own

    @property
    def is_predictable(self) -> bool:
        """Whether this is the harness's own row at which normalized scores are 1."""
        return self.role == "predictable" and self.is_own

    @property
    def is_repeat_scan(self) -> bool:
        """Whether this is the harness's own row of a second scan."""
        return self.role == "repeat-scan" and self.is_own

    @property
    def is_reference(self) -> bool:
        """Whether others may be measured by the row: it does not compete, and was made here."""
        return self.role != "competitor" and self.is_own

    @property
    def role(self) -> Role:
        """Whether the row competes, or is there to compare with; see `petbench_leaderboard.records.PlannedRun`."""
        return self.run.role


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """One ranking: rows that were scored on the same participants by the same rules.

    Attributes:
        dataset: the dataset's name.
        fingerprint: of the dataset's content.
        split: the split's name.
        split_digest: of the split.
        protocol: version of the rules that the scores were computed by.
        task: what its runs were asked, by name and version.
        shown_organs: those that the report shows of each participant, in this order, as the task says; empty for all.
        participants: everyone that the split predicts.
        ranked_by: the column that decides, None where nothing was scored by it.
        columns: every column that any row has.
        rows: best first; rows that lack a participant come last.
        unscored: runs without a score that no later run has replaced, newest first.
        omitted: how many further rows there are where only the best were asked for.
    """

    dataset: str
    fingerprint: str
    split: str
    split_digest: str
    protocol: int
    task: str = FIRST_TASK
    shown_organs: tuple[str, ...] = ()
    participants: tuple[str, ...]
    ranked_by: Column | None
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    unscored: tuple[RunRow, ...]
    omitted: int = 0

    @property
    def validation_columns(self) -> tuple[Column, ...]:
        """Every column that any row has a mean of on validation, in the order of `columns`."""
        found = {column for row in self.rows for column in row.validation}
        return tuple(sorted(found, key=lambda column: (column.metric, column.region, column.convention_id)))
