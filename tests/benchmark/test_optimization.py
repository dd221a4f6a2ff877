"""Optimizers, schedules, clipping, accumulation and averages of a method's own, against torch's own loops."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pytest
import torch
from tests.benchmark.step_methods import CPU, FakeData, context
from torch import Tensor, nn

from petbench import Batch, Optimization, Scans, StepMethod, StepParameters, schedules
from petbench.contract import Budget
from petbench.errors import PluginError
from petbench.training.optimizers import Optimizers
from petbench.training.randomness import seed_everything
from petbench.training.step_trainer import StepTrainer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

CHOSEN = StepParameters(images=60, batch_size=4, shift_voxels=0, validations=2, suv_clip=100.0)


class Network(StepMethod):
    """Two layers; its optimizer is whatever a test gives it."""

    def __init__(self, make: Callable[[Network], Any]) -> None:
        super().__init__(CHOSEN)
        self.make = make
        self.first, self.last = nn.Conv2d(1, 2, 3, padding=1), nn.Conv2d(2, 1, 3, padding=1)

    def optimizers(self) -> Mapping[str, Any]:
        return {"model": self.make(self)}

    def training_step(self, batch: Batch) -> Mapping[str, Tensor]:
        return {"l2": (self.translate(batch) - batch.delayed).square().mean()}

    def translate(self, scans: Scans) -> Tensor:
        predicted: Tensor = self.last(torch.relu(self.first(scans.early)))
        return predicted


def network(make: Callable[[Network], Any]) -> Network:
    torch.manual_seed(3)
    return Network(make)


def batches(count: int, size: int = 4) -> list[Batch]:
    generator = torch.Generator().manual_seed(1)
    return [Batch(*torch.randn(2, size, 1, 6, 6, generator=generator)) for _ in range(count)]


def assert_same_weights(first: nn.Module, second: nn.Module) -> None:
    torch.testing.assert_close(list(first.parameters()), list(second.parameters()), rtol=1e-6, atol=1e-8)


MAKERS: dict[str, Callable[[Any], Any]] = {
    "AdamW": lambda net: torch.optim.AdamW(net.parameters(), lr=0.01, weight_decay=0.1),
    "SGD": lambda net: torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9),
    "two groups": lambda net: torch.optim.SGD(
        [{"params": net.first.parameters(), "lr": 0.1}, {"params": net.last.parameters(), "lr": 0.01}]
    ),
}


@pytest.mark.parametrize("name", MAKERS)
def test_an_optimizer_of_torchs_steps_as_in_a_loop_of_torchs(name: str) -> None:
    make = MAKERS[name]
    method, plain = network(make), network(make)
    stepped, optimizer = Optimizers(method, CPU), make(plain)
    rates = [group["lr"] for group in optimizer.param_groups]
    for batch, spent in zip(batches(5), (0.0, 0.2, 0.5, 0.7, 0.9), strict=True):
        stepped.step(batch, spent)
        for group, rate in zip(optimizer.param_groups, rates, strict=True):
            group["lr"] = rate * (1.0 if spent <= 0.5 else (1 - spent) / 0.5)
        optimizer.zero_grad()
        plain.training_step(batch)["l2"].backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    assert_same_weights(method, plain)


@pytest.mark.skipif(not hasattr(torch.optim, "Muon"), reason="this torch has no Muon")
def test_several_optimizers_share_an_update() -> None:
    def make(net: Any) -> Optimization:
        matrices = [weight for weight in net.parameters() if weight.dim() == 2]
        others = [weight for weight in net.parameters() if weight.dim() != 2]
        return Optimization([torch.optim.Muon(matrices, lr=0.02), torch.optim.AdamW(others, lr=0.01)])

    class Linear(Network):
        def __init__(self, make: Callable[[Network], Any]) -> None:
            super().__init__(make)
            self.linear = nn.Linear(6, 6)

        def translate(self, scans: Scans) -> Tensor:
            return self.linear(super().translate(scans))  # type: ignore[no-any-return]

    torch.manual_seed(0)
    method = Linear(make)
    before = [weight.detach().clone() for weight in method.parameters()]
    Optimizers(method, CPU).step(batches(1)[0], 0.0)
    assert all(not torch.equal(old, new) for old, new in zip(before, method.parameters(), strict=True))


def test_a_cosine_is_torchs_and_rises_before_it_falls() -> None:
    steps, weight = 40, nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([weight], lr=1.0)
    torchs = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    ours = schedules.cosine()
    for step in range(steps + 1):
        assert ours(step / steps) == pytest.approx(optimizer.param_groups[0]["lr"], abs=1e-12)
        optimizer.step()
        torchs.step()
    warm = schedules.cosine(warm_up=0.2, end=0.1)
    assert [warm(share) for share in (0.0, 0.1, 0.2, 0.6, 1.0)] == pytest.approx([0.0, 0.5, 1.0, 0.55, 0.1])


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        (schedules.constant(), [1, 1, 1, 1]),
        (schedules.constant(warm_up=0.5), [0, 0.5, 1, 1]),
        (schedules.linear_decay(0.5), [1, 1, 1, 0]),
        (schedules.linear_decay(0.0, warm_up=0.5), [0, 0.375, 0.5, 0]),
    ],
)
def test_a_schedule_rises_and_falls_in_straight_lines(
    schedule: Callable[[float], float], expected: list[float]
) -> None:
    assert [schedule(share) for share in (0.0, 0.25, 0.5, 1.0)] == pytest.approx(expected)


def test_gradients_are_clipped_by_their_norm_together() -> None:
    def make(net: Any) -> Optimization:
        return Optimization(torch.optim.SGD(net.parameters(), lr=1.0), clip_norm=0.01)

    method = network(make)
    before = [weight.detach().clone() for weight in method.parameters()]
    Optimizers(method, CPU).step(batches(1)[0], 0.0)
    moved = [new - old for old, new in zip(before, method.parameters(), strict=True)]
    assert math.sqrt(sum(float(part.detach().square().sum()) for part in moved)) == pytest.approx(0.01, rel=1e-3)


def test_accumulated_updates_are_one_step_of_all_their_images() -> None:
    def plain(net: Any) -> Optimization:
        return Optimization(torch.optim.SGD(net.parameters(), lr=0.1))

    def accumulating(net: Any) -> Optimization:
        return Optimization(torch.optim.SGD(net.parameters(), lr=0.1), accumulate=4)

    one, four = network(plain), network(accumulating)
    small = batches(4, size=1)
    whole = Batch(torch.cat([part.early for part in small]), torch.cat([part.delayed for part in small]))
    Optimizers(one, CPU).step(whole, 0.0)
    stepped = Optimizers(four, CPU)
    for part in small[:3]:
        stepped.step(part, 0.0)
    assert_same_weights(four, network(plain))
    stepped.step(small[3], 0.0)
    assert_same_weights(one, four)


def test_an_average_follows_the_weights_and_stands_in_their_place() -> None:
    def make(net: Any) -> Optimization:
        return Optimization(torch.optim.SGD(net.parameters(), lr=0.1), average=0.5)

    method = network(make)
    average = [weight.detach().clone() for weight in method.parameters()]
    stepped = Optimizers(method, CPU)
    for step, batch in enumerate(batches(6)):
        stepped.step(batch, 0.0)
        decay = min(0.5, (1 + step) / (10 + step))
        average = [
            decay * old + (1 - decay) * new.detach() for old, new in zip(average, method.parameters(), strict=True)
        ]
    weights = [weight.detach().clone() for weight in method.parameters()]
    with stepped.averaged():
        torch.testing.assert_close([weight.detach() for weight in method.parameters()], average)
    assert all(torch.equal(old, new) for old, new in zip(weights, method.parameters(), strict=True))


def everything(net: Any) -> Optimization:
    return Optimization(
        torch.optim.AdamW(net.parameters(), lr=0.01),
        schedule=schedules.cosine(warm_up=0.1),
        clip_norm=0.5,
        accumulate=3,
        average=0.9,
    )


def train(folder: Path, stop_after: int | None = None) -> StepTrainer:
    seed_everything(5)
    method, run = StepTrainer(Network(everything)), context(folder, Budget(images=60))
    if stop_after is not None:
        counted = run.advance

        def advance(images: int, losses: Any) -> None:
            counted(images, losses)
            if run.images_seen >= stop_after:
                run.request_stop()

        run.advance = advance  # type: ignore[method-assign]
    data = FakeData()
    method.fit(data, run, data.own())
    return method


@pytest.mark.parametrize("stop_after", [4, 8, 12, 40])
def test_a_training_with_all_of_it_is_resumed_to_the_bit(stop_after: int, tmp_path: Path) -> None:
    """4 and 8 images are one and two updates of three: gradients wait for others when it stops."""
    whole = train(tmp_path / "whole").state_dict()
    train(tmp_path / "parts", stop_after)
    resumed = train(tmp_path / "parts").state_dict()
    assert [name for name in whole if not torch.equal(whole[name], resumed[name])] == []


def test_the_average_is_what_a_trained_method_predicts_with(tmp_path: Path) -> None:
    trained = train(tmp_path / "averaged").state_dict()

    def without(net: Any) -> Optimization:
        return Optimization(torch.optim.AdamW(net.parameters(), lr=0.01), schedules.cosine(warm_up=0.1), 0.5, 3)

    seed_everything(5)
    plain, data = StepTrainer(Network(without)), FakeData()
    plain.fit(data, context(tmp_path / "plain", Budget(images=60)), data.own())
    name = "first.weight"
    assert not torch.equal(trained[name], plain.state_dict()[name])
    torch.testing.assert_close(trained[name], plain.state_dict()[name], atol=0.05, rtol=0.5)


def test_weights_that_are_frozen_or_made_in_build_stay_as_they_are(tmp_path: Path) -> None:
    seed_everything(5)
    net = Network(lambda net: net)
    nn.init.constant_(net.first.weight, 0.97)
    net.first.requires_grad_(requires_grad=False)
    data = FakeData()
    StepTrainer(net).fit(data, context(tmp_path, Budget(images=40)), data.own())
    assert torch.all(net.first.weight == 0.97)


class Returns(Network):
    def __init__(self, result: Any, optimizers: Any = None) -> None:
        super().__init__(lambda net: net)
        self.result, self.given = result, optimizers

    def optimizers(self) -> Mapping[str, Any]:
        return {"model": self} if self.given is None else self.given

    def training_step(self, batch: Batch) -> Any:
        return self.result(self.translate(batch)) if callable(self.result) else self.result


@pytest.mark.parametrize(
    ("result", "message"),
    [
        (None, "training_step returned NoneType; it returns a dictionary of loss terms"),
        (lambda image: image.mean(), "training_step returned Tensor"),
        (lambda image: {"l1": image}, "has 4x1x6x6 numbers; reduce it to one, as by .mean()"),
        (lambda image: {"l1": 3.0}, "the loss term 'l1' of 'model' is float; it is a tensor of one number"),
        (lambda image: {"l1": [image.mean()]}, "is list; it is a tensor of one number"),
        (lambda image: {"l1": (image > 0).sum()}, "is torch.int64; a loss is a floating-point number"),
        (lambda image: {}, "the loss terms for 'model' are nothing"),
        (lambda image: {"l1": torch.zeros(())}, "no gradient leads from the loss of 'model'"),
        (lambda image: iter([{"l1": image.mean()}]), "yielded dict; it yields Update(optimizer, terms)"),
    ],
)
def test_what_a_training_step_may_not_return_is_said_in_one_sentence(result: Any, message: str) -> None:
    with pytest.raises(PluginError) as caught:
        Optimizers(Returns(result), CPU).step(batches(1)[0], 0.0)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([1], "optimizers() returned list; it returns a dictionary, by name"),
        ({}, "optimizers() returned an empty dictionary"),
        ({"model": 3}, "optimizers()['model'] is int; it is a module, one of torch's optimizers, or an Optimization"),
        ({"model": nn.ReLU()}, "the optimizer 'model' has no weights that can be trained"),
    ],
)
def test_optimizers_that_are_none_are_said_in_one_sentence(given: Any, message: str) -> None:
    with pytest.raises(PluginError) as caught:
        Optimizers(Returns(None, given), CPU)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"accumulate": 0}, "accumulate=0"),
        ({"clip_norm": -1.0}, "clip_norm=-1.0"),
        ({"average": 1.0}, "average=1.0"),
        ({"optimizer": 3}, "one of torch's optimizers"),
    ],
)
def test_an_optimization_that_cannot_be_meant_is_refused(options: dict[str, Any], message: str) -> None:
    weights = [nn.Parameter(torch.zeros(1))]
    with pytest.raises(PluginError, match=message):
        Optimization(**{"optimizer": torch.optim.SGD(weights, lr=1.0), **options})
