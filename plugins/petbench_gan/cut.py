"""CUT: contrastive unpaired translation. Park, Efros, Zhang, Zhu, ECCV 2020, arXiv:2007.15651.

One generator and one discriminator. In place of a cycle, a patch of the predicted image must be recognisable, in the
generator's own features, as the patch of the same place in the early image, among other patches of that image:

    L = GAN(G, D) + lambda/2 (PatchNCE(x, G(x)) + PatchNCE(y, G(y)))

The discriminator steps first, then the generator together with the small networks that compare features, as in the
authors' code. Deviations: one channel on a logarithmic scale, integer shifts, no image pool (the authors' default);
the features are those of `networks.ResNet`, which halves by strided convolution where the authors' blurs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn import functional

from petbench import Batch, Scans, StepMethod, Update
from petbench_gan.build import make_discriminator, make_resnet
from petbench_gan.losses import adversarial_loss
from petbench_gan.networks import initialise

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from petbench_gan.parameters import CutParameters

FEATURE_LAYERS = (0, 4, 7, 10, 14)
"""The padded image, both halving convolutions, and the first and fifth residual block, as published."""


class Cut(StepMethod):
    """One generator, one discriminator, no pairs, no cycle."""

    size_multiple = 4
    capturable = True
    splittable = True

    def __init__(self, parameters: CutParameters) -> None:
        super().__init__(parameters)
        self.options = parameters
        width = parameters.width
        self.generator = make_resnet(parameters)
        self.discriminator = make_discriminator(parameters, channels=1)
        channels = (1, 2 * width, 4 * width, 4 * width, 4 * width)
        self.heads = nn.ModuleList(FeatureHead(count, parameters.feature_size) for count in channels)

    def optimizers(self) -> Mapping[str, nn.Module]:
        """Return which networks have an optimizer of their own; the heads go with the generator."""
        return {
            "discriminator": self.discriminator,
            "generator": nn.ModuleList([self.generator, self.heads]),
        }

    def training_step(self, batch: Batch) -> Iterator[Update]:
        """Step the discriminator, then the generator and the heads."""
        options, early, delayed = self.options, batch.early, batch.delayed
        predicted = self.generator(early)
        yield Update(
            "discriminator",
            {
                "real": 0.5 * adversarial_loss(self.discriminator(delayed), options.gan_loss, real=True),
                "fake": 0.5 * adversarial_loss(self.discriminator(predicted.detach()), options.gan_loss, real=False),
            },
        )

        with self.frozen(self.discriminator):
            logits = self.discriminator(predicted)
        half = 0.5 * options.contrast_weight
        yield Update(
            "generator",
            {
                "gan": options.gan_weight * adversarial_loss(logits, options.gan_loss, real=True),
                "contrast": half * self.contrast(early, predicted),
                "contrast_identity": half * self.contrast(delayed, self.generator(delayed)),
            },
        )

    def translate(self, scans: Scans) -> torch.Tensor:
        """Predict the delayed image."""
        delayed: torch.Tensor = self.generator(scans.early)
        return delayed

    def contrast(self, source: torch.Tensor, predicted: torch.Tensor) -> torch.Tensor:
        """Return the PatchNCE loss, averaged over layers."""
        keys = self.generator.features(source, FEATURE_LAYERS)
        queries = self.generator.features(predicted, FEATURE_LAYERS)
        losses = []
        for head, key, query in zip(self.heads, keys, queries, strict=True):
            places = _some_places(key, self.options.patches)
            losses.append(patch_nce(head(query, places), head(key, places).detach(), self.options.temperature))
        return torch.stack(losses).mean()


class FeatureHead(nn.Module):
    """Two linear layers that compare features on a sphere."""

    def __init__(self, channels: int, size: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(channels, size), nn.ReLU(), nn.Linear(size, size))
        initialise(self)

    def forward(self, features: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
        """Turn (batch, channel, y, x) at some flat places into unit vectors (batch, place, size)."""
        vectors = features.flatten(2).transpose(1, 2)[:, places]
        return functional.normalize(self.layers(vectors), dim=-1)


def patch_nce(queries: torch.Tensor, keys: torch.Tensor, temperature: float) -> torch.Tensor:
    """Return the cross-entropy of finding each query's own key among all keys of the same image.

    Args:
        queries: (batch, place, size), unit vectors.
        keys: as `queries`.
        temperature: divides the cosines.
    """
    cosines = queries @ keys.transpose(1, 2) / temperature
    own = torch.arange(cosines.shape[1], device=cosines.device).expand(len(cosines), -1)
    return functional.cross_entropy(cosines.flatten(0, 1), own.flatten())


def _some_places(features: torch.Tensor, count: int) -> torch.Tensor:
    """Return at most `count` different flat places, at random, the same for a whole batch."""
    size = features.shape[2] * features.shape[3]
    return torch.rand(size, device=features.device).argsort()[:count]
