"""A body of the MIRD-5 / Cristy-Eckerman family: which solid is which organ.

Shapes follow ORNL/TM-8381 (1987) and MIRD Pamphlet 5, with the changes that an FDG image needs: arms beside a
narrower trunk, a left ventricle with a wall, white matter, basal ganglia, vessels, glands. Centimetres; the origin
is the centre of the trunk's base; x to the Left, y to Posterior, z to the head. Later parts cover earlier ones.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from petbench_phantom.shapes import (
    Column,
    Common,
    Ellipsoid,
    Folded,
    Half,
    Ring,
    Slices,
    Spheroid,
    Together,
    Tube,
    mirrored,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from petbench_phantom.shapes import Point, Shape

Frame = Literal["skin", "lean"]
Sex = Literal["F", "M"]

TEMPLATE_HEIGHT_CENTIMETRES = 174.0
"""From the soles to the crown of the unscaled body."""

_LEG_TILT = 0.05
_HEAD_SHARE = 0.25


def head_width(width: float) -> float:
    """Return the width of the head over the template's, for a trunk of `width`: heads differ a quarter as much."""
    return 1 + _HEAD_SHARE * (width - 1)


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of an organ.

    Attributes:
        organ: its name in the table of organs.
        shape: in template coordinates.
        frame: whether it grows with the body's outline or with its lean mass.
        centre: the point about which `scale` enlarges it.
        scale: linear size over the template's.
    """

    organ: str
    shape: Shape
    frame: Frame = "lean"
    centre: Point = (0.0, 0.0, 0.0)
    scale: float = 1.0


def body(sex: Sex, scales: Mapping[str, float], bladder_millilitres: float) -> list[Part]:
    """Return the parts of one body in the order in which they are painted.

    Args:
        sex: chooses the organs that differ.
        scales: linear size of an organ over the template's, by organ; 1 where absent.
        bladder_millilitres: urine at the time of the scan, in template coordinates.
    """
    parts = [*_outline(sex), *_skeleton(), *_chest(), *_abdomen(), *_pelvic(sex, bladder_millilitres), *_head()]
    return [_scaled(part, scales) for part in parts]


def _scaled(part: Part, scales: Mapping[str, float]) -> Part:
    group = _GROUPS.get(part.organ, part.organ)
    if group not in scales:
        return part
    centre = _CENTRES.get(group)
    if centre is None:
        box = part.shape.bounds()
        centre = ((box[0] + box[1]) / 2, (box[2] + box[3]) / 2, (box[4] + box[5]) / 2)
    return Part(part.organ, part.shape, part.frame, centre, scales[group])


_GROUPS = {
    **dict.fromkeys(("skull", "grey_matter", "white_matter", "basal_ganglia", "cerebellum", "csf"), "brain"),
    **dict.fromkeys(("myocardium", "heart_blood"), "heart"),
    "renal_pelvis": "kidneys",
}
"""Organs that grow together."""

_CENTRES: dict[str, Point] = {
    "brain": (0.0, 0.0, 85.0),
    "heart": (0.5, -3.2, 48.5),
    "lungs": (0.0, 0.0, 48.0),
    "small_bowel": (0.0, -1.5, 19.0),
    "colon": (0.0, -1.5, 18.0),
    "stomach": (6.4, -3.5, 34.0),
    "pancreas": (2.5, -0.3, 33.0),
}
"""About what an organ of several parts grows; a single part grows about the middle of its box."""


def _outline(sex: Sex) -> list[Part]:
    skin = [Part("subcutaneous_fat", shape, "skin") for shape in _surface(0.0)]
    flesh = [Part("muscle", shape) for shape in _surface(1.25)]
    breasts = [Part("breast", mirrored(Ellipsoid((8.5, -8.2, 52.0), (4.6, 4.2, 4.2))), "skin")]
    belly = Common(Column((0, -1.6, 3), (0, -0.6, 43), (9.8, 5.4), (12.4, 6.8)), (Half((0, 1, 0), 3.4),))
    return [*skin, *(breasts if sex == "F" else []), *flesh, Part("visceral_fat", belly)]


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
    foot = 9.2 - 80 * _LEG_TILT
    leg = mirrored(
        Column((foot, 0.8, -80), (9.2, 0, 0.5), (3.8 - 0.5 * inset, 4.0 - 0.5 * inset), (9.3 - inset, 9.6 - inset))
    )
    toes = mirrored(Ellipsoid((foot, -5.0, -77.0), (3.6 - 0.5 * inset, 9.0 - 0.5 * inset, 3.4 - 0.5 * inset)))
    hips = Ellipsoid((0, 0.2, 1.0), (18.4 - inset, 10.6 - inset, 10.0 - inset))
    joint = mirrored(Ellipsoid((19.2, 0.5, 62.0), (4.3 - inset, 4.9 - inset, 4.9 - inset)))
    hand = mirrored(Ellipsoid((21.2, 0.3, -9.5), (2.2 - 0.4 * inset, 3.6 - 0.4 * inset, 8.0)))
    return [trunk, hips, shoulders, joint, neck, face, crown, arm, hand, leg, toes]


def _skeleton() -> list[Part]:
    pelvis = Common(
        Column((0, -3, 0), (0, -3, 22), (12.0, 12.0), (12.0, 12.0)),
        (Half((0, -1, 0), 3.0), Together((Half((0, 1, 0), 5.0), Half((0, 0, -1), -14.0))), Half((0, 1, 0), 8.4)),
        (Column((0, -3.8, -1), (0, -3.8, 23), (11.2, 11.2), (11.2, 11.2)),),
    )
    blades = Common(
        Column((0, 0, 50.9), (0, 0, 65.5), (15.6, 9.0), (15.6, 9.0)),
        (
            Half((0, -1, 0), -3.2),
            Together((Half((-1, 0.62, 0), -3.0), Half((1, 0.62, 0), -3.0))),
        ),
        (Column((0, 0, 50), (0, 0, 68), (14.7, 8.3), (14.7, 8.3)),),
    )
    knee = 9.2 - 40 * _LEG_TILT
    ankle = 9.2 - 78 * _LEG_TILT
    return [
        Part("hip", pelvis),
        Part("vertebrae", Column((0, 5.9, 8), (0, 5.5, 22), (3.6, 1.7), (2.2, 2.3))),
        Part("vertebrae", Column((0, 5.4, 22), (0, 4.6, 68), (2.1, 2.4), (1.9, 2.2))),
        Part("vertebrae", Column((0, 4.2, 68), (0, 2.6, 79), (1.5, 1.8), (1.5, 1.8))),
        Part("femur", mirrored(Column((knee, 0.4, -40), (9.2, 0.2, 1.0), (1.9, 1.9), (2.3, 2.3)))),
        Part("femur", mirrored(Tube((9.0, 0.2, -1.0), (8.0, 0.0, 4.0), 2.2))),
        Part("tibia", mirrored(Column((ankle, 1.0, -78), (knee, 0.4, -40), (1.3, 1.3), (1.9, 1.9)))),
        Part("humerus", mirrored(Column((19.9, 0.5, 30), (17.6, 0.5, 64), (1.2, 1.3), (1.6, 1.7)))),
        Part("forearm", mirrored(Column((20.8, 0.5, -2), (19.9, 0.5, 30), (1.0, 1.1), (1.2, 1.3)))),
        Part("scapula", blades),
        Part("clavicle", mirrored(Tube((1.6, -6.0, 65.0), (14.5, -1.5, 66.8), 0.75))),
    ]


def _chest() -> list[Part]:
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
        Part("aorta", Tube((0.9, 2.4, 22), (1.0, 2.6, 56), 1.35)),
        Part("aorta", Tube((0.9, 2.4, 56), (-0.6, -2.6, 57.5), 1.35)),
        Part("aorta", Tube((-0.6, -2.6, 57.5), (0.2, -2.0, 52.5), 1.35)),
        Part("vena_cava", Tube((-1.7, 2.5, 22), (-1.9, 1.2, 44), 1.3)),
        Part("vena_cava", Tube((-2.2, -2.0, 52), (-2.2, -1.8, 62), 1.2)),
    ]


def _abdomen() -> list[Part]:
    liver = Common(
        Column((0, 0, 26.5), (0, 0, 43.5), (13.7, 7.7), (13.7, 7.7)),
        (Half((1 / 33, 1 / 45, -1 / 43), -1.0), Ellipsoid((-3.0, 0.2, 35.6), (12.8, 9.6, 10.4))),
    )
    kidney = mirrored(Ellipsoid((6.0, 4.5, 32.5), (2.8, 2.6, 5.4)))
    pelvis = mirrored(Ellipsoid((4.6, 4.2, 32.5), (0.9, 0.8, 2.0)))
    across = Tube((-8.8, -3.0, 26.0), (9.0, -3.2, 27.5), 1.75)
    return [
        Part("liver", liver),
        *(Part("small_bowel", loop) for loop in _loops()),
        Part("colon", Column((-9.4, -1.4, 11.5), (-9.2, -1.4, 25.5), (2.2, 2.4), (2.2, 2.4))),
        Part("colon", across),
        Part("colon", Column((9.3, -0.8, 9.0), (9.6, -0.8, 27.0), (1.7, 1.9), (1.7, 1.9))),
        Part("colon", Common(Ring((5.2, 0.6, 9.0), 3.9, 1.6), (Half((0, 0, 1), 9.0),))),
        Part("colon", Tube((1.3, 0.8, 9.0), (0.0, 3.0, 3.0), 1.6)),
        Part("stomach", Spheroid((7.2, -3.4, 35.2), (0.32, -0.25, 0.914), 7.2, 3.2)),
        Part("stomach", Tube((5.2, -4.2, 30.0), (0.8, -3.8, 30.0), 1.9)),
        Part("gallbladder", Ellipsoid((-4.4, -5.0, 28.6), (1.5, 1.5, 2.8))),
        Part("spleen", Ellipsoid((10.3, 3.2, 37.0), (3.0, 2.3, 5.6))),
        Part("pancreas", Tube((-2.2, -0.9, 30.8), (2.5, -0.6, 33.2), 1.35)),
        Part("pancreas", Tube((2.5, -0.6, 33.2), (8.2, 1.2, 34.8), 1.0)),
        Part("adrenals", mirrored(Ellipsoid((4.2, 4.6, 38.6), (1.2, 0.5, 1.6)))),
        Part("kidneys", kidney),
        Part("renal_pelvis", pelvis),
    ]


def _loops() -> list[Shape]:
    """Return the small bowel: two layers of loops from side to side, joined at their ends."""
    loops: list[Shape] = []
    for depth, steepness in ((-4.1, 1.0), (-0.6, -1.0)):
        for row, slope in enumerate((0.9, -0.7, 1.1, 0.2, -1.0)):
            tilt = steepness * slope
            height, side = 11.6 + 3.15 * row, 1.0 if row % 2 == 0 else -1.0
            reach = 5.2 + 0.35 * row
            end = (side * reach, depth, height + tilt)
            loops.append(Tube((-side * reach, depth, height - tilt), end, 1.32))
            if row < 4:
                loops.append(Tube(end, (side * (reach + 0.35), depth, height + 3.15 + tilt), 1.25))
    return loops


def _pelvic(sex: Sex, bladder_millilitres: float) -> list[Part]:
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


def _head() -> list[Part]:
    return [
        Part("skull", Ellipsoid((0, -0.2, 86.25), (7.3, 10.0, 7.95))),
        Part("csf", Ellipsoid((0, -0.2, 86.55), (6.35, 9.0, 6.8))),
        Part("grey_matter", Ellipsoid((0, -0.2, 86.6), (6.1, 8.75, 6.55))),
        Part("white_matter", Folded((2.75, -0.2, 87.0), (2.3, 6.9, 4.7), 0.14, 1.55)),
        Part("white_matter", Folded((-2.75, -0.2, 87.0), (2.3, 6.9, 4.7), 0.14, 1.55)),
        Part("basal_ganglia", mirrored(Ellipsoid((1.9, -0.8, 86.2), (1.1, 2.3, 1.6)))),
        Part("csf", mirrored(Ellipsoid((0.7, 1.0, 88.2), (0.45, 2.6, 1.0)))),
        Part("cerebellum", Ellipsoid((0, 5.0, 81.4), (4.7, 3.0, 2.4))),
        Part("spinal_cord", Tube((0, 4.0, 80.5), (0, 6.4, 62), 0.65)),
        Part("spinal_cord", Tube((0, 6.4, 62), (0, 6.9, 28), 0.65)),
        Part("tongue", Ellipsoid((0, -3.8, 78.8), (2.3, 2.8, 1.6))),
        Part("salivary_glands", mirrored(Ellipsoid((4.9, 1.2, 78.4), (0.9, 1.5, 2.0)))),
        Part("thyroid", mirrored(Ellipsoid((1.8, -2.9, 71.5), (0.85, 0.9, 2.2)))),
    ]
