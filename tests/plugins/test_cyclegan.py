"""CycleGAN against its paper: losses computed independently, the order of updates, and the pool."""

from __future__ import annotations

import pytest
import torch

from petbench import Batch
from petbench.training.optimizers import Optimizers
from petbench_gan.cyclegan import CycleGan
from petbench_gan.parameters import CycleGanParameters, SupCycleGanParameters
from petbench_gan.pool import ImagePool
from petbench_gan.supcyclegan import SupCycleGan

SMALL = {
    "depth": 3, "width": 4, "discriminator_layers": 1, "discriminator_width": 4, "dropout": False, "norm": "none"
}  # fmt: skip


def make(**settings: object) -> CycleGan:
    torch.manual_seed(0)
    return CycleGan(CycleGanParameters.model_validate({**SMALL, **settings}))


def make_batch() -> Batch:
    generator = torch.Generator().manual_seed(1)
    early, delayed = (torch.rand(3, 1, 16, 16, generator=generator) * 2 - 1 for _ in range(2))
    return Batch(early, delayed)


def distance(first: torch.Tensor, second: torch.Tensor) -> float:
    return float((first.double() - second.double()).abs().mean())


def test_the_generators_step_first_and_each_term_has_its_stated_weight() -> None:
    method, batch = make(cycle_weight=10.0, identity_weight=0.5), make_batch()
    x, y, forth, back = batch.early, batch.delayed, method.to_delayed, method.to_early
    with torch.no_grad():
        expected = {
            "cycle_early": 10.0 * distance(back(forth(x)), x),
            "cycle_delayed": 10.0 * distance(forth(back(y)), y),
            "identity_early": 5.0 * distance(back(x), x),
            "identity_delayed": 5.0 * distance(forth(y), y),
            "gan_delayed": float(((method.discriminator_delayed(forth(x)) - 1) ** 2).mean()),
            "gan_early": float(((method.discriminator_early(back(y)) - 1) ** 2).mean()),
        }
        of_discriminators = {
            "real_delayed": 0.5 * float(((method.discriminator_delayed(y) - 1) ** 2).mean()),
            "real_early": 0.5 * float(((method.discriminator_early(x) - 1) ** 2).mean()),
            "fake_delayed": 0.5 * float((method.discriminator_delayed(forth(x)) ** 2).mean()),
            "fake_early": 0.5 * float((method.discriminator_early(back(y)) ** 2).mean()),
        }
    first, second = list(method.training_step(batch))
    assert (first.optimizer, second.optimizer) == ("generators", "discriminators")
    assert {name: float(term.detach()) for name, term in first.terms.items()} == pytest.approx(expected, rel=1e-5)
    assert {name: float(term.detach()) for name, term in second.terms.items()} == pytest.approx(
        of_discriminators, rel=1e-5
    )


def test_both_generators_share_one_optimizer_and_both_discriminators_another() -> None:
    optimizers = make().optimizers()
    assert list(optimizers) == ["generators", "discriminators"]
    counted = sum(parameter.numel() for module in optimizers.values() for parameter in module.parameters())
    assert counted == sum(parameter.numel() for parameter in make().parameters())


def test_the_identity_terms_can_be_left_out() -> None:
    first, _ = list(make(identity_weight=0.0).training_step(make_batch()))
    assert not any(name.startswith("identity") for name in first.terms)


def test_one_batch_can_be_learnt_by_heart() -> None:
    method, batch = make(learning_rate=3e-3, norm="batch"), make_batch()
    optimizers = Optimizers(method, torch.device("cpu"))
    optimizers.step(batch, 0.0)
    before = optimizers.losses()
    for _ in range(40):
        optimizers.step(batch, 0.0)
    optimizers.losses()
    optimizers.step(batch, 0.0)
    after = optimizers.losses()
    assert after["generators/cycle_early"] < 0.7 * before["generators/cycle_early"]
    assert after["generators/cycle_delayed"] < 0.7 * before["generators/cycle_delayed"]


def test_supcyclegan_adds_the_paired_terms_and_nothing_else() -> None:
    torch.manual_seed(0)
    method = SupCycleGan(SupCycleGanParameters.model_validate({**SMALL, "paired_weight": 7.0}))
    plain, batch = CycleGan(CycleGanParameters.model_validate(SMALL)), make_batch()
    plain.load_state_dict(method.state_dict())
    with torch.no_grad():
        expected = {
            "paired_delayed": 7.0 * distance(method.to_delayed(batch.early), batch.delayed),
            "paired_early": 7.0 * distance(method.to_early(batch.delayed), batch.early),
        }
        own, others = ({**next(iter(some.training_step(batch))).terms} for some in (method, plain))
    assert {name: float(own.pop(name)) for name in expected} == pytest.approx(expected, rel=1e-5)
    assert {name: float(term) for name, term in own.items()} == {name: float(term) for name, term in others.items()}


def images(first: int, count: int) -> torch.Tensor:
    return torch.arange(first, first + count, dtype=torch.float32)[:, None, None, None].expand(-1, 1, 2, 2).clone()


def test_a_pool_that_is_not_full_lets_images_through_and_keeps_them() -> None:
    pool = ImagePool(10)
    predicted = images(0, 6)
    assert torch.equal(pool.exchange(predicted), predicted)
    assert torch.equal(pool.images[:6], predicted)


def test_a_full_pool_returns_an_older_image_half_of_the_time_and_never_loses_its_size() -> None:
    torch.manual_seed(3)
    pool = ImagePool(50)
    pool.exchange(images(0, 50))
    old = 0
    for step in range(400):
        predicted = images(50 + 10 * step, 10)
        returned = pool.exchange(predicted)
        known = set(predicted[:, 0, 0, 0].tolist())
        old += sum(value not in known for value in returned[:, 0, 0, 0].tolist())
    assert pool.images.shape == (50, 1, 2, 2)
    assert abs(old / 4000 - 0.5) < 0.03


def test_an_image_stays_in_the_pool_as_long_as_chance_says() -> None:
    torch.manual_seed(4)
    pool = ImagePool(20)
    pool.exchange(images(0, 20))
    for step in range(30):
        pool.exchange(images(20 + step, 1))
    survivors = int((pool.images[:, 0, 0, 0] < 20).sum())
    # A place survives one exchange with probability 1 - 1/40, thirty of them with 0.468.
    assert abs(survivors / 20 - 0.468) < 0.3


def test_a_replaced_image_is_gone_and_the_one_returned_is_the_one_that_was_there() -> None:
    torch.manual_seed(5)
    pool = ImagePool(4)
    pool.exchange(images(0, 4))
    before = set(pool.images[:, 0, 0, 0].tolist())
    returned = set(pool.exchange(images(100, 1))[:, 0, 0, 0].tolist())
    after = set(pool.images[:, 0, 0, 0].tolist())
    assert returned <= before | {100.0}
    assert after == (before if returned == {100.0} else before - returned | {100.0})


def test_of_two_images_for_one_place_the_later_stays() -> None:
    pool = ImagePool(1)
    pool.exchange(images(0, 1))
    for _ in range(20):
        pool.exchange(images(7, 2))
    assert float(pool.images[0, 0, 0, 0]) in (7.0, 8.0)


def test_an_empty_pool_lets_everything_through() -> None:
    predicted = images(0, 3)
    assert ImagePool(0).exchange(predicted) is predicted


def test_the_pool_survives_its_state() -> None:
    pool, other = ImagePool(4), ImagePool(4)
    pool.exchange(images(0, 6))
    other.load_state_dict(pool.state_dict())
    assert torch.equal(other.images, pool.images)
    assert int(other.seen) == 6
