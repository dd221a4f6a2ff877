"""What is compared, and how much is spent on it: the published networks, or what two CPU cores can train.

Both methods have one profile: the same networks, the same grid of learning rates, the same budgets. Everything that the
two share is written out here, so that no default of either method can change the experiment.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from petbench_leaderboard.tracks import TRACKS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from petbench.engine_settings import Precision

ProfileName = Literal["full", "reduced", "trial"]
RunSet = Literal["equal-images", "equal-seconds", "converged"]

NORM = "none"
"""The normalisation layers of the reduced networks, for both methods."""

SUV_CLIP = 200
"""The SUV at the upper end of the intensity map: above every voxel of the training and validation participants of
fdg-phantom-60, whose largest is 158, so that no target is clipped."""

RATES = (2e-4, 5e-4, 1e-3)
"""The grid of learning rates, one for both methods: the authors' own, and two larger ones for short trainings."""

RATE_SEED = 0
"""The one seed that the rates are compared with."""

COMPLETE_SEEDS = 5
"""With fewer seeds the page says that it is not complete."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """Parameters and budgets of both methods.

    Attributes:
        name: `full`, `reduced` or `trial`.
        dataset: that it is meant for.
        split: of that dataset's participants.
        settings: parameters of both methods, on top of the preset.
        budgets: of each set of runs. The rates are compared under that of `equal-images`.
        until_converged: parameters of the runs that train until validation no longer improves. Their budget is large
            enough that it should not be what ends them, and their rate does not fall with it.
        preset: of pix2pix and of CycleGAN, which gives both the same generator and discriminator.
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

    @property
    def is_reduced(self) -> bool:
        """Whether the networks are narrower than the published ones."""
        return self.name != "full"


_COMMON: Mapping[str, object] = MappingProxyType(
    {"generator": "unet", "residual": False, "dropout": True, "batch_size": 16, "suv_clip": SUV_CLIP}
)
_NARROW: Mapping[str, object] = MappingProxyType(
    {
        **_COMMON,
        "depth": 5,
        "width": 16,
        "norm": NORM,
        "discriminator_layers": 2,
        "discriminator_width": 16,
        "shift_voxels": 4,
    }
)

FULL = Profile(
    name="full",
    dataset="fdg-phantom",
    split="cv6",
    settings={
        **_COMMON,
        "depth": 7,
        "width": 64,
        "norm": "batch",
        "discriminator_layers": 3,
        "discriminator_width": 64,
        "shift_voxels": 8,
    },
    budgets={**_TRACKS, "converged": "images=1200000"},
    until_converged={**_UNTIL_CONVERGED, "validations": 120},
)
"""unet_128 and PatchGAN-70, as published."""

REDUCED = Profile(
    name="reduced",
    dataset="fdg-phantom-60",
    split="holdout",
    settings=_NARROW,
    budgets={**_TRACKS, "converged": "images=400000"},
    until_converged={**_UNTIL_CONVERGED, "validations": 80},
)
