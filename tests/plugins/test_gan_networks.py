"""The networks against what their papers and their authors' code state."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from torch import nn

from petbench_gan.networks import PatchGAN, ResNet, UNet

if TYPE_CHECKING:
    from petbench_gan.parameters import Norm


def parameter_count(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


@pytest.mark.parametrize(
    ("network", "millions"),
    [(UNet(7), 41.82), (UNet(8), 54.41), (ResNet(9), 11.37), (ResNet(6), 7.83), (PatchGAN(), 2.76)],
    ids=["unet_128", "unet_256", "resnet_9blocks", "resnet_6blocks", "patchgan"],
)
def test_the_published_networks_have_the_published_number_of_parameters(network: nn.Module, millions: float) -> None:
    assert round(parameter_count(network) / 1e6, 2) == millions


def shapes_of(network: nn.Module, image: torch.Tensor, *kinds: type[nn.Module]) -> list[tuple[int, ...]]:
    shapes: list[tuple[int, ...]] = []
    for module in network.modules():
        if isinstance(module, kinds):
            module.register_forward_hook(lambda _module, _inputs, output: shapes.append(tuple(output.shape[1:])))
    network.eval()(image)
    return shapes


def test_every_level_of_unet_128_has_the_published_shape() -> None:
    shapes = shapes_of(UNet(7, width=64), torch.zeros(1, 1, 128, 128), nn.Conv2d, nn.ConvTranspose2d)
    down = [(64, 64), (128, 32), (256, 16), (512, 8), (512, 4), (512, 2), (512, 1)]
    up = [(512, 2), (512, 4), (512, 8), (256, 16), (128, 32), (64, 64), (1, 128)]
    assert shapes == [(channels, size, size) for channels, size in down + up]


def test_every_layer_of_resnet_6_has_the_published_shape() -> None:
    shapes = shapes_of(ResNet(6, width=64), torch.zeros(1, 1, 128, 128), nn.Conv2d, nn.ConvTranspose2d)
    inside = [(256, 32)] * 12
    expected = [(64, 128), (128, 64), (256, 32), *inside, (128, 64), (64, 128), (1, 128)]
    assert shapes == [(channels, size, size) for channels, size in expected]


def test_the_discriminator_gives_14_by_14_logits_at_128_pixels() -> None:
    assert PatchGAN()(torch.zeros(3, 2, 128, 128)).shape == (3, 1, 14, 14)


@pytest.mark.parametrize(("layers", "patch"), [(1, 16), (2, 34), (3, 70)])
def test_a_logit_sees_a_patch_of_the_stated_size(layers: int, patch: int) -> None:
    discriminator = PatchGAN(layers, width=4, norm="none")
    image = torch.zeros(1, 2, 128, 128, requires_grad=True)
    logits = discriminator(image)
    middle = logits.shape[-1] // 2
    logits[0, 0, middle, middle].backward()
    assert image.grad is not None
    seen = (image.grad[0].abs().sum(dim=0) > 0).nonzero()
    assert (seen.amax(dim=0) - seen.amin(dim=0) + 1).tolist() == [patch, patch]


def test_features_are_the_activations_on_the_way_to_the_same_logits() -> None:
    discriminator = PatchGAN(2, width=4).eval()
    image = torch.randn(2, 2, 32, 32)
    *features, logits = discriminator.features(image)
    assert [feature.shape[1] for feature in features] == [4, 8, 16]
    assert torch.equal(logits, discriminator(image))


def test_dropout_stands_in_two_levels_of_unet_128_and_three_of_unet_256() -> None:
    counts = [sum(isinstance(module, nn.Dropout) for module in UNet(depth, 4).modules()) for depth in (7, 8)]
    assert counts == [2, 3]


@pytest.mark.parametrize(("norm", "biased"), [("batch", 1), ("instance", 14)])
def test_a_convolution_before_an_affine_norm_has_no_bias(norm: Norm, biased: int) -> None:
    convolutions = [m for m in UNet(7, 4, norm=norm).modules() if isinstance(m, nn.Conv2d | nn.ConvTranspose2d)]
    assert sum(convolution.bias is not None for convolution in convolutions) == biased


def test_weights_start_from_the_published_distributions() -> None:
    torch.manual_seed(0)
    network = UNet(7, 32).requires_grad_(requires_grad=False)
    weights = torch.cat([m.weight.flatten() for m in network.modules() if isinstance(m, nn.Conv2d)])
    assert abs(float(weights.mean())) < 1e-4
    assert abs(float(weights.std()) - 0.02) < 1e-4
    norms = torch.cat([m.weight for m in network.modules() if isinstance(m, nn.BatchNorm2d)])
    assert abs(float(norms.mean()) - 1.0) < 2e-3
    assert abs(float(norms.std()) - 0.02) < 2e-3
    biases = [m.bias for m in network.modules() if isinstance(m, nn.BatchNorm2d | nn.ConvTranspose2d)]
    assert all(not bias.any() for bias in biases if bias is not None)


@pytest.mark.parametrize("network", [UNet(5, 8, residual=True), ResNet(2, 8, residual=True)], ids=["unet", "resnet"])
def test_a_residual_generator_whose_last_layer_is_zero_returns_the_early_image(network: nn.Module) -> None:
    last = [module for module in network.modules() if isinstance(module, nn.Conv2d | nn.ConvTranspose2d)][-1]
    nn.init.zeros_(last.weight)
    image = torch.randn(2, 1, 32, 32)
    assert torch.equal(network(image), image)


@pytest.mark.parametrize("network", [UNet(5, 8), ResNet(2, 8)], ids=["unet", "resnet"])
def test_a_published_generator_stays_within_the_range_of_its_tanh(network: nn.Module) -> None:
    output = network(100 * torch.randn(2, 1, 32, 32))
    assert output.shape == (2, 1, 32, 32)
    assert float(output.detach().abs().max()) <= 1.0


@pytest.mark.parametrize("network", [UNet(5, 8, upsample="resize"), ResNet(2, 8, upsample="resize")])
def test_resize_and_convolve_keeps_shapes(network: nn.Module) -> None:
    assert network(torch.zeros(2, 1, 64, 32)).shape == (2, 1, 64, 32)
    assert not any(isinstance(module, nn.ConvTranspose2d) for module in network.modules())
