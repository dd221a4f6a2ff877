"""Checks of training: losses, seeds, resume, supervision, cost."""

from __future__ import annotations

import math
import random
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from petbench.testing.errors import NotApplicable
from petbench.testing.subject import expect, largest_difference, steps_of

if TYPE_CHECKING:
    from petbench.contract import Volume
    from petbench.step_method import Batch, StepMethod
    from petbench.testing.subject import Subject
    from petbench.training.optimizers import Optimizers
    from petbench.training.sampler import Sampler

OVERFIT_STEPS = 20


def finite_losses(subject: Subject) -> str:
    """Every loss that is reported has a name and a finite value."""
    _, run = subject.trained
    if not run.losses:
        raise NotApplicable("it trains in one go and reports no losses")
    for losses in run.losses:
        expect(losses, "reports an empty dictionary of losses")
        for name, value in losses.items():
            expect(str(name).rpartition("/")[2].strip(), f"reports a loss without a name: {name!r}")
            expect(math.isfinite(value), f"the loss {name!r} is {value}")
    return ", ".join(f"{name} {value:.3g}" for name, value in run.losses[-1].items())


def overfitting(subject: Subject) -> str:
    """Repeating one batch lowers the loss; a method with a loop of its own beats the early image where it learnt."""
    method = steps_of(subject)
    return _overfit_own_loop(subject) if method is None else _overfit_steps(subject, method)


def same_seed(subject: Subject) -> str:
    """Two trainings with one seed predict the same image, whatever the global generators did before."""
    import torch

    method, _ = subject.trained
    random.seed(99)
    np.random.seed(99)  # noqa: NPY002 - a method that uses the global generators is what is looked for
    torch.manual_seed(99)
    again, _ = subject.fit()
    return _same(subject.predict(method), subject.predict(again), "two trainings with seed 0 differ")


def resume(subject: Subject) -> str:
    """A training that is stopped halfway and resumed ends like one that never was."""
    method, run = subject.trained
    if len(run.losses) < 2:
        raise NotApplicable("it trains in one go: an interrupted run starts afresh")
    with tempfile.TemporaryDirectory(prefix="petbench-check-") as folder:
        _, first = subject.fit(stop_after=math.ceil(run.images_seen / 2), folder=Path(folder))
        expect(
            first.images_seen < run.images_seen,
            "continues when it is asked to stop: return from fit when run.should_stop()",
        )
        resumed, second = subject.fit(folder=Path(folder))
        how = "from its checkpoint" if second.images_at_start else "from the start: it wrote no checkpoint"
    expect(
        second.images_seen == run.images_seen,
        f"has seen {second.images_seen} images after the resume, not {run.images_seen}",
    )
    _same(subject.predict(method), subject.predict(resumed), "an interrupted and resumed training differs")
    return f"{how}, to the bit"


def cpu(subject: Subject) -> str:
    """The method trains and predicts on a CPU in the default precision, bf16, and its state lives there."""
    import torch

    method, _ = subject.fit(precision="bf16")
    expect(np.isfinite(subject.predict(method)).all(), "predicts NaN or infinite voxels after training in bf16")
    elsewhere = [
        name
        for name, value in method.state_dict().items()
        if isinstance(value, torch.Tensor) and value.device.type != "cpu"
    ]
    expect(not elsewhere, f"keeps {', '.join(elsewhere[:3])} on another device than its own")
    return "fp32 and bf16"


def without_pairs(subject: Subject) -> str:
    """A method that is not paired asks for no pairs, and learns from early and delayed images of other participants."""
    if subject.spec.supervision == "paired":
        raise NotApplicable("it is paired")
    data = subject.data()
    subject.fit(data=data)
    expect(not data.pairs_asked_for, "asks for pairs")
    return f"{len(data.scans())} early images" + (
        "" if subject.spec.supervision == "no-target" else f", {len(data.delayed())} delayed ones of others"
    )


