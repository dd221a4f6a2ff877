"""Pairs as a dataset of torch, for a training that the harness does not do."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

import torch
from torch.utils.data import Dataset

if TYPE_CHECKING:
    from collections.abc import Sequence

    from petbench.api.pairs import OpenedDataset


class Item(TypedDict):
    """One item: images in SUV, float32, each with one channel.

    Attributes:
        early: shape (1, z, y, x), of a slice (1, y, x).
        delayed: the same of the delayed image.
        participant: whose.
        slice: the index of a slice along z; -1 for a volume.
        spacing_millimetres: of the voxels, (z, y, x), float64.
    """

    early: torch.Tensor
    delayed: torch.Tensor
    participant: str
    slice: int
    spacing_millimetres: torch.Tensor


class TorchPairs(Dataset[Item]):
    """Volumes or axial slices of some participants. Made by `OpenedDataset.to_torch`.

    `torch.utils.data.DataLoader` makes batches of it where images are of one size, or with `batch_size=1`.
    """

    def __init__(self, opened: OpenedDataset, participants: Sequence[str], *, slices: bool) -> None:
        self._opened = opened
        self._kept: dict[str, Item] | None = {} if slices else None
        depths = {name: opened.place.dataset.grid(name).shape[0] if slices else 1 for name in participants}
        self._places = [(name, level if slices else -1) for name in participants for level in range(depths[name])]

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, index: int) -> Item:
        name, level = self._places[index]
        volume = self._volume(name)
        if level < 0:
            return volume
        images = {window: volume[window][:, level] for window in ("early", "delayed")}
        return Item(
            early=images["early"],
            delayed=images["delayed"],
            participant=name,
            slice=level,
            spacing_millimetres=volume["spacing_millimetres"],
        )

    def _volume(self, name: str) -> Item:
        if self._kept is not None and name in self._kept:
            return self._kept[name]
        pair = self._opened.pair(name)
        assert pair.delayed is not None, "a part with withheld images gives no dataset"
        volume = Item(
            early=torch.from_numpy(pair.early.copy())[None],
            delayed=torch.from_numpy(pair.delayed.copy())[None],
            participant=name,
            slice=-1,
            spacing_millimetres=torch.tensor(pair.spacing_millimetres, dtype=torch.float64),
        )
        if self._kept is not None:
            self._kept[name] = volume
        return volume
