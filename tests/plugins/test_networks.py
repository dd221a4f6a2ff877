"""The networks of MONAI and segmentation-models-pytorch."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from petbench import Batch, PetbenchError, Scan, Scans, StepMethod
from petbench.training.optimizers import Optimizers
from petbench.training.sampling import predict_volume, samples_of
from petbench.training.step_trainer import StepTrainer
from petbench_networks import petbench_methods

if TYPE_CHECKING:
    from collections.abc import Mapping

pytestmark = pytest.mark.slow  # the libraries take seconds to import, and start programs that describe the machine

SPECS = {spec.name: spec for spec in petbench_methods()}

SMALL: Mapping[str, Mapping[str, Any]] = {
    "resenc3d": {"depth": 2, "width": 4, "slab": 7},
    "unetpp25d": {"encoder": "resnet18", "width": 4, "neighbours": 1},
    "swinunetr": {"dimensions": 2, "width": 12},
    "rectified-flow": {"width": 16, "levels": 2, "blocks": 1, "steps": 3},
    "ddpm25d": {"width": 16, "levels": 2, "blocks": 1, "steps": 3},
}
REGRESSIONS = ("resenc3d", "unetpp25d", "swinunetr")
DRAWING = ("rectified-flow", "ddpm25d")


def make(name: str, **changed: Any) -> Any:
    spec = SPECS[name]
    assert spec.parameters is not None
    assert spec.build is not None
    values = {"learning_rate": 3e-3, "suv_clip": 100.0, "average": 0.0, "warm_up": 0.0, **SMALL[name], **changed}
    torch.manual_seed(0)
    return spec.build(spec.parameters.model_validate(values))


def middle_of(method: StepMethod, early: torch.Tensor) -> torch.Tensor:
    first = (method.early_slices - method.delayed_slices) // 2
    return early[:, first : first + method.delayed_slices]


@pytest.mark.parametrize("name", SMALL)
def test_a_batch_can_be_learnt(name: str) -> None:
    method = make(name)
    early = torch.rand(2, method.early_slices, method.size_multiple, method.size_multiple) * 2 - 1
    batch = Batch(early, 0.5 * middle_of(method, early).flip(-1))
    optimizers = Optimizers(method, torch.device("cpu"))
    losses: list[float] = []
    for _ in range(40):
        optimizers.step(batch, 0.0)
        losses += optimizers.losses().values()
    assert np.mean(losses[-8:]) < 0.7 * np.mean(losses[:4])


@pytest.mark.parametrize("name", REGRESSIONS)
def test_a_regression_starts_from_the_early_image(name: str) -> None:
    method = make(name).eval()
    early = torch.rand(2, method.early_slices, 64, 64) * 2 - 1
    assert torch.equal(method.translate(Scans(early)), middle_of(method, early))


@pytest.mark.parametrize("name", SMALL)
def test_a_volume_of_any_matrix_comes_back_in_its_own(name: str) -> None:
    early = np.random.default_rng(0).random((5, 13, 34), dtype=np.float32)
    predicted = StepTrainer(make(name)).predict(Scan(early))
    assert predicted.shape == early.shape
    assert np.isfinite(predicted).all()


def test_air_weighs_as_little_in_the_loss_of_resenc3d_as_its_parameter_says() -> None:
    method = make("resenc3d", air_weight=0.0)
    early = torch.full((1, method.early_slices, 8, 8), -1.0)
    early[..., :4] = 0.0  # the body, on one side
    delayed = early + 0.25
    delayed[..., 4:] = -1.0 + 1e-3  # less than the SUV at which a voxel is of the body
    assert float(method.training_step(Batch(early, delayed))["masked l1"].detach()) == pytest.approx(0.25)


def test_a_perfect_velocity_leads_a_rectified_flow_to_the_delayed_image_in_any_number_of_steps(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    early = torch.rand(2, 5, 8, 8)
    delayed = torch.rand(2, 1, 8, 8)
    for steps in (1, 4):
        method = make("rectified-flow", steps=steps)

        def perfect(point: torch.Tensor, _early: torch.Tensor, times: torch.Tensor) -> torch.Tensor:
            left = (times / 1000)[:, None, None, None]
            return (delayed - point) / left  # on a straight line, the rest of the way over the time that is left

        monkeypatch.setattr(method, "velocity", perfect)
        assert torch.allclose(method.translate(Scans(early)), delayed, atol=1e-5)
    assert float(method.training_step(Batch(early, delayed))["velocity"]) == pytest.approx(0.0, abs=1e-6)


def test_a_rectified_flow_cannot_work_out_the_delayed_image_from_the_point_and_the_early_image() -> None:
    method = make("rectified-flow", noise=0.3)
    seen: list[torch.Tensor] = []
    method.network.register_forward_pre_hook(lambda _network, given: seen.append(given[0].detach()))
    early = torch.zeros(400, 5, 8, 8)
    method.training_step(Batch(early, early[:, :1] + 1.0))
    # With the time known, the point would tell the delayed image exactly, but for the noise.
    point = seen[0][:, 0].mean(dim=(1, 2))
    spread = seen[0][:, 0].std(dim=(1, 2))
    assert float((spread / (1 - point).clamp(min=0.05))[point < 0.9].mean()) == pytest.approx(0.3, rel=0.1)


def test_a_perfect_network_leads_ddpm25d_to_the_delayed_image(monkeypatch: pytest.MonkeyPatch) -> None:
    method = make("ddpm25d", steps=25, gain=2.0)
    early = torch.rand(2, 5, 8, 8)
    delayed = torch.rand(2, 1, 8, 8)
    clean = (delayed - early[:, 2:3]) * 2.0
    # The schedule by its own formula, not the library's: betas whose roots lie on a line.
    kept = torch.cumprod(1 - torch.linspace(0.0015**0.5, 0.0195**0.5, 1000) ** 2, dim=0)

    def perfect(noisy: torch.Tensor, _early: torch.Tensor, times: torch.Tensor) -> torch.Tensor:
        share = kept[times.long()][:, None, None, None]
        noise = (noisy - share.sqrt() * clean) / (1 - share).sqrt()
        return share.sqrt() * noise - (1 - share).sqrt() * clean

    monkeypatch.setattr(method, "velocity", perfect)
    assert torch.allclose(method.translate(Scans(early)), delayed, atol=1e-4)
    assert float(method.training_step(Batch(early, delayed))["velocity"]) == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize("name", DRAWING)
def test_a_drawn_prediction_repeats_and_is_the_mean_of_its_samples(name: str) -> None:
    early = np.random.default_rng(0).random((3, 16, 16), dtype=np.float32) * 5
    method = make(name, samples=3)
    before = torch.random.get_rng_state()
    predicted = predict_volume(method, Scan(early))
    assert torch.equal(before, torch.random.get_rng_state())  # a training goes on as if nobody had validated
    drawn = list(samples_of(method, Scan(early)))
    assert not np.array_equal(drawn[0], drawn[1])
    assert np.allclose(predicted, np.mean(np.stack(drawn).astype(np.float64), axis=0), atol=1e-6)
    assert np.array_equal(predicted, predict_volume(method, Scan(early)))
    assert not np.array_equal(drawn[0], next(iter(samples_of(method, Scan(early[::-1]))))[::-1])


class Undeclared(StepMethod):
    draws = True


def test_a_method_that_draws_says_how_many_samples() -> None:
    from petbench import StepParameters

    with pytest.raises(PetbenchError, match=r"make its parameters from petbench\.SamplingParameters too"):
        predict_volume(Undeclared(StepParameters(suv_clip=10.0)), Scan(np.ones((1, 4, 4), dtype=np.float32)))


@pytest.mark.parametrize(
    ("name", "library"), [("resenc3d", "monai"), ("unetpp25d", "segmentation_models_pytorch"), ("ddpm25d", "monai")]
)
def test_a_library_that_is_not_installed_is_named_with_what_installs_it(
    name: str, library: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in [key for key in sys.modules if key.startswith("petbench_networks.")]:
        if module != "petbench_networks.parameters":
            monkeypatch.delitem(sys.modules, module)
    for module in [key for key in sys.modules if key.partition(".")[0] == library]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(PetbenchError, match=rf"{library}.*pip install 'petbench\[methods\]'"):
        make(name)