def cost(subject: Subject) -> str:
    """The memory and time of one step are measured; a step is no matter of minutes."""
    method = steps_of(subject)
    if method is None:
        start = time.perf_counter()
        trained, _ = subject.fit()
        fitted = time.perf_counter()
        subject.predict(trained)
        return f"fit {fitted - start:.3g} s, predict {time.perf_counter() - fitted:.3g} s, on small images"
    from torch.autograd.graph import saved_tensors_hooks

    sampler, optimizers = batches_and_optimizers(subject, method)
    batch = sampler.batch(0)
    kept: dict[int, int] = {}

    def note(tensor: Any) -> Any:
        kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with saved_tensors_hooks(note, lambda tensor: tensor):
        optimizers.step(batch, 0.0)
    weights = sum(parameter.nbytes for parameter in method.parameters())
    start = time.perf_counter()
    optimizers.step(batch, 0.0)
    seconds = time.perf_counter() - start
    expect(seconds < 60, f"one step on {len(batch.early)} small images takes {seconds:.0f} s")
    size = "x".join(str(length) for length in batch.early.shape)
    # Adam keeps two numbers a weight beside the weight and its gradient.
    return f"{1000 * seconds:.3g} ms, {4 * weights / 1e6:.3g} MB + {sum(kept.values()) / 1e6:.3g} MB for {size}"


def _overfit_steps(subject: Subject, method: StepMethod) -> str:
    sampler, optimizers = batches_and_optimizers(subject, method)
    batch = sampler.batch(0)
    predicting = _predicting_optimizers(method, optimizers, batch)
    totals: list[float] = []
    for number in range(1, OVERFIT_STEPS + 1):
        optimizers.step(batch, 0.5 * number / OVERFIT_STEPS)  # at 0, a rate that is warmed up is 0
        losses = optimizers.losses()
        totals.append(sum(value for name, value in losses.items() if name.partition("/")[0] in predicting))
    quarter = OVERFIT_STEPS // 4
    first, last = float(np.mean(totals[:quarter])), float(np.mean(totals[-quarter:]))
    expect(last < first, f"the loss rises from {first:.4g} to {last:.4g} in {OVERFIT_STEPS} steps on one batch")
    return f"{first:.3g} to {last:.3g} in {OVERFIT_STEPS} steps on one batch"


def _overfit_own_loop(subject: Subject) -> str:
    if subject.spec.supervision != "paired":
        raise NotApplicable("it trains in its own way, without pairs to compare with")
    data = subject.data(training=1)
    method, _ = subject.fit(data=data)
    ((scan, delayed),) = data.pairs()
    early = scan.early
    predicted = np.asarray(method.predict(scan.copy()))
    error, before = (float(np.sqrt(np.mean((image - delayed) ** 2))) for image in (predicted, early))
    expect(
        error <= before * (1 + 1e-6),
        f"is {error:.4g} SUV (RMSE) off the one participant it learnt from; the early image is {before:.4g} off",
    )
    return f"RMSE {error:.3g} SUV on the participant it learnt from; the early image: {before:.3g}"


def batches_and_optimizers(subject: Subject, method: StepMethod) -> tuple[Sampler, Optimizers]:
    """Return what samples batches as in training, and the method's optimizers."""
    import torch

    from petbench.training.data import load_tensors
    from petbench.training.intensity_choice import choose_intensity
    from petbench.training.optimizers import Optimizers
    from petbench.training.sampler import Sampler

    device = torch.device("cpu")
    data = subject.data()
    method.intensity = choose_intensity(method.parameters_chosen, data, ())
    tensors = load_tensors(
        data,
        method.intensity,
        device,
        size_multiple=method.size_multiple,
        margin=max(method.early_slices, method.delayed_slices) // 2,
    )
    chosen = method.parameters_chosen
    sampler = Sampler(
        tensors,
        device,
        batch_size=chosen.batch_size,
        shift_voxels=0,
        seed=0,
        early_slices=method.early_slices,
        delayed_slices=method.delayed_slices,
    )
    method.train()
    return sampler, Optimizers(method, device)


def _predicting_optimizers(method: StepMethod, optimizers: Optimizers, batch: Batch) -> set[str]:
    """Return the optimizers whose weights decide the prediction: a discriminator's loss may well rise."""
    import torch

    everyone = optimizers.weights
    with torch.enable_grad():
        predicted = method.translate(batch)
        if not predicted.requires_grad:
            return set(everyone)
        flat = [weight for weights in everyone.values() for weight in weights if weight.requires_grad]
        touched = torch.autograd.grad(predicted.sum(), flat, allow_unused=True)
    used = {id(weight) for weight, gradient in zip(flat, touched, strict=True) if gradient is not None}
    return {name for name, weights in everyone.items() if any(id(weight) in used for weight in weights)}


def _same(first: Volume, second: Volume, what: str) -> str:
    expect(
        np.array_equal(first, second),
        lambda: (
            f"{what}, by up to SUV {largest_difference(first, second):.3g}: "
            "take random numbers from generators seeded by run.seed"
        ),
    )
    return "to the bit"
