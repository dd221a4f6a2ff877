"""The organs of chest, belly and pelvis."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from petbench_phantom.parts import Part
from petbench_phantom.paths import tubes
from petbench_phantom.shapes import Column, Common, Ellipsoid, Half, Slices, Spheroid, Together, Tube, mirrored

if TYPE_CHECKING:
    from collections.abc import Sequence

    from petbench_phantom.parts import Sex
    from petbench_phantom.shapes import Point


_AORTA: tuple[tuple[Point, ...], tuple[float, ...]] = (
    (
        (0.4, -1.8, 52.0),
        (-0.7, -2.6, 56.0),
        (-0.2, -1.6, 58.8),
        (0.9, 0.8, 59.2),
        (1.5, 2.5, 56.5),
        (1.5, 3.0, 46.0),
        (1.0, 2.6, 34.0),
        (0.9, 2.4, 22.0),
    ),
    (1.45, 1.45, 1.35, 1.30, 1.30, 1.30, 1.20, 1.10),
)
"""Its middle line from the valve over the arch to the bifurcation, and its radius."""


def chest() -> list[Part]:
    """Return lungs, ribs, heart and the vessels at it."""
    wall = Column((0, 0, 33), (0, 0, 68), (13.9, 7.9), (12.6, 7.7))
    lung = Together(
        tuple(
            Common(Ellipsoid((side * 7.9, 0.2, 43.5), (5.6, 7.4, 23.0)), (Half((0, 0, -1), -43.5), wall))
            for side in (-1, 1)
        )
    )
    cage = Common(
        Column((0, 0, 35), (0, 0, 66), (14.8, 8.6), (13.4, 8.4)),
        (Slices(35.1, 2.8, 1.3),),
        (wall, Tube((0, -8.5, 30), (0, -8.5, 48), 4.0)),
    )
    axis = (0.67, -0.50, -0.55)
    norm = math.sqrt(sum(step * step for step in axis))
    unit = (axis[0] / norm, axis[1] / norm, axis[2] / norm)
    left = (2.2, -3.2, 48.5)
    return [
        Part("lungs", lung),
        Part("ribs", cage),
        Part("sternum", Common(Ellipsoid((0, -8.0, 57.0), (2.0, 0.8, 9.0)))),
        Part("trachea", Tube((0, -0.8, 57), (0, -2.6, 73), 0.9)),
        Part("oesophagus", Tube((0.5, 1.6, 44), (0, 0.7, 72), 0.95)),
        Part("heart_blood", Ellipsoid((-1.8, -3.9, 48.6), (4.3, 3.1, 4.5))),
        Part("heart_blood", Ellipsoid((0.4, -0.6, 51.6), (3.3, 2.4, 2.9))),
        Part("myocardium", Spheroid(left, unit, 4.9, 3.25, -2.2)),
        Part("heart_blood", Spheroid(left, unit, 3.7, 2.10, -2.3)),
        *(Part("aorta", tube) for tube in tubes(*_AORTA)),
        Part("vena_cava", Tube((-1.7, 2.5, 22), (-1.9, 1.2, 44), 1.3)),
        Part("vena_cava", Tube((-2.2, -2.0, 52), (-2.2, -1.8, 62), 1.2)),
    ]


def abdomen(bowel: Sequence[Part]) -> list[Part]:
    """Return the organs of the belly, those in front of the bowel after it."""
    liver = Common(
        Column((0, 0, 26.5), (0, 0, 43.5), (13.7, 7.7), (13.7, 7.7)),
        (Half((1 / 33, 1 / 45, -1 / 43), -1.0), Ellipsoid((-3.0, 0.2, 35.6), (12.8, 9.6, 10.4))),
    )
    kidney = mirrored(Ellipsoid((6.0, 4.5, 32.5), (2.8, 2.6, 5.4)))
    renal_pelvis = mirrored(Ellipsoid((4.6, 4.2, 32.5), (0.9, 0.8, 2.0)))
    return [
        Part("liver", liver),
        *bowel,
        Part("stomach", Spheroid((7.2, -3.4, 35.2), (0.32, -0.25, 0.914), 7.2, 3.2)),
        Part("stomach", Tube((5.2, -4.2, 30.0), (0.8, -3.8, 30.0), 1.9)),
        Part("gallbladder", Ellipsoid((-4.4, -5.0, 28.6), (1.5, 1.5, 2.8))),
        Part("spleen", Ellipsoid((10.3, 3.2, 37.0), (3.0, 2.3, 5.6))),
        Part("pancreas", Tube((-2.2, -0.9, 30.8), (2.5, -0.6, 33.2), 1.35)),
        Part("pancreas", Tube((2.5, -0.6, 33.2), (8.2, 1.2, 34.8), 1.0)),
        Part("adrenals", mirrored(Ellipsoid((4.2, 4.6, 38.6), (1.2, 0.5, 1.6)))),
        Part("kidneys", kidney),
        Part("renal_pelvis", renal_pelvis),
    ]


def pelvis(sex: Sex, bladder_millilitres: float) -> list[Part]:
    """Return the bladder with its urine and the organs of one sex."""
    radius = (bladder_millilitres * 3 / (4 * math.pi * 1.25 * 0.85)) ** (1 / 3)
    bladder = Part("bladder", Ellipsoid((0, -3.6, 4.2 + radius * 0.85), (radius * 1.25, radius, radius * 0.85)))
    if sex == "F":
        womb = Ellipsoid((0, -0.2, 10.0), (2.4, 2.0, 3.4))
        return [Part("uterus", womb), bladder]
    sac = Ellipsoid((0, -7.6, -2.0), (3.6, 3.4, 3.6))
    return [
        Part("subcutaneous_fat", sac),
        Part("testes", mirrored(Ellipsoid((1.5, -8.0, -2.3), (1.2, 1.4, 2.0)))),
        Part("prostate", Ellipsoid((0, -2.6, 2.6), (2.2, 1.6, 1.9))),
        bladder,
    ]
