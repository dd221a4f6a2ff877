"""A body of the MIRD-5 / Cristy-Eckerman family: which solid is which organ.

Shapes follow ORNL/TM-8381 (1987) and MIRD Pamphlet 5, with the changes that an FDG image needs: arms beside a
narrower trunk, a left ventricle with a wall, white matter, basal ganglia, vessels, glands. Centimetres; the origin
is the centre of the trunk's base; x to the Left, y to Posterior, z to the head. Later parts cover earlier ones.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from petbench_phantom.bowel import bowel
from petbench_phantom.head import head
from petbench_phantom.outline import active_muscles, outline
from petbench_phantom.parts import Part
from petbench_phantom.skeleton import joints, skeleton
from petbench_phantom.torso import abdomen, chest, pelvis
from petbench_phantom.vessels import ureters, vessels

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np

    from petbench_phantom.parts import Sex
    from petbench_phantom.shapes import Point

TEMPLATE_HEIGHT_CENTIMETRES = 174.0
"""From the soles to the crown of the unscaled body."""

_HEAD_SHARE = 0.25


def head_width(width: float) -> float:
    """Return the width of the head over the template's, for a trunk of `width`: heads differ a quarter as much."""
    return 1 + _HEAD_SHARE * (width - 1)


def body(sex: Sex, scales: Mapping[str, float], bladder_millilitres: float, random: np.random.Generator) -> list[Part]:
    """Return the parts of one body in the order in which they are painted.

    Args:
        sex: chooses the organs that differ.
        scales: linear size of an organ over the template's, by organ; 1 where absent.
        bladder_millilitres: urine at the time of the scan, in template coordinates.
        random: what is individual in shape: the bowel, which muscles work, where the ureters hold urine.
    """
    parts = [
        *outline(sex),
        *active_muscles(random),
        *joints(),
        *vessels(),
        *skeleton(),
        *chest(),
        *ureters(random),
        *abdomen(bowel(random)),
        *pelvis(sex, bladder_millilitres),
        *head(),
    ]
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
    "small_bowel": (0.0, -2.0, 18.5),
    "colon": (0.0, -1.0, 17.0),
    "stomach": (6.4, -3.5, 34.0),
    "pancreas": (2.5, -0.3, 33.0),
}
"""About what an organ of several parts grows; a single part grows about the middle of its box."""
