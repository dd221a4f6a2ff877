"""Every labelled organ: its rates, the SUV wanted of it, who it varies with, its texture and what it is made of.

Attenuation at 511 keV and densities are the standard values for soft tissue, fat, lung and bone. `early` and `delayed`
are the SUV put into the phantom; where the measured region is blurred by its neighbours or blurs away itself they
differ from `targets`, so that the *reconstructed* region agrees with it (see `regions`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from petbench_phantom.kinetics import Rates

Kind = Literal["tissue", "blood", "urine", "myocardium", "urethra"]


@dataclass(frozen=True, slots=True)
class Organ:
    """One label.

    Attributes:
        label: its number in the label image.
        name: its name there.
        early, delayed: mean SUV over people, 7-21 and 42-63 min.
        rates: of the population; None for what is not tissue.
        region: the measured region (`targets`) whose spread and correlations it has.
        alone: standard deviation of what it varies by itself beyond its region, in log SUV.
        texture: standard deviation of the uptake within it, as a fraction.
        attenuation: 1/cm at 511 keV.
        density: g/mL.
        kind: how its curve is made.
    """

    label: int
    name: str
    early: float
    delayed: float
    rates: Rates | None
    region: str
    alone: float = 0.0
    texture: float = 0.10
    attenuation: float = 0.096
    density: float = 1.05
    kind: Kind = "tissue"


_ALONE = 0.04
"""What an organ that shares a measured region with another varies by itself."""

_SOFT, _FAT, _LUNG, _BONE, _MIXED = 0.096, 0.0895, 0.0265, 0.15, 0.125

_MUSCLE = Rates(0.0204, 0.1653, 0.0214, 0.0035, 0.06)
_FAT_RATES = Rates(0.0123, 0.1123, 0.0109, 0.0082, 0.033)
_FEMUR = Rates(0.0119, 0.1860, 0.0403, 0.0016, 0.06)
_HUMERUS = Rates(0.0090, 0.1085, 0.0263, 0.0018, 0.045)
_PORTAL, _BOWEL = 18.0, 15.0

ORGANS: tuple[Organ, ...] = (
    Organ(1, "subcutaneous_fat", 0.607, 0.475, _FAT_RATES, "Subcutaneous fat", attenuation=_FAT, density=0.95),
    Organ(2, "muscle", 0.741, 0.685, _MUSCLE, "Skeletal muscle"),
    Organ(
        3,
        "visceral_fat",
        0.972,
        0.949,
        Rates(0.0836, 0.3514, 0.022, 0.0, 0.03),
        "Visceral fat",
        texture=0.15,
        attenuation=_FAT,
        density=0.95,
    ),
    Organ(
        4,
        "breast",
        0.89,
        0.76,
        Rates(0.03, 0.16, 0.012, 0.002, 0.02),
        "Subcutaneous fat",
        alone=_ALONE,
        attenuation=_FAT,
        density=0.98,
    ),
    Organ(
        5, "skull", 0.819, 0.924, Rates(0.0334, 0.1348, 0.0440, 0.0059, 0.06), "Skull", attenuation=_BONE, density=1.5
    ),
    Organ(
        6,
        "vertebrae",
        1.38,
        1.61,
        Rates(0.0865, 0.4202, 0.0322, 0.0042, 0.06),
        "Vertebral column",
        attenuation=_MIXED,
        density=1.25,
    ),
    Organ(7, "ribs", 1.74, 1.66, Rates(0.0491, 0.2736, 0.0240, 0.0083, 0.06), "Ribs", attenuation=_MIXED, density=1.3),
    Organ(8, "hip", 1.22, 1.34, Rates(0.0479, 0.3357, 0.0358, 0.0036, 0.06), "Hip", attenuation=_MIXED, density=1.3),
    Organ(9, "femur", 0.458, 0.516, _FEMUR, "Femur", attenuation=_BONE, density=1.4),
    Organ(
        10,
        "tibia",
        0.4,
        0.33,
        Rates(0.0095, 0.10, 0.0065, 0.002, 0.01),
        "Femur",
        alone=_ALONE,
        attenuation=_BONE,
        density=1.4,
    ),
    Organ(11, "humerus", 0.372, 0.437, _HUMERUS, "Humerus", attenuation=_BONE, density=1.4),
    Organ(
        12,
        "forearm",
        0.42,
        0.38,
        Rates(0.0095, 0.10, 0.0065, 0.002, 0.01),
        "Humerus",
        alone=_ALONE,
        attenuation=_BONE,
        density=1.4,
    ),
    Organ(
        13,
        "scapula",
        0.779,
        0.948,
        Rates(0.0248, 0.2056, 0.0280, 0.0044, 0.06),
        "Scapula",
        attenuation=_MIXED,
        density=1.3,
    ),
    Organ(
        14,
        "clavicle",
        0.924,
        0.916,
        Rates(0.0221, 0.1724, 0.0264, 0.0079, 0.06),
        "Clavicula",
        attenuation=_MIXED,
        density=1.3,
    ),
    Organ(
        15,
        "sternum",
        1.2,
        1.15,
        Rates(0.0865, 0.4202, 0.0322, 0.0042, 0.06),
        "Ribs",
        alone=_ALONE,
        attenuation=_MIXED,
        density=1.2,
    ),
    Organ(16, "spinal_cord", 0.41, 0.74, Rates(0.0195, 0.1297, 0.0570, 0.0085, 0.06), "Spinal Cord", texture=0.05),
    Organ(17, "grey_matter", 7.03, 11.3, Rates(0.1046, 0.0926, 0.0798, 0.0120, 0.06), "Gray matter", texture=0.12),
    Organ(
        18,
        "white_matter",
        2,
        3.03,
        Rates(0.0507, 0.2671, 0.0594, 0.007, 0.057),
        "Gray matter",
        alone=_ALONE,
        texture=0.06,
    ),
    Organ(
        19,
        "basal_ganglia",
        5.6,
        9.9,
        Rates(0.112, 0.105, 0.105, 0.0120, 0.05),
        "Gray matter",
        alone=_ALONE,
        texture=0.06,
    ),
    Organ(
        20, "cerebellum", 5, 7.6, Rates(0.105, 0.110, 0.075, 0.0120, 0.05), "Gray matter", alone=_ALONE, texture=0.10
    ),
    Organ(21, "csf", 0.8, 0.6, _MUSCLE, "Skeletal muscle", alone=_ALONE, texture=0.0, density=1.0),
    Organ(
        22,
        "lungs",
        0.985,
        0.611,
        Rates(0.0137, 0.1972, 0.0212, 0.0, 0.198),
        "Lungs",
        texture=0.15,
        attenuation=_LUNG,
        density=0.30,
    ),
    Organ(23, "myocardium", 4.2, 4.5, Rates(0.45, 0.90, 0.045, 0.001, 0.12), "Heart", texture=0.10, kind="myocardium"),
    Organ(24, "heart_blood", 3.76, 2.08, None, "Aorta", alone=_ALONE, texture=0.02, kind="blood"),
    Organ(25, "aorta", 4.14, 2.29, None, "Aorta", alone=_ALONE, texture=0.02, kind="blood"),
    Organ(26, "vena_cava", 4.36, 2.41, None, "Vena cava", texture=0.02, kind="blood"),
    Organ(27, "liver", 4.06, 2.66, Rates(0.4667, 0.5548, 0.0052, 0.0035, 0.05, _PORTAL), "Liver", texture=0.06),
    Organ(
        28,
        "gallbladder",
        1.01,
        1.08,
        Rates(0.03, 0.16, 0.03, 0.0, 0.02, _PORTAL),
        "Gallbladder",
        texture=0.0,
        density=1.0,
    ),
    Organ(29, "stomach", 1.99, 1.81, Rates(0.0657, 0.2387, 0.0321, 0.0143, 0.10), "Stomach", texture=0.20),
    Organ(30, "spleen", 3.35, 2.4, Rates(0.2172, 0.4466, 0.0102, 0.0009, 0.20), "Spleen", texture=0.06),
    Organ(31, "pancreas", 2.08, 1.64, Rates(0.1127, 0.3367, 0.0164, 0.0048, 0.15), "Pancreas", texture=0.12),
    Organ(32, "kidneys", 5.87, 3.92, Rates(0.5070, 0.4501, 0.0060, 0.0, 0.20), "Kidneys", texture=0.15),
    Organ(
        33,
        "renal_pelvis",
        8.5,
        6,
        Rates(0.5070, 0.4501, 0.0060, 0.0, 0.05),
        "Kidneys",
        alone=_ALONE,
        texture=0.20,
        density=1.0,
    ),
    Organ(34, "adrenals", 2.6, 2, Rates(0.25, 0.55, 0.010, 0.005, 0.10), "Pancreas", alone=_ALONE, texture=0.05),
    Organ(
        35, "small_bowel", 2.5, 3.3, Rates(0.1769, 0.5414, 0.0308, 0.0, 0.02, _BOWEL), "Small intestine", texture=0.28
    ),
    Organ(36, "colon", 1.02, 1.4, Rates(0.0621, 0.3643, 0.0342, 0.0, 0.02, _BOWEL), "Colon", texture=0.28, density=1.0),
    Organ(37, "bladder", 22.4, 34.6, None, "Urinary bladder", texture=0.0, density=1.01, kind="urine"),
    Organ(
        38,
        "prostate",
        3.52,
        6.86,
        Rates(0.2052, 0.7847, 0.1570, 0.0061, 0.02),
        "Prostate",
        texture=0.10,
        kind="urethra",
    ),
    Organ(39, "uterus", 2, 1.9, Rates(0.08, 0.25, 0.02, 0.004, 0.06), "Skeletal muscle", alone=_ALONE),
    Organ(40, "testes", 2.9, 3, Rates(0.08, 0.17, 0.037, 0.003, 0.03), "Skeletal muscle", alone=_ALONE, texture=0.05),
    Organ(41, "thyroid", 2.76, 1.89, Rates(0.0896, 0.3248, 0.0145, 0.0044, 0.15), "Thyroid", texture=0.05),
    Organ(
        42, "salivary_glands", 2.6, 2.7, Rates(0.15, 0.32, 0.025, 0.004, 0.05), "Thyroid", alone=_ALONE, texture=0.10
    ),
    Organ(43, "tongue", 2.6, 3, Rates(0.12, 0.24, 0.045, 0.003, 0.06), "Esophagus", alone=_ALONE, texture=0.15),
    Organ(44, "oesophagus", 3.32, 2.75, Rates(0.0802, 0.1883, 0.0169, 0.0077, 0.10), "Esophagus", texture=0.10),
    Organ(45, "trachea", 0.575, 0.611, _MUSCLE, "Trachea", texture=0.0, attenuation=0.02, density=0.3),
    Organ(46, "ureters", 7.0, 11.0, Rates(0.40, 0.40, 0.03, 0.0, 0.05), "Kidneys", alone=0.45, density=1.0),
    Organ(47, "vessels", 3.95, 2.2, None, "Aorta", texture=0.02, kind="blood"),
    Organ(48, "joints", 0.95, 1.05, Rates(0.035, 0.20, 0.025, 0.004, 0.06), "Skeletal muscle", alone=0.25),
    Organ(49, "tonsils", 3.2, 4.1, Rates(0.12, 0.24, 0.045, 0.003, 0.06), "Esophagus", alone=0.25),
    Organ(50, "active_muscle", 1.15, 1.3, Rates(0.03, 0.165, 0.03, 0.0035, 0.06), "Skeletal muscle", alone=0.35),
)

BY_NAME = {organ.name: organ for organ in ORGANS}
