"""The pairs of a dataset as arrays, each with the part of the split that it is in."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from petbench.api import html
from petbench.api.session import current_session
from petbench.errors import DataError, UnknownNameError
from petbench.plans.datasets import find_dataset
from petbench.plans.planner import Place, choose_fold
from petbench.terminal import late_progress_bar
from petbench_datasets.dataset.given_split import find_split
from petbench_datasets.dataset.split import PARTS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import numpy as np
    from numpy.typing import NDArray

    from petbench.api.session import Session
    from petbench.api.torch_pairs import TorchPairs
    from petbench_datasets.images.grid import Grid, Volume


@dataclass(frozen=True, eq=False, slots=True)
class OpenedPair:
    """One participant's images in SUV, float32, shape (z, y, x): x to the left, y to the back, z to the head.

    Attributes:
        participant: the name, such as `sub-01`, or `sub-01_ses-2` where several sessions of one are pairs.
        part: `train`, `validation` or `test`; None for somebody whom the fold leaves out.
        early: the early image.
        delayed: the delayed image; None where the dataset's organizer withholds it.
        grid: where the voxels lie: `grid.affine` takes (x, y, z) to millimetres.
    """

    participant: str
    part: str | None
    early: Volume
    delayed: Volume | None
    grid: Grid

    @property
    def spacing_millimetres(self) -> tuple[float, float, float]:
        """The size of a voxel: the distance between neighbours along (z, y, x)."""
        return self.grid.spacing_millimetres


class OpenedDataset:
    """A dataset with one fold of one split of it. Made by `petbench.open_dataset`; images are read when asked for.

    Attributes:
        place: dataset, split and fold as the harness has them; `place.dataset` reads labels and body masks, too.
    """

    def __init__(self, place: Place) -> None:
        self.place = place
        self._fold = choose_fold(place.split, place.fold)
        self._part_of = {name: part for part, names in self._fold.parts().items() for name in names}

    @property
    def name(self) -> str:
        """What the leaderboard calls it."""
        return self.place.name

    @property
    def parts(self) -> Mapping[str, tuple[str, ...]]:
        """The participants of `train`, `validation` and `test`."""
        return self._fold.parts()

    @property
    def participants(self) -> tuple[str, ...]:
        """Everybody in the dataset, sorted, whether the fold uses them or not."""
        return self.place.dataset.participants

    def names(self, part: str | None = None) -> tuple[str, ...]:
        """Return the participants of one part; without one, everybody.

        Raises:
            UnknownNameError: there is no such part.
        """
        if part is None:
            return self.participants
        if part not in PARTS:
            raise UnknownNameError("part of a split", part, PARTS, listed="There:")
        return self.parts[part]

    def pair(self, participant: str) -> OpenedPair:
        """Read both images of a participant.

        Raises:
            DataError: nobody is called so, or an image cannot be read.
        """
        dataset = self.place.dataset
        early, grid = dataset.early(participant)
        delayed = None if participant in dataset.withheld else dataset.delayed(participant)[0]
        return OpenedPair(participant, self._part_of.get(participant), early, delayed, grid)

    def pairs(self, part: str | None = None) -> Iterator[OpenedPair]:
        """Return the pairs of one part, without one everybody's, in the part's order; each is read when it is reached.

        Raises:
            UnknownNameError: there is no such part.
        """
        return map(self.pair, self.names(part))

    def labels(self, participant: str, kind: str = "organs") -> tuple[NDArray[np.int16], dict[int, str]] | None:
        """Return a participant's labels, shape (z, y, x), and what each means; None where there are none.

        Args:
            participant: the name.
            kind: `organs` or `lesions`.
        """
        return self.place.dataset.labels(participant, kind)

    def to_torch(self, part: str = "train", *, slices: bool = False) -> TorchPairs:
        """Return one part as a `torch.utils.data.Dataset`, for a training of one's own.

        Args:
            part: `train`, `validation` or `test`.
            slices: whether an item is an axial slice, of shape (1, y, x), or a volume, of shape (1, z, y, x). Volumes
                of slices stay in memory once they are read.

        Raises:
            UnknownNameError: there is no such part.
            DataError: a delayed image of the part is withheld.
        """
        from petbench.api.torch_pairs import TorchPairs

        withheld = [name for name in self.names(part) if name in self.place.dataset.withheld]
        if withheld:
            raise DataError(f"the delayed image of {withheld[0]} is withheld, so {part} gives no pairs; take pairs()")
        return TorchPairs(self, self.names(part), slices=slices)

    def __len__(self) -> int:
        return len(self.participants)

    def __repr__(self) -> str:
        parts = ", ".join(f"{part} {len(names)}" for part, names in self.parts.items())
        return f"<petbench dataset {self.name}, split {self.place.split.name}, fold {self.place.fold}: {parts}>"

    def _repr_html_(self) -> str:
        """Return what a notebook shows: the parts with their participants, matrices and voxels."""
        rows = [(part, len(names), ", ".join(names), self._sizes(names)) for part, names in self.parts.items()]
        place = self.place
        return html.table(
            f"{self.name}: split {place.split.name}, fold {place.fold}",
            ("part", "participants", "who", "voxels (z, y, x)"),
            rows,
            [f"{place.dataset.root}, fingerprint {place.dataset.fingerprint[:12]}"],
        )

    def _sizes(self, names: tuple[str, ...]) -> str:
        grids = [self.place.dataset.grid(name) for name in names]
        said = dict.fromkeys(
            f"{' × '.join(map(str, grid.shape))} of {' × '.join(f'{step:.4g}' for step in grid.spacing_millimetres)} mm"
            for grid in grids
        )
        return "\n".join(said)


def open_dataset(
    name: str | os.PathLike[str],
    *,
    split: str = "holdout",
    fold: int = 0,
    reconstruction: str = "",
    task: str | os.PathLike[str] = "",
    session: Session | None = None,
) -> OpenedDataset:
    """Open a dataset; a registered one that is not there yet is built first.

    Args:
        name: of a registered dataset, see `petbench datasets list`, or the folder of a BIDS-PET dataset.
        split: of its participants, or the path of a split file.
        fold: of the split.
        reconstruction: which image to take where one measurement was reconstructed several times, by the label `rec-`.
        task: by name, or a file that defines one; empty for that of the dataset.
        session: where to work; None for what the environment says.

    Raises:
        UnknownNameError: neither a dataset nor a folder is called so.
        DataError: it cannot be used as it is.
        UsageError: the split has no such fold.
    """
    here = current_session(session)
    with late_progress_bar() as progress:
        chosen = {"reconstruction": reconstruction, "task": os.fspath(task)}
        found = find_dataset(os.fspath(name), here.home, here.registry, progress, **chosen)
    registered = here.registry.datasets()
    spec = registered.get(found.name) if str(name) in registered else None
    track = spec.track if spec else ""
    return OpenedDataset(Place(found.name, found.dataset, find_split(found.dataset, split), fold, track))


def as_opened(dataset: str | os.PathLike[str] | OpenedDataset, **opening: Any) -> OpenedDataset:
    """Return a dataset that is open already as it is, and open any other as `open_dataset` does."""
    return dataset if isinstance(dataset, OpenedDataset) else open_dataset(dataset, **opening)
