"""The values that a sweep tries: `learning_rate=0.001,0.003` names two; of several settings every combination runs.

A value that its parameter takes as a whole is one value: a text with a comma stays a text, a list that is meant as a
list stays one. Only what the parameter does not take so is read as several values: parts between commas, the items of a
list, or a range `{"from": 0.0001, "to": 0.01, "number": 3, "scale": "log"}`.
"""

from __future__ import annotations

import itertools
import json
import math
from typing import TYPE_CHECKING, Any

from petbench.errors import UnknownNameError, UsageError
from petbench.methods.parameters import split_setting, takes, value_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from petbench.contract import MethodSpec

MOST = 10_000
"""Values of one range, and combinations of one method."""

_ENDS = ("from", "to", "number")
_SCALES = ("linear", "log")
_CLOSED_BY = {"[": "]", "{": "}"}


def combinations(spec: MethodSpec, settings: Sequence[str]) -> list[tuple[str, ...]]:
    """Return the settings of every run of a sweep, each as typed for one run: `("learning_rate=0.001", "width=8")`.

    Args:
        spec: of the method.
        settings: as typed, each with one value or several.

    Returns:
        Every combination, the last setting changing fastest; one without settings where there are none.

    Raises:
        UsageError: a setting is no `key=value`, names no parameter, or is a range that makes no sense, or they are more
            combinations than anybody runs.
    """
    keys = [split_setting(spec, setting)[0] for setting in settings]
    for key in keys:
        if keys.count(key) > 1:
            raise UsageError(f"{key} is set {keys.count(key)} times; name all its values at once: {key}=VALUE,VALUE")
    each = [_spelled(spec, setting) for setting in settings]
    if math.prod(map(len, each)) > MOST:
        raise UsageError(f"the settings of {spec.name} make more than {MOST:,} combinations; name fewer values")
    return list(itertools.product(*each))


def alternatives(spec: MethodSpec, key: str, text: str) -> list[Any]:
    """Return the values that a text names for a parameter, in their order; one where the parameter takes it as a whole.

    Raises:
        UsageError: it is a range that makes no sense.
    """
    whole = value_of(text)
    if takes(spec, key, whole):
        return [whole]
    if isinstance(whole, list) and whole:
        return whole
    if isinstance(whole, dict) and set(_ENDS) & set(whole):
        return list(_range(whole, f"{key}={text}"))
    if isinstance(whole, str):
        return [value_of(part) for part in _parts(whole)]
    return [whole]


def _spelled(spec: MethodSpec, setting: str) -> list[str]:
    key, text = split_setting(spec, setting)
    found = alternatives(spec, key, text)
    return [setting] if len(found) == 1 else [f"{key}={json.dumps(value)}" for value in found]


def _parts(text: str) -> list[str]:
    """Return what stands between the commas that are in no brackets and no quotes."""
    parts, open_brackets, quoted = [""], list[str](), False
    for place, letter in enumerate(text):
        if letter == '"' and text[place - 1 : place] != "\\":
            quoted = not quoted
        elif not quoted and letter in _CLOSED_BY:
            open_brackets.append(_CLOSED_BY[letter])
        elif not quoted and open_brackets and letter == open_brackets[-1]:
            open_brackets.pop()
        elif letter == "," and not quoted and not open_brackets:
            parts.append("")
            continue
        parts[-1] += letter
    return [part.strip() for part in parts]


def _range(facts: dict[str, Any], shown: str) -> list[float]:
    """Return the values of a range, both ends among them, evenly apart or by an even factor."""
    for name in facts:
        if name not in (*_ENDS, "scale"):
            raise UnknownNameError(f"key of the range {shown}", name, (*_ENDS, "scale"))
    missing = [name for name in _ENDS if name not in facts]
    if missing:
        raise UsageError(f"the range {shown} says no {missing[0]!r}; write from, to and number, and scale = log if so")
    first, last, number, scale = (*(facts[name] for name in _ENDS), facts.get("scale", "linear"))
    if scale not in _SCALES:
        raise UnknownNameError(f"scale of the range {shown}", str(scale), _SCALES)
    if any(
        isinstance(end, bool) or not isinstance(end, int | float) or not math.isfinite(end) for end in (first, last)
    ):
        raise UsageError(f"the range {shown} goes from number to number")
    if isinstance(number, bool) or not isinstance(number, int) or not 2 <= number <= MOST:
        raise UsageError(f"the range {shown} has 2 to {MOST:,} values, not {number!r}")
    if scale == "log" and not (first > 0 and last > 0):
        raise UsageError(f"the range {shown} has a logarithmic scale: both ends must be above 0")
    return [_between(first, last, place / (number - 1), scale) for place in range(number)]


def _between(first: float, last: float, part: float, scale: str) -> float:
    if part in (0.0, 1.0):
        return last if part else first
    value = first * (last / first) ** part if scale == "log" else first + (last - first) * part
    rounded = float(f"{value:.12g}")  # 16, not 15.999999999999998
    return int(rounded) if rounded.is_integer() else rounded
