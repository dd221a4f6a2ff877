"""What the paper reports: the only numbers here that petbench did not measure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

BETTER, OTHER = "pix2pix", "cyclegan"
"""The methods compared, in the order of the paper's ranking."""

METHODS = (BETTER, OTHER)

REFERENCES = ("identity", "scale", "kinetic", "ridge")
"""Methods without a network: the paper has none of them."""


@dataclass(frozen=True, slots=True)
class Reported:
    """One row of the paper's Table 2.

    Attributes:
        psnr_decibels: in a convention that the paper does not state.
        fid: likewise.
    """

    psnr_decibels: float
    fid: float


REPORTED: Mapping[str, Reported] = {BETTER: Reported(57.85, 4.953), OTHER: Reported(47.45, 17.33)}

REPORTED_GAP_DECIBELS = REPORTED[BETTER].psnr_decibels - REPORTED[OTHER].psnr_decibels
"""10.4 dB, 3.3 times the root mean square error. A peak enters both numbers alike, so the gap holds for any."""
