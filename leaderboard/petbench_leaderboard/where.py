"""Conditions on runs, such as `dataset='fdg-phantom' and (psnr_body_suv20 > 30 or not device = cpu)`.

The grammar, parsed here: no text of a user ever becomes SQL or Python.

    condition  = term {"or" term}
    term       = factor {"and" factor}
    factor     = "not" factor | "(" condition ")" | name operator value
    name       = word ["." word]                      (validation.METRIC and parameters.NAME say what a word is)
    operator   = "=" | "==" | "!=" | "<" | "<=" | ">" | ">=" | "~"      (~ means: contains, whatever the case)
    value      = 'text' | "text" | word | number
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, TypeAlias, cast

from petbench_leaderboard.errors import RequestError

Operator = Literal["=", "!=", "<", "<=", ">", ">=", "~"]

_TOKEN = re.compile(
    r"""\s*(?: (?P<quoted>'[^']*'|"[^"]*") | (?P<operator>==|!=|<=|>=|=|<|>|~) | (?P<bracket>[()])
    | (?P<word>[\w.:/@+-]+) )""",
    re.VERBOSE,
)
_DEEPEST = 50


@dataclass(frozen=True, slots=True)
class Comparison:
    """One name compared with one value, which is still a text."""

    name: str
    operator: Operator
    value: str


@dataclass(frozen=True, slots=True)
class Junction:
    """Several conditions of which all, or any, must hold."""

    kind: Literal["and", "or"]
    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Negation:
    """A condition that must not hold."""

    part: Condition


Condition: TypeAlias = "Comparison | Junction | Negation"


def parse(text: str) -> Condition:
    """Read a condition.

    Raises:
        RequestError: it breaks the grammar; the message says where.
    """
    reader = _Reader(text)
    found = reader.condition(0)
    if reader.peek() is not None:
        raise reader.error(f"{reader.peek()!r} is not expected here")
    return found


class _Reader:
    """The tokens of a condition and the place that was read to."""

    def __init__(self, text: str) -> None:
        self._text, self._tokens, self._next = text, list[str](), 0
        place = 0
        while text[place:].strip():
            match = _TOKEN.match(text, place)
            if match is None:
                raise self.error(f"{text[place:].strip()[:20]!r} is not understood")
            self._tokens.append(match.group().strip())
            place = match.end()

    def error(self, what: str) -> RequestError:
        return RequestError(
            f"the condition {self._text!r}: {what}; write it like \"dataset='fdg-phantom' and psnr_body_suv20>30\""
        )

    def peek(self) -> str | None:
        return self._tokens[self._next] if self._next < len(self._tokens) else None

    def take(self, what: str) -> str:
        token = self.peek()
        if token is None:
            raise self.error(f"it ends where {what} is expected")
        self._next += 1
        return token

    def condition(self, depth: int) -> Condition:
        return self._joined("or", depth)

    def _joined(self, kind: Literal["and", "or"], depth: int) -> Condition:
        def one() -> Condition:
            return self._joined("and", depth) if kind == "or" else self._factor(depth)

        parts = [one()]
        while (self.peek() or "").lower() == kind:
            self._next += 1
            parts.append(one())
        return parts[0] if len(parts) == 1 else Junction(kind, tuple(parts))

    def _factor(self, depth: int) -> Condition:
        if depth > _DEEPEST:
            raise self.error("it is nested too deeply")
        token = self.take("a name")
        if token.lower() == "not":
            return Negation(self._factor(depth + 1))
        if token == "(":  # noqa: S105 - a bracket
            inner = self.condition(depth + 1)
            if self.take("a closing bracket") != ")":
                raise self.error("a bracket is not closed")
            return inner
        if not re.fullmatch(r"[A-Za-z]\w*(\.[A-Za-z]\w*)?", token):
            raise self.error(f"{token!r} is no name")
        operator = self.take("an operator")
        if operator not in ("=", "==", "!=", "<", "<=", ">", ">=", "~"):
            raise self.error(f"{operator!r} is no operator; use = != < <= > >= or ~")
        value = self.take("a value")
        if value in ("(", ")") or re.fullmatch(r"[=!<>~]+", value):
            raise self.error(f"{value!r} is no value")
        if value[0] in "'\"":
            value = value[1:-1]
        return Comparison(token, cast("Operator", "=" if operator == "==" else operator), value)
