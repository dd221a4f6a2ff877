"""What is compared, and how much is spent on it: the published networks, or what two CPU cores can train.

Both methods have one profile: the same networks, the same grid of learning rates, the same budgets. All that they share
is written out here, so that no default of either method decides the comparison.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from petbench_leaderboard.tracks import TRACKS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from petbench.engine_settings import Precision

ProfileName = Literal["full", "reduced", "trial"]
RunSet = Literal["equal-images", "equal-seconds", "converged"]

NORM = "instance"
"""The normalisation layers of the narrower networks, for both methods: chosen on the validation participants of
fdg-phantom-60, as for the presets of small datasets."""

RATES = (2e-4, 5e-4, 1e-3)
"""The grid of learning rates, one for both methods: the authors' own, and two larger ones."""

LARGER_RATES = (2e-3, 5e-3)
"""Rates beyond the grid. No run of them is asked for and nothing is chosen from them: the page shows those that are on
the leaderboard, for who sees that a method is best at the edge of the grid asks what lies beyond."""

RATE_SEED = 0
"""The one seed that the rates are compared with."""

COMPLETE_SEEDS = 5
"""With fewer seeds the page says that it is not complete."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """Parameters and budgets of both methods.

    Attributes:
        name: `full`, `reduced` or `trial`.
        dataset: that it is made for.
        split: of that dataset's participants.
        settings: parameters of both methods, on top of the preset.
        budgets: of each set of runs; the rates are compared under that of `equal-images`.
        until_converged: parameters of the runs that train until validation no longer improves. Their rate does not fall
            with the budget, which is large enough that it should not be what ends them.
        preset: of pix2pix and of CycleGAN, for what is each one's own.
        precision: of the networks' arithmetic.
    """

    name: ProfileName
    dataset: str
    split: str
    settings: Mapping[str, object]
    budgets: Mapping[RunSet, str]
    until_converged: Mapping[str, object]
    preset: str = "paper"
    precision: Precision = "bf16"


_COMMON: Mapping[str, object] = {
    "generator": "unet",
    "residual": False,
    "dropout": True,
    "batch_size": 16,
    "decay_start": 0.5,
    "selection": "last",
    "suv_clip": "auto",
}
_NARROW: Mapping[str, object] = {
    **_COMMON,
    "depth": 5,
    "width": 16,
    "norm": NORM,
    "discriminator_layers": 2,
    "discriminator_width": 16,
    "shift_voxels": 4,
}
_PUBLISHED: Mapping[str, object] = {
    **_COMMON,
    "depth": 7,
    "width": 64,
    "norm": "batch",
    "discriminator_layers": 3,
    "discriminator_width": 64,
    "shift_voxels": 8,
}
_PATIENT: Mapping[str, object] = {"patience": 10, "validations": 100, "decay_start": 1.0, "selection": "best"}

FULL = Profile(
    name="full",
    dataset="fdg-phantom",
    split="cv6",
    settings=_PUBLISHED,
    budgets={
        "equal-images": TRACKS["equal-images"],
        "equal-seconds": TRACKS["equal-seconds"],
        "converged": "images=1200000",
    },
    until_converged=_PATIENT,
)
"""unet_128 and PatchGAN-70, the widths of the authors' code."""

REDUCED = Profile(
    name="reduced",
    dataset="fdg-phantom-60",
    split="holdout",
    settings=_NARROW,
    budgets={
        "equal-images": TRACKS["equal-images"],
        "equal-seconds": TRACKS["equal-seconds"],
        "converged": "images=400000",
    },
    until_converged=_PATIENT,
)
"""A quarter of the width is a sixteenth of the arithmetic, and five levels of the U-Net fit images of 64 by 64."""

TRIAL = Profile(
    name="trial",
    dataset="fdg-phantom-mini",
    split="holdout",
    settings={**_NARROW, "batch_size": 4},
    budgets={"equal-images": "images=64", "equal-seconds": "seconds=3", "converged": "images=96"},
    until_converged={**_PATIENT, "patience": 2, "validations": 6},
)
"""Every step of the experiment in minutes, to see that it runs. It trains nothing worth looking at."""

PROFILES: Mapping[str, Profile] = {profile.name: profile for profile in (FULL, REDUCED, TRIAL)}


def default_profile(device_type: str) -> Profile:
    """Return what fits a kind of device: the published widths on `cuda`, the narrower networks elsewhere."""
    return FULL if device_type == "cuda" else REDUCED
