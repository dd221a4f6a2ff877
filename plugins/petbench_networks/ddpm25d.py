"""A conditional diffusion model on neighbouring slices, sampled in a few deterministic steps.

Ho, Jain, Abbeel: Denoising Diffusion Probabilistic Models, NeurIPS 2020, arXiv:2006.11239; Song, Meng, Ermon:
Denoising Diffusion Implicit Models, ICLR 2021, arXiv:2010.02502, for the steps; Salimans, Ho: Progressive
Distillation, ICLR 2022, arXiv:2202.00512, for the velocity as what is learnt; Saharia et al.: Palette, SIGGRAPH 2022,
arXiv:2111.05826, for the early slices as further channels. Network and schedules are MONAI's. Deviation: what is
diffused is delayed minus early, scaled to about unit deviation, so that a short training starts near the early image.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from monai.networks.schedulers import DDIMScheduler

from petbench_networks.diffusion_network import TIMES, DiffusionMethod

if TYPE_CHECKING:
    from collections.abc import Mapping

    from petbench import Batch, Scans
    from petbench_networks.parameters import Ddpm25dParameters

LARGEST = 10.0
"""Bound of the diffused image while it is sampled, in deviations."""


class Ddpm25d(DiffusionMethod):
    """Several early slices in, one delayed slice out, which is drawn."""

    def __init__(self, parameters: Ddpm25dParameters) -> None:
        super().__init__(parameters)
        self.chosen = parameters

    def training_step(self, batch: Batch) -> Mapping[str, torch.Tensor]:
        """Return the mean squared error of the velocity at a random time of the diffusion."""
        schedule = _schedule()
        clean = (batch.delayed - self.middle(batch.early)) * self.chosen.gain
        noise = torch.randn_like(clean)
        times = torch.randint(TIMES, (len(clean),), device=clean.device)
        noisy = schedule.add_noise(original_samples=clean, noise=noise, timesteps=times)
        velocity = schedule.get_velocity(clean, noise, times)
        return {"velocity": (self.velocity(noisy, batch.early, times) - velocity).square().mean()}

    def translate(self, scans: Scans) -> torch.Tensor:
        """Draw noise, and turn it into a correction of the early image step by step."""
        early = scans.early
        schedule = _schedule()
        schedule.set_timesteps(self.chosen.steps)
        middle = self.middle(early)
        image = torch.randn_like(middle)
        for time in schedule.timesteps.tolist():
            velocity = self.velocity(image, early, torch.full((len(early),), time, device=early.device))
            image, _ = schedule.step(velocity, time, image)
        return middle + image / self.chosen.gain


def _schedule() -> DDIMScheduler:
    """Return MONAI's schedule: by its type a module, but one that has nothing to train and no part in the state."""
    return DDIMScheduler(
        TIMES,
        schedule="scaled_linear_beta",
        beta_start=0.0015,
        beta_end=0.0195,
        prediction_type="v_prediction",
        clip_sample_min=-LARGEST,
        clip_sample_max=LARGEST,
    )
