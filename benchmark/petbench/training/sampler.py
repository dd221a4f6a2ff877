"""Batches as a pure function of how many images came before: resuming needs no more than that number."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional

from petbench.intensity import AIR, IntensityMap
from petbench.step_method import Batch
from petbench.training.input_tensors import AIR_OF, windows
from petbench.training.seeds import derive_seed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from petbench.training.data import DatasetTensors, SliceStack
    from petbench.training.input_tensors import InputStacks

WHOLE = slice(None)
"""Every image of a batch."""


class Sampler:
    """Takes every foreground slice once an epoch, in an order of its own for each epoch, shifted by whole voxels.

    Paired stacks are sampled and shifted together. Unpaired ones follow two orders and two shifts, independent of
    each other. There are no flips: a mirrored participant has the liver on the left. A common factor on both SUV
    images is a participant with another dose or distribution volume: tracer kinetics are linear in the tracer. What a
    method named beside the early image is that of its slices, shifted with it; frames take the factor too, since they
    are SUV, and nothing else does.

    Args:
        tensors: the training stacks.
        device: where batches are wanted.
        batch_size: images of a batch; always full, so that shapes never change.
        shift_voxels: largest shift along y and x.
        seed: of the run.
        intensity: how the stacks were mapped; needed for `intensity_jitter`.
        intensity_jitter: SUV is multiplied by exp(u), u uniform between plus and minus this.
        early_slices: neighbouring slices in an early image.
        delayed_slices: neighbouring slices in a delayed image.
        share: which images of each batch are wanted; they are what they are in the whole of it.
    """

    def __init__(
        self,
        tensors: DatasetTensors,
        device: torch.device,
        *,
        batch_size: int,
        shift_voxels: int,
        seed: int,
        early_slices: int = 1,
        delayed_slices: int = 1,
        intensity: IntensityMap | None = None,
        intensity_jitter: float = 0.0,
        share: slice = WHOLE,
    ) -> None:
        delayed_stream = "early" if tensors.paired else "delayed"
        common = (device, batch_size, shift_voxels, seed, intensity or IntensityMap(), intensity_jitter, share)
        self._early = _Stream(tensors.early, early_slices, "early", *common)
        self._inputs = tensors.inputs
        self._delayed = _Stream(tensors.delayed, delayed_slices, delayed_stream, *common)

    def batch(self, position: int) -> Batch:
        """Return the batch that follows after `position` images."""
        inputs = {} if self._inputs is None else self._early.inputs(position, self._inputs)
        return Batch(self._early.images(position), self._delayed.images(position), inputs=inputs)


def every_slice(
    tensors: DatasetTensors, device: torch.device, *, batch_size: int, early_slices: int, delayed_slices: int
) -> Iterator[Batch]:
    """Yield batches that together hold every filled early slice once, as it is; the last one is what is left.

    They come in one fixed order, that of delayed slices which are not paired being another.
    """
    size = len(tensors.early.foreground)
    for first in range(0, size, batch_size):
        number = min(batch_size, size - first)
        sampler = Sampler(
            tensors,
            device,
            batch_size=number,
            shift_voxels=0,
            seed=0,
            early_slices=early_slices,
            delayed_slices=delayed_slices,
        )
        yield sampler.batch(first)


class _Stream:
    """The order and the shifts of one stack."""

    def __init__(
        self,
        stack: SliceStack,
        slices: int,
        name: str,
        device: torch.device,
        batch_size: int,
        shift_voxels: int,
        seed: int,
        intensity: IntensityMap,
        intensity_jitter: float,
        share: slice,
    ) -> None:
        self._share = share
        self._intensity = intensity
        self._intensity_jitter = intensity_jitter
        self._stack = stack
        self._offsets = torch.arange(slices) - slices // 2
        self._name = name
        self._device = device
        self._batch_size = batch_size
        self._shift = shift_voxels
        self._seed = seed
        self._generator = torch.Generator(device="cpu")
        self._epochs: dict[int, Tensor] = {}

    def images(self, position: int) -> Tensor:
        """Return (batch, slices, y, x) on the device."""
        centres = self._centres(position)
        where = self._stack.images.device
        indices = (centres[:, None] + self._offsets).to(where, non_blocking=True)
        images = self._stack.images[indices].to(self._device, non_blocking=True)
        return self._scaled(self._shifted(images, position), position)

    def inputs(self, position: int, stacks: InputStacks) -> dict[str, Tensor]:
        """Return what belongs to the slices of `images(position)`, as `petbench.Scans` describes it."""
        centres = self._centres(position)
        whose = stacks.participant[centres]
        found = {name: numbers[whose].to(self._device, non_blocking=True) for name, numbers in stacks.numbers.items()}
        indices = centres[:, None] + self._offsets
        for name, chosen in windows(stacks.images, indices.to(self._stack.images.device)).items():
            image = chosen.to(self._device, non_blocking=True)
            flat = image.flatten(1, 2) if image.ndim == 5 else image
            shifted = self._shifted(flat, position, AIR_OF[name])
            scaled = self._scaled(shifted, position) if name == "frames" else shifted
            found[name] = scaled.view(image.shape).long() if name == "labels" else scaled.view(image.shape)
        return found

    def _centres(self, position: int) -> Tensor:
        """Return the slices that this share of the batch after `position` images centres on."""
        first, last = position, position + self._batch_size
        size = len(self._stack.foreground)
        parts = []
        while first < last:
            epoch, start = divmod(first, size)
            stop = min(size, start + last - first)
            parts.append(self._order(epoch)[start:stop])
            first += stop - start
        return torch.cat(parts)[self._share]

    def _order(self, epoch: int) -> Tensor:
        """Return the foreground slices in the order of `epoch`; two epochs are remembered, as a batch may span both."""
        if epoch not in self._epochs:
            self._generator.manual_seed(derive_seed(self._seed, self._name, "order", epoch))
            order = torch.randperm(len(self._stack.foreground), generator=self._generator)
            self._epochs = {key: value for key, value in self._epochs.items() if key == epoch - 1}
            self._epochs[epoch] = self._stack.foreground[order]
        return self._epochs[epoch]

    def _scaled(self, images: Tensor, position: int) -> Tensor:
        """Multiply the SUV of each image by a factor of its own."""
        if self._intensity_jitter == 0:
            return images
        self._generator.manual_seed(derive_seed(self._seed, self._name, "scale", position))
        factor = torch.exp(self._intensity_jitter * (2 * torch.rand(self._batch_size, generator=self._generator) - 1))
        factor = factor[self._share].to(self._device, non_blocking=True)[:, None, None, None]
        return self._intensity.to_unit(self._intensity.to_suv(images) * factor)

    def _shifted(self, images: Tensor, position: int, air: float = AIR) -> Tensor:
        """Shift each image by whole voxels: padded with air, then cropped, without interpolation."""
        if self._shift == 0:
            return images
        self._generator.manual_seed(derive_seed(self._seed, self._name, "shift", position))
        corner = torch.randint(0, 2 * self._shift + 1, (2, self._batch_size), generator=self._generator)
        corner = corner[:, self._share]
        padded = functional.pad(images, (self._shift,) * 4, value=air)
        if self._device.type == "cpu":  # views are cut for nothing here; on a device each would be a kernel
            high, wide = images.shape[-2:]
            corners = zip(padded, *corner.tolist(), strict=True)
            return torch.stack([one[:, row : row + high, column : column + wide] for one, row, column in corners])
        corner = corner.to(self._device, non_blocking=True)
        batch, slices, height, width = (torch.arange(size, device=self._device) for size in images.shape)
        rows = corner[0][:, None] + height
        columns = corner[1][:, None] + width
        return padded[
            batch[:, None, None, None],
            slices[None, :, None, None],
            rows[:, None, :, None],
            columns[:, None, None, :],
        ]
