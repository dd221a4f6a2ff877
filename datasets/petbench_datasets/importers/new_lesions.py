"""The lesions of one pair, to be written into a dataset beside its images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from petbench_datasets.bids.description import DESCRIPTION_NAME, write_description
from petbench_datasets.bids.names import pair_name
from petbench_datasets.dataset.derivatives import (
    FRAME_KEY,
    LESIONS_ENDING,
    find_derivative,
    label_names,
    read_derivative_labels,
)
from petbench_datasets.errors import DataError
from petbench_datasets.files import write_json
from petbench_datasets.images.nifti_writer import write_image
from petbench_datasets.tables import write_table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from petbench_datasets.images.grid import Grid

FOLDER = "derivatives/lesions"
"""Where imported lesions are written, below the dataset."""


@dataclass(frozen=True, eq=False)
class NewLesions:
    """The lesions of one pair.

    Attributes:
        participant: `sub-01` and so on.
        session: such as `ses-2`; empty for a participant with one.
        drawn_on: the file name of the image whose grid they lie on, relative to the dataset.
        frame_of_reference: of that image, as its sidecar has it.
        grid: of it.
        names: of the lesions, numbered from 1.
        kinds: what each was made of, `RTSTRUCT` or `SEG`.
        voxels: of each, the indices of its voxels in the grid, counted through: most of an image holds no lesion.
        sources: the files, for messages.
        notes: doubts, for people to read.
    """

    participant: str
    session: str
    drawn_on: str
    frame_of_reference: str
    grid: Grid
    names: Sequence[str]
    kinds: Sequence[str]
    voxels: Sequence[NDArray[np.int64]]
    sources: Sequence[Path]
    notes: Sequence[str] = ()

    @property
    def millilitres(self) -> list[float]:
        """The volume of each lesion."""
        return [len(indices) * self.grid.voxel_millilitres for indices in self.voxels]

    def place(self, folder: Path, suffix: str = ".nii.gz") -> Path:
        """Return where its mask lies in the dataset at `folder`."""
        name = pair_name(self.participant, self.session)
        return folder / FOLDER / self.participant / self.session / "anat" / f"{name}_{LESIONS_ENDING}{suffix}"

    def require_new(self, folder: Path) -> None:
        """Raise where the dataset at `folder` has lesions of the pair already.

        Raises:
            DataError: naming the file.
        """
        name = pair_name(self.participant, self.session)
        there = find_derivative(folder, name, LESIONS_ENDING) if folder.exists() else None
        if there is not None:
            raise DataError(f"{there}: {name} has lesions already; remove them, or import without others")

    def write(self, folder: Path) -> None:
        """Write mask, table and sidecar into the dataset at `folder`, and read them again.

        Raises:
            DataError: what was written cannot be read.
        """
        labels = np.zeros(self.grid.shape, dtype=np.int16)
        for number, indices in enumerate(self.voxels, start=1):
            labels.flat[indices] = number
        path = self.place(folder)
        write_image(path, labels, self.grid, dtype=np.int16)
        write_table(self.place(folder, ".tsv"), ["index", "name", "volume_ml", "source"], self._rows())
        write_json(self.place(folder, ".json"), self._sidecar())
        found, names = read_derivative_labels(path, self.grid), label_names(path, folder)
        assert np.array_equal(found, labels)
        assert list(names.values()) == list(self.names)

    def _rows(self) -> list[dict[str, object]]:
        made = zip(self.names, self.millilitres, self.kinds, strict=True)
        return [
            {"index": number, "name": name, "volume_ml": f"{volume:.4g}", "source": kind}
            for number, (name, volume, kind) in enumerate(made, start=1)
        ]

    def _sidecar(self) -> Mapping[str, object]:
        image = f"bids::{self.drawn_on}"
        return {"Sources": [image], "SpatialReference": image, FRAME_KEY: self.frame_of_reference or "n/a"}


def describe_lesions(staged: Path, folder: Path) -> None:
    """Write to `staged` what describes the lesions of the dataset at `folder` as a whole, if nothing does yet."""
    if not (folder / FOLDER / DESCRIPTION_NAME).exists():
        made_by = "lesions imported from DICOM"
        write_description(staged / FOLDER, f"{folder.name}: lesions", kind="derivative", generated_by=made_by)
