"""Radioactive decay of the nuclides that PET uses."""

from __future__ import annotations

import math
import re

HALF_LIFE_SECONDS = {
    "F18": 6586.2,
    "C11": 1221.8,
    "N13": 597.9,
    "O15": 122.24,
    "Ga68": 4062.6,
    "Rb82": 75.45,
    "Cu64": 45723.6,
    "Zr89": 282240.0,
    "I124": 360806.4,
    "Sc44": 14292.0,
    "Br76": 58320.0,
    "Y86": 53064.0,
}
"""Half-lives in seconds: F-18 109.77 min (as scanners write it), the others from DDEP and NNDC evaluations."""

_ELEMENTS = {
    "fluorine": "F",
    "fluor": "F",
    "carbon": "C",
    "nitrogen": "N",
    "oxygen": "O",
    "gallium": "Ga",
    "rubidium": "Rb",
    "copper": "Cu",
    "zirconium": "Zr",
    "iodine": "I",
    "scandium": "Sc",
    "bromine": "Br",
    "yttrium": "Y",
}


def nuclide(text: str) -> str:
    """Return a nuclide's name as `F18`, however it is written: `18F`, `F-18`, `^18^Fluorine`, `[18F]`, `Fluorine-18`.

    A text that names no element and mass comes back as it is.
    """
    match = re.search(r"(?:([A-Za-z]+)\W*(\d{1,3})|(\d{1,3})\W*([A-Za-z]+))", text)
    if match is None:
        return text
    element, mass = (match[1], match[2]) if match[1] else (match[4], match[3])
    return f"{_ELEMENTS.get(element.lower(), element.capitalize())}{int(mass)}"


def element_names(radionuclide: str) -> frozenset[str]:
    """Return how the element of a nuclide such as `F18` is written, in lower case: `f`, `fluorine`."""
    symbol = re.sub(r"[^A-Za-z]", "", radionuclide)
    return frozenset({symbol.lower(), *(name for name, other in _ELEMENTS.items() if other == symbol)})


def without_nuclide(text: str, radionuclide: str) -> str:
    """Return a text without the names of a nuclide such as `F18`, however they are written: `18F`, `Fluorine-18`."""
    mass, element = (
        re.sub(r"\D", "", radionuclide),
        "|".join(sorted(element_names(radionuclide), key=len, reverse=True)),
    )
    return re.sub(rf"(?i)\b(?:{mass}\W*(?:{element})|(?:{element})\W*{mass})(?![a-z0-9])", "", text)


def remaining(seconds: float, half_life_seconds: float) -> float:
    """Return the part of an activity that is left after `seconds`; more than 1 for negative `seconds`."""
    return math.exp2(-seconds / half_life_seconds)


def mean_over_frame(duration_seconds: float, half_life_seconds: float) -> float:
    """Return the mean activity during a frame as a part of that at its start: (1 - exp(-lT)) / lT."""
    exponent = math.log(2.0) * duration_seconds / half_life_seconds
    return -math.expm1(-exponent) / exponent if exponent > 0.0 else 1.0


def average_count_seconds(duration_seconds: float, half_life_seconds: float) -> float:
    """Return when, after its start, a frame's activity equals its mean over the frame (QIBA's Tave)."""
    return -math.log2(mean_over_frame(duration_seconds, half_life_seconds)) * half_life_seconds
