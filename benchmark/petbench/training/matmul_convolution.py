"""Convolutions of few positions as plain matrix products, for networks that train on a CPU.

The innermost levels of a U-Net convolve a handful of positions with millions of weights. oneDNN's kernels, made for
large images, are slow there. Measured on two cores, forward and backward, bfloat16, torch 2.13 (`docs/performance.md`
has all figures): a transposed 4x4 convolution from 1,024 to 512 channels on 2x2 positions is 2.6 times as fast this
way at batch size 1 and 3.9 times at 16; a 4x4 convolution from 512 to 512 channels on 8x8, 2.0 and 1.4 times.
`WEIGHTS_PER_POSITION` and `FEWEST_WEIGHTS` are the rule that follows; every other convolution is left to the library.

A convolution is the product of its unfolded image and its weights; the gradient of the image is that product
transposed and folded back, and a transposed convolution is the same with the two exchanged.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import nn

if TYPE_CHECKING:
    from torch import Tensor

WEIGHTS_PER_POSITION = 4096
"""Weights for each position of a batch, counted on the coarser side and as often as patches overlap, from which on
matrix products were measured to be faster (U-Net and ResNet layers of 0.5 to 9 million weights, two cores)."""

FEWEST_WEIGHTS = {torch.bfloat16: 1_000_000, torch.float32: 8_000_000}
"""Convolutions of fewer weights are left to the library, which computes those of float32 well for longer."""


class _Geometry(NamedTuple):
    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int]

    def coarse(self, y: int, x: int) -> tuple[int, int]:
        """Return how many positions the kernel has on a (y, x) image."""
        sizes = zip((y, x), self.kernel, self.stride, self.padding, strict=True)
        down, across = ((size + 2 * pad - kernel) // step + 1 for size, kernel, step, pad in sizes)
        return down, across

    def fine(self, y: int, x: int) -> tuple[int, int]:
        """Return the size of the image that a transposed convolution makes of (y, x) positions."""
        sizes = zip((y, x), self.kernel, self.stride, self.padding, strict=True)
        down, across = ((size - 1) * step - 2 * pad + kernel for size, kernel, step, pad in sizes)
        return down, across


def can_replace(module: nn.Module) -> bool:
    """Return whether `forward` can stand in for that of a module: a plain convolution, its `forward` torch's own."""
    return bool(
        type(module) in (nn.Conv2d, nn.ConvTranspose2d)
        and "forward" not in module.__dict__
        and module.groups == 1
        and module.dilation == (1, 1)
        and module.padding_mode == "zeros"
        and not isinstance(module.padding, str)
        and getattr(module, "output_padding", (0, 0)) == (0, 0)
    )


def forward(self: Any, *arguments: Any, **keywords: Any) -> Tensor:
    """The `forward` of a convolution `self`, to be bound to it: count a batch's positions and take the faster way."""
    geometry = _Geometry(self.kernel_size, self.stride, self.padding)
    if keywords or len(arguments) != 1 or not _is_faster(self, geometry, arguments[0]):
        plain: Tensor = type(self).forward(self, *arguments, **keywords)
        return plain
    image, weight, bias = arguments[0], self.weight, self.bias
    kind = _computed_in(image)
    image, weight, bias = image.to(kind), weight.to(kind), None if bias is None else bias.to(kind)
    function: Any = _MatmulTransposedConvolution if isinstance(self, nn.ConvTranspose2d) else _MatmulConvolution
    output: Tensor = function.apply(image, weight, geometry)
    return output if bias is None else output + bias[:, None, None]


def _is_faster(module: Any, geometry: _Geometry, image: Any) -> bool:
    """Return whether matrix products are faster for this batch; False for whatever torch would refuse."""
    if not isinstance(image, torch.Tensor) or image.device.type != "cpu" or image.ndim != 4:
        return False
    weights = module.weight.numel()
    fewest = FEWEST_WEIGHTS.get(_computed_in(image))
    if fewest is None or weights < fewest or image.shape[1] != module.in_channels:
        return False
    y, x = image.shape[2:] if isinstance(module, nn.ConvTranspose2d) else geometry.coarse(*image.shape[2:])
    overlap = math.prod(geometry.kernel) / math.prod(geometry.stride)
    return y > 0 and x > 0 and 0 < len(image) * y * x * overlap * WEIGHTS_PER_POSITION <= weights


def _computed_in(image: Tensor) -> torch.dtype:
    """Return the type in which torch would convolve `image`."""
    if torch.is_autocast_enabled("cpu") and image.dtype != torch.float64:
        return torch.get_autocast_dtype("cpu")
    return image.dtype


