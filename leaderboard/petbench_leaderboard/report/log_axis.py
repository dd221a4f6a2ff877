"""Where a logarithmic axis ends and which of its values are labelled, the same on the site and in figures.

The libraries label powers of ten, of which an axis of less than a decade has one or none. Here it always has at least
three labels within it, at the roundest numbers that there are.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

FEWEST, MOST = 3, 9
"""Labels of an axis."""

_MARGIN = 0.06
"""Of the axis, in logarithms, beyond the values at each end."""

_SMALLEST_MARGIN = math.log10(1.3)
"""Where all values are one, or nearly: an axis needs a length."""

_MULTIPLES: tuple[Sequence[float], ...] = ((1.0,), (1.0, 3.0), (1.0, 2.0, 5.0), (1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 7.0))
_STEPS = (1.0, 2.0, 2.5, 5.0)


def log_ends(values: Sequence[float], margin: float = _MARGIN) -> tuple[float, float]:
    """Return where an axis ends that holds positive values with a margin."""
    low, high = math.log10(min(values)), math.log10(max(values))
    beyond = max(margin * (high - low), _SMALLEST_MARGIN - (high - low), 0.01)
    return 10.0 ** (low - beyond), 10.0 ** (high + beyond)


def log_ticks(low: float, high: float) -> list[float]:
    """Return the labelled values of a logarithmic axis from `low` to `high`, both positive: between 3 and 9."""
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for multiples in _MULTIPLES:
        found = [multiple * 10.0**decade for decade in decades for multiple in multiples]
        found = [float(f"{value:.12g}") for value in found if low <= value <= high]
        if len(found) >= FEWEST:
            return found[:: math.ceil(len(found) / MOST)]
    return _even_ticks(low, high)


def _even_ticks(low: float, high: float) -> list[float]:
    """Return the coarsest multiples of a round step of which three lie on an axis: of one so short, even ones."""
    decade = math.ceil(math.log10(high - low))
    for size in (step * 10.0**power for power in range(decade, decade - 3, -1) for step in reversed(_STEPS)):
        first, last = math.ceil(low / size - 1e-9), math.floor(high / size + 1e-9)
        if last - first + 1 >= FEWEST:
            return [float(f"{place * size:.12g}") for place in range(first, last + 1)]
    return [low, math.sqrt(low * high), high]


def set_log_axis(axes: Axes, which: Literal["x", "y"], values: Sequence[float]) -> None:
    """Make an axis of matplotlib logarithmic, with labels where positive values lie.

    Args:
        axes: whose axis.
        which: of the two.
        values: all that is drawn along it.
    """
    from matplotlib.ticker import FixedLocator, NullLocator

    low, high = log_ends(values)
    axes.set(**{f"{which}scale": "log", f"{which}lim": (low, high)})
    axis = axes.xaxis if which == "x" else axes.yaxis
    axis.set_major_locator(FixedLocator(log_ticks(low, high)))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(lambda value, _: f"{value:,.12g}")
