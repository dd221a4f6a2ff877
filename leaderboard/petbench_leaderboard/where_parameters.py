"""Conditions on the parameters of methods, such as `learning_rate=0.001`: each is compared as what it is.

A number is compared as a number, whatever its digits look like; a text as a text; `true`, `false` and `none` are words.
A run whose method has no such parameter fulfils nothing. No text of a user becomes SQL: names are words of the grammar,
values are bound.
"""

from __future__ import annotations

import math
import operator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import sqlalchemy as sa

from petbench_leaderboard.errors import RequestError
from petbench_leaderboard.schema import Run

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.orm import Session

    from petbench_leaderboard.where import Comparison

PARAMETERS = "parameters."
"""Before a parameter's name, where a column of the leaderboard is called the same."""

_KINDS = {"integer": "number", "real": "number", "string": "text", "true": "word", "false": "word", "boolean": "word"}
"""What SQLite and PostgreSQL call the types of JSON values, where they differ from what they are called here."""

_WORDS = {"true", "false", "none"}
_ORDERED: dict[str, Callable[[Any, Any], Any]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
_MOST_READ = 2000
"""Newest runs whose parameters are suggested for a name that is none."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter that some run here has.

    Attributes:
        name: of it.
        kind: SQL for the type of its value, as the database names it.
        kinds: the types that there are: `number`, `text`, `word`, `null`, `array`, `object`.
    """

    name: str
    kind: sa.ColumnElement[str]
    kinds: frozenset[str]

    @classmethod
    def of(cls, session: Session, name: str) -> Self | None:
        """Return the parameter of a name; None where no run has one."""
        if session.get_bind().dialect.name == "sqlite":
            kind = sa.func.json_type(Run.parameters, f'$."{name}"', type_=sa.Text())
        else:
            kind = sa.func.json_typeof(Run.parameters[name], type_=sa.Text())
        found = session.scalars(sa.select(kind).where(kind.is_not(None)).distinct())
        kinds = frozenset(_KINDS.get(each, each) for each in found if each)
        return cls(name, kind, kinds) if kinds else None

    def compared(self, condition: Comparison) -> sa.ColumnElement[bool]:
        """Return the condition on `runs`.

        Raises:
            RequestError: the value does not fit what the parameter is.
        """
        how, value = condition.operator, condition.value
        if self.kinds <= {"array", "object", "null"} and self.kinds != {"null"}:
            raise RequestError(f"the parameter {self.name!r} is a list or a table: no condition compares it")
        if how == "~":
            return self._definite(self._where("text", self._json.as_string().icontains(value, autoescape=True)))
        number = _number(value)
        if how in _ORDERED:
            if "number" not in self.kinds:
                raise RequestError(f"the parameter {self.name!r} is no number: compare it with =, != or ~")
            if number is None:
                raise RequestError(f"the parameter {self.name!r} is a number: {value!r} is none")
            return self._definite(self._where("number", _ORDERED[how](self._json.as_float(), number)))
        if number is None and self.kinds <= {"number"}:
            raise RequestError(f"the parameter {self.name!r} is a number: {value!r} is none")
        if self.kinds <= {"word", "null"} and value.lower() not in _WORDS:
            raise RequestError(f"the parameter {self.name!r} is true or false: {value!r} is neither")
        equal = sa.or_(*self._equal(value, number))
        there = self.kind.is_not(None)
        return self._definite(equal if how == "=" else sa.and_(there, sa.not_(self._definite(equal))))

    def _equal(self, value: str, number: float | None) -> list[sa.ColumnElement[bool]]:
        """Return what holds where the parameter is a value, for each type that the value may be of."""
        found = [self._where("text", self._json.as_string() == value)]
        if number is not None:
            found.append(self._where("number", self._json.as_float() == number))
        if value.lower() in _WORDS:
            word = value.lower()
            found.append(self.kind == ("null" if word == "none" else word))
            found.append(sa.and_(self.kind == "boolean", self._json.as_string() == word))
        return found

    @property
    def _json(self) -> Any:
        return Run.parameters[self.name]

    def _where(self, kind: str, holds: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
        """Return a condition that is looked at only where the value is of a type: others may not even convert."""
        raw = [kind, *(name for name, ours in _KINDS.items() if ours == kind)]
        return sa.case((self.kind.in_(raw), holds), else_=sa.false())

    @staticmethod
    def _definite(condition: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
        """Return a condition that is false where it is unknown, so that `not` inverts a definite truth."""
        return sa.func.coalesce(condition, sa.false())


def names_of_parameters(session: Session) -> list[str]:
    """Return the names of the parameters that the newest runs have."""
    newest = session.scalars(sa.select(Run.parameters).order_by(Run.id.desc()).limit(_MOST_READ))
    return sorted({name for parameters in newest for name in parameters})


def _number(value: str) -> float | None:
    try:
        found = float(value)
    except ValueError:
        return None
    return found if math.isfinite(found) else None
