"""The networks without a discriminator."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from petbench import Batch, Scan, Scans, StepMethod
from petbench.training.optimizers import Optimizers
from petbench.training.step_trainer import StepTrainer
from petbench_gan.parameters import UNetParameters
from petbench_gan.unet import UNetRegression
from petbench_regression.bridge import Bridge
from petbench_regression.parameters import BridgeParameters, ResUNet25dParameters, UNet3dParameters
from petbench_regression.resunet25d import ResUNet25d
from petbench_regression.unet3d import UNet3d

if TYPE_CHECKING:
    from collections.abc import Callable


def make_unet() -> UNetRegression:
    small = {"depth": 3, "width": 8, "learning_rate": 3e-3, "dropout": False}
    return UNetRegression(UNetParameters.model_validate(small))


def make_resunet() -> ResUNet25d:
    return ResUNet25d(ResUNet25dParameters(depth=2, width=4, learning_rate=1e-2, suv_clip=100.0))


def make_unet3d() -> UNet3d:
    return UNet3d(UNet3dParameters(depth=2, width=4, slab=7, learning_rate=1e-2, suv_clip=100.0))


@pytest.mark.slow
@pytest.mark.parametrize("make", [make_unet, make_resunet, make_unet3d])
def test_the_loss_is_the_mean_absolute_difference_and_one_batch_can_be_learnt(make: type[StepMethod]) -> None:
    torch.manual_seed(0)
    method = make()  # type: ignore[call-arg]
    early = torch.rand(2, method.early_slices, 16, 16) * 2 - 1
    middle = (method.early_slices - method.delayed_slices) // 2
    delayed = 0.5 * early[:, middle : middle + method.delayed_slices].flip(-1)
    with torch.no_grad():
        expected = np.abs(method.translate(Scans(early)).numpy() - delayed.numpy()).mean()
    optimizers = Optimizers(method, torch.device("cpu"))
    optimizers.step(Batch(early, delayed), 0.0)
    assert optimizers.losses() == pytest.approx({"model/l1": expected}, rel=1e-4)
    for _ in range(60):
        optimizers.step(Batch(early, delayed), 0.0)
    optimizers.losses()
    optimizers.step(Batch(early, delayed), 0.0)
    assert optimizers.losses()["model/l1"] < 0.5 * expected


def test_resunet25d_starts_from_the_middle_early_slice() -> None:
    early = torch.rand(2, 5, 16, 16)
    assert torch.equal(make_resunet().translate(Scans(early)), early[:, 2:3])


def test_resunet25d_looks_at_every_neighbour() -> None:
    torch.manual_seed(0)
    method = make_resunet().eval()
    torch.nn.init.normal_(method.network.last.weight)
    early = torch.rand(1, 5, 16, 16, requires_grad=True)
    method.translate(Scans(early)).sum().backward()  # type: ignore[no-untyped-call]
    assert early.grad is not None
    assert bool((early.grad.abs().sum(dim=(0, 2, 3)) > 0).all())


def test_a_slab_is_rounded_up_to_what_can_be_halved() -> None:
    assert (make_unet3d().early_slices, make_unet3d().delayed_slices) == (8, 8)


class PerfectBridge(Bridge):
    """Knows the delayed image: half of the early one."""

    def find(self, point: torch.Tensor, time: torch.Tensor) -> torch.Tensor:
        # A point lies at (1 - t) / 2 + t of the early image: right only if it is the one of the time given.
        return point / (1 + time)


def test_a_bridge_is_walked_along_its_points_and_ends_at_what_the_network_finds() -> None:
    early = torch.rand(2, 1, 8, 8)
    for steps in (1, 3, 10):
        bridge = PerfectBridge(BridgeParameters(depth=2, width=4, steps=steps))
        assert torch.allclose(bridge.translate(Scans(early)), early / 2, atol=1e-6)
    terms = bridge.training_step(Batch(early, early / 2))
    assert float(terms["l1"]) == pytest.approx(0.0, abs=1e-7)


def test_the_network_of_a_bridge_cannot_work_out_the_delayed_image_from_what_it_is_given() -> None:
    seen: list[torch.Tensor] = []
    bridge = Bridge(BridgeParameters(depth=2, width=4))
    bridge.network.register_forward_pre_hook(lambda _network, given: seen.append(given[0].detach()))
    first, second = torch.rand(2, 2, 1, 8, 8)
    for early, delayed in ((first, second), (second, first)):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(torch, "rand", lambda *shape, **_options: torch.full(shape, 0.5))
            bridge.training_step(Batch(early, delayed))
    assert torch.equal(seen[0], seen[1])  # halfway, two pairs that are each other's reverse look alike


def test_a_bridge_starts_from_a_network_that_changes_nothing() -> None:
    early = torch.rand(2, 1, 8, 8)
    assert torch.equal(Bridge(BridgeParameters(depth=2, width=4)).translate(Scans(early)), early)


@pytest.mark.parametrize("make", [make_resunet, make_unet3d])
def test_a_volume_of_any_matrix_comes_back_in_its_own(make: Callable[[], StepMethod]) -> None:
    early = np.random.default_rng(0).random((7, 13, 10), dtype=np.float32)
    predicted = StepTrainer(make()).predict(Scan(early))
    assert predicted.shape == early.shape
    assert np.allclose(predicted, early, rtol=1e-4, atol=1e-5)
