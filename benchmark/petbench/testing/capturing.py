"""The check of a step that is replayed as a CUDA graph, made on a CPU: what a graph cannot follow shows there too."""

from __future__ import annotations

from typing import TYPE_CHECKING

from petbench.testing.errors import NotApplicable
from petbench.testing.learning import batches_and_optimizers
from petbench.testing.subject import expect, steps_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from petbench.step_method import StepMethod
    from petbench.testing.subject import Subject

READ_BACK = ("_local_scalar_dense", "nonzero", "masked_select", "unique")
"""Operators whose result the host waits for: a recorded step would go on with the value of the step recorded."""


def capturable(subject: Subject) -> str:
    """A step that is declared capturable launches the same operators each time and keeps its tensors in place."""
    from petbench.testing.operators import OperatorNames

    method = steps_of(subject)
    if method is None or not method.capturable:
        raise NotApplicable("its steps are not replayed as a CUDA graph: it does not declare `capturable`")
    sampler, optimizers = batches_and_optimizers(subject, method)
    size = method.parameters_chosen.batch_size
    optimizers.step(sampler.batch(0), 0.0)  # optimizers and pools make their tensors
    kept = dict(_kept_tensors(method))
    orders = []
    for position in (size, 2 * size):
        batch = sampler.batch(position)
        with OperatorNames() as ran:
            optimizers.step(batch, 0.0)
        orders.append(ran.names)
    for name in orders[0]:
        read = next((each for each in READ_BACK if name.partition(".")[0].endswith(each)), None)
        expect(read is None, f"a step reads a value back from the device (`{name}`), as `.item()` or `if tensor:` do")
    differing = next((pair for pair in zip(*orders, strict=False) if pair[0] != pair[1]), None)
    expect(
        len(orders[0]) == len(orders[1]) and differing is None,
        f"two steps launch different operators: {len(orders[0])} and {len(orders[1])}"
        + (f", the first to differ {differing[0]} and {differing[1]}" if differing else ""),
    )
    for name, tensor in _kept_tensors(method):
        expect(
            name in kept and kept[name].data_ptr() == tensor.data_ptr(),
            f"`{name}` is another tensor after a step; change it in place, with `copy_` or `add_`",
        )
    return f"{len(orders[0])} operators a step, {len(kept)} tensors kept in place"


def _kept_tensors(method: StepMethod) -> Iterator[tuple[str, Tensor]]:
    """Yield the tensors that a method keeps from step to step, those that are plain attributes included."""
    import torch

    for prefix, module in method.named_modules():
        plain = {name: value for name, value in vars(module).items() if isinstance(value, torch.Tensor)}
        for name, value in {**module._parameters, **module._buffers, **plain}.items():
            if value is not None:
                yield f"{prefix}.{name}".lstrip("."), value
