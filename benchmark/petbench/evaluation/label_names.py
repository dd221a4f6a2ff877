"""One name, one region: two labels of one organ are one organ, two lesions of one name are two lesions."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    Labels = NDArray[np.int16]


def merged(labels: Labels, names: Mapping[int, str]) -> tuple[Labels, Mapping[int, str]]:
    """Return organ labels in which every name has one number: the smallest of those that bear it."""
    first: dict[str, int] = {}
    for index in sorted(names):
        first.setdefault(names[index], index)
    if len(first) == len(names):
        return labels, names
    joined = labels.copy()
    for index, name in names.items():
        if index != first[name]:
            joined[labels == index] = first[name]
    return joined, {index: name for name, index in first.items()}


def numbered(names: Mapping[int, str]) -> dict[int, str]:
    """Return the names of lesions, those that several bear numbered from 1 in the labels' order: `low_liver-1`."""
    repeated = {name for name, count in Counter(names.values()).items() if count > 1}
    seen: Counter[str] = Counter()
    told: dict[int, str] = {}
    for index in sorted(names):
        name = names[index]
        seen[name] += 1
        told[index] = f"{name}-{seen[name]}" if name in repeated else name
    return told
