"""What a method says a search may try, once it makes sense, and how a search's numbers become settings and back."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

from petbench.contract import Choice, Range
from petbench.errors import PluginError, UsageError
from petbench.methods.parameters import takes

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from petbench.contract import MethodSpec

IMAGES = "images"
"""The parameter that names the budget."""

DIGITS = 3
"""Of a number that a search finds: more of them say nothing, and nobody wants to type them."""


def check_space(spec: MethodSpec) -> None:
    """Make sure that every value which a method's search may try is one that its parameter takes.

    Raises:
        PluginError: it names no parameter, or a value that the parameter does not take, or makes no range.
    """
    fields = spec.parameters.model_fields if spec.parameters else {}
    for name, tried in spec.search.items():
        if name == IMAGES:
            raise PluginError(f"{spec.name} searches {name!r}, the budget, which is the same for every trial")
        if name not in fields:
            raise PluginError(f"{spec.name} searches {name!r}, which is none of its parameters")
        for value in _ends(spec, name, tried):
            if not takes(spec, name, value):
                raise PluginError(f"{spec.name} searches {name!r} where it does not take {value!r}")


def space_of(spec: MethodSpec, fixed: Collection[str] = ()) -> dict[str, Range | Choice]:
    """Return what a search tries of a method, by the name of the parameter, but for parameters that somebody fixes.

    Raises:
        UsageError: nothing is left to try.
        PluginError: what the method says makes no sense.
    """
    check_space(spec)
    space = {name: tried for name, tried in spec.search.items() if name not in fixed}
    if not spec.search:
        raise UsageError(f"{spec.name} declares nothing to tune: MethodSpec.search of its plugin is empty")
    if not space:
        raise UsageError(f"there is nothing left to tune: every parameter that {spec.name} searches is set")
    return space


def is_whole(tried: Range) -> bool:
    """Return whether a range is of whole numbers."""
    return isinstance(tried.low, int) and isinstance(tried.high, int)


def value_at(tried: Range | Choice, number: Any) -> Any:
    """Return the value that a search means by a number: of a choice it is an index."""
    if isinstance(tried, Choice):
        return tried.values[number]
    if is_whole(tried):
        return int(number)
    return min(max(float(f"{number:.{DIGITS}g}"), tried.low), tried.high)


def number_of(tried: Range | Choice, value: Any) -> Any:
    """Return by which number a search means a value; None where it is none that the search tries."""
    if isinstance(tried, Choice):
        return tried.values.index(value) if value in tried.values else None
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return value if is_number and tried.low <= value <= tried.high else None


def in_words(tried: Range | Choice) -> str:
    """Return what is tried as people say it: `0.0001 to 0.01, by factors`."""
    if isinstance(tried, Choice):
        return ", ".join(value if isinstance(value, str) else json.dumps(value) for value in tried.values)
    how = "whole numbers" if is_whole(tried) else ""
    return ", ".join(filter(None, (f"{tried.low:g} to {tried.high:g}", how, "by factors" if tried.log else "")))


def as_settings(values: Mapping[str, Any]) -> tuple[str, ...]:
    """Return values as they are typed after `--set`."""
    return tuple(f"{name}={value if isinstance(value, str) else json.dumps(value)}" for name, value in values.items())


def _ends(spec: MethodSpec, name: str, tried: Range | Choice) -> tuple[Any, ...]:
    """Return the values that must be taken for all to be: every choice, and both ends of a range."""
    if isinstance(tried, Choice):
        if len(tried.values) < 2:
            raise PluginError(f"{spec.name} searches {name!r} among fewer than two values")
        return tried.values
    if not isinstance(tried, Range):
        raise PluginError(f"{spec.name} searches {name!r} by {tried!r}: give a petbench.Range or petbench.Choice")
    numbers = [end for end in (tried.low, tried.high) if isinstance(end, int | float) and not isinstance(end, bool)]
    if len(numbers) < 2 or not all(map(math.isfinite, numbers)) or not tried.low < tried.high:
        raise PluginError(f"{spec.name} searches {name!r} from {tried.low!r} to {tried.high!r}, which is no range")
    if tried.log and tried.low <= 0:
        raise PluginError(f"{spec.name} searches {name!r} by factors from {tried.low!r}: begin above 0")
    return (tried.low, tried.high)
