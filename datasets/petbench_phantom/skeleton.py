"""Bones, and the joints between them."""

from __future__ import annotations

from petbench_phantom.outline import LEG_TILT
from petbench_phantom.parts import Part
from petbench_phantom.shapes import Column, Common, Ellipsoid, Half, Together, Tube, mirrored


def skeleton() -> list[Part]:
    """Return the bones outside of the chest's cage."""
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
    knee = 9.2 - 40 * LEG_TILT
    ankle = 9.2 - 78 * LEG_TILT
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


def joints() -> list[Part]:
    """Return the capsules of shoulders, hips and knees; the bones in them are painted later."""
    capsules = (
        Ellipsoid((17.5, 0.5, 63.0), (2.5, 2.5, 2.6)),
        Ellipsoid((8.9, 0.2, 1.6), (3.1, 3.1, 3.1)),
        Ellipsoid((9.2 - 40 * LEG_TILT, 0.3, -40.5), (2.9, 2.9, 2.6)),
    )
    return [Part("joints", mirrored(capsule)) for capsule in capsules]
