"""Large vessels beside aorta and vena cava, and the ureters."""

from __future__ import annotations

from typing import TYPE_CHECKING

from petbench_phantom.parts import Part
from petbench_phantom.paths import mirrored_points, tubes

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

    from petbench_phantom.shapes import Point, Tube

_PAIRED: tuple[tuple[tuple[Point, ...], tuple[float, ...]], ...] = (
    # common and external iliac, femoral, popliteal artery
    (
        ((0.9, 2.4, 22.5), (4.2, 1.0, 15.0), (7.0, -3.0, 6.0), (7.8, -4.4, 0.0), (5.4, -2.2, -20.0), (5.6, 2.6, -38.0)),
        (0.60, 0.55, 0.50, 0.45, 0.40, 0.35),
    ),
    # the veins beside them
    (
        (
            (-1.2, 2.6, 22.0),
            (3.4, 2.2, 14.5),
            (6.2, -2.4, 6.0),
            (6.8, -4.0, 0.0),
            (4.8, -1.4, -20.0),
            (5.0, 3.0, -38.0),
        ),
        (0.70, 0.65, 0.60, 0.55, 0.45, 0.40),
    ),
    # common carotid
    (((0.9, -1.2, 59.0), (2.4, -0.4, 67.0), (2.7, 0.6, 73.0), (2.9, 0.8, 78.5)), (0.45, 0.40, 0.38, 0.30)),
    # brachiocephalic and internal jugular vein
    (((1.6, -3.0, 62.0), (3.6, -0.6, 67.0), (3.7, 0.2, 73.0), (3.3, 1.0, 79.0)), (0.65, 0.60, 0.55, 0.40)),
    # subclavian and axillary vessels
    (((1.2, -2.0, 62.5), (6.0, -2.2, 66.0), (11.5, -0.8, 64.8), (16.4, 0.6, 59.0)), (0.60, 0.55, 0.50, 0.45)),
    # pulmonary arteries and veins to the roots of the lungs
    (((0.3, -2.4, 53.6), (2.6, -0.8, 53.4), (4.6, 0.2, 52.2), (6.4, 1.0, 48.5)), (1.20, 1.00, 0.80, 0.45)),
    (((4.0, 0.0, 53.0), (6.0, -0.4, 56.5), (7.2, -0.6, 60.5)), (0.75, 0.50, 0.35)),
)
"""Middle lines on the left, from the heart outwards, and radii in centimetres."""

_URETER: tuple[Point, ...] = (
    (4.4, 4.0, 30.6),
    (3.8, 3.6, 25.0),
    (4.0, 2.4, 18.5),
    (4.8, 1.4, 13.0),
    (4.2, -0.8, 8.5),
    (1.6, -2.2, 6.4),
)
_URETER_RADIUS = 0.28
_FILLED = 0.45
"""The share of a ureter that holds urine at one moment: it moves in single boluses."""


def vessels() -> list[Part]:
    """Return the large arteries and veins of neck, chest, belly and legs."""
    return [Part("vessels", tube) for line, radii in _PAIRED for tube in _both_sides(line, radii)]


def ureters(random: np.random.Generator) -> list[Part]:
    """Return the stretches of both ureters that hold urine in the person to whom `random` belongs."""
    pieces = _both_sides(_URETER, (_URETER_RADIUS,) * len(_URETER))
    filled = random.random(len(pieces)).tolist()
    return [Part("ureters", piece) for piece, draw in zip(pieces, filled, strict=True) if draw < _FILLED]


def _both_sides(line: Sequence[Point], radii: Sequence[float]) -> list[Tube]:
    return [*tubes(line, radii, steps=3), *tubes(mirrored_points(line), radii, steps=3)]
