"""Training steps: what a method's `training_step` asks for, done by its optimizers, and the losses it reports."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from petbench.errors import Diverged, PluginError, given_by
from petbench.step_method import Update
from petbench.training.one_number import one_number
from petbench.training.ranks import ALONE, Kind, Ranks
from petbench.training.step_graph import StepGraph
from petbench.training.stepped_weights import SteppedWeights

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import nn

    from petbench.step_method import Batch, StepMethod


class Optimizers:
    """Runs `training_step`, steps one optimizer an `Update`, and sums losses on the device until someone reads them.

    Args:
        method: that trains.
        device: where it trains.
        captured: steps are recorded once and replayed as a CUDA graph, if its optimizers allow it.
        ranks: who shares the training.

    Raises:
        PluginError: the method's `optimizers` are none.
    """

    def __init__(
        self, method: StepMethod, device: torch.device, *, captured: bool = False, ranks: Ranks = ALONE
    ) -> None:
        self._method = method
        self._ranks = ranks
        with given_by(method.optimizers):
            given = method.optimizers()
            if not isinstance(given, Mapping) or not given:
                what = "an empty dictionary" if isinstance(given, Mapping) else type(given).__name__
                raise PluginError(f"optimizers() returned {what}; it returns a dictionary, by name")
            chosen, on_cuda = method.parameters_chosen, device.type == "cuda"
            self._stepped = {
                name: SteppedWeights(name, each, chosen, on_cuda=on_cuda, ranks=ranks) for name, each in given.items()
            }
        self.captured = captured and all(stepped.can_be_captured for stepped in self._stepped.values())
        self._take: Callable[[Batch], None] = StepGraph(self._step) if self.captured else self._step
        self._sums: dict[str, Tensor] = {}
        self._finite = torch.zeros((), device=device)  # of the steps since losses were read, those before the first NaN
        self._steps = 0
        self._steps_before = 0

    @property
    def weights(self) -> dict[str, list[nn.Parameter]]:
        """The weights that are trained, by the name of their optimizer."""
        return {name: stepped.weights for name, stepped in self._stepped.items()}

    def step(self, batch: Batch, fraction: float) -> None:
        """Take one training step, `fraction` of the budget being spent."""
        for stepped in self._stepped.values():
            stepped.set_rates(fraction)
        self._take(batch)
        self._steps += 1

    def begin_at(self, step: int) -> None:
        """Count steps from one that a resumed training goes on at."""
        self._steps_before = step

    def losses(self) -> dict[str, float]:
        """Return each loss term's mean since the last call; the only place where the host waits for the device.

        In a process that shares a training and does not lead it, nothing.

        Raises:
            Diverged: a term is no longer finite.
            PluginError: the processes that share a training have other terms than each other.
        """
        if not self._steps:
            return {}
        self._ranks.tell(Kind.LOSSES)
        *sums, finite = torch.stack([*self._sums.values(), self._finite]).tolist()
        for total in (*self._sums.values(), self._finite):
            total.zero_()  # in place: a recorded step goes on adding here
        here = {name: value / self._steps for name, value in zip(self._sums, sums, strict=True)}
        of_each = self._ranks.gather((here, finite))
        first_other = self._steps_before + int(min((each for _, each in of_each), default=0)) + 1
        self._steps_before += self._steps
        self._steps = 0
        means = _mean_over_processes([terms for terms, _ in of_each])
        for name, value in means.items():
            if not abs(value) < float("inf"):
                raise Diverged(
                    f"the loss `{name}` is {value} from step {first_other:,} on: lower the learning rate, "
                    "or train in fp32"
                )
        return means

    @contextlib.contextmanager
    def averaged(self) -> Iterator[None]:
        """Within the block, weights that have an average are it."""
        self.swap_averages()
        try:
            yield
        finally:
            self.swap_averages()

    def swap_averages(self) -> None:
        """Exchange the weights that have an average and the average."""
        for stepped in self._stepped.values():
            if stepped.average is not None:
                stepped.average.swap()

    def check_weights(self) -> None:
        """Raise `Diverged` if a weight is no longer finite, so that no checkpoint ever holds such a weight."""
        for stepped in self._stepped.values():
            stepped.check()

    def state(self) -> dict[str, Any]:
        """Return the optimizers' state."""
        return {name: stepped.state() for name, stepped in self._stepped.items()}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Take back what `state` gave."""
        for name, stepped in self._stepped.items():
            stepped.load_state(state[name])

    def waiting(self) -> dict[str, Any]:
        """Return the gradients that wait for others of the same step, which are this process's own."""
        return {name: stepped.waiting() for name, stepped in self._stepped.items()}

    def load_waiting(self, waiting: Mapping[str, Any]) -> None:
        """Take back what `waiting` gave."""
        for name, stepped in self._stepped.items():
            stepped.load_waiting(waiting[name])

    def _step(self, batch: Batch) -> None:
        with given_by(self._method.training_step):
            self._follow(self._method.training_step(batch))
        self._finite.add_(torch.isfinite(torch.stack(list(self._sums.values())).sum()))

    def _follow(self, result: object) -> None:
        if isinstance(result, Mapping):
            if len(self._stepped) > 1:
                raise PluginError(
                    f"training_step returned one dictionary, and there are {len(self._stepped)} optimizers "
                    f"({', '.join(self._stepped)}); yield an Update for each"
                )
            (only,) = self._stepped
            self._update(only, result)
        elif isinstance(result, Iterator):
            for update in result:
                if not isinstance(update, Update):
                    what = type(update).__name__
                    raise PluginError(f"training_step yielded {what}; it yields Update(optimizer, terms)")
                self._update(update.optimizer, update.terms)
        else:
            raise PluginError(
                f"training_step returned {type(result).__name__}; it returns a dictionary of loss terms, such as "
                '{"l1": loss}, or yields Updates'
            )

    def _update(self, owner: str, terms: Mapping[str, Tensor]) -> None:
        if owner not in self._stepped:
            raise PluginError(
                f"training_step yielded an Update for {owner!r}; optimizers() has {', '.join(self._stepped)}"
            )
        total = torch.stack(
            [
                one_number(term, f"the loss term {name!r} of {owner!r}", "a loss").float().reshape(())
                for name, term in _terms(owner, terms).items()
            ]
        ).sum()
        if not total.requires_grad:
            raise PluginError(f"no gradient leads from the loss of {owner!r} to its weights; was it detached?")
        self._stepped[owner].go_down(total)
        for name, term in terms.items():
            key = f"{owner}/{name}"
            if key not in self._sums:
                self._sums[key] = torch.zeros((), device=term.device)
            self._sums[key].add_(term.detach().reshape(()))


def _mean_over_processes(of_each: Sequence[Mapping[str, float]]) -> dict[str, float]:
    if any(terms.keys() != of_each[0].keys() for terms in of_each):
        raise PluginError(
            "training_step gave other loss terms in one process than in another; give the same in every step, or leave "
            "out `splittable = True`"
        )
    return {name: sum(terms[name] for terms in of_each) / len(of_each) for name in (of_each[0] if of_each else ())}


def _terms(owner: str, terms: object) -> Mapping[str, Tensor]:
    if not isinstance(terms, Mapping) or not terms:
        what = "nothing" if isinstance(terms, Mapping) else type(terms).__name__
        raise PluginError(f"the loss terms for {owner!r} are {what}; give a dictionary, such as {{'l1': loss}}")
    return terms
