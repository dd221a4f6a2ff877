"""From one early volume in SUV to one delayed volume in SUV, slice by slice or slab by slab."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from petbench.errors import PluginError, given_by
from petbench.intensity import AIR
from petbench.step_method import Scans
from petbench.training.data import EMPTY_SLICE_SUV
from petbench.training.evaluation_mode import evaluation_mode, normalizes_each_image
from petbench.training.input_tensors import numbers_of, padded_images_of, windows

if TYPE_CHECKING:
    from petbench.contract import Volume
    from petbench.scan import Scan
    from petbench.step_method import StepMethod

SLICES_AT_ONCE = 32


def translate_volume(method: StepMethod, scan: Scan) -> Volume:
    """Translate an early image (z, y, x) slice by slice, or slab by slab; empty slices stay 0.

    Slices are independent of how many are translated at once: batch norm takes its running statistics, or those of
    one image alone, and dropout is off, or on with a fixed seed. Overlapping slabs are averaged.
    """
    device = next((tensor.device for tensor in method.parameters()), torch.device("cpu"))
    suv = torch.from_numpy(np.ascontiguousarray(scan.early, dtype=np.float32))
    filled = torch.nonzero(suv.amax(dim=(1, 2)) >= EMPTY_SLICE_SUV).flatten().tolist()
    unit, sides = _pad(method.intensity.to_unit(suv), method.size_multiple)
    left, _, top, _ = sides
    margin = method.early_slices // 2
    images = padded_images_of(scan, method.intensity, sides, margin)
    numbers = {name: number.to(device) for name, number in numbers_of(scan).items()}
    unit = functional.pad(unit, (0, 0, 0, 0, margin, margin), value=AIR)

    half = method.delayed_slices // 2
    offsets = torch.arange(method.early_slices) - method.early_slices // 2 + margin
    centres = _centres(filled, method.delayed_slices)
    total = torch.zeros(suv.shape)
    weight = torch.zeros(len(suv))
    at_once = 1 if normalizes_each_image(method) else max(1, SLICES_AT_ONCE // method.delayed_slices)
    with evaluation_mode(method), torch.no_grad():
        for some in (centres[first : first + at_once] for first in range(0, len(centres), at_once)):
            window = torch.tensor(some)[:, None] + offsets
            image = unit[window].to(device)
            inputs = {name: number.expand(len(some), *number.shape) for name, number in numbers.items()}
            inputs |= {name: _as_given(beside.to(device)) for name, beside in windows(images, window).items()}
            with given_by(method.translate):
                output = _checked(
                    method.translate(Scans(image, inputs=inputs)), (len(some), method.delayed_slices, *image.shape[2:])
                )
            output = output.float().cpu()[..., top : top + suv.shape[1], left : left + suv.shape[2]]
            for centre, slab in zip(some, output, strict=True):
                first = max(0, centre - half)
                last = min(len(suv), centre - half + method.delayed_slices)
                total[first:last] += slab[first - centre + half : last - centre + half]
                weight[first:last] += 1
    delayed = method.intensity.to_suv(total / weight.clamp(min=1)[:, None, None])
    keep = torch.zeros(len(suv), dtype=torch.bool)
    keep[filled] = True
    result: Volume = torch.where(keep[:, None, None], delayed, torch.zeros(())).numpy()
    return result


def _checked(output: object, shape: tuple[int, ...]) -> Tensor:
    """Return what `translate` gave.

    Raises:
        PluginError: it is no floating-point tensor of this shape.
    """
    wanted = "x".join(map(str, shape))
    if not isinstance(output, Tensor):
        raise PluginError(f"translate returned {type(output).__name__}; it returns a tensor of {wanted}")
    if tuple(output.shape) != shape:
        found = "x".join(map(str, output.shape)) or "one number"
        raise PluginError(f"translate returned {found}; it returns {wanted}: (batch, delayed_slices, y, x)")
    if not output.is_floating_point():
        raise PluginError(f"translate returned {output.dtype}; it returns floating-point numbers in [-1, 1]")
    return output


def _centres(filled: list[int], slab: int) -> list[int]:
    """Return the slices to centre on, so that every filled slice lies in a slab, and in two where slabs are thick."""
    if slab == 1 or not filled:
        return filled
    step = max(1, slab // 2)
    return list(range(filled[0], filled[-1] + 1, step))


def _as_given(image: Tensor) -> Tensor:
    return image if image.is_floating_point() else image.long()


def _pad(unit: Tensor, multiple: int) -> tuple[Tensor, tuple[int, int, int, int]]:
    """Pad y and x with air to a multiple; return the padding on the left, on the right, above and below."""
    rows, columns = (-size % multiple for size in unit.shape[1:])
    top, left = rows // 2, columns // 2
    sides = (left, columns - left, top, rows - top)
    return functional.pad(unit, sides, value=AIR), sides
