"""What people are shown of a metric. It is declared beside the formula and stored beside the scores.

Unit and direction are not here: they are part of every score, which means nothing without them.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any

from petbench_leaderboard.errors import LeaderboardError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


LAST_PLACE = 1000
"""Of a metric that asks for no place of its own: behind those that do."""

MOST_DECIMALS = 12

MetricKey = tuple[str, str]
"""A metric's name and the id of its convention."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricFacts:
    """How one metric in one convention is called, written and placed, wherever it is shown.

    Attributes:
        label: the head of its column, such as `PSNR`; empty for the metric's name.
        detail: what tells it from columns of the same label, in a few words, such as `body`.
        summary: one line for the notes.
        decimals: digits after the point; JSON and CSV have all digits.
        best_value: the best value of a metric that is better neither higher nor lower, in its unit.
        shown: whether tables have a column of it even where it is not what ranks.
        place: of its column among the others, smaller ones first, equal ones by name.
    """

    label: str = ""
    detail: str = ""
    summary: str = ""
    decimals: int = 3
    best_value: float | None = None
    shown: bool = True
    place: int = LAST_PLACE

    def __post_init__(self) -> None:
        """Refuse what no table can show.

        Raises:
            LeaderboardError: a text has line breaks, or the number of decimals is not from 0 to 12.
        """
        for name in ("label", "detail", "summary"):
            if len(getattr(self, name).splitlines()) > 1:
                raise LeaderboardError(f"the {name} of a metric is one line, not {getattr(self, name)!r}")
        if not 0 <= self.decimals <= MOST_DECIMALS:
            raise LeaderboardError(f"a metric has 0 to {MOST_DECIMALS} decimals, not {self.decimals}")


def distance_from_best(value: float, higher_is_better: bool | None, best_value: float | None) -> float | None:
    """Return a number that is smaller the better a value is; None for a metric that orders nothing.

    Args:
        value: a score, or a mean of scores.
        higher_is_better: the metric's direction, which comes first; None for one that has none.
        best_value: the best value of a metric without a direction; None where there is none.
    """
    if higher_is_better is not None:
        return -value if higher_is_better else value
    return None if best_value is None else abs(value - best_value)


def facts_of(source: object) -> MetricFacts:
    """Return the facts that an object with the attributes of `MetricFacts` holds: a metric's spec, or a stored row."""
    return MetricFacts(**{field.name: getattr(source, field.name) for field in fields(MetricFacts)})


def metrics_as_json(metrics: Mapping[MetricKey, MetricFacts]) -> list[dict[str, Any]]:
    """Return facts as a list of JSON objects, to stand once beside many scores."""
    return [
        {"metric": metric, "convention_id": convention} | asdict(facts)
        for (metric, convention), facts in sorted(metrics.items(), key=lambda item: item[0])
    ]


def metrics_from_json(found: Iterable[Mapping[str, Any]]) -> dict[MetricKey, MetricFacts]:
    """Return what `metrics_as_json` wrote.

    Raises:
        KeyError: an object is incomplete.
        TypeError: an object has an unknown field.
        LeaderboardError: a fact cannot be shown.
    """
    metrics = {}
    for entry in found:
        facts = {name: value for name, value in entry.items() if name not in ("metric", "convention_id")}
        metrics[str(entry["metric"]), str(entry["convention_id"])] = MetricFacts(**facts)
    return metrics
