"""The optimizers of a method and the steps they take."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from petbench.errors import Diverged
from petbench.training.step_graph import StepGraph

if TYPE_CHECKING:
    from collections.abc import Callable

    from petbench.step_method import Batch, StepMethod


class Optimizers:
    """Runs `training_step`, steps one optimizer an `Update`, and sums losses on the device until someone reads them.

    Args:
        method: that trains.
        device: where it trains.
        captured: steps are recorded once and replayed as a CUDA graph.
    """

    def __init__(self, method: StepMethod, device: torch.device, *, captured: bool = False) -> None:
        chosen = method.parameters_chosen
        self._method = method
        self._base_rate = chosen.learning_rate
        self._decay_start = chosen.decay_start
        self._weights = {name: _parameters(module) for name, module in method.optimizers().items()}
        on_cuda = device.type == "cuda"
        self._optimizers = {
            name: torch.optim.Adam(
                weights,
                # On a CUDA device the rate is a tensor: changing it then needs neither a sync nor a new kernel.
                lr=torch.tensor(chosen.learning_rate, device=device) if on_cuda else chosen.learning_rate,
                betas=(chosen.beta1, chosen.beta2),
                fused=True,
                capturable=on_cuda,
            )
            for name, weights in self._weights.items()
        }
        self._take: Callable[[Batch], None] = StepGraph(self._step) if captured else self._step
        self._sums: dict[str, Tensor] = {}
        self._steps = 0

    def step(self, batch: Batch, fraction: float) -> None:
        """Take one training step, `fraction` of the budget being spent."""
        rate = self._base_rate * linear_decay(fraction, self._decay_start)
        for optimizer in self._optimizers.values():
            _set_rate(optimizer, rate)
        self._take(batch)
        self._steps += 1

    def losses(self) -> dict[str, float]:
        """Return each loss term's mean since the last call; the only place where the host waits for the device.

        Raises:
            Diverged: a term is no longer finite.
        """
        if not self._steps:
            return {}
        values = (torch.stack(list(self._sums.values())) / self._steps).tolist()
        means = dict(zip(self._sums, values, strict=True))
        for total in self._sums.values():
            total.zero_()  # in place: a recorded step goes on adding here
        self._steps = 0
        for name, value in means.items():
            if not abs(value) < float("inf"):
                raise Diverged(f"the loss `{name}` is {value}: lower the learning rate, or train in fp32")
        return means

    def check_weights(self) -> None:
        """Raise `Diverged` if a weight is no longer finite, so that no checkpoint ever holds such a weight."""
        for name, weights in self._weights.items():
            if not all(bool(torch.isfinite(weight).all()) for weight in weights):
                raise Diverged(f"a weight of the {name} is no longer finite: lower the learning rate, or train in fp32")

    def state(self) -> dict[str, Any]:
        """Return the optimizers' state."""
        return {name: optimizer.state_dict() for name, optimizer in self._optimizers.items()}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Take back what `state` gave."""
        for name, optimizer in self._optimizers.items():
            rates = [group["lr"] for group in optimizer.param_groups]
            optimizer.load_state_dict(state[name])
            for group, rate in zip(optimizer.param_groups, rates, strict=True):
                group["lr"] = rate  # a tensor on this device, set anew at each step

    def _step(self, batch: Batch) -> None:
        result = self._method.training_step(batch)
        if isinstance(result, Mapping):
            (only,) = self._optimizers
            self._update(only, result)
        else:
            for update in result:
                self._update(update.optimizer, update.terms)

    def _update(self, owner: str, terms: Mapping[str, Tensor]) -> None:
        optimizer, weights = self._optimizers[owner], self._weights[owner]
        optimizer.zero_grad(set_to_none=True)
        total = torch.stack([term.float() for term in terms.values()]).sum()
        total.backward(inputs=weights)  # type: ignore[no-untyped-call] # torch does not type it
        optimizer.step()
        for name, term in terms.items():
            key = f"{owner}/{name}"
            if key not in self._sums:
                self._sums[key] = torch.zeros((), device=term.device)
            self._sums[key].add_(term.detach())


def linear_decay(fraction: float, start: float) -> float:
    """Return 1 up to `start` of the budget, then a straight line down to 0 at its end."""
    return 1.0 if fraction <= start else max(0.0, (1.0 - fraction) / (1.0 - start))


def _parameters(module: nn.Module) -> list[nn.Parameter]:
    return list(module.parameters())


def _set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    for group in optimizer.param_groups:
        if isinstance(group["lr"], Tensor):
            group["lr"].fill_(rate)
        else:
            group["lr"] = rate