class _MatmulConvolution(torch.autograd.Function):
    """A convolution; `weight` is (out, in, ky, kx)."""

    generate_vmap_rule = True

    @staticmethod
    def forward(image: Tensor, weight: Tensor, geometry: _Geometry) -> Tensor:
        down, across = geometry.coarse(*image.shape[-2:])
        output = _image(_unfold(image, geometry) @ _flat(weight).t(), len(image), down, across)
        return output.clone(memory_format=_layout(image))  # no view: the next layer may work in place

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, _output: Tensor) -> None:
        image, weight, ctx.geometry = inputs
        ctx.save_for_backward(image, weight)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        image, weight = ctx.saved_tensors
        rows = _rows(gradient)
        image_gradient = _fold(rows @ _flat(weight), image.shape, ctx.geometry) if ctx.needs_input_grad[0] else None
        weight_gradient = (rows.t() @ _unfold(image, ctx.geometry)).view_as(weight) if ctx.needs_input_grad[1] else None
        return image_gradient, weight_gradient, None


class _MatmulTransposedConvolution(torch.autograd.Function):
    """A transposed convolution; `weight` is (in, out, ky, kx)."""

    generate_vmap_rule = True

    @staticmethod
    def forward(image: Tensor, weight: Tensor, geometry: _Geometry) -> Tensor:
        shape = torch.Size((len(image), weight.shape[1], *geometry.fine(*image.shape[-2:])))
        output = _fold(_rows(image) @ _flat(weight), shape, geometry)
        return output.clone(memory_format=_layout(image))

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, _output: Tensor) -> None:
        image, weight, ctx.geometry = inputs
        ctx.save_for_backward(image, weight)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        image, weight = ctx.saved_tensors
        columns = _unfold(gradient, ctx.geometry)
        down, across = image.shape[-2:]
        image_gradient = (
            _image(columns @ _flat(weight).t(), len(image), down, across) if ctx.needs_input_grad[0] else None
        )
        weight_gradient = (_rows(image).t() @ columns).view_as(weight) if ctx.needs_input_grad[1] else None
        return image_gradient, weight_gradient, None


def _layout(image: Tensor) -> torch.memory_format:
    """Return the layout that torch's own convolution would give its result."""
    last = image.stride(3) == image.shape[1] > 1  # as torch does, by the strides: one voxel is contiguous either way
    return torch.channels_last if last else torch.contiguous_format


def _rows(image: Tensor) -> Tensor:
    """Return (batch, channel, y, x) as (batch y x, channel)."""
    return image.permute(0, 2, 3, 1).reshape(-1, image.shape[1])


def _image(rows: Tensor, batch: int, y: int, x: int) -> Tensor:
    """Return (batch y x, channel) as (batch, channel, y, x)."""
    return rows.view(batch, y, x, -1).permute(0, 3, 1, 2)


def _flat(weight: Tensor) -> Tensor:
    """Return (first, second, ky, kx) as (first, second ky kx), where possible without moving a number."""
    return weight.reshape(len(weight), -1)


def _unfold(image: Tensor, geometry: _Geometry) -> Tensor:
    """Return the patch under each position of the kernel: (batch y x, channel ky kx)."""
    (down, across), (step_down, step_across) = geometry.kernel, geometry.stride
    pad_down, pad_across = geometry.padding
    padded = nn.functional.pad(image.permute(0, 2, 3, 1), (0, 0, pad_across, pad_across, pad_down, pad_down))
    patches = padded.unfold(1, down, step_down).unfold(2, across, step_across)  # batch, y, x, channel, ky, kx
    # Copied in two steps: whole voxels first, then channels to the front, which moves far fewer cache lines.
    gathered = patches.permute(0, 1, 2, 4, 5, 3).reshape(-1, down * across, image.shape[1])
    return gathered.transpose(1, 2).reshape(len(gathered), -1)


def _fold(patches: Tensor, shape: torch.Size, geometry: _Geometry) -> Tensor:
    """Add patches up where they overlap, in float32 at least: the transpose of `_unfold` for an image of `shape`."""
    batch, channels, *size = shape
    (down, across), (step_down, step_across) = geometry.kernel, geometry.stride
    pad_down, pad_across = geometry.padding
    y, x = geometry.coarse(*size)
    ordered = patches.view(-1, channels, down * across).transpose(1, 2).contiguous()  # voxel by voxel: see `_unfold`
    parts = ordered.view(batch, y, x, down, across, channels)
    wide = torch.promote_types(patches.dtype, torch.float32)
    total = patches.new_zeros(batch, size[0] + 2 * pad_down, size[1] + 2 * pad_across, channels, dtype=wide)
    for row in range(down):
        for column in range(across):
            rows = slice(row, row + step_down * (y - 1) + 1, step_down)
            columns = slice(column, column + step_across * (x - 1) + 1, step_across)
            total[:, rows, columns] += parts[:, :, :, row, column]
    inner = total[:, pad_down : pad_down + size[0], pad_across : pad_across + size[1]]
    return inner.permute(0, 3, 1, 2).to(patches.dtype)
