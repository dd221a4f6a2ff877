"""The weights that one name of `StepMethod.optimizers` stands for, and how they are stepped."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from petbench.errors import Diverged, PluginError
from petbench.schedules import linear_decay
from petbench.step_method import Optimization
from petbench.training.ranks import ALONE, Ranks
from petbench.training.weight_average import WeightAverage

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from petbench.step_parameters import StepParameters


class SteppedWeights:
    """Gathers gradients and steps optimizers, at the rates of a schedule.

    Args:
        name: that `Update` uses.
        given: what the author returned for it.
        chosen: Adam's settings, where the author leaves it to petbench.
        on_cuda: the weights are on a CUDA device, where rates are tensors and steps can be replayed as a graph.
        ranks: who shares the training; gradients are averaged over them once a step of the optimizer.

    Raises:
        PluginError: it is none of what may stand there, or has no weights to train.
    """

    def __init__(
        self, name: str, given: object, chosen: StepParameters, *, on_cuda: bool, ranks: Ranks = ALONE
    ) -> None:
        self.name = name
        self._ranks = ranks
        how = given if isinstance(given, Optimization) else Optimization(_optimizer(name, given, chosen))
        self._how = how
        self._schedule = how.schedule or linear_decay(chosen.decay_start)
        groups = [group for optimizer in how.optimizers for group in optimizer.param_groups]
        self.weights = [weight for group in groups for weight in group["params"] if weight.requires_grad]
        if not self.weights:
            raise PluginError(f"the optimizer {name!r} has no weights that can be trained")
        self._rates = [float(group["lr"]) for group in groups]
        self._groups = groups
        if on_cuda:
            self._make_capturable()
        self._gathered = 0
        self._average = WeightAverage(self.weights, how.average) if how.average is not None else None

    @property
    def can_be_captured(self) -> bool:
        """Whether every step launches the same kernels, by optimizers that torch says can be recorded."""
        return self._how.accumulate == 1 and all("capturable" in group for group in self._groups)

    @property
    def average(self) -> WeightAverage | None:
        """The average that validates and predicts, if there is one."""
        return self._average

    def set_rates(self, fraction: float) -> None:
        """Set the rate of each group for a step at which `fraction` of the budget is spent."""
        factor = self._schedule(fraction)
        for group, rate in zip(self._groups, self._rates, strict=True):
            if isinstance(group["lr"], Tensor):
                group["lr"].fill_(rate * factor)
            else:
                group["lr"] = rate * factor

    def go_down(self, loss: Tensor) -> None:
        """Add the gradient of a loss, a scalar; step when as many are gathered as make a step."""
        if self._gathered == 0:
            for optimizer in self._how.optimizers:
                optimizer.zero_grad(set_to_none=True)
        scaled = loss if self._how.accumulate == 1 else loss / self._how.accumulate
        scaled.backward(inputs=self.weights)  # type: ignore[no-untyped-call] # torch does not type it
        self._gathered = (self._gathered + 1) % self._how.accumulate
        if self._gathered:
            return
        self._ranks.average_gradients(self.name, self.weights)
        if self._how.clip_norm is not None:
            nn.utils.clip_grad_norm_(self.weights, self._how.clip_norm)
        for optimizer in self._how.optimizers:
            optimizer.step()
        if self._average is not None:
            self._average.update()

    def check(self) -> None:
        """Raise `Diverged` if a weight is no longer finite, so that no checkpoint ever holds such a weight."""
        if not all(bool(torch.isfinite(weight).all()) for weight in self.weights):
            raise Diverged(
                f"a weight of the {self.name} is no longer finite: lower the learning rate, or train in fp32"
            )

    def state(self) -> dict[str, Any]:
        """Return what a resumed training must know, gradients that wait for others included."""
        return {
            "optimizers": [optimizer.state_dict() for optimizer in self._how.optimizers],
            "gathered": self._gathered,
            "gradients": self.waiting(),
            "average": None if self._average is None else self._average.state(),
        }

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Take back what `state` gave."""
        kept = [group["lr"] for group in self._groups]
        for optimizer, saved in zip(self._how.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)
        self._groups = [group for optimizer in self._how.optimizers for group in optimizer.param_groups]
        for group, rate in zip(self._groups, kept, strict=True):
            group["lr"] = rate  # where a tensor, the one on this device; set anew at each step
        self._gathered = int(state["gathered"])
        self.load_waiting(state["gradients"])
        if self._average is not None:
            self._average.load_state(state["average"])

    def waiting(self) -> list[Tensor | None]:
        """Return the gradients that wait for others of the same step."""
        return [weight.grad for weight in self.weights] if self._gathered else []

    def load_waiting(self, gradients: Sequence[Tensor | None]) -> None:
        """Take back what `waiting` gave."""
        for weight, gradient in zip(self.weights, gradients, strict=False):
            weight.grad = None if gradient is None else gradient.to(weight.device, copy=True)

    def _make_capturable(self) -> None:
        """Keep rates as tensors: changing one then needs neither a sync nor another kernel."""
        for group in self._groups:
            if "capturable" in group:
                group["capturable"] = True
                group["lr"] = torch.tensor(float(group["lr"]), device=self.weights[0].device)


def _optimizer(name: str, given: object, chosen: StepParameters) -> torch.optim.Optimizer:
    if isinstance(given, torch.optim.Optimizer):
        return given
    if isinstance(given, nn.Module):
        trained = [weight for weight in given.parameters() if weight.requires_grad]
        if not trained:
            raise PluginError(f"the optimizer {name!r} has no weights that can be trained")
        return torch.optim.Adam(trained, chosen.learning_rate, (chosen.beta1, chosen.beta2), fused=True)
    raise PluginError(
        f"optimizers()[{name!r}] is {type(given).__name__}; "
        "it is a module, one of torch's optimizers, or an Optimization"
    )
