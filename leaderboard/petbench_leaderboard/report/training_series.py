"""What the log of a training holds to be drawn: losses, validations and the balance of adversaries, by images seen."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Series: TypeAlias = "dict[str, tuple[list[float], list[float]]]"
"""By name: images seen, and the value then."""

KINDS: Mapping[str, tuple[str, str, str | None]] = {
    "losses": ("Losses", "step", "losses"),
    "balance": ("Adversarial share of the loss", "step", "gan_share"),
    "validation": ("Validation", "validation", None),
}
"""What can be drawn: title, event of the log, and the field that its values are in; None for the event itself."""

_MOST_POINTS = 600
_MOST_IMAGES = 1e15  # a larger number in a log is damage, and would be none that a chart can draw
_WIDE = 20.0  # curves that differ by more are drawn on a logarithmic axis


def training_series(events: Iterable[Mapping[str, Any]], kind: str) -> Series:
    """Return the curves of one of `KINDS`, thinned; empty where the log has none.

    Args:
        events: of the log. A method can write anything into it: what is no finite number is passed over.
        kind: which.
    """
    _, event, field = KINDS[kind]
    found: Series = defaultdict(lambda: ([], []))
    for line in events:
        images = line.get("images")
        if line.get("event") != event or not isinstance(images, int | float) or abs(images) > _MOST_IMAGES:
            continue
        values = line.get(field, {}) if field else line
        for name, value in values.items() if isinstance(values, Mapping) else ():
            if isinstance(value, float) and not str(name).endswith("seconds") and value - value == 0.0:
                found[str(name)][0].append(float(images))
                found[str(name)][1].append(value)
    return {name: (_thinned(images), _thinned(values)) for name, (images, values) in found.items()}


def is_wide(values: Sequence[float]) -> bool:
    """Return whether curves need a logarithmic axis."""
    return min(values) > 0 and max(values) > _WIDE * min(values)


def _thinned(values: Sequence[float]) -> list[float]:
    step = max(1, len(values) // _MOST_POINTS)
    return list(values[::step])
