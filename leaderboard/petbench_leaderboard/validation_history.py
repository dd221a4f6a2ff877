"""How well a run predicted its validation participants, while it trained and with its final model: as its row holds it.

The seconds are on the training's clock, which stands still in validation; the errors are mean absolute errors in SUV.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from petbench_leaderboard.errors import LeaderboardError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from petbench_leaderboard.records import RunRow

_FIELDS = {"seconds", "mae_suv", "final_mae_suv"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidationHistory:
    """What the validations of one run gave.

    Attributes:
        seconds: of training until each validation while the run trained, in their order; none where nobody validates
            such a method.
        mae_suv: the mean absolute error in the body, in SUV, of the mean validation participant, each time; NaN where
            the model was not finite.
        final_mae_suv: the same of the final model; None where nobody validated it.
    """

    seconds: tuple[float, ...] = ()
    mae_suv: tuple[float, ...] = ()
    final_mae_suv: float | None = None

    @property
    def points(self) -> list[tuple[float, float]]:
        """(Seconds of training, error then) of each validation, in the order of time."""
        return list(zip(self.seconds, self.mae_suv, strict=True))

    def to_json(self) -> dict[str, object]:
        """Return the history as plain values; JSON has no NaN."""
        return {
            "seconds": list(self.seconds),
            "mae_suv": [value if math.isfinite(value) else None for value in self.mae_suv],
            "final_mae_suv": _finite(self.final_mae_suv),
        }

    @classmethod
    def from_json(cls, facts: Mapping[str, object]) -> Self:
        """Return the history that `to_json` wrote.

        Raises:
            ValueError: it is none: a field, a type, a length, a sign or the order of time is wrong.
        """
        if facts.keys() != _FIELDS:
            raise ValueError(f"a validation history has {', '.join(sorted(_FIELDS))}, not {', '.join(sorted(facts))}")
        seconds, errors = _numbers(facts["seconds"]), _numbers(facts["mae_suv"], missing=math.nan)
        final = None if facts["final_mae_suv"] is None else _number(facts["final_mae_suv"])
        if len(seconds) != len(errors):
            raise ValueError(f"a validation history has {len(seconds)} times and {len(errors)} errors")
        if list(seconds) != sorted(seconds):
            raise ValueError("a validation history is not in the order of time")
        return cls(seconds=seconds, mae_suv=errors, final_mae_suv=final)


def history_of(run: RunRow) -> ValidationHistory | None:
    """Return the history that a row holds; None where nobody noted one.

    Raises:
        LeaderboardError: what the row holds is none.
    """
    if not run.validation_history:
        return None
    try:
        return ValidationHistory.from_json(run.validation_history)
    except ValueError as error:
        raise LeaderboardError(
            f"run {run.id}: {error}; petbench score --runs {run.id} reads it from the run's log again"
        ) from None


def _numbers(values: object, missing: float | None = None) -> tuple[float, ...]:
    if not isinstance(values, list):
        raise ValueError("the times and errors of a validation history are lists")  # noqa: TRY004 - a wrong file, no wrong call
    return tuple(missing if value is None and missing is not None else _number(value) for value in values)


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0.0 <= value < math.inf:
        raise ValueError(f"{value!r} in a validation history is no number from 0 on")
    return float(value)


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
