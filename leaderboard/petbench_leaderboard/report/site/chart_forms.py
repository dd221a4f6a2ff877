"""Charts that are laid out once and filled for every run: laying one out takes far longer than all its numbers."""

from __future__ import annotations

import itertools
import json
import uuid
from typing import TYPE_CHECKING, Any, TypeAlias

from bokeh.embed import json_item

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bokeh.plotting import figure as Figure

Content: TypeAlias = "str | float | Sequence[str] | Sequence[float]"

_MARK = uuid.uuid4().hex  # no text of a plugin or a user is a place by accident
_copies = itertools.count()


def list_place(name: str) -> list[str]:
    """Return a place for a list: of numbers, or of texts."""
    return [text_place(name)]


def text_place(name: str) -> str:
    """Return a place for one text."""
    return f"{_MARK}-{name}"


def number_place(name: str) -> float:
    """Return a place for one number, where Bokeh takes nothing else: one too small to be anything measured."""
    return int.from_bytes(name.encode(), "big") * 1e-300


def numbers_place(name: str) -> list[float]:
    """Return a place for a list of numbers, where Bokeh takes no text in it."""
    return [number_place(name)]


class ChartForm:
    """A chart whose places are filled with what belongs to one run.

    Args:
        chart: laid out, with `list_place`, `text_place` and `number_place` where something is to be filled in.
    """

    def __init__(self, chart: Figure) -> None:
        self._item: dict[str, Any] = json.loads(json.dumps(json_item(chart)))  # tuples as the lists that they become

    def filled(self, **content: Content) -> dict[str, Any]:
        """Return what the page hands to Bokeh's script; parts have names of their own, so that a page may hold several.

        Args:
            content: of every place, by its name.

        Raises:
            KeyError: a place of the chart was given nothing.
        """
        places: dict[str | float, Content] = {}
        for name, value in content.items():
            places |= {text_place(name): value, number_place(name): value}
        filled: dict[str, Any] = _filled(self._item, places, f"-{next(_copies)}")
        return filled


def _filled(node: Any, places: Mapping[str | float, Content], copy: str) -> Any:
    if isinstance(node, dict):
        return {
            key: value + copy if key in ("id", "root_id") else _filled(value, places, copy)
            for key, value in node.items()
        }
    if isinstance(node, list):
        if len(node) == 1 and isinstance(node[0], str) and node[0].startswith(_MARK):
            return list(places[node[0]])  # type: ignore[arg-type] # a list was asked for
        if len(node) == 1 and isinstance(node[0], float) and isinstance(numbers := places.get(node[0]), list):
            return list(numbers)
        return [_filled(each, places, copy) for each in node]
    if isinstance(node, str) and node.startswith(_MARK):
        return places[node]
    return places.get(node, node) if isinstance(node, float) else node
