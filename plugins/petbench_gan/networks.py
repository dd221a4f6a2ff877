"""The networks that pix2pix and CycleGAN share, layer for layer those of the authors' PyTorch code.

Sources: Ronneberger et al. 2015 (U-Net), Johnson et al. 2016 (ResNet generator), Isola et al. 2017 (PatchGAN, the
U-Net's use in a GAN), and `models/networks.py` of github.com/junyanz/pytorch-CycleGAN-and-pix2pix for every layer,
bias and initial value. What is not in that code has a name of its own here: `residual`, `upsample`, `norm="none"`.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import torch
from torch import nn

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from petbench_gan.parameters import Norm, Upsample


def normalisation(norm: Norm) -> tuple[Callable[[int], nn.Module], bool]:
    """Return the layer maker of `norm`, and whether the convolution before it needs a bias (affine layers have one)."""
    makers: dict[Norm, Callable[[int], nn.Module]] = {
        "batch": nn.BatchNorm2d,
        "instance": partial(nn.InstanceNorm2d, affine=False, track_running_stats=False),
        "none": lambda _channels: nn.Identity(),
    }
    return makers[norm], norm != "batch"


def initialise(network: nn.Module, standard_deviation: float = 0.02) -> None:
    """Draw convolutions from N(0, 0.02), batch-norm weights from N(1, 0.02), and set every bias to 0."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Conv3d | nn.Linear):
            nn.init.normal_(module.weight, 0.0, standard_deviation)
        elif isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.weight, 1.0, standard_deviation)
        else:
            continue
        if module.bias is not None:
            nn.init.zeros_(module.bias)


