"""Brain, skull, glands and lymphoid tissue of head and neck."""

from __future__ import annotations

from petbench_phantom.parts import Part
from petbench_phantom.shapes import Common, Ellipsoid, Folded, Half, Tube, mirrored


def head() -> list[Part]:
    """Return brain, skull, spinal cord, and what takes up the tracer in mouth and neck."""
    fissure = Common(Ellipsoid((0, -0.2, 88.0), (0.22, 8.6, 5.2)), (Half((0, 0, -1), -87.4),))
    return [
        Part("skull", Ellipsoid((0, -0.2, 86.25), (7.3, 10.0, 7.95))),
        Part("csf", Ellipsoid((0, -0.2, 86.55), (6.35, 9.0, 6.8))),
        Part("grey_matter", Folded((0, -0.2, 86.6), (6.05, 8.7, 6.5), 0.055, 2.3)),
        Part("csf", fissure),
        Part("white_matter", Folded((2.75, -0.2, 86.9), (2.35, 6.9, 4.7), 0.22, 2.1)),
        Part("white_matter", Folded((-2.75, -0.2, 86.9), (2.35, 6.9, 4.7), 0.22, 2.1)),
        Part("white_matter", Ellipsoid((0, -0.2, 87.0), (2.6, 3.6, 0.8))),
        Part("basal_ganglia", mirrored(Ellipsoid((1.9, -0.8, 86.2), (1.1, 2.3, 1.6)))),
        Part("csf", mirrored(Ellipsoid((0.7, 1.0, 88.2), (0.45, 2.6, 1.0)))),
        Part("cerebellum", Ellipsoid((0, 5.0, 81.4), (4.7, 3.0, 2.4))),
        Part("spinal_cord", Tube((0, 4.0, 80.5), (0, 6.4, 62), 0.65)),
        Part("spinal_cord", Tube((0, 6.4, 62), (0, 6.9, 28), 0.65)),
        Part("tongue", Ellipsoid((0, -3.8, 78.8), (2.3, 2.8, 1.6))),
        Part("tonsils", mirrored(Ellipsoid((2.1, -1.2, 77.4), (0.7, 0.9, 1.3)))),
        Part("salivary_glands", mirrored(Ellipsoid((4.9, 1.2, 78.4), (0.9, 1.5, 2.0)))),
        Part("thyroid", mirrored(Ellipsoid((1.8, -2.9, 71.5), (0.85, 0.9, 2.2)))),
    ]
