"""pix2pix: a conditional GAN with an L1 term. Isola, Zhu, Zhou, Efros, CVPR 2017, arXiv:1611.07004.

    G* = arg min_G max_D  E[log D(x, y)] + E[log(1 - D(x, G(x)))]  +  lambda E|y - G(x)|

with x the early image and y the delayed one. The discriminator steps first, then the generator, as in the authors'
PyTorch code; its loss is halved, so that it learns more slowly than the generator.

Deviations, all of them settings:
- one channel of SUV on a fixed logarithmic scale in place of 8-bit RGB;
- integer shifts in place of resize, crop and flip, which would change SUV or swap liver and heart;
- batch norm predicts with its running statistics and without dropout (`norm_eval`, `dropout_eval`);
- preset `mini`: see `presets.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from petbench import Batch, Scans, StepMethod, Update
from petbench_gan.build import make_discriminator, make_generator
from petbench_gan.losses import adversarial_loss, feature_matching_loss

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from torch import Tensor, nn

    from petbench_gan.parameters import Pix2pixParameters


class Pix2pix(StepMethod):
    """The conditional GAN with an L1 term."""

    capturable = True
    splittable = True

    def __init__(self, parameters: Pix2pixParameters) -> None:
        super().__init__(parameters)
        self.options = parameters
        self.size_multiple = parameters.size_multiple
        self.generator = make_generator(parameters)
        self.discriminator = make_discriminator(parameters, channels=2)

    def optimizers(self) -> Mapping[str, nn.Module]:
        """Return which networks have an optimizer of their own."""
        return {"discriminator": self.discriminator, "generator": self.generator}

    def training_step(self, batch: Batch) -> Iterator[Update]:
        """Step the discriminator, then the generator."""
        options = self.options
        predicted = self.generator(batch.early)
        real = torch.cat([batch.early, batch.delayed], dim=1)
        fake = torch.cat([batch.early, predicted], dim=1)

        yield Update(
            "discriminator",
            {
                "real": 0.5 * adversarial_loss(self.discriminator(real), options.gan_loss, real=True),
                "fake": 0.5 * adversarial_loss(self.discriminator(fake.detach()), options.gan_loss, real=False),
            },
        )

        with self.frozen(self.discriminator):
            terms = {"l1": options.l1_weight * (predicted - batch.delayed).abs().mean()}
            if options.feature_weight > 0:
                *features, logits = self.discriminator.features(fake)
                *targets, _ = self.discriminator.features(real)
                terms["features"] = options.feature_weight * feature_matching_loss(features, targets)
            else:
                logits = self.discriminator(fake)
            terms["gan"] = options.gan_weight * adversarial_loss(logits, options.gan_loss, real=True)
        yield Update("generator", terms)

    def translate(self, scans: Scans) -> Tensor:
        """Predict the delayed image."""
        delayed: Tensor = self.generator(scans.early)
        return delayed
