"""CycleGAN with pairs: the cycles and discriminators of CycleGAN, and an L1 term against the paired image.

Lei et al.: Whole-body PET estimation from low count statistics using cycle-consistent generative adversarial networks.
Phys Med Biol 2019;64(21):215017, for the idea of a cycle-consistent GAN on paired PET. Deviations: the networks and all
other terms are those of `cyclegan.py`; the supervised terms are plain L1 in both directions, weighted by
`paired_weight`, where that paper mixes p-norms and gradients.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from petbench_gan.cyclegan import CycleGan, l1

if TYPE_CHECKING:
    from torch import Tensor

    from petbench import Batch
    from petbench_gan.parameters import SupCycleGanParameters


class SupCycleGan(CycleGan):
    """Two generators, two discriminators, and pairs."""

    def __init__(self, parameters: SupCycleGanParameters) -> None:
        super().__init__(parameters)
        self.paired_weight = parameters.paired_weight

    def generator_terms(self, batch: Batch, predicted_delayed: Tensor, predicted_early: Tensor) -> dict[str, Tensor]:
        """Add the distance from the paired images to CycleGAN's terms."""
        return {
            "paired_delayed": self.paired_weight * l1(predicted_delayed, batch.delayed),
            "paired_early": self.paired_weight * l1(predicted_early, batch.early),
            **super().generator_terms(batch, predicted_delayed, predicted_early),
        }
