"""A rectified flow from the noisy early image to the delayed one.

Liu, Gong, Liu: Flow Straight and Fast, ICLR 2023, arXiv:2209.03003. Between an early image y with noise and its
delayed image x lies, on a straight line, x_t = t (y + noise e) + (1 - t) x. A network learns the velocity x - y -
noise e of the line from x_t, t and the early slices; prediction draws e and follows the velocity in steps. Without
noise, x_t and y would give the velocity away for every t below 1. Network and schedule are MONAI's. Deviations: the
flow starts from the early image and not from noise alone; it is not straightened again (reflow).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from monai.networks.schedulers import RFlowScheduler

from petbench_networks.diffusion_network import TIMES, DiffusionMethod

if TYPE_CHECKING:
    from collections.abc import Mapping

    from petbench import Batch, Scans
    from petbench_networks.parameters import RectifiedFlowParameters


class RectifiedFlow(DiffusionMethod):
    """Several early slices in, one delayed slice out, which is drawn."""

    def __init__(self, parameters: RectifiedFlowParameters) -> None:
        super().__init__(parameters)
        self.chosen = parameters

    def training_step(self, batch: Batch) -> Mapping[str, torch.Tensor]:
        """Return the mean squared error of the velocity, in units of the noise, at a random point of the flow."""
        start = self.start(batch.early)
        times = TIMES * torch.rand(len(start), device=start.device)
        point = _schedule().add_noise(batch.delayed, start, times)
        error = self.velocity(point, batch.early, times) - (batch.delayed - start)
        return {"velocity": (error / self.chosen.noise).square().mean()}

    def translate(self, scans: Scans) -> torch.Tensor:
        """Draw where the flow starts, and follow it."""
        early = scans.early
        schedule = _schedule()
        schedule.set_timesteps(self.chosen.steps)
        point = self.start(early)
        for time in schedule.timesteps.tolist():
            velocity = self.velocity(point, early, early.new_full((len(early),), time))
            point, _ = schedule.step(velocity, time, point)
        return point

    def start(self, early: torch.Tensor) -> torch.Tensor:
        """Return the middle slice with noise, where the flow starts."""
        image = self.middle(early)
        return image + self.chosen.noise * torch.randn_like(image)


def _schedule() -> RFlowScheduler:
    """Return MONAI's schedule: by its type a module, but one that has nothing to train and no part in the state."""
    return RFlowScheduler(TIMES, use_discrete_timesteps=False)
