"""What is kept beside the images of a dataset: organ labels, body masks, the true activity, a repeat scan."""

from __future__ import annotations

from typing import TYPE_CHECKING

from petbench_datasets.errors import DataError
from petbench_datasets.images.nifti import read_image, read_labels
from petbench_datasets.tables import number, read_table

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from petbench_datasets.images.grid import Grid, Volume

TRUTH_ENDING = "rec-delayed_desc-truth_pet"
"""Of the file of what was in the body at the delayed frame, without blur or noise: simulated datasets have it."""

REPEAT_ENDING = "desc-repeat_pet"
"""Of the file of the delayed frame again, with other noise."""


REPEAT_ENDING = "desc-repeat_pet"
"""How the file of a second noise realisation of the delayed image ends."""

TRUTH_ENDING = "rec-delayed_desc-truth_pet"
"""How the file of what was in the body in the delayed window ends, without blur or noise, where it was simulated."""


def find_derivative(root: Path, participant: str, ending: str) -> Path | None:
    """Return the participant's file whose name ends in `_<ending>.nii.gz` under derivatives/, or None.

    Raises:
        DataError: two such files, in two derivatives of the same dataset.
    """
    found = sorted((root / "derivatives").glob(f"*/{participant}/**/*_{ending}.nii*"))
    if len(found) > 1:
        raise DataError(f"{found[0]} and {found[1]}: two files for one thing; keep one of them")
    return found[0] if found else None


def read_derivative(path: Path, grid: Grid) -> Volume:
    """Read an image that lies on the pair's grid.

    Raises:
        DataError: it cannot be read, or lies on another grid.
    """
    volume, own = read_image(path)
    _same_grid(path, own, grid)
    return volume


def read_derivative_labels(path: Path, grid: Grid) -> NDArray[np.int16]:
    """Read a label image that lies on the pair's grid.

    Raises:
        DataError: it cannot be read, holds other than whole numbers, or lies on another grid.
    """
    labels, own = read_labels(path)
    _same_grid(path, own, grid)
    return labels


def label_names(path: Path, root: Path) -> dict[int, str]:
    """Return what the labels of a `dseg` image mean, from the nearest table `*dseg.tsv` at or above it.

    Raises:
        DataError: no such table, or one without the columns index and name.
    """
    own = path.with_name(path.name.removesuffix(".gz").removesuffix(".nii") + ".tsv")
    description = next((part for part in path.name.split("_") if part.startswith("desc-")), "")
    for folder in path.parents:
        for candidate in (own, folder / f"{description}_dseg.tsv", folder / "dseg.tsv"):
            if candidate.exists():
                return _read_names(candidate)
        if folder == root:
            break
    raise DataError(f"{own}: no such file; list what each label means (columns index and name)")


def _read_names(path: Path) -> dict[int, str]:
    rows = read_table(path)
    if not rows or "index" not in rows[0] or "name" not in rows[0]:
        raise DataError(f"{path}: needs the columns index and name; correct the header")
    return {int(number(row["index"], "index", path)): row["name"] for row in rows}


def _same_grid(path: Path, own: Grid, grid: Grid) -> None:
    if not own.matches(grid):
        raise DataError(f"{path}: lies elsewhere than the PET images: {grid.difference(own)}; resample it to them")
