"""A condition as a SQLAlchemy expression: names become columns or metrics, values become bound parameters."""

from __future__ import annotations

import operator
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from petbench_leaderboard.errors import RequestError, UnknownOnLeaderboardError
from petbench_leaderboard.field_uses import fields_where
from petbench_leaderboard.records import EXTERNAL, PURPOSES, ROLES, STATUSES, VERIFICATIONS, RunRow
from petbench_leaderboard.schema import BoardEntry, CachedMean, Run, ValidationMean
from petbench_leaderboard.tracks import TRACKS, UNTRAINED
from petbench_leaderboard.where import Comparison, Junction, Negation
from petbench_leaderboard.where_parameters import PARAMETERS, Parameter, names_of_parameters

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy.orm import Session

    from petbench_leaderboard.where import Condition

TEXTS = fields_where(RunRow, "text")
NUMBERS = fields_where(RunRow, "number")
DATES = fields_where(RunRow, "date")
VALIDATION = "validation."
"""Before a metric's name: its mean on the validation participants."""

TRACK = "track"
"""Compared by its name, such as `track=equal-images`; a method that does not train is within every track."""

_WORDS: dict[str, Sequence[str]] = {
    "status": STATUSES,
    "role": ROLES,
    "verification": VERIFICATIONS,
    "purpose": PURPOSES,
}
"""Of the texts, those that have one of a few values."""

_OTHERS = sorted((*TEXTS, *NUMBERS, *DATES, TRACK))

_OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def matching(session: Session, condition: Condition, *, board: int | None = None) -> sa.ColumnElement[bool]:
    """Return the condition on `runs`.

    A metric's name means the mean of the row to which the run belongs, `validation.` before it that of the row on
    validation. Any other name is a parameter of the method; `parameters.` before it says so.

    Args:
        session: of the database.
        condition: parsed.
        board: number of the board whose means are meant: a row may stand on one board for each protocol; None for all.

    Raises:
        RequestError: a name is neither a column, nor a metric that anything here was scored by, nor a parameter of a
            run, or a value does not fit its name.
    """
    if isinstance(condition, Negation):
        return sa.not_(matching(session, condition.part, board=board))
    if isinstance(condition, Junction):
        join = sa.and_ if condition.kind == "and" else sa.or_
        return join(*(matching(session, part, board=board) for part in condition.parts))
    name = condition.name
    if name in TEXTS:
        return _text(getattr(Run, name), condition)
    if name in NUMBERS:
        return _ordered(getattr(Run, name), condition, _number(condition))
    if name in DATES:
        return _ordered(getattr(Run, name), condition, _moment(condition))
    if name == TRACK:
        return _of_track(condition)
    if name.startswith(VALIDATION):
        metric = name.removeprefix(VALIDATION)
        if any(_is_measured(session, means, metric) for means in (ValidationMean, CachedMean)):
            return _on_validation(condition, board)
    if _is_measured(session, CachedMean, name):
        compared = _ordered(CachedMean.mean, condition, _number(condition))
        groups = sa.select(CachedMean.run_group).where(CachedMean.metric == name, compared)
        return Run.run_group.in_(groups if board is None else groups.where(CachedMean.board_id == board))
    parameter = Parameter.of(session, name.removeprefix(PARAMETERS))
    if parameter is None or name.startswith(VALIDATION):
        raise UnknownOnLeaderboardError("column, metric or parameter of this leaderboard", name, _names(session))
    return parameter.compared(condition)


def _is_measured(session: Session, means: type[CachedMean] | type[ValidationMean], metric: str) -> bool:
    return session.scalar(sa.select(means.metric).where(means.metric == metric).limit(1)) is not None


def _on_validation(condition: Comparison, board: int | None) -> sa.ColumnElement[bool]:
    mean = ValidationMean
    compared = _ordered(mean.mean, condition, _number(condition))
    groups = sa.select(mean.run_group).where(mean.metric == condition.name.removeprefix(VALIDATION), compared)
    if board is not None:
        protocol = sa.select(BoardEntry.protocol).where(BoardEntry.id == board).scalar_subquery()
        groups = groups.where(mean.protocol == protocol)
    return Run.run_group.in_(groups)


def _names(session: Session) -> list[str]:
    """Return every name that a condition may use here."""
    tested = session.scalars(sa.select(CachedMean.metric).distinct())
    validated = session.scalars(sa.select(ValidationMean.metric).distinct())
    return [*_OTHERS, *tested, *(f"{VALIDATION}{metric}" for metric in validated), *names_of_parameters(session)]


def _of_track(condition: Comparison) -> sa.ColumnElement[bool]:
    if condition.operator not in ("=", "!="):
        raise RequestError(f"{TRACK!r} is a name: compare it with = or !=")
    if condition.value not in TRACKS:
        raise UnknownOnLeaderboardError(TRACK, condition.value, TRACKS)
    untrained = (Run.budget == UNTRAINED) & ~((Run.plugin == EXTERNAL) & (Run.role == "competitor"))
    within = sa.or_(Run.budget == TRACKS[condition.value], untrained)
    return within if condition.operator == "=" else sa.not_(within)


def _text(column: sa.ColumnElement[str], condition: Comparison) -> sa.ColumnElement[bool]:
    words = _WORDS.get(condition.name)
    if words and condition.operator != "~" and condition.value not in words:
        raise UnknownOnLeaderboardError(condition.name, condition.value, words)
    filled = sa.func.coalesce(column, "")
    if condition.operator == "~":
        return filled.icontains(condition.value, autoescape=True)
    compared: sa.ColumnElement[bool] = _OPERATORS[condition.operator](filled, condition.value)
    return compared


def _ordered(column: Any, condition: Comparison, value: object) -> sa.ColumnElement[bool]:
    if condition.operator == "~":
        raise RequestError(f"{condition.name!r} is no text: compare it with = != < <= > or >=")
    # What is not known fulfils nothing, so that `not` inverts a definite truth.
    compared: sa.ColumnElement[bool] = sa.func.coalesce(_OPERATORS[condition.operator](column, value), sa.false())
    return compared


def _number(condition: Comparison) -> float | int:
    try:
        return int(condition.value)
    except ValueError:
        pass
    try:
        return float(condition.value)
    except ValueError:
        raise RequestError(f"{condition.name!r} is a number: {condition.value!r} is none") from None


def _moment(condition: Comparison) -> datetime:
    try:
        found = datetime.fromisoformat(condition.value)
    except ValueError:
        raise RequestError(f"{condition.name!r} is a date: write it like {date(2026, 1, 31)}") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
