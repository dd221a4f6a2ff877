"""pix2pix against its paper: losses computed independently, the order of updates, who changes when."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from petbench import Batch, Update
from petbench.training.optimizers import Optimizers
from petbench_gan.losses import adversarial_loss, feature_matching_loss
from petbench_gan.parameters import GanLoss, Pix2pixParameters
from petbench_gan.pix2pix import Pix2pix

if TYPE_CHECKING:
    from collections.abc import Mapping

SMALL = {"depth": 3, "width": 4, "discriminator_layers": 1, "discriminator_width": 4, "dropout": False}


def make(**settings: object) -> Pix2pix:
    torch.manual_seed(0)
    return Pix2pix(Pix2pixParameters.model_validate({**SMALL, **settings}))


def make_batch(size: int = 4) -> Batch:
    generator = torch.Generator().manual_seed(1)
    early = torch.rand(size, 1, 16, 16, generator=generator) * 2 - 1
    return Batch(early, early.flip(-1) * 0.5)


def copy(module: torch.nn.Module) -> list[torch.Tensor]:
    return [parameter.detach().clone() for parameter in module.parameters()]


def changed(module: torch.nn.Module, before: list[torch.Tensor]) -> bool:
    return any(not torch.equal(now, then) for now, then in zip(module.parameters(), before, strict=True))


def cross_entropy(logits: np.ndarray, *, real: bool) -> float:
    probability = 1 / (1 + np.exp(-logits.astype(np.float64)))
    return float(-np.log(probability if real else 1 - probability).mean())


def squared(logits: np.ndarray, *, real: bool) -> float:
    return float(((logits.astype(np.float64) - real) ** 2).mean())


@pytest.mark.parametrize(("kind", "reference"), [("vanilla", cross_entropy), ("lsgan", squared)])
@pytest.mark.parametrize("real", [True, False])
def test_the_adversarial_loss_is_the_textbook_one(kind: GanLoss, reference: object, real: bool) -> None:
    logits = torch.tensor([[-2.0, 0.0], [0.5, 3.0]])
    assert callable(reference)
    assert float(adversarial_loss(logits, kind, real=real)) == pytest.approx(reference(logits.numpy(), real=real))


def test_the_discriminator_steps_first_and_each_term_has_its_stated_weight() -> None:
    method, batch = make(norm="none", l1_weight=50.0), make_batch()
    predicted = method.generator(batch.early).detach()
    with torch.no_grad():
        real = method.discriminator(torch.cat([batch.early, batch.delayed], 1)).numpy()
        fake = method.discriminator(torch.cat([batch.early, predicted], 1)).numpy()
    first, second = list(method.training_step(batch))
    assert (first.optimizer, second.optimizer) == ("discriminator", "generator")
    assert float(first.terms["real"].detach()) == pytest.approx(0.5 * cross_entropy(real, real=True), rel=1e-5)
    assert float(first.terms["fake"].detach()) == pytest.approx(0.5 * cross_entropy(fake, real=False), rel=1e-5)
    assert set(second.terms) == {"gan", "l1"}
    assert float(second.terms["gan"].detach()) == pytest.approx(cross_entropy(fake, real=True), rel=1e-5)
    expected = 50.0 * np.abs(predicted.numpy() - batch.delayed.numpy()).mean()
    assert float(second.terms["l1"].detach()) == pytest.approx(expected, rel=1e-5)


def test_each_update_changes_its_own_optimizer_alone_and_the_generator_faces_the_new_discriminator() -> None:
    method, batch = make(norm="none"), make_batch()
    seen: list[tuple[str, Mapping[str, torch.Tensor], float]] = []
    steps = method.training_step
    fake = torch.cat([batch.early, method.generator(batch.early).detach()], 1)
    generator, discriminator = copy(method.generator), copy(method.discriminator)

    def watched(given: Batch) -> object:
        for update in steps(given):
            yield update
            if update.optimizer == "discriminator":
                assert changed(method.discriminator, discriminator)
                assert not changed(method.generator, generator)
                discriminator[:] = copy(method.discriminator)
            with torch.no_grad():
                logits = float(adversarial_loss(method.discriminator(fake), "vanilla", real=True))
            seen.append((update.optimizer, update.terms, logits))

    method.training_step = watched  # type: ignore[assignment, method-assign]
    Optimizers(method, torch.device("cpu")).step(batch, 0.0)
    assert [optimizer for optimizer, _, _ in seen] == ["discriminator", "generator"]
    assert changed(method.generator, generator)
    assert not changed(method.discriminator, discriminator)
    assert float(seen[1][1]["gan"].detach()) == pytest.approx(seen[0][2], rel=1e-5)


def test_the_generators_step_computes_no_gradient_for_the_discriminator() -> None:
    method = make()
    updates = method.training_step(make_batch())
    next(updates)
    method.zero_grad()
    torch.stack(list(next(updates).terms.values())).sum().backward()  # type: ignore[no-untyped-call]
    assert all(parameter.grad is None for parameter in method.discriminator.parameters())
    assert all(parameter.grad is not None for parameter in method.generator.parameters())
    assert all(parameter.requires_grad for parameter in method.discriminator.parameters())


def test_feature_matching_is_the_mean_distance_over_layers() -> None:
    first, second = [torch.tensor([1.0, 3.0]), torch.tensor([0.0])], [torch.tensor([0.0, 1.0]), torch.tensor([4.0])]
    assert float(feature_matching_loss(first, second)) == pytest.approx((1.5 + 4.0) / 2)


def test_feature_matching_is_a_term_of_the_generator_alone() -> None:
    _, update = list(make(feature_weight=10.0).training_step(make_batch()))
    assert isinstance(update, Update)
    assert set(update.terms) == {"gan", "l1", "features"}


def test_one_batch_can_be_learnt_by_heart() -> None:
    method, batch = make(learning_rate=3e-3, width=8), make_batch(2)
    optimizers = Optimizers(method, torch.device("cpu"))
    optimizers.step(batch, 0.0)
    before = optimizers.losses()["generator/l1"]
    for _ in range(60):
        optimizers.step(batch, 0.0)
    optimizers.losses()
    optimizers.step(batch, 0.0)
    assert optimizers.losses()["generator/l1"] < 0.4 * before
