"""Named settings of the GANs and of their generator alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from petbench import Choice, Range

if TYPE_CHECKING:
    from collections.abc import Mapping

    from petbench import DatasetShape

SMALL_DATASET_VOXELS = 20_000_000
"""Training voxels below which `mini` is chosen: four participants of the mini dataset have 1.6 million."""

MINI_GENERATOR: Mapping[str, object] = {
    "depth": 5,
    "width": 16,
    "norm": "instance",
    "residual": True,
    "learning_rate": 1e-3,
    "decay_start": 0.0,
    "batch_size": 4,
    "shift_voxels": 4,
    "images": 12_000,
}
"""For a coarse grid and two CPU cores: about a minute. Chosen on the validation participants of `fdg-phantom-60`
(docs/default-settings.md).

`residual` is what makes so short a training worth its while: the generator corrects the early image, and need not
first learn to copy it through a tanh. A batch of 4 takes four times as many optimizer steps as one of 16; after few
steps the generator has learnt to smooth and not yet which organ is which. Instance norm, since with batch norm a brain
or a bladder among few slices sets the statistics, and without norm the error falls more slowly.
"""

MINI: Mapping[str, object] = {**MINI_GENERATOR, "discriminator_layers": 2, "discriminator_width": 16}
"""A discriminator of the generator's width, whose patch of 34 coarse voxels is half of a body, not all of it."""

PAIRED_WEIGHT = 1000.0
"""Of the L1 term of `mini`. On the logarithmic scale from air to the hottest voxel the mean difference is near 0.005,
far less than between photographs: with the published weight of 100 the adversarial term is more than half of the
generator's loss, with this one a seventh."""

PAPER: Mapping[str, object] = {"batch_size": 16, "images": 600_000}
"""The comparison petbench repeats: unet_128 and PatchGAN-70 for both methods, each with its own loss."""

PIX2PIX: Mapping[str, Mapping[str, object]] = {
    "mini": {**MINI, "l1_weight": PAIRED_WEIGHT},
    "paper": PAPER,
    # Isola et al.: batch 1, batch norm on the test image's own statistics, dropout at test.
    "canonical": {"batch_size": 1, "images": 1_200_000, "norm_eval": "batch", "dropout_eval": True},
}

CYCLEGAN: Mapping[str, Mapping[str, object]] = {
    "mini": {**MINI, "images": 3_000},  # as many seconds: an image costs CycleGAN four times as much
    "paper": PAPER,
    # Zhu et al.: ResNet-6 (their rule for 128 pixels; `blocks=9` for 256), instance norm, no dropout, batch 1.
    "canonical": {
        "generator": "resnet",
        "blocks": 6,
        "norm": "instance",
        "dropout": False,
        "batch_size": 1,
        "images": 1_200_000,
    },
}

SUPCYCLEGAN: Mapping[str, Mapping[str, object]] = {
    **CYCLEGAN,
    "mini": {**CYCLEGAN["mini"], "paired_weight": PAIRED_WEIGHT / 2},  # the term stands there in both directions
}

CUT: Mapping[str, Mapping[str, object]] = {
    "mini": {
        "blocks": 5,
        "width": 8,
        "residual": True,
        "discriminator_layers": 2,
        "discriminator_width": 16,
        "learning_rate": 5e-4,
        "decay_start": 0.0,
        "batch_size": 8,
        "shift_voxels": 4,
        "patches": 64,
        "images": 4_000,
    },
    "paper": {"blocks": 6, "batch_size": 16, "images": 600_000},
    # Park et al.: ResNet-9, instance norm, least squares, batch 1.
    "canonical": {"batch_size": 1, "images": 1_200_000},
}

UNET: Mapping[str, Mapping[str, object]] = {"mini": MINI_GENERATOR, "paper": PAPER}


SEARCH_GENERATOR: Mapping[str, Range | Choice] = {
    "learning_rate": Range(5e-5, 5e-3, log=True),
    "batch_size": Choice((1, 4, 8, 16)),
    "beta1": Choice((0.5, 0.9)),
    "decay_start": Choice((0.0, 0.5)),
    "norm": Choice(("batch", "instance", "none")),
    "dropout": Choice((False, True)),
    "residual": Choice((False, True)),
}
"""What `petbench tune` tries: how a generator learns, and not its size, which is bought and not found."""

SEARCH_GAN: Mapping[str, Range | Choice] = {**SEARCH_GENERATOR, "gan_loss": Choice(("vanilla", "lsgan"))}

SEARCH_PIX2PIX: Mapping[str, Range | Choice] = {
    **SEARCH_GAN,
    "l1_weight": Range(10.0, 10_000.0, log=True),
    "feature_weight": Choice((0.0, 10.0)),
}

SEARCH_CYCLEGAN: Mapping[str, Range | Choice] = {
    **SEARCH_GAN,
    "cycle_weight": Range(1.0, 100.0, log=True),
    "identity_weight": Range(0.0, 1.0),
}

SEARCH_SUPCYCLEGAN: Mapping[str, Range | Choice] = {
    **SEARCH_CYCLEGAN,
    "paired_weight": Range(5.0, 5_000.0, log=True),
}

SEARCH_CUT: Mapping[str, Range | Choice] = {
    **{name: tried for name, tried in SEARCH_GAN.items() if name != "norm"},
    "contrast_weight": Range(0.1, 10.0, log=True),
    "temperature": Range(0.02, 0.3, log=True),
}


def choose_preset(shape: DatasetShape) -> str:
    """Return `mini` for a small dataset, else `paper`."""
    voxels = shape.slices * shape.matrix[0] * shape.matrix[1]
    return "mini" if voxels < SMALL_DATASET_VOXELS else "paper"
