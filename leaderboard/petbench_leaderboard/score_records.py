"""The plain records of scores: one metric of one prediction in one region, as measured and as stored."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from petbench_leaderboard.errors import LeaderboardError
from petbench_leaderboard.storable import is_number

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from petbench_leaderboard.metric_facts import MetricFacts, MetricKey


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreRecord:
    """One metric of one prediction in one region, at full precision.

    Attributes:
        participant: whose prediction; None where the score belongs to all test participants together, as FID does.
        region: `body`, `volume`, the same without the urinary tract, or the name of an organ or lesion.
        metric: the metric's name.
        convention_id: names formula, window, mask and version; scores of two conventions are never compared.
        value: the score, None where it could not be computed.
        unit: of the value, empty for a plain number.
        higher_is_better: the metric's direction; None for one that has none.
        reason: why the value is missing.
        extra: what belongs to the score: number of images, extractor's digest, real-against-real floor.
        facts: how the metric is shown, the same for all its scores; None where nobody said.
    """

    participant: str | None
    region: str
    metric: str
    convention_id: str
    value: float | None
    unit: str
    higher_is_better: bool | None
    reason: str | None = None
    extra: Mapping[str, object] = field(default_factory=dict)
    facts: MetricFacts | None = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        """Refuse what would make every mean that it enters meaningless."""
        whose = f"the {self.metric} of {self.participant or 'all participants'}"
        if self.value is not None and not is_number(self.value):
            raise LeaderboardError(
                f"{whose} is {self.value:g}, which no mean can hold: give None and the reason instead"
            )
        if self.value is None and not self.reason:
            raise LeaderboardError(f"{whose} is missing without a reason: say why it could not be computed")


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreRow(ScoreRecord):
    """A score in the leaderboard, with the protocol version under which it was computed."""

    run_id: int
    protocol: int


def of_newest_protocol(scores: Iterable[ScoreRow]) -> list[ScoreRow]:
    """Return the scores of one run that were computed by the newest rules: two protocols never share a table."""
    scores = list(scores)
    newest = max((score.protocol for score in scores), default=0)
    return [score for score in scores if score.protocol == newest]


def metrics_of(scores: Iterable[ScoreRecord]) -> dict[MetricKey, MetricFacts]:
    """Return the facts that come with some scores, each metric once."""
    return {(score.metric, score.convention_id): score.facts for score in scores if score.facts is not None}
