"""CycleGAN: two generators held together by cycle consistency. Zhu, Park, Isola, Efros, ICCV 2017, arXiv:1703.10593.

    L = GAN(G, D_delayed) + GAN(F, D_early)
      + lambda (E|F(G(x)) - x| + E|G(F(y)) - y|)  +  lambda/2 (E|G(y) - y| + E|F(x) - x|)

with x an early and y a delayed image, independent of each other: of other participants, other slices. The generators
step together first, then the discriminators, which are shown a pool of earlier predictions.

Deviations, all of them settings: those of `pix2pix.py`, and by default the same generator and discriminator as
pix2pix's, as in the comparison that petbench repeats; the authors' ResNet with instance norm is preset `canonical`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor, nn

from petbench import Batch, Scans, StepMethod, Update
from petbench_gan.build import make_discriminator, make_generator
from petbench_gan.losses import adversarial_loss
from petbench_gan.pool import ImagePool

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from petbench_gan.parameters import CycleGanParameters


class CycleGan(StepMethod):
    """Two generators, two discriminators, no pairs."""

    capturable = True
    splittable = True  # each process has a pool of its own images

    def __init__(self, parameters: CycleGanParameters) -> None:
        super().__init__(parameters)
        self.options = parameters
        self.size_multiple = parameters.size_multiple
        self.to_delayed = make_generator(parameters)
        self.to_early = make_generator(parameters)
        self.discriminator_delayed = make_discriminator(parameters, channels=1)
        self.discriminator_early = make_discriminator(parameters, channels=1)
        self.pool_delayed = ImagePool(parameters.pool_size)
        self.pool_early = ImagePool(parameters.pool_size)

    def optimizers(self) -> Mapping[str, nn.Module]:
        """Return which networks share an optimizer: both generators, both discriminators."""
        return {
            "generators": nn.ModuleList([self.to_delayed, self.to_early]),
            "discriminators": nn.ModuleList([self.discriminator_delayed, self.discriminator_early]),
        }

    def training_step(self, batch: Batch) -> Iterator[Update]:
        """Step both generators, then both discriminators."""
        early, delayed = batch.early, batch.delayed
        predicted_delayed, predicted_early = self.to_delayed(early), self.to_early(delayed)
        yield Update("generators", self.generator_terms(batch, predicted_delayed, predicted_early))

        terms = {}
        for name, discriminator, pool, predicted, real in (
            ("delayed", self.discriminator_delayed, self.pool_delayed, predicted_delayed, delayed),
            ("early", self.discriminator_early, self.pool_early, predicted_early, early),
        ):
            terms[f"real_{name}"] = 0.5 * self._adversarial(discriminator(real), real=True)
            terms[f"fake_{name}"] = 0.5 * self._adversarial(
                discriminator(pool.exchange(predicted.detach())), real=False
            )
        yield Update("discriminators", terms)

    def generator_terms(self, batch: Batch, predicted_delayed: Tensor, predicted_early: Tensor) -> dict[str, Tensor]:
        """Return the weighted terms of both generators: cycles, identities, and the adversarial terms."""
        options, early, delayed = self.options, batch.early, batch.delayed
        cycle = options.cycle_weight
        terms = {
            "cycle_early": cycle * l1(self.to_early(predicted_delayed), early),
            "cycle_delayed": cycle * l1(self.to_delayed(predicted_early), delayed),
        }
        if options.identity_weight > 0:
            identity = cycle * options.identity_weight
            terms["identity_early"] = identity * l1(self.to_early(early), early)
            terms["identity_delayed"] = identity * l1(self.to_delayed(delayed), delayed)
        with self.frozen(self.discriminator_delayed, self.discriminator_early):
            for name, discriminator, predicted in (
                ("delayed", self.discriminator_delayed, predicted_delayed),
                ("early", self.discriminator_early, predicted_early),
            ):
                terms[f"gan_{name}"] = options.gan_weight * self._adversarial(discriminator(predicted), real=True)
        return terms

    def translate(self, scans: Scans) -> Tensor:
        """Predict the delayed image."""
        delayed: Tensor = self.to_delayed(scans.early)
        return delayed

    def _adversarial(self, logits: Tensor, *, real: bool) -> Tensor:
        return adversarial_loss(logits, self.options.gan_loss, real=real)


def l1(first: Tensor, second: Tensor) -> Tensor:
    """Return the mean absolute difference."""
    return (first - second).abs().mean()
