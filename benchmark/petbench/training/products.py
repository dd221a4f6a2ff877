"""Convolutions of few positions as plain matrix products, for networks that train on a processor.

The innermost levels of a U-Net convolve a handful of positions with millions of weights. oneDNN's kernels, made for
large images, take there two to four times as long as plain products of the same numbers (`docs/performance.md`, a
transposed 4x4 convolution from 1,024 to 512 channels; bfloat16, two cores, torch 2.13). A convolution is the product
of its unfolded image and its weights; the gradient of the image is that product turned round and folded back, and a
transposed convolution is the same with the two exchanged.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import nn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from torch import Tensor

MOST_POSITIONS_A_CHANNEL = 2
"""Products were measured to be the faster way where a batch has up to this many positions, on a convolution's coarser
side, for every channel of its thinner side: where its weights outnumber its values."""

_TRANSPOSED = nn.ConvTranspose2d


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
    """Within the block, let the plain two-dimensional convolutions of `network` be products where positions are few."""
    changed = [module for module in network.modules() if _is_plain(module)]
    for module in changed:
        module.forward = _by_positions(module, module.forward)
    try:
        yield
    finally:
        for module in changed:
            module.__dict__.pop("forward", None)


def _is_plain(module: nn.Module) -> bool:
    """Return whether a module is a convolution of the common kind, its `forward` torch's own."""
    return bool(
        type(module) in (nn.Conv2d, _TRANSPOSED)
        and "forward" not in module.__dict__
        and module.groups == 1
        and module.dilation == (1, 1)
        and module.padding_mode == "zeros"
        and not isinstance(module.padding, str)
        and getattr(module, "output_padding", (0, 0)) == (0, 0)
    )


def _by_positions(module: Any, plain: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """Return a forward that counts the positions of a batch and takes the faster way."""
    geometry = _Geometry(module.kernel_size, module.stride, module.padding)
    transposed = isinstance(module, _TRANSPOSED)
    product: Any = _TransposedProduct if transposed else _Product
    most = MOST_POSITIONS_A_CHANNEL * min(module.in_channels, module.out_channels)

    def forward(image: Tensor, *arguments: Any, **keywords: Any) -> Tensor:
        size = tuple(image.shape[-2:])
        positions = image.shape[0] * torch.Size(size if transposed else geometry.coarse(*size)).numel()
        if arguments or keywords or image.ndim != 4 or not 0 < positions <= most:
            return plain(image, *arguments, **keywords)
        weight, bias = module.weight, module.bias
        if torch.is_autocast_enabled(image.device.type):
            kind = torch.get_autocast_dtype(image.device.type)
            image, weight, bias = image.to(kind), weight.to(kind), None if bias is None else bias.to(kind)
        drawn: Tensor = product.apply(image, weight, geometry)
        return drawn if bias is None else drawn + bias[:, None, None]

    return forward


class _Product(torch.autograd.Function):
    """A convolution; `weight` is (out, in, ky, kx)."""

    @staticmethod
    def forward(ctx: Any, image: Tensor, weight: Tensor, geometry: _Geometry) -> Tensor:
        ctx.save_for_backward(image, weight)
        ctx.geometry = geometry
        down, across = geometry.coarse(*image.shape[-2:])
        return _image(_unfold(image, geometry) @ _flat(weight).t(), len(image), down, across)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        image, weight = ctx.saved_tensors
        rows = _rows(gradient)
        of_image = _fold(rows @ _flat(weight), image.shape, ctx.geometry) if ctx.needs_input_grad[0] else None
        of_weight = (rows.t() @ _unfold(image, ctx.geometry)).view_as(weight) if ctx.needs_input_grad[1] else None
        return of_image, of_weight, None


class _TransposedProduct(torch.autograd.Function):
    """A transposed convolution; `weight` is (in, out, ky, kx)."""

    @staticmethod
    def forward(ctx: Any, image: Tensor, weight: Tensor, geometry: _Geometry) -> Tensor:
        ctx.save_for_backward(image, weight)
        ctx.geometry = geometry
        shape = torch.Size((len(image), weight.shape[1], *geometry.fine(*image.shape[-2:])))
        return _fold(_rows(image) @ _flat(weight), shape, geometry)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        image, weight = ctx.saved_tensors
        columns = _unfold(gradient, ctx.geometry)
        down, across = image.shape[-2:]
        of_image = _image(columns @ _flat(weight).t(), len(image), down, across) if ctx.needs_input_grad[0] else None
        of_weight = (_rows(image).t() @ columns).view_as(weight) if ctx.needs_input_grad[1] else None
        return of_image, of_weight, None


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
