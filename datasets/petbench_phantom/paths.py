"""Curved organs: a smooth line through given points, as short straight tubes.

The line is a Catmull-Rom spline (Catmull and Rom 1974): additions and multiplications alone, so that every machine
gives the same points.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from petbench_phantom.shapes import Tube

if TYPE_CHECKING:
    from collections.abc import Sequence

    from petbench_phantom.shapes import Point


def spline(points: Sequence[Point], steps: int) -> list[Point]:
    """Return points along a smooth line that begins at the first, passes through all, and ends at the last.

    Args:
        points: two or more.
        steps: how many pieces lie between two neighbours.
    """
    around = [points[0], *points, points[-1]]
    line = [points[0]]
    for index in range(1, len(around) - 2):
        before, first, second, after = around[index - 1 : index + 3]
        for step in range(1, steps + 1):
            t = step / steps
            line.append(_between(before, first, second, after, t))
    return line


def tubes(points: Sequence[Point], radii: Sequence[float], steps: int = 4, waist: float = 0.0) -> list[Tube]:
    """Return the tubes along a smooth line through `points`.

    Args:
        points: two or more.
        radii: at each of them, in centimetres; in between they change linearly.
        steps: how many tubes lie between two neighbours.
        waist: how much thinner, as a part, every other tube is: the bulges of the colon.
    """
    line = spline(points, steps)
    result = []
    for place, (start, stop) in enumerate(pairwise(line)):
        index, part = divmod((place + 0.5) / steps, 1.0)
        radius = radii[int(index)] + part * (radii[int(index) + 1] - radii[int(index)])
        result.append(Tube(start, stop, radius * (1.0 - waist * (place % 2))))
    return result


def mirrored_points(points: Sequence[Point]) -> list[Point]:
    """Return the points on the other side of the body."""
    return [(-x, y, z) for x, y, z in points]


def _between(before: Point, first: Point, second: Point, after: Point, t: float) -> Point:
    def blend(a: float, b: float, c: float, d: float) -> float:
        return 0.5 * (2.0 * b + t * (c - a + t * (2.0 * a - 5.0 * b + 4.0 * c - d + t * (3.0 * (b - c) + d - a))))

    x, y, z = (blend(*values) for values in zip(before, first, second, after, strict=True))
    return (x, y, z)
