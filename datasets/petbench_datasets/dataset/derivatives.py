"""What is kept beside the images of a dataset: organ labels, body masks, the true activity, a repeat scan."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from petbench_datasets.bids.names import person_of, session_of, session_of_image
from petbench_datasets.bids.sidecar import read_json
from petbench_datasets.errors import DataError
from petbench_datasets.images.nifti import StoredImage, read_image, read_labels
from petbench_datasets.tables import number, read_table

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from petbench_datasets.dataset.pair_frames import PairFrames
    from petbench_datasets.images.grid import Grid, Volume

TRUTH_ENDING = "rec-delayed_desc-truth_pet"
"""Of the file of what was in the body at the delayed frame, without blur or noise: simulated datasets have it."""

ORGANS_ENDING = "desc-organs_dseg"
EARLY_ORGANS_ENDING = "desc-earlyorgans_dseg"
"""Of the file of organs as they lie in the early image, where those that scores are taken in lie elsewhere."""

CT_ENDING = "ct"
"""Of the file of a CT in HU on the grid of the pair."""

LESIONS_ENDING = "desc-lesions_dseg"
BODY_ENDING = "desc-body_mask"

FRAME_KEY = "FrameOfReference"
"""Of a mask's sidecar: the frame of reference that it was drawn in, as the sidecars of images name theirs."""

REPEAT_ENDING = "desc-repeat_pet"
"""Of the file of the delayed frame again, with other noise."""


def find_derivative(root: Path, participant: str, ending: str) -> Path | None:
    """Return the pair's file whose name ends in `_<ending>.nii.gz` under derivatives/, or None.

    Of a participant of whom several sessions are pairs, it is the file that names the session.

    Raises:
        DataError: two such files, in two derivatives of the same dataset, or one that could be of any session.
    """
    session = session_of(participant)
    found = sorted((root / "derivatives").glob(f"*/{person_of(participant)}/**/*_{ending}.nii*"))
    unnamed = [path for path in found if not session_of_image(path)]
    if session and unnamed:
        raise DataError(
            f"{unnamed[0]}: names no session, and {person_of(participant)} has several; name the one that it was drawn "
            f"on ({person_of(participant)}_{session}_...)"
        )
    if session:
        found = [path for path in found if session_of_image(path) == session]
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


def mask_sidecar(path: Path) -> dict[str, Any]:
    """Return what the `.json` beside a mask or label image says; nothing where there is none.

    Raises:
        DataError: it cannot be read.
    """
    place = sidecar_of_mask(path)
    return read_json(place) if place.exists() else {}


def sidecar_of_mask(path: Path) -> Path:
    """Return where the sidecar of a mask or label image lies."""
    return path.with_name(path.name.removesuffix(".gz").removesuffix(".nii") + ".json")


def drawn_in(path: Path) -> str:
    """Return the frame of reference that a mask was drawn in, as its sidecar names it; empty where it does not."""
    said = mask_sidecar(path).get(FRAME_KEY)
    return said if isinstance(said, str) and said != "n/a" else ""


def derivative_problems(root: Path, plan: PairFrames) -> tuple[list[str], list[str]]:
    """Read all that a run reads beside a pair's images when it scores.

    Args:
        root: the dataset.
        plan: of the pair.

    Returns:
        Why files cannot be used, and doubts about others, one line each.
    """
    errors: list[str] = []
    doubts: list[str] = []

    def labels(path: Path) -> None:
        found = read_derivative_labels(path, plan.grid)
        frames = {scan.frame_of_reference for scan in plan.scans}
        if plan.delayed.uses and "" not in frames and drawn_in(path) not in {"", *frames}:
            raise DataError(
                f"{path}: was drawn in another frame of reference ({drawn_in(path)}) than the images of the pair; draw "
                "it on one of them, or remove it"
            )
        names = label_names(path, root)
        unnamed = sorted(set(np.unique(found).tolist()) - {0} - names.keys())
        if unnamed:
            listed = ", ".join(map(str, unnamed[:5])) + (", ..." if len(unnamed) > 5 else "")
            doubts.append(f"{path}: no name is given for labels {listed}: they are left out; add them to its dseg.tsv")

    def mask(path: Path) -> None:
        if not (read_derivative(path, plan.grid) > 0.5).any():
            raise DataError(f"{path}: the mask is empty; draw it, or remove it")

    def image(path: Path) -> None:
        if not np.isfinite(read_derivative(path, plan.grid)).all():
            raise DataError(f"{path}: holds NaN or infinite voxels; make it again")

    readers = {
        ORGANS_ENDING: labels,
        EARLY_ORGANS_ENDING: labels,
        LESIONS_ENDING: labels,
        BODY_ENDING: mask,
        TRUTH_ENDING: image,
        REPEAT_ENDING: image,
        CT_ENDING: image,
    }
    for ending, read in readers.items():
        try:
            path = find_derivative(root, plan.participant, ending)
            if path is not None:
                read(path)
        except DataError as error:
            errors.append(str(error))
    return errors, doubts


def label_names(path: Path, root: Path) -> dict[int, str]:
    """Return what the labels of a `dseg` image mean, from the nearest table `*dseg.tsv` at or above it.

    Raises:
        DataError: no such table, or one without the columns index and name.
    """
    return _read_names(names_table(path, root))


def names_table(path: Path, root: Path) -> Path:
    """Return the table that names the labels of a `dseg` image, the nearest at or above it.

    Raises:
        DataError: there is none.
    """
    own = path.with_name(path.name.removesuffix(".gz").removesuffix(".nii") + ".tsv")
    description = next((part for part in path.name.split("_") if part.startswith("desc-")), "")
    for folder in path.parents:
        for candidate in (own, folder / f"{description}_dseg.tsv", folder / "dseg.tsv"):
            if candidate.exists():
                return candidate
        if folder == root:
            break
    raise DataError(f"{own}: no such file; list what each label means (columns index and name)")


def _read_names(path: Path) -> dict[int, str]:
    rows = read_table(path)
    if not rows or "index" not in rows[0] or "name" not in rows[0]:
        raise DataError(f"{path}: needs the columns index and name; correct the header")
    return {int(number(row["index"], "index", path)): row["name"] for row in rows}


def require_same_grid(path: Path, grid: Grid) -> None:
    """Raise unless an image lies on the pair's grid; no voxel is read.

    Raises:
        DataError: it cannot be opened, or lies on another grid.
    """
    _same_grid(path, StoredImage(path).grid, grid)


def _same_grid(path: Path, own: Grid, grid: Grid) -> None:
    if not own.matches(grid):
        raise DataError(
            f"{path}: lies elsewhere than the PET images: {grid.difference(own)}; resample it to them (petbench "
            "datasets resample, which takes the nearest voxel)"
        )
