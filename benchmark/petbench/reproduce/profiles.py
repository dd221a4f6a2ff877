"""How much is spent: all that the paper's setting asks for, or what two CPU cores can give in half an hour."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from petbench.contract import Budget

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from petbench.engine_settings import Precision

ProfileName = Literal["full", "reduced"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """Parameters and budget of both methods.

    Attributes:
        name: `full` or `reduced`.
        preset: of pix2pix and of CycleGAN, which gives both the same generator and discriminator.
        settings: what is set on top of the preset, the same for both methods.
        budget: the same for both methods; None is the preset's.
        precision: of the networks' arithmetic.
    """

    name: ProfileName
    preset: str = "paper"
    settings: Sequence[str] = field(default_factory=tuple)
    budget: Budget | None = None
    precision: Precision = "bf16"


FULL = Profile(name="full")

REDUCED = Profile(
    name="reduced",
    preset="mini",
    settings=("norm=none", "batch_size=4", "validations=2"),
    budget=Budget(images=4_000),
)
"""A quarter of the width is a sixteenth of the arithmetic, and five levels of the U-Net in place of seven.

Small batches make more steps of few images. Batch norm does not bear them: one brain or bladder among a few slices
sets their statistics, the running ones are those of no image, and what is predicted with them is useless.
"""

PROFILES: Mapping[str, Profile] = {profile.name: profile for profile in (FULL, REDUCED)}


def default_profile(device_type: str) -> Profile:
    """Return what fits a kind of device: everything on `cuda`, the reduced budget elsewhere."""
    return FULL if device_type == "cuda" else REDUCED
