"""What a scan holds beside its early image, as tensors: one layout for training and for prediction.

Images keep the slice first: (slices, y, x), frames (slices, frames, y, x). Around a volume lies air.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from petbench.intensity import AIR
from petbench_datasets.errors import DataError
from petbench_datasets.images.grid import AIR_HU

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from petbench.intensity import IntensityMap
    from petbench.scan import Scan

AIR_OF = {"ct": AIR_HU, "labels": 0.0, "frames": AIR}
"""What lies outside a volume: HU, label, mapped SUV."""

_SEX = {"female": 0.0, "male": 1.0, "other": 0.5}


def numbers_of(scan: Scan) -> dict[str, Tensor]:
    """Return the inputs of a scan that are numbers, by the need: a scalar, or (n,)."""
    found: dict[str, object] = {
        "spacing": scan.spacing_mm,
        "weight": scan.weight_kg,
        "dose": scan.dose_mbq,
        "sex": None if scan.sex is None else _SEX[scan.sex],
        "height": scan.height_m,
        "age": scan.age_years,
        "times": None if scan.early_minutes is None else (*scan.early_minutes, *(scan.delayed_minutes or ())),
    }
    return {name: torch.tensor(value, dtype=torch.float32) for name, value in found.items() if value is not None}


def images_of(scan: Scan, intensity: IntensityMap) -> dict[str, Tensor]:
    """Return the inputs of a scan that are images: CT in HU, labels as int16, frames mapped to [-1, 1]."""
    found = {name: torch.from_numpy(np.ascontiguousarray(image)) for name, image in scan.images.items()}
    if "frames" in found:
        found["frames"] = intensity.to_unit(found["frames"]).transpose(0, 1)
    return found


def padded_images_of(scan: Scan, intensity: IntensityMap, sides: Sequence[int], margin: int) -> dict[str, Tensor]:
    """Return the images with air around them.

    Args:
        scan: of one participant.
        intensity: maps SUV to [-1, 1].
        sides: voxels of air on the left, on the right, above and below.
        margin: slices of air at either end.
    """
    return {
        name: functional.pad(image, (*sides, *(0, 0) * (image.ndim - 3), margin, margin), value=AIR_OF[name])
        for name, image in images_of(scan, intensity).items()
    }


def windows(images: Mapping[str, Tensor], indices: Tensor) -> dict[str, Tensor]:
    """Return the images of some slices, as a method is given them.

    Args:
        images: of all slices.
        indices: of the slices wanted, (batch, slices).

    Returns:
        (batch, slices, y, x), frames (batch, frames, slices, y, x); labels as int16.
    """
    chosen = {name: image[indices] for name, image in images.items()}
    return {name: image.transpose(1, 2) if image.ndim == 5 else image for name, image in chosen.items()}


@dataclass(frozen=True, slots=True)
class InputStacks:
    """The inputs of every slice of the training participants, participant after participant.

    Attributes:
        images: by the need, every slice.
        numbers: by the need, every participant: (participants,) or (participants, n).
        participant: whose each slice is, (slices,).
    """

    images: Mapping[str, Tensor]
    numbers: Mapping[str, Tensor]
    participant: Tensor

    @property
    def names(self) -> list[str]:
        """The needs that are answered."""
        return [*self.numbers, *self.images]


class InputFiller:
    """Fills the stacks scan by scan, each volume in the middle as the early one is.

    Args:
        like: the first scan; all others have the same inputs.
        shape: of a stack (slices, y, x).
        margin: slices of air at either end of each volume.
        intensity: maps SUV to [-1, 1].
        folder: where images are kept in files; None for memory.
    """

    def __init__(
        self, like: Scan, shape: Sequence[int], margin: int, intensity: IntensityMap, folder: Path | None
    ) -> None:
        self._margin, self._intensity, self._next = margin, intensity, 0
        self._images: dict[str, Tensor] = {}
        for name, image in images_of(like, intensity).items():
            size = (shape[0], *image.shape[1:-2], *shape[1:])
            self._images[name] = _empty(size, image.dtype, folder and folder / f"{name}.raw").fill_(AIR_OF[name])
        self._numbers: dict[str, list[Tensor]] = {name: [] for name in numbers_of(like)}
        self._slices: list[int] = []

    def add(self, scan: Scan) -> None:
        """Take the next scan.

        Raises:
            DataError: it has other inputs, or frames of another number, than the first one.
        """
        numbers, images = numbers_of(scan), images_of(scan, self._intensity)
        slices, rows, columns = scan.early.shape
        first = self._next + self._margin
        if [*numbers, *images] != [*self._numbers, *self._images]:
            raise DataError("the training participants have not all got the same inputs")
        for name, image in images.items():
            stack = self._images[name]
            top, left = (stack.shape[-2] - rows) // 2, (stack.shape[-1] - columns) // 2
            if image.shape[1:-2] != stack.shape[1:-2]:
                raise DataError(f"the training participants have {name} of different number")
            stack[first : first + slices, ..., top : top + rows, left : left + columns] = image
        for name, number in numbers.items():
            self._numbers[name].append(number)
        self._slices.append(slices + 2 * self._margin)
        self._next += self._slices[-1]

    def finish(self, device: torch.device) -> InputStacks:
        """Return the stacks, their images on a device."""
        participant = torch.repeat_interleave(torch.arange(len(self._slices)), torch.tensor(self._slices))
        numbers = {name: torch.stack(values) for name, values in self._numbers.items()}
        return InputStacks({name: image.to(device) for name, image in self._images.items()}, numbers, participant)


def voxels_beside(scan: Scan) -> int:
    """Return how many voxels lie beside each of the early image."""
    return sum(image.size for image in scan.images.values()) // max(1, scan.early.size)


def _empty(size: tuple[int, ...], dtype: torch.dtype, file: Path | None) -> Tensor:
    if file is None:
        return torch.empty(size, dtype=dtype)
    file.parent.mkdir(parents=True, exist_ok=True)
    return torch.from_file(str(file), shared=True, size=int(np.prod(size, dtype=np.int64)), dtype=dtype).view(size)
