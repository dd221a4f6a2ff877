"""Learning-rate schedules: the factor on an optimizer's own rate, from the share of the budget that is spent.

They depend on the share and on nothing else, so that a schedule means the same for every budget, in images or in
seconds, and a resumed training goes on where it was.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    Schedule = Callable[[float], float]


def constant(*, warm_up: float = 0.0) -> Schedule:
    """Keep the rate.

    Args:
        warm_up: share of the budget over which the rate rises in a straight line from 0.
    """
    return lambda spent: _rise(spent, warm_up)


def linear_decay(start: float = 0.5, *, warm_up: float = 0.0) -> Schedule:
    """Keep the rate up to a share of the budget, then let it fall in a straight line to 0 at the end.

    Args:
        start: the share after which it falls.
        warm_up: share of the budget over which the rate rises in a straight line from 0.
    """

    def factor(spent: float) -> float:
        falling = 1.0 if spent <= start else max(0.0, (1.0 - spent) / (1.0 - start))
        return falling * _rise(spent, warm_up)

    return factor


def cosine(*, warm_up: float = 0.0, end: float = 0.0) -> Schedule:
    """Let the rate fall along half a cosine. Loshchilov, Hutter, ICLR 2017, arXiv:1608.03983, without restarts.

    Args:
        warm_up: share of the budget over which the rate rises in a straight line from 0 before it falls.
        end: factor at the end of the budget.
    """

    def factor(spent: float) -> float:
        if spent < warm_up:
            return _rise(spent, warm_up)
        through = min(1.0, (spent - warm_up) / (1.0 - warm_up)) if warm_up < 1 else 1.0
        return end + (1.0 - end) * 0.5 * (1.0 + math.cos(math.pi * through))

    return factor


def _rise(spent: float, warm_up: float) -> float:
    return min(1.0, spent / warm_up) if warm_up > 0 else 1.0
