"""Values that are costly to make, kept for as long as the arrays that they are made from live."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

Value = TypeVar("Value")


class ByArrays(Generic[Value]):
    """Keeps one value for some arrays, which nobody may write into: the images, body and labels of a case.

    Cases of one participant that differ in the prediction alone share what depends on the rest.
    """

    def __init__(self) -> None:
        self._kept: dict[tuple[int, ...], Value] = {}

    def get(self, make: Callable[[], Value], *arrays: NDArray[Any]) -> Value:
        """Return what `make` made of these very arrays; it is forgotten with the first of them."""
        key = tuple(id(array) for array in arrays)
        if key not in self._kept:
            self._kept[key] = make()
            for array in arrays:
                weakref.finalize(array, self._kept.pop, key, None)
        return self._kept[key]
