"""The bowel of one person: a colon that frames the belly, and small bowel in loops that nobody else has.

Loops are a walk inside the belly that keeps away from where it has been. Lengths and calibres follow radiological
norms (small bowel 2.5 cm, colon 4 to 5 cm across on the right and 3 cm on the left).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from petbench_phantom.parts import Part
from petbench_phantom.paths import tubes

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy as np

    from petbench_phantom.shapes import Point

_MIDDLE, _REACH = (-0.2, -2.0, 18.3), (7.4, 3.5, 7.8)  # of the ellipsoid that holds the middle line of the loops
_BEGIN: Point = (3.2, -1.2, 25.0)  # where the duodenum ends
_LOOPS = 56
_STEP = (3.2, 5.2)  # cm from one turn to the next, least and most
_CANDIDATES = 24
_SPREAD = (1.0, 0.35, 1.0)  # loops lie mostly side by side, less behind each other
_CALIBRE = 1.22

_COLON: tuple[tuple[Point, float], ...] = (
    ((-8.4, -2.2, 11.0), 2.0),
    ((-9.2, -1.4, 15.0), 2.5),
    ((-9.6, -0.6, 20.5), 2.3),
    ((-9.2, 0.2, 26.0), 2.1),
    ((-6.4, -3.2, 26.6), 1.9),
    ((-2.6, -4.6, 24.8), 1.8),
    ((1.6, -4.8, 24.6), 1.7),
    ((5.6, -4.0, 26.8), 1.7),
    ((9.2, -0.8, 30.2), 1.7),
    ((10.2, 0.8, 26.5), 1.5),
    ((10.2, 0.8, 19.5), 1.4),
    ((9.8, -0.2, 12.5), 1.4),
    ((7.2, -1.6, 9.2), 1.35),
    ((4.4, -2.4, 11.6), 1.35),
    ((1.4, -0.6, 11.4), 1.4),
    ((0.9, 2.2, 8.6), 1.5),
    ((0.3, 3.6, 5.2), 1.7),
    ((0.0, 3.0, 2.4), 1.3),
)
"""The middle line of the colon from caecum to anus, and its radius."""


def bowel(random: np.random.Generator) -> list[Part]:
    """Return the small bowel and the colon of the person to whom `random` belongs."""
    loops = [_BEGIN, *_walk(random)]
    small = tubes(loops, [_CALIBRE] * len(loops), steps=3)
    large = tubes(*_colon(random), steps=5, waist=0.16)
    return [*(Part("small_bowel", tube) for tube in small), *(Part("colon", tube) for tube in large)]


def _walk(random: np.random.Generator) -> Iterator[Point]:
    """Yield the turns of the loops: of the places that one step can reach, the one farthest from the path."""
    path = [_BEGIN]
    for turn in range(_LOOPS):
        # Jejunum lies up and to the left, ileum down and to the right.
        part = turn / (_LOOPS - 1)
        pull = (3.0 - 5.0 * part, 0.0, 3.6 - 6.6 * part)
        draws = random.random((_CANDIDATES, 4)).tolist()
        found = [_candidate(path[-1], draw) for draw in draws]
        path.append(max(found, key=lambda point: _room(point, path, pull)))
        yield path[-1]


def _candidate(last: Point, draw: Sequence[float]) -> Point:
    """Return a place within one step of `last`, moved back into the belly."""
    length = _STEP[0] + (_STEP[1] - _STEP[0]) * draw[3]
    way = [(2.0 * value - 1.0) * share for value, share in zip(draw[:3], _SPREAD, strict=True)]
    size = max(math.sqrt(sum(value * value for value in way)), 1e-3)
    x, y, z = (a + length * value / size for a, value in zip(last, way, strict=True))
    away = [(a - b) / c for a, b, c in zip((x, y, z), _MIDDLE, _REACH, strict=True)]
    square = sum(value * value for value in away)
    if square <= 1.0:
        return (x, y, z)
    shrink = 1.0 / math.sqrt(square)
    x, y, z = (b + c * value * shrink for b, c, value in zip(_MIDDLE, _REACH, away, strict=True))
    return (x, y, z)


def _room(point: Point, path: Sequence[Point], pull: Point) -> float:
    """Return how free a place is: its distance from the path, less its distance from where this part should lie."""
    nearest = min(_square(point, other) for other in path)
    target = (_MIDDLE[0] + pull[0], _MIDDLE[1] + pull[1], _MIDDLE[2] + pull[2])
    return min(nearest, 9.0) - 0.06 * _square(point, target)


def _colon(random: np.random.Generator) -> tuple[list[Point], list[float]]:
    """Return the colon's line, its transverse part sagging and its sigmoid looping as this person's do."""
    sag, loop = (float(value) for value in random.random(2))
    shifts = (2.0 * random.random((len(_COLON), 3)) - 1.0).tolist()
    points = []
    for index, ((x, y, z), _) in enumerate(_COLON):
        dx, dy, dz = shifts[index]
        down = 4.5 * sag if index in (5, 6) else 2.0 * sag if index in (4, 7) else 0.0
        side = 3.0 * (loop - 0.5) if index in (13, 14) else 0.0
        points.append((x + 0.4 * dx + side, y + 0.4 * dy, z + 0.5 * dz - down))
    return points, [radius for _, radius in _COLON]


def _square(first: Point, second: Point) -> float:
    x, y, z = first[0] - second[0], first[1] - second[1], first[2] - second[2]
    return x * x + y * y + z * z
