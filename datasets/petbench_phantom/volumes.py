"""How large organs are, in people and in the unscaled body."""

from __future__ import annotations

VOLUMES_MILLILITRES: dict[str, tuple[tuple[float, float], tuple[float, float]]] = {
    "brain": ((1275, 98), (1455, 104)),
    "liver": ((1432, 225), (1707, 270)),
    "spleen": ((171, 68), (238, 103)),
    "kidneys": ((257, 50), (310, 60)),
    "pancreas": ((75, 18), (87, 22)),
    "heart": ((554, 87), (740, 111)),
    "lungs": ((2543, 420), (3187, 520)),
    "stomach": ((192, 53), (201, 44)),
    "small_bowel": ((727, 174), (878, 216)),
    "colon": ((784, 180), (793, 190)),
    "thyroid": ((10, 2.6), (14, 3.7)),
    "adrenals": ((4.2, 1.0), (7.3, 1.6)),
}
"""Organ volumes, (women, men), each median and standard deviation: CT and MR masks of hedyPET (doi
10.57967/hf/9560). The spread of the lungs is not from there, and that of the colon is narrowed to fit the belly."""

TEMPLATE_MILLILITRES: dict[str, float] = {
    "brain": 1501,
    "liver": 1345,
    "spleen": 158,
    "kidneys": 330,
    "pancreas": 58,
    "heart": 438,
    "lungs": 3533,
    "stomach": 372,
    "small_bowel": 755,
    "colon": 798,
    "thyroid": 14.2,
    "adrenals": 8.2,
}
"""What the unscaled body has of the same organs, measured on a 2.5 mm grid."""

BLADDER_MILLILITRES = (100.0, 0.40)
"""Median and log standard deviation of the urine at the early frame; half a millilitre more each minute."""
