"""Which batch norm several processes may compute together: what torch's synchronized one does not forget a part of."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from tests.benchmark.step_methods import SMALL, Linear
from torch import nn
from torch.nn.utils import parametrize, prune

from petbench.training.shared_norms import compute_norms_together
from petbench.training.step_trainer import StepTrainer

if TYPE_CHECKING:
    from collections.abc import Callable

CPU, CUDA = torch.device("cpu"), torch.device("cuda")


class WithActivation(nn.BatchNorm2d):
    """As timm's `BatchNormAct2d`."""

    def forward(self, input: torch.Tensor) -> torch.Tensor:  # noqa: A002 - torch's name
        return nn.functional.relu(super().forward(input))


def hooked(register: str) -> nn.Module:
    norm = nn.BatchNorm2d(1)
    getattr(norm, register)(lambda *_: None)
    return norm


def parametrized() -> nn.Module:
    norm = nn.BatchNorm2d(1)
    parametrize.register_parametrization(norm, "weight", nn.Softplus())
    return norm


def pruned() -> nn.Module:
    norm = nn.BatchNorm2d(1)
    prune.identity(norm, "weight")  # type: ignore[no-untyped-call] # torch does not type it
    return norm


def with_a_forward_of_its_own() -> nn.Module:
    norm = nn.BatchNorm2d(1)
    norm.forward = nn.functional.relu  # type: ignore[method-assign]
    return norm


def why_not(norm: nn.Module, device: torch.device) -> str:
    method = Linear(SMALL)
    method.splittable = True
    method.network = nn.Sequential(nn.Conv2d(1, 1, 1), norm)
    return StepTrainer(method).why_not_shared(device)


@pytest.mark.parametrize("norm", [nn.BatchNorm2d(1), nn.BatchNorm3d(1), nn.SyncBatchNorm(1)])
def test_torchs_own_batch_norm_is_shared_on_cuda_alone(norm: nn.Module) -> None:
    assert why_not(norm, CUDA) == ""
    assert why_not(norm, CPU) == "Linear has batch norm, which several processes compute together on CUDA alone"


@pytest.mark.parametrize(
    ("build", "named"),
    [
        (lambda: WithActivation(1), f"{__name__}.WithActivation: "),
        (lambda: nn.LazyBatchNorm2d(), ".LazyBatchNorm2d: "),
        (lambda: nn.BatchNorm1d(1), ".BatchNorm1d: "),
        (parametrized, ".ParametrizedBatchNorm2d: "),
        (lambda: hooked("register_forward_hook"), "a BatchNorm2d with hooks"),
        (lambda: hooked("register_forward_pre_hook"), "a BatchNorm2d with hooks"),
        (lambda: hooked("register_full_backward_hook"), "a BatchNorm2d with hooks"),
        (pruned, "a BatchNorm2d with hooks"),
        (with_a_forward_of_its_own, "a BatchNorm2d with hooks or a `forward` of its own"),
    ],
)
def test_what_does_more_than_batch_norm_is_refused_by_its_name(build: Callable[[], nn.Module], named: str) -> None:
    said = why_not(build(), CUDA)
    assert said.startswith("Linear has ")
    assert named in said
    assert "\n" not in said


@pytest.mark.parametrize(("norm", "shape"), [(nn.BatchNorm2d, (3, 2, 4, 4)), (nn.BatchNorm3d, (3, 2, 4, 4, 4))])
def test_what_is_shared_computes_alone_what_it_did_before(norm: type[nn.Module], shape: tuple[int, ...]) -> None:
    before = nn.Sequential(norm(2))
    before.train()(torch.rand(shape))
    images = torch.rand(shape)
    expected = before.eval()(images)
    compute_norms_together(before)
    assert isinstance(before[0], nn.SyncBatchNorm)
    assert torch.equal(before(images), expected)
