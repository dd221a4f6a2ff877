"""Skin, fat and flesh, and the muscles that work harder than others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from petbench_phantom.parts import Part
from petbench_phantom.paths import mirrored_points, tubes
from petbench_phantom.shapes import Column, Common, Ellipsoid, Half, mirrored

if TYPE_CHECKING:
    import numpy as np

    from petbench_phantom.parts import Sex
    from petbench_phantom.shapes import Point, Shape

LEG_TILT = 0.05
"""How far a leg leans inwards a centimetre of its length."""

_MUSCLES: tuple[tuple[tuple[Point, ...], tuple[float, ...]], ...] = (
    # trapezius, psoas, erector spinae, forearm flexors, calf
    (((1.2, 4.6, 76.0), (3.2, 4.6, 70.5), (8.5, 4.4, 67.2), (13.5, 3.2, 66.2)), (0.8, 1.0, 1.0, 0.8)),
    (((3.1, 4.0, 30.0), (4.0, 3.6, 21.0), (5.4, 1.6, 12.0), (7.6, -1.6, 4.0)), (0.9, 1.9, 1.8, 1.1)),
    (((2.7, 7.4, 10.0), (3.2, 7.8, 24.0), (2.8, 7.6, 40.0)), (1.2, 1.4, 1.1)),
    (((20.0, -1.0, 28.0), (20.5, -1.0, 18.0), (20.8, 0.0, 6.0)), (1.2, 1.1, 0.7)),
    (((7.4, 2.8, -44.0), (6.8, 3.0, -52.0), (6.2, 2.4, -62.0)), (1.9, 1.9, 1.0)),
)
"""Middle lines of muscle groups on the left, and radii in centimetres."""

_WORKED = 0.35
"""How often a group has worked before or during uptake, so that it shows."""


def outline(sex: Sex) -> list[Part]:
    """Return skin and fat, flesh, and the fat of the belly."""
    skin = [Part("subcutaneous_fat", shape, "skin") for shape in _surface(0.0)]
    flesh = [Part("muscle", shape) for shape in _surface(1.25)]
    breasts = [Part("breast", mirrored(Ellipsoid((8.5, -8.2, 52.0), (4.6, 4.2, 4.2))), "skin")]
    belly = Common(
        Column((0, -1.6, 3), (0, -0.6, 43), (10.4, 5.6), (12.6, 6.9)),
        (Half((0, 1, 0), 3.4), Ellipsoid((0, -1.0, 21.5), (13.2, 9.0, 20.5))),
    )
    return [*skin, *(breasts if sex == "F" else []), *flesh, Part("visceral_fat", belly)]


def active_muscles(random: np.random.Generator) -> list[Part]:
    """Return the muscle groups that show in the person to whom `random` belongs, each on both sides."""
    worked = random.random(len(_MUSCLES)).tolist()
    parts = []
    for (line, radii), draw in zip(_MUSCLES, worked, strict=True):
        if draw < _WORKED:
            pieces = [*tubes(line, radii, steps=3), *tubes(mirrored_points(line), radii, steps=3)]
            parts += [Part("active_muscle", piece) for piece in pieces]
    return parts


def _surface(inset: float) -> list[Shape]:
    """Return the body's outline, or the outline of the flesh under `inset` centimetres of skin and fat."""
    trunk = Column((0, 0, -1), (0, 0, 63), (17.2 - inset, 10.3 - inset), (17.2 - inset, 10.3 - inset))
    shoulders = Ellipsoid((0, 0.3, 62.5), (18.6 - inset, 9.4 - inset, 7.6 - inset))
    neck = Column(
        (0, 0.8, 66), (0, 0.6, 79), (6.3 - 0.7 * inset, 6.6 - 0.7 * inset), (6.0 - 0.7 * inset, 6.8 - 0.7 * inset)
    )
    face = Column(
        (0, -1.4, 74.6),
        (0, -0.2, 85.5),
        (5.2 - 0.3 * inset, 6.6 - 0.3 * inset),
        (7.7 - 0.3 * inset, 10.4 - 0.3 * inset),
    )
    crown = Ellipsoid((0, -0.2, 85.5), (7.7 - 0.3 * inset, 10.4 - 0.3 * inset, 9.1 - 0.3 * inset))
    arm = mirrored(
        Column(
            (21.0, 0.5, -6),
            (19.4, 0.5, 63),
            (2.9 - 0.6 * inset, 3.2 - 0.6 * inset),
            (4.2 - 0.6 * inset, 4.8 - 0.6 * inset),
        )
    )
    foot = 9.2 - 80 * LEG_TILT
    leg = mirrored(
        Column((foot, 0.8, -80), (9.2, 0, 0.5), (3.8 - 0.5 * inset, 4.0 - 0.5 * inset), (9.3 - inset, 9.6 - inset))
    )
    toes = mirrored(Ellipsoid((foot, -5.0, -77.0), (3.6 - 0.5 * inset, 9.0 - 0.5 * inset, 3.4 - 0.5 * inset)))
    hips = Ellipsoid((0, 0.2, 1.0), (18.4 - inset, 10.6 - inset, 10.0 - inset))
    joint = mirrored(Ellipsoid((19.2, 0.5, 62.0), (4.3 - inset, 4.9 - inset, 4.9 - inset)))
    hand = mirrored(Ellipsoid((21.2, 0.3, -9.5), (2.2 - 0.4 * inset, 3.6 - 0.4 * inset, 8.0)))
    return [trunk, hips, shoulders, joint, neck, face, crown, arm, hand, leg, toes]
