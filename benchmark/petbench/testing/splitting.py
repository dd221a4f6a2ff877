"""The check of a training that several processes share: two threads take halves of a batch, one method the whole."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from petbench.errors import one_line
from petbench.testing.errors import ConformanceError, NotApplicable
from petbench.testing.learning import batches_and_optimizers
from petbench.testing.meeting import SAME, Meeting
from petbench.testing.subject import expect, steps_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from petbench.step_method import Batch, StepMethod
    from petbench.testing.subject import Subject
    from petbench.training.optimizers import Optimizers
    from petbench.training.ranks import Ranks

_TOLERANCES = (1e-5, 1e-4, 1e-3)
"""Of the losses of each step, relative: sums in another order are rounded otherwise, and steps carry that on."""


def splittable(subject: Subject) -> str:
    """A step that is declared splittable learns from the halves of a batch what it learns from the whole of it."""
    import torch

    declared = steps_of(subject)
    if declared is None or not declared.splittable:
        raise NotApplicable("several processes never share its training: it does not declare `splittable`")
    sampler, _ = batches_and_optimizers(subject, declared)
    size = declared.parameters_chosen.batch_size
    positions = [2 * step * size for step in range(len(_TOLERANCES))]
    wholes = [_sorted(sampler.batch(position), sampler.batch(position + size)) for position in positions]
    halves = [(_part(whole, slice(0, size)), _part(whole, slice(size, None))) for whole in wholes]
    one, other = _optimizers(subject), _optimizers(subject)
    torch.manual_seed(1)
    losses = _losses(one, wholes)
    torch.manual_seed(2)
    if _losses(other, wholes) != losses:
        raise NotApplicable("its steps draw random numbers, so that two trainings differ anyway")
    found = _shared_losses(subject, halves)
    compared = zip(losses, found, _TOLERANCES, strict=True)
    for step, (expected, shared, tolerance) in enumerate(compared, start=1):
        for name in sorted(expected.keys() ^ shared.keys()):
            raise ConformanceError(f"the loss `{name}` is there on a batch or on its halves alone: {SAME}")
        for name, value in expected.items():
            expect(
                abs(shared[name] - value) <= tolerance * abs(value) + 1e-7,
                f"the loss `{name}` of step {step} is {value:.4g} on a batch and {shared[name]:.4g} on its halves: let "
                "every term be a mean over images that looks at each alone, or leave out `splittable = True`",
            )
    return f"{len(losses[0])} terms of {len(losses)} steps as on the whole batch"


def _optimizers(subject: Subject, ranks: Ranks | None = None) -> Optimizers:
    """Return the optimizers of the method built anew, which draws nothing where it need not."""
    import torch

    from petbench.training.optimizers import Optimizers
    from petbench.training.ranks import ALONE

    method = steps_of(subject)
    assert method is not None, "it was one a moment ago"
    batches_and_optimizers(subject, method)  # gives it its intensity map
    _calm(method)
    return Optimizers(method, torch.device("cpu"), ranks=ranks or ALONE)


def _calm(method: StepMethod) -> None:
    """Turn dropout off, and let batch norm be what the harness makes of it: the same for the whole batch."""
    from torch.nn.modules.batchnorm import _BatchNorm
    from torch.nn.modules.dropout import _DropoutNd

    for module in method.modules():
        if isinstance(module, _BatchNorm | _DropoutNd):
            module.eval()


def _losses(optimizers: Optimizers, batches: Sequence[Batch]) -> list[dict[str, float]]:
    found = []
    for batch in batches:
        optimizers.step(batch, 0.0)
        found.append(optimizers.losses())
    return found


def _shared_losses(subject: Subject, halves: Sequence[tuple[Batch, Batch]]) -> list[dict[str, float]]:
    """Return the mean losses of two methods that share their gradients, each on its half of every batch.

    Raises:
        ConformanceError: they do not do the same in every step.
    """
    meeting = Meeting()
    both = [_optimizers(subject, of) for of in meeting.threads()]

    def train(place: int) -> list[dict[str, float]]:
        found = []
        try:
            for pair in halves:
                both[place].step(pair[place], 0.0)
                one, two = meeting.exchange(place, "the loss", both[place].losses())
                found.append({name: 0.5 * (one[name] + two[name]) for name in one})
        except BaseException:
            meeting.leave()
            raise
        return found

    with ThreadPoolExecutor(len(both)) as threads:
        work = [threads.submit(train, place) for place in range(len(both))]
    errors = [error for error in (each.exception() for each in work) if error is not None]
    for error in sorted(errors, key=lambda error: isinstance(error, threading.BrokenBarrierError)):
        if isinstance(error, ConformanceError) or not isinstance(error, Exception):
            raise error
        raise ConformanceError(f"fails on half a batch: {one_line(error)}") from error
    return work[0].result()


def _sorted(first: Batch, second: Batch) -> Batch:
    """Return the images of two batches as one, those with little in them first, so that its halves differ."""
    import torch

    from petbench.step_method import Batch

    inputs = {name: torch.cat([value, second.inputs[name]]) for name, value in first.inputs.items()}
    whole = Batch(torch.cat([first.early, second.early]), torch.cat([first.delayed, second.delayed]), inputs=inputs)
    return _part(whole, whole.early.flatten(1).mean(dim=1).argsort())


def _part(batch: Batch, which: slice | Tensor) -> Batch:
    from petbench.step_method import Batch

    inputs = {name: value[which] for name, value in batch.inputs.items()}
    return Batch(batch.early[which], batch.delayed[which], inputs=inputs)
