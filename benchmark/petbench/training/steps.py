"""The steps of a training, and all that the next one depends on."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import torch

from petbench.errors import PluginError, SharingError
from petbench.training.checkpoint import snapshot
from petbench.training.optimizers import Optimizers
from petbench.training.randomness import capture_random_state, restore_random_state
from petbench.training.ranks import ALONE, Kind, Ranks
from petbench.training.sampler import Sampler

if TYPE_CHECKING:
    from collections.abc import Mapping

    from petbench.contract import RunContext
    from petbench.step_method import StepMethod
    from petbench.training.data import DatasetTensors


class Steps:
    """Takes one step after the other: a batch, and what the method's optimizers make of it.

    Of a training that several processes share, these are the steps of one of them, on its share of each batch. What
    the leading process does, it tells the others first; they do the same, in `follow`.

    Args:
        method: that trains.
        tensors: to train with.
        run: seed and device.
        captured: steps are recorded once and replayed as a CUDA graph, if the optimizers allow it.
        ranks: who shares the training.

    Attributes:
        optimizers: of the method.
        images: that a step counts, over all processes; a slab counts its slices.
    """

    def __init__(
        self,
        method: StepMethod,
        tensors: DatasetTensors,
        run: RunContext,
        *,
        captured: bool = False,
        ranks: Ranks = ALONE,
    ) -> None:
        chosen = method.parameters_chosen
        self._method = method
        self._device = run.device
        self._ranks = ranks
        self._batch_size = chosen.batch_size
        self.images = chosen.batch_size * method.delayed_slices
        self.optimizers = Optimizers(method, run.device, captured=captured, ranks=ranks)
        self._sampler = Sampler(
            tensors,
            run.device,
            batch_size=chosen.batch_size,
            shift_voxels=chosen.shift_voxels,
            seed=run.seed,
            early_slices=method.early_slices,
            delayed_slices=method.delayed_slices,
            intensity=method.intensity,
            intensity_jitter=chosen.intensity_jitter,
            share=ranks.share(chosen.batch_size),
        )
        self._position = 0

    def take(self, fraction: float) -> None:
        """Take the next step, `fraction` of the budget being spent."""
        self._ranks.tell(Kind.STEP, fraction)
        self.optimizers.step(self._sampler.batch(self._position), fraction)
        self._position += self._batch_size

    def end(self) -> None:
        """Let the others know that there are no more steps."""
        self._ranks.tell(Kind.END)

    def follow(self) -> None:
        """Do what the leading process does, until there are no more steps."""
        self._method.train()
        while (order := self._ranks.hear()).kind is not Kind.END:
            if order.kind is Kind.STEP:
                self.take(order.fraction)
            elif order.kind is Kind.LOSSES:
                self.optimizers.losses()
            else:
                self.state()

    def require_same(self) -> None:
        """Make sure that all processes are as far as each other and have the same weights.

        Raises:
            PluginError: in the leading one, where they are not.
        """
        if self._ranks.size == 1:
            return
        digest = hashlib.blake2b()
        for weight in self._method.parameters():
            digest.update(weight.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().data)
        found = self._ranks.gather((self._position, digest.hexdigest()))
        if any(each != found[0] for each in found):
            raise PluginError(
                f"the processes that share the training of {type(self._method).__name__} have other weights than each "
                "other; build and change weights alike everywhere, or leave out `splittable = True`"
            )

    def state(self) -> dict[str, Any]:
        """Return all that the next step depends on, in every process.

        Raises:
            Diverged: it is not worth keeping.
            PluginError: the processes that share the training have other weights than each other.
        """
        if self._ranks.leads:
            self.optimizers.check_weights()
        self._ranks.tell(Kind.STATE)
        self.require_same()
        _, *others = self._ranks.gather(self._own()) or [None]
        return {
            "weights": self._method.state_dict(),
            "optimizers": self.optimizers.state(),
            "random": capture_random_state(self._device),
            "position": self._position,
            **({"others": others} if others else {}),
        }

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Go back to where `state` was taken.

        Raises:
            SharingError: another number of processes shared the training then.
        """
        others = state.get("others", [])
        if len(others) + 1 != self._ranks.size:
            raise SharingError(
                f"the checkpoint is of a training in {len(others) + 1} processes, and {self._ranks.size} are to go on: "
                "ask for as many as then, or start afresh with --force"
            )
        mine = {} if self._ranks.leads else others[self._ranks.rank - 1]
        self._method.load_state_dict({**state["weights"], **mine.get("buffers", {})})
        self.optimizers.load_state(state["optimizers"])
        if mine:
            self.optimizers.load_waiting(mine["waiting"])
        self._position = int(state["position"])
        self.optimizers.begin_at(self._position // self._batch_size)
        restore_random_state(mine.get("random", state["random"]), self._device)

    def _own(self) -> dict[str, Any]:
        """Return what is this process's alone, on the host: all but weights and optimizers, which are everybody's."""
        if self._ranks.size == 1:
            return {}
        weights = {name for name, _ in self._method.named_parameters(remove_duplicate=False)}
        buffers = {name: value for name, value in self._method.state_dict().items() if name not in weights}
        own: dict[str, Any] = snapshot(
            {
                "buffers": buffers,
                "waiting": self.optimizers.waiting(),
                "random": capture_random_state(self._device),
            }
        )
        return own