class Generator(nn.Module):
    """What both generators are from outside: layers in a row that give the image, or a correction of the input.

    Args:
        layers: all but the last activation.
        residual: add the middle input channel to a linear output, in place of the published tanh.
    """

    def __init__(self, layers: Sequence[nn.Module], *, residual: bool) -> None:
        super().__init__()
        self.residual = residual
        self.layers = nn.Sequential(*layers, nn.Identity() if residual else nn.Tanh())
        initialise(self)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Translate (batch, in, y, x) into (batch, out, y, x)."""
        output: torch.Tensor = self.layers(image)
        if self.residual:
            middle = image.shape[1] // 2
            output = output + image[:, middle : middle + 1]
        return output


class UNet(Generator):
    """The U-Net generator: `depth` halvings down to a bottleneck, a skip at every level.

    y and x are multiples of 2**depth.

    Args:
        depth: halvings; an image of 2**depth voxels a side ends in a 1x1 bottleneck (`unet_128` is depth 7).
        width: channels of the outermost level, doubled at each of the next three levels.
        channels: (in, out).
        norm: normalisation layers; none at the outermost and innermost way down.
        dropout: 0.5 in the middle levels of 8 x width channels, as published.
        upsample: `deconv` as published; `resize` (nearest neighbour, then a convolution) has no checkerboard.
        residual: add the middle input channel to a linear output, in place of the published tanh.
    """

    def __init__(
        self,
        depth: int = 7,
        width: int = 64,
        channels: tuple[int, int] = (1, 1),
        *,
        norm: Norm = "batch",
        dropout: bool = True,
        upsample: Upsample = "deconv",
        residual: bool = False,
    ) -> None:
        widths = [width * min(8, 2**level) for level in range(depth)]
        block: nn.Module | None = None
        for level in range(depth - 1, 0, -1):
            middle = 4 <= level < depth - 1
            block = _SkipLevel(widths[level - 1], widths[level], block, norm, upsample, dropout=dropout and middle)
        assert block is not None, "a U-Net has at least two levels"
        layers = [
            nn.Conv2d(channels[0], widths[0], 4, stride=2, padding=1, bias=normalisation(norm)[1]),
            block,
            nn.ReLU(),
            _double(2 * widths[0], channels[1], upsample, bias=True),
        ]
        super().__init__(layers, residual=residual)


class _SkipLevel(nn.Module):
    """One level of the U-Net: down, whatever lies below, up, and the input beside the result."""

    def __init__(
        self, outer: int, inner: int, below: nn.Module | None, norm: Norm, upsample: Upsample, *, dropout: bool
    ) -> None:
        super().__init__()
        make_norm, bias = normalisation(norm)
        layers: list[nn.Module] = [
            nn.LeakyReLU(0.2),
            nn.Conv2d(outer, inner, 4, stride=2, padding=1, bias=bias),
        ]
        if below is not None:
            layers += [make_norm(inner), below]
        layers += [
            nn.ReLU(),
            _double(inner if below is None else 2 * inner, outer, upsample, bias=bias),
            make_norm(outer),
        ]
        if dropout:
            layers.append(nn.Dropout(0.5))
        self.layers = nn.Sequential(*layers)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return torch.cat([features, self.layers(features)], dim=1)


class ResNet(Generator):
    """The ResNet generator of CycleGAN: two halvings, `blocks` residual blocks, two doublings.

    y and x are multiples of 4.

    Args:
        blocks: 9 for 256-pixel images, 6 for 128-pixel images (the paper's own rule).
        width: channels at full resolution.
        channels: (in, out).
        norm: normalisation layers.
        dropout: 0.5 inside each residual block.
        upsample: `deconv` as published, or `resize`.
        residual: add the middle input channel to a linear output, in place of the published tanh.
    """

    def __init__(
        self,
        blocks: int = 9,
        width: int = 64,
        channels: tuple[int, int] = (1, 1),
        *,
        norm: Norm = "instance",
        dropout: bool = False,
        upsample: Upsample = "deconv",
        residual: bool = False,
    ) -> None:
        make_norm, bias = normalisation(norm)
        layers: list[nn.Module] = [
            nn.ReflectionPad2d(3),
            nn.Conv2d(channels[0], width, 7, bias=bias),
            make_norm(width),
            nn.ReLU(),
        ]
        for size in (width, 2 * width):
            layers += [nn.Conv2d(size, 2 * size, 3, stride=2, padding=1, bias=bias), make_norm(2 * size), nn.ReLU()]
        layers += [_ResidualBlock(4 * width, norm, dropout=dropout) for _ in range(blocks)]
        for size in (4 * width, 2 * width):
            if upsample == "deconv":
                layers.append(
                    nn.ConvTranspose2d(size, size // 2, 3, stride=2, padding=1, output_padding=1, bias=bias),
                )
            else:
                layers.append(_double(size, size // 2, "resize", bias=bias))
            layers += [make_norm(size // 2), nn.ReLU()]
        layers += [nn.ReflectionPad2d(3), nn.Conv2d(width, channels[1], 7)]
        super().__init__(layers, residual=residual)

    def features(self, image: torch.Tensor, layers: Sequence[int]) -> list[torch.Tensor]:
        """Return what the numbered layers give, in rising order; nothing after the last of them is computed."""
        activations = []
        for number in range(max(layers) + 1):
            image = self.layers[number](image)
            if number in layers:
                activations.append(image)
        return activations


class _ResidualBlock(nn.Module):
    """Two 3x3 convolutions with reflected borders, and the input added."""

    def __init__(self, channels: int, norm: Norm, *, dropout: bool) -> None:
        super().__init__()
        make_norm, bias = normalisation(norm)

        def convolution() -> list[nn.Module]:
            return [nn.ReflectionPad2d(1), nn.Conv2d(channels, channels, 3, bias=bias), make_norm(channels)]

        noise = [nn.Dropout(0.5)] if dropout else []
        self.layers = nn.Sequential(*convolution(), nn.ReLU(), *noise, *convolution())

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        output: torch.Tensor = features + self.layers(features)
        return output


class PatchGAN(nn.Module):
    """The discriminator: one real-or-fake logit for each overlapping patch.

    Args:
        layers: stride-2 layers, which set the patch: 1 is 16 pixels a side, 2 is 34, 3 is 70 (as published).
        width: channels of the first layer, doubled at each of the next three layers.
        channels: input channels; 2 where the early image is shown beside the delayed one.
        norm: normalisation layers; none in the first and last.
    """

    def __init__(self, layers: int = 3, width: int = 64, channels: int = 2, *, norm: Norm = "batch") -> None:
        super().__init__()
        make_norm, bias = normalisation(norm)
        stack: list[nn.Module] = [nn.Conv2d(channels, width, 4, stride=2, padding=1), nn.LeakyReLU(0.2)]
        size = width
        for level in range(1, layers + 1):
            wider = width * min(8, 2**level)
            stride = 2 if level < layers else 1
            stack += [nn.Conv2d(size, wider, 4, stride=stride, padding=1, bias=bias), make_norm(wider)]
            stack.append(nn.LeakyReLU(0.2))
            size = wider
        stack.append(nn.Conv2d(size, 1, 4, stride=1, padding=1))
        self.layers = nn.Sequential(*stack)
        initialise(self)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Return the logits of (batch, channels, y, x) patch by patch: (batch, 1, y', x')."""
        logits: torch.Tensor = self.layers(image)
        return logits

    def features(self, image: torch.Tensor) -> list[torch.Tensor]:
        """Return the activations of every layer but the last, then the logits."""
        activations = []
        for layer in self.layers:
            image = layer(image)
            if isinstance(layer, nn.LeakyReLU):
                activations.append(image)
        return [*activations, image]


def _double(inner: int, outer: int, upsample: Upsample, *, bias: bool) -> nn.Module:
    """Return the layer that doubles the matrix."""
    if upsample == "deconv":
        return nn.ConvTranspose2d(inner, outer, 4, stride=2, padding=1, bias=bias)
    return nn.Sequential(nn.Upsample(scale_factor=2.0), nn.Conv2d(inner, outer, 3, padding=1, bias=bias))
