"""Budget, schedule, losses, divergence: what the loop promises every step method."""

from __future__ import annotations

import itertools
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
import torch
from tests.benchmark.step_methods import CPU, SMALL, FakeData, Linear, Slabs, context, events
from torch import Tensor

from petbench import Batch, Update
from petbench.contract import Budget
from petbench.errors import Diverged
from petbench.schedules import linear_decay
from petbench.training import context as training_context
from petbench.training.optimizers import Optimizers
from petbench.training.step_trainer import StepTrainer
from petbench.training.training_log import gan_shares

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path


def test_a_budget_in_images_is_spent_to_the_last_batch(tmp_path: Path) -> None:
    run = context(tmp_path, Budget(images=38))
    StepTrainer(Linear(SMALL)).fit(FakeData(), run)
    assert run.images_seen == 40
    assert run.fraction == 1.0
    assert not run.interrupted


def test_a_slab_counts_as_many_images_as_it_has_slices(tmp_path: Path) -> None:
    run = context(tmp_path, Budget(images=25))
    method = Slabs(SMALL)
    steps: list[Batch] = []
    method.training_step = lambda batch: steps.append(batch) or {"x": method.unused * 0}  # type: ignore[func-returns-value, method-assign]
    StepTrainer(method).fit(FakeData(), run)
    assert [batch.delayed.shape[:2] for batch in steps] == [(4, 3)] * 3
    assert run.images_seen == 3 * 4 * 3


@pytest.fixture
def slow_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hundredth of a second passes whenever somebody looks at the clock, however fast the machine is."""
    ticks = itertools.count()
    monkeypatch.setattr(training_context, "time", SimpleNamespace(monotonic=lambda: next(ticks) / 100))


def test_a_budget_in_seconds_ends_by_itself(tmp_path: Path, slow_clock: None) -> None:
    run = context(tmp_path, Budget(seconds=1.0))
    StepTrainer(Linear(SMALL)).fit(FakeData(), run)
    assert run.images_seen > 0
    assert run.seconds_spent >= 1.0


def test_seconds_are_counted_over_a_resume(tmp_path: Path, slow_clock: None) -> None:
    first = context(tmp_path, Budget(seconds=1.0))
    StepTrainer(Linear(SMALL)).fit(FakeData(), first)
    second = context(tmp_path, Budget(seconds=1.0))
    StepTrainer(Linear(SMALL)).fit(FakeData(), second)
    assert second.images_seen == first.images_seen


def test_the_log_says_how_it_ran_what_on_and_what_came_out(tmp_path: Path) -> None:
    data = FakeData(160.0)
    StepTrainer(Linear(SMALL)).fit(data, context(tmp_path, Budget(images=40)), data.own())
    assert events(tmp_path, "engine")[0]["precision"] == "bf16"
    assert events(tmp_path, "engine")[0]["networks_in_float32"] == []
    assert events(tmp_path, "data")[0]["clipped_delayed"] == 1.0
    assert [event["images"] for event in events(tmp_path, "validation")] == [20, 40]
    assert events(tmp_path, "validation")[0]["clipped"] == 1.0
    assert events(tmp_path, "selection")[0]["rule"] == "last"
    assert set(events(tmp_path, "step")[-1]["losses"]) == {"model/l1"}  # type: ignore[call-overload]


@pytest.mark.parametrize(("fraction", "expected"), [(0.0, 1.0), (0.5, 1.0), (0.75, 0.5), (1.0, 0.0)])
def test_the_rate_falls_in_a_straight_line_after_its_start(fraction: float, expected: float) -> None:
    assert linear_decay(0.5)(fraction) == pytest.approx(expected)


def test_a_first_adam_step_moves_a_weight_by_the_rate_of_the_moment() -> None:
    method = Linear(SMALL.model_copy(update={"learning_rate": 0.1, "decay_start": 0.0}))
    before = method.convolution.weight.detach().clone()
    batch = Batch(torch.randn(4, 1, 4, 4), torch.randn(4, 1, 4, 4))
    Optimizers(method, CPU).step(batch, 0.75)
    assert float((method.convolution.weight.detach() - before).abs()) == pytest.approx(0.025, rel=0.05)


def test_losses_are_means_since_they_were_last_read() -> None:
    method = Linear(SMALL)
    values = iter([1.0, 2.0, 6.0])
    method.training_step = lambda _batch: {"x": method.convolution.weight.sum() * 0 + next(values)}  # type: ignore[assignment, method-assign]
    optimizers, batch = Optimizers(method, CPU), Batch(torch.zeros(1, 1, 4, 4), torch.zeros(1, 1, 4, 4))
    optimizers.step(batch, 0.0)
    optimizers.step(batch, 0.0)
    assert optimizers.losses() == {"model/x": 1.5}
    optimizers.step(batch, 0.0)
    assert optimizers.losses() == {"model/x": 6.0}
    assert optimizers.losses() == {}


def test_the_log_says_how_much_of_a_loss_the_discriminator_makes() -> None:
    losses = {
        "generator/l1": 3.0, "generator/gan_delayed": 0.5, "generator/gan_early": 0.5,
        "discriminator/real": 0.4, "model/l1": 1.0,
    }  # fmt: skip
    assert gan_shares(losses) == {"generator": 0.25}


@pytest.mark.parametrize("read_after", [(), (2,), (2, 5), (3, 4, 5)])
def test_the_first_step_whose_loss_is_not_finite_is_told_however_often_losses_are_read(
    read_after: tuple[int, ...],
) -> None:
    method = Linear(SMALL)
    optimizers = Optimizers(method, torch.device("cpu"))
    optimizers.begin_at(1_000)  # of a training that was resumed
    early = torch.zeros(2, 1, 4, 4)
    for step in range(1, 9):
        bad = torch.full_like(early, float("inf")) if step == 7 else early
        optimizers.step(Batch(early, bad), 0.0)
        if step in read_after:
            optimizers.losses()
    with pytest.raises(Diverged, match="from step 1,007 on"):
        optimizers.losses()


def test_a_loss_that_is_not_finite_ends_the_run_and_the_last_good_checkpoint_stays(tmp_path: Path) -> None:
    method, run = Linear(SMALL), context(tmp_path, Budget(images=40))
    good = method.training_step
    run.checkpoint(lambda: {"good": torch.ones(1)}, force=True)

    def poisoned(batch: Batch) -> Mapping[str, Tensor] | Iterator[Update]:
        terms = good(batch)
        return {"l1": terms["l1"] * float("nan")} if run.images_seen >= 12 else terms  # type: ignore[index]

    method.training_step = poisoned  # type: ignore[method-assign]
    run.resume_state = lambda: None  # type: ignore[method-assign]
    first = 12 // SMALL.batch_size + 1
    with pytest.raises(Diverged, match=f"is nan from step {first} on: lower the learning rate"):
        StepTrainer(method).fit(FakeData(), run)
    whole = run.checkpoints.newest()
    assert whole is not None
    assert whole["method"]["good"].item() == 1.0
