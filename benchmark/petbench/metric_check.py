"""Whether what a plugin gives as a metric is one: asked of what a hook returns, and of what a metric is for a task."""

from __future__ import annotations

from typing import TYPE_CHECKING

from petbench.errors import PluginError, plain_line
from petbench.metric_spec import API_VERSION, MetricSpec
from petbench_leaderboard import storable

if TYPE_CHECKING:
    from collections.abc import Callable

_FILLED = ("name", "convention_id", "region")
_LINES = ("unit", "label", "detail", "summary")
_TEXTS = ("formula", "source", "hides")
_FLAGS = ("shown", "of_regions")
_WHOLE = ("decimals", "place")


def checked_metric(spec: object, name: str | None = None) -> MetricSpec:
    """Return a metric, once it can be scored, stored and shown.

    Args:
        spec: what a plugin gives.
        name: of the metric that it must be; None for any.

    Raises:
        PluginError: what is wrong with it, in one line.
    """
    if not isinstance(spec, MetricSpec):
        raise PluginError(f"{plain_line(repr(spec), 80)} is no MetricSpec, and so no metric")
    called = plain_line(repr(spec.name), 80)
    if name is not None and spec.name != name:
        raise PluginError(f"the metric {called} is not called {name!r}; a metric has one name for every task")
    if spec.api != API_VERSION:
        raise PluginError(
            f"the metric {called} is for API {spec.api!r} of metrics, this petbench has API {API_VERSION}"
        )
    for field, is_right, wanted in _CHECKS:
        value = getattr(spec, field)
        if not is_right(value):
            raise PluginError(f"the metric {called} has {field} {plain_line(repr(value), 80)}; give {wanted}")
    return spec


def _is_line(value: object) -> bool:
    return _is_text(value) and "\n" not in str(value) and "\t" not in str(value)


def _is_text(value: object) -> bool:
    if not isinstance(value, str):
        return False
    try:
        storable.check(value)
    except ValueError:
        return False
    return True


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and storable.is_number(value)


_CHECKS: tuple[tuple[str, Callable[[object], bool], str], ...] = (
    *((field, lambda value: _is_line(value) and bool(str(value).strip()), "one line of text") for field in _FILLED),
    *((field, _is_line, "text of one line, or an empty one") for field in _LINES),
    *((field, _is_text, "text") for field in _TEXTS),
    *((field, lambda value: isinstance(value, bool), "True or False") for field in _FLAGS),
    *(
        (field, lambda value: isinstance(value, int) and not isinstance(value, bool), "a whole number")
        for field in _WHOLE
    ),
    ("higher_is_better", lambda value: value is None or isinstance(value, bool), "True, False or None"),
    ("best_value", lambda value: value is None or _is_number(value), "a number or None"),
    ("measure", callable, "a function of a case"),
    ("for_task", lambda value: value is None or callable(value), "a function of a task, or None"),
)
"""Of each field: what it must be, and what to give instead."""
