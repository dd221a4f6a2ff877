"""The training participants of a dataset as two stacks of mapped slices: on the device, or memory-mapped."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import psutil
import torch
from torch import Tensor

from petbench.intensity import AIR, IntensityMap
from petbench.training.input_tensors import InputFiller, voxels_beside
from petbench_datasets.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from petbench.contract import TrainingData, Volume
    from petbench.engine_settings import Storage
    from petbench.scan import Scan
    from petbench.training.input_tensors import InputStacks

EMPTY_SLICE_SUV = 0.1
"""A slice whose early maximum lies below this is air: not trained on, and predicted as 0."""


@dataclass(frozen=True, slots=True)
class SliceStack:
    """Every slice of one kind of image, participant after participant, with air between them.

    Attributes:
        images: (slices, y, x), mapped to [-1, 1].
        foreground: (n,) int64, the slices a batch may centre on.
        clipped_share: share of voxels outside the intensity map's range.
        maximum_suv: the highest voxel.
    """

    images: Tensor
    foreground: Tensor
    clipped_share: float
    maximum_suv: float


@dataclass(frozen=True, slots=True)
class DatasetTensors:
    """The early and delayed stacks, and what the method named beside the early images.

    `paired` stacks share their foreground slices, one for one.
    """

    early: SliceStack
    delayed: SliceStack
    paired: bool
    inputs: InputStacks | None = None

    def describe(self) -> dict[str, object]:
        """Return what there is to train on, for the log of a run."""
        return {
            "paired": self.paired,
            "matrix": list(self.early.images.shape[1:]),
            "slices": len(self.early.foreground),
            "clipped_early": self.early.clipped_share,
            "clipped_delayed": self.delayed.clipped_share,
            "maximum_early_suv": self.early.maximum_suv,
            "maximum_delayed_suv": self.delayed.maximum_suv,
            **({} if self.inputs is None else {"inputs": self.inputs.names}),
        }


def load_tensors(
    data: TrainingData,
    intensity: IntensityMap,
    device: torch.device,
    *,
    size_multiple: int = 1,
    margin: int = 0,
    storage: Storage = "auto",
    processes: int = 1,
    folder: Path | None = None,
) -> DatasetTensors:
    """Read all training volumes once and stack their slices.

    Args:
        data: the volumes.
        intensity: maps SUV to [-1, 1].
        device: where batches will be made.
        size_multiple: y and x are padded to a multiple of it; volumes of several matrices to the largest.
        margin: slices of air at either end of each volume, for methods that look at neighbours.
        storage: `mapped` keeps the stacks in files in `folder`, for datasets larger than memory.
        processes: of this machine that do the same at once, and share its memory.
        folder: needed for `mapped`.

    Raises:
        DataError: no training participant, or no slice with anything in it.
    """
    shapes = [scan.early.shape for scan in data.scans()]
    if not shapes:
        raise DataError("the training part of this split is empty: give it at least one participant")
    matrix = tuple(-(-max(shape[axis] for shape in shapes) // size_multiple) * size_multiple for axis in (1, 2))
    total = sum(shape[0] + 2 * margin for shape in shapes)
    shape = (total, matrix[0], matrix[1])
    first = data.scans()[0]
    voxels = (2 + voxels_beside(first)) * total * matrix[0] * matrix[1]
    mapped = storage == "mapped" or (storage == "auto" and 4 * voxels > _room(device, processes))
    place = folder if mapped else None

    early = _Filler(shape, margin, intensity, place and place / "early.f32")
    delayed = _Filler(shape, margin, intensity, place and place / "delayed.f32")
    inputs = InputFiller(first, shape, margin, intensity, place) if first.inputs else None
    paired = data.supervision == "paired"
    if paired:
        for scan, delayed_volume in data.pairs():
            _add(scan, early, inputs)
            delayed.add(delayed_volume)
        used = np.concatenate(early.used) | np.concatenate(delayed.used)
        early.used, delayed.used = [used], [used]
    else:
        for scan in data.scans():
            _add(scan, early, inputs)
        delayed.add_all(data.delayed() if data.supervision == "unpaired" else (scan.early for scan in data.scans()))
    target = torch.device("cpu") if mapped else device
    return DatasetTensors(
        early.finish(target), delayed.finish(target), paired, None if inputs is None else inputs.finish(target)
    )


def _add(scan: Scan, early: _Filler, inputs: InputFiller | None) -> None:
    early.add(scan.early)
    if inputs is not None:
        inputs.add(scan)


def _room(device: torch.device, processes: int) -> float:
    """Return the bytes that a dataset may take on `device`: half of what is free; each process has its own card."""
    if device.type == "cuda":
        return 0.5 * float(torch.cuda.mem_get_info(device)[0])
    return 0.5 * float(psutil.virtual_memory().available) / processes


class _Filler:
    """Fills one stack volume by volume."""

    def __init__(self, shape: Sequence[int], margin: int, intensity: IntensityMap, file: Path | None) -> None:
        if file is None:
            self.images = torch.empty(tuple(shape))
        else:
            file.parent.mkdir(parents=True, exist_ok=True)
            size = int(np.prod(np.asarray(shape, dtype=np.int64)))
            self.images = torch.from_file(str(file), shared=True, size=size).view(tuple(shape))
        self.images.fill_(AIR)
        self.used: list[np.ndarray[tuple[int], np.dtype[np.bool_]]] = []
        self._margin = margin
        self._intensity = intensity
        self._next = 0
        self._clipped: list[float] = []
        self._maximum = 0.0

    def add_all(self, volumes: Iterable[Volume]) -> None:
        for volume in volumes:
            self.add(volume)

    def add(self, volume: Volume) -> None:
        suv = torch.from_numpy(np.ascontiguousarray(volume, dtype=np.float32))
        slices, rows, columns = suv.shape
        first = self._next + self._margin
        top, left = ((self.images.shape[1] - rows) // 2, (self.images.shape[2] - columns) // 2)
        target = self.images[first : first + slices, top : top + rows, left : left + columns]
        target.copy_(self._intensity.to_unit(suv))
        used = np.zeros(slices + 2 * self._margin, dtype=np.bool_)
        used[self._margin : self._margin + slices] = suv.amax(dim=(1, 2)).numpy() >= EMPTY_SLICE_SUV
        self.used.append(used)
        self._clipped.append(self._intensity.clipped_share(suv))
        self._maximum = max(self._maximum, float(suv.max()))
        self._next += slices + 2 * self._margin

    def finish(self, device: torch.device) -> SliceStack:
        foreground = torch.from_numpy(np.flatnonzero(np.concatenate(self.used)))
        if len(foreground) == 0:
            raise DataError(f"no training slice reaches SUV {EMPTY_SLICE_SUV:g}: check the unit of the images")
        return SliceStack(self.images.to(device), foreground, float(np.mean(self._clipped)), self._maximum)
