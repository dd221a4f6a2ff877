"""Convolutions of few positions as plain matrix products, for networks that train on a processor.

The innermost levels of a U-Net convolve a handful of positions with millions of weights. oneDNN's kernels, made for
large images, take there two to four times as long as plain products of the same numbers (`docs/performance.md`, a
transposed 4x4 convolution from 1,024 to 512 channels; bfloat16, two cores, torch 2.13). A convolution is the product
of its unfolded image and its weights; the gradient of the image is that product turned round and folded back, and a
transposed convolution is the same with the two exchanged.
"""

from __future__ import annotations

import contextlib
import math
from types import MethodType
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import nn

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

WEIGHTS_A_POSITION = 4096
"""Weights for each position of a batch, counted on the coarser side and as often as patches overlap, from which on
products were measured to be the faster way (U-Net and ResNet layers of 0.5 to 9 million weights, two cores)."""

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


@contextlib.contextmanager
def small_convolutions_as_products(network: nn.Module) -> Iterator[None]:
    """Within the block, let the plain two-dimensional convolutions of `network` be products where that is faster."""
    changed = [module for module in network.modules() if _is_plain(module)]
    for module in changed:
        # A bound method: a copy of the network made within the block computes with its own weights.
        module.forward = MethodType(forward, module)
    try:
        yield
    finally:
        for module in changed:
            module.__dict__.pop("forward", None)


@contextlib.contextmanager
def without_products(network: nn.Module) -> Iterator[None]:
    """Within the block, undo what `small_convolutions_as_products` did to `network`."""
    ours = [module for module in network.modules() if getattr(vars(module).get("forward"), "__func__", None) is forward]
    for module in ours:
        del module.forward
    try:
        yield
    finally:
        for module in ours:
            module.forward = MethodType(forward, module)


def _is_plain(module: nn.Module) -> bool:
    """Return whether a module is a convolution of the common kind, its `forward` torch's own."""
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
    """Stand in for the `forward` of a convolution `self`: count a batch's positions and take the faster way."""
    geometry = _Geometry(self.kernel_size, self.stride, self.padding)
    if keywords or len(arguments) != 1 or not _is_faster(self, geometry, arguments[0]):
        plain: Tensor = type(self).forward(self, *arguments, **keywords)
        return plain
    image, weight, bias = arguments[0], self.weight, self.bias
    kind = _computed_in(image)
    image, weight, bias = image.to(kind), weight.to(kind), None if bias is None else bias.to(kind)
    product: Any = _TransposedProduct if isinstance(self, nn.ConvTranspose2d) else _Product
    drawn: Tensor = product.apply(image, weight, geometry)
    return drawn if bias is None else drawn + bias[:, None, None]


def _is_faster(module: Any, geometry: _Geometry, image: Any) -> bool:
    """Return whether products are the faster way for this batch; False for whatever torch would refuse."""
    if not isinstance(image, torch.Tensor) or image.device.type != "cpu" or image.ndim != 4:
        return False
    weights = module.weight.numel()
    fewest = FEWEST_WEIGHTS.get(_computed_in(image))
    if fewest is None or weights < fewest or image.shape[1] != module.in_channels:
        return False
    y, x = image.shape[2:] if isinstance(module, nn.ConvTranspose2d) else geometry.coarse(*image.shape[2:])
    overlap = math.prod(geometry.kernel) / math.prod(geometry.stride)
    return y > 0 and x > 0 and 0 < len(image) * y * x * overlap * WEIGHTS_A_POSITION <= weights


def _computed_in(image: Tensor) -> torch.dtype:
    """Return the type in which torch would convolve `image`."""
    if torch.is_autocast_enabled("cpu") and image.dtype != torch.float64:
        return torch.get_autocast_dtype("cpu")
    return image.dtype


class _Product(torch.autograd.Function):
    """A convolution; `weight` is (out, in, ky, kx)."""

    generate_vmap_rule = True

    @staticmethod
    def forward(image: Tensor, weight: Tensor, geometry: _Geometry) -> Tensor:
        down, across = geometry.coarse(*image.shape[-2:])
        drawn = _image(_unfold(image, geometry) @ _flat(weight).t(), len(image), down, across)
        return drawn.clone(memory_format=_layout(image))  # no view: the next layer may work in place

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, _output: Tensor) -> None:
        image, weight, ctx.geometry = inputs
        ctx.save_for_backward(image, weight)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        image, weight = ctx.saved_tensors
        rows = _rows(gradient)
        of_image = _fold(rows @ _flat(weight), image.shape, ctx.geometry) if ctx.needs_input_grad[0] else None
        of_weight = (rows.t() @ _unfold(image, ctx.geometry)).view_as(weight) if ctx.needs_input_grad[1] else None
        return of_image, of_weight, None


class _TransposedProduct(torch.autograd.Function):
    """A transposed convolution; `weight` is (in, out, ky, kx)."""

    generate_vmap_rule = True

    @staticmethod
    def forward(image: Tensor, weight: Tensor, geometry: _Geometry) -> Tensor:
        shape = torch.Size((len(image), weight.shape[1], *geometry.fine(*image.shape[-2:])))
        drawn = _fold(_rows(image) @ _flat(weight), shape, geometry)
        return drawn.clone(memory_format=_layout(image))

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, _output: Tensor) -> None:
        image, weight, ctx.geometry = inputs
        ctx.save_for_backward(image, weight)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        image, weight = ctx.saved_tensors
        columns = _unfold(gradient, ctx.geometry)
        down, across = image.shape[-2:]
        of_image = _image(columns @ _flat(weight).t(), len(image), down, across) if ctx.needs_input_grad[0] else None
        of_weight = (_rows(image).t() @ columns).view_as(weight) if ctx.needs_input_grad[1] else None
        return of_image, of_weight, None


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
