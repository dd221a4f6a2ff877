"""Compare self-reported scores with those computed here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from petbench_leaderboard.score_records import ScoreRecord

TOLERANCE: Final = 1e-5
"""Relative, of scores of one participant: float64 sums over the same float32 voxels, in whatever order."""

FEATURE_TOLERANCE: Final = 1e-2
"""Relative, of scores of all participants together: their float32 features differ in the last bits by machine."""

ABSOLUTE: Final = 1e-6
"""Below this, a difference is rounding, whatever the score's size."""

Key = tuple[str, str, str, "str | None"]


@dataclass(frozen=True, slots=True)
class Difference:
    """One self-reported score that the organizer finds otherwise."""

    self_reported: ScoreRecord
    rescored: ScoreRecord

    def __str__(self) -> str:
        """Return both values in words."""
        score = self.self_reported
        whose = score.participant or "all participants"
        values = f"{_shown(score.value)} {score.unit} in the submission, {_shown(self.rescored.value)} computed here"
        return f"{score.metric} ({score.region}) of {whose} is {' '.join(values.split())}"


@dataclass(frozen=True, slots=True)
class Comparison:
    """Self-reported scores against those computed here.

    Attributes:
        agreeing: how many are the same within the tolerance.
        differing: those that are not, the largest relative difference first.
        only_self_reported: scores that the organizer cannot compute, such as a metric of somebody's plugin.
        only_rescored: how many the organizer has beyond those.
    """

    agreeing: int
    differing: tuple[Difference, ...]
    only_self_reported: tuple[str, ...]
    only_rescored: int


def compare(self_reported: Iterable[ScoreRecord], rescored: Iterable[ScoreRecord]) -> Comparison:
    """Compare scores of one run, metric by metric, convention by convention, participant by participant."""
    mine = {_key(score): score for score in rescored}
    theirs = {_key(score): score for score in self_reported}
    agreeing, differing, only_self_reported = 0, [], []
    for key, score in theirs.items():
        own = mine.get(key)
        if own is None or (own.value is None and score.value is not None):
            only_self_reported.append(score.metric)
        elif score.value is None:  # the submitter could not compute it; the organizer may
            continue
        elif _agree(score, own):
            agreeing += 1
        else:
            differing.append(Difference(score, own))
    differing.sort(key=_relative, reverse=True)
    extra = sum(
        key not in theirs or theirs[key].value is None for key, score in mine.items() if score.value is not None
    )
    return Comparison(agreeing, tuple(differing), tuple(dict.fromkeys(only_self_reported)), extra)


def _key(score: ScoreRecord) -> Key:
    return (score.metric, score.convention_id, score.region, score.participant)


def _agree(self_reported: ScoreRecord, rescored: ScoreRecord) -> bool:
    assert self_reported.value is not None, "only values are compared"
    assert rescored.value is not None, "only values are compared"
    relative = TOLERANCE if self_reported.participant else FEATURE_TOLERANCE
    return abs(self_reported.value - rescored.value) <= ABSOLUTE + relative * abs(rescored.value)


def _relative(difference: Difference) -> float:
    assert difference.self_reported.value is not None, "only values are compared"
    assert difference.rescored.value is not None, "only values are compared"
    return abs(difference.self_reported.value - difference.rescored.value) / (abs(difference.rescored.value) + ABSOLUTE)


def _shown(value: float | None) -> str:
    return "empty" if value is None else f"{value:.6g}"
