"""Bringing the images of a dataset to other grids, only when asked, and recording it: `resample_dataset`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from petbench_datasets.bids.description import DESCRIPTION_NAME
from petbench_datasets.bids.new_sidecar import resampling_record
from petbench_datasets.bids.participants import COLUMNS_NAME, PARTICIPANTS_NAME, read_participants
from petbench_datasets.bids.scan import image_stem, merged_sidecar, pet_images, scan_of
from petbench_datasets.bids.writer import write_scan
from petbench_datasets.dataset.derivatives import find_derivative
from petbench_datasets.dataset.framing import plan_window
from petbench_datasets.dataset.reader import participant_names, scans_of
from petbench_datasets.errors import DataError
from petbench_datasets.exporters.images import new_folder
from petbench_datasets.files import write_text
from petbench_datasets.images.grid import Grid, resample, resample_labels
from petbench_datasets.images.nifti import read_labels, write_image
from petbench_datasets.progress import Progress, silent

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from petbench_datasets.bids.scan import Scan
    from petbench_datasets.images.grid import Volume
    from petbench_datasets.tables import Row

Target = Literal["early", "delayed"] | tuple[float, float, float]
_LABELS = ("desc-organs_dseg", "desc-lesions_dseg", "desc-body_mask")


def resample_dataset(root: Path, folder: Path, to: Target = "early", progress: Progress = silent) -> None:
    """Write the dataset at `root` anew to `folder`, the images of each pair on one grid.

    Each sidecar says what was done to its image. Labels and body masks are resampled by the nearest voxel; splits
    are left out, because they belong to the old images.

    Args:
        root: the dataset; it stays as it is.
        folder: must not exist.
        to: the grid of each participant's `early` or `delayed` image, or a spacing (z, y, x) in millimetres over the
            extent of the early image.
        progress: called after each participant.

    Raises:
        DataError: a participant that cannot be used, or `folder` exists.
    """
    table = read_participants(root)
    names = participant_names(root, table)
    with new_folder(folder) as temporary:
        for number, name in enumerate(names):
            progress("resampling the dataset", number, len(names))
            _participant(root, temporary, name, table, to)
        for kept in (PARTICIPANTS_NAME, COLUMNS_NAME, DESCRIPTION_NAME):
            if (root / kept).exists():
                write_text(temporary / kept, (root / kept).read_text(encoding="utf-8-sig"))
    progress("resampling the dataset", len(names), len(names))


def _participant(root: Path, folder: Path, name: str, table: dict[str, Row], to: Target) -> None:
    target = _target_grid(root, name, table, to)
    for path in pet_images(root, name):
        scan = scan_of(path, root, table)
        content, _ = merged_sidecar(path, root)
        if not scan.grid.matches(target):
            content["Resampled"] = resampling_record(scan.grid, target)
        place = folder / path.relative_to(root).parent
        write_scan(place, image_stem(path), _frames(scan, target), target, content, dynamic=scan.stored.dynamic)
    sessions = root / name / f"{name}_sessions.tsv"
    if sessions.exists():
        write_text(folder / name / sessions.name, sessions.read_text(encoding="utf-8-sig"))
    for ending in _LABELS:
        source = find_derivative(root, name, ending)
        if source is not None:
            labels, grid = read_labels(source)
            write_image(
                folder / source.relative_to(root), resample_labels(labels, grid, target), target, dtype=np.int16
            )
            for names in (root / "derivatives").glob("*/*dseg.tsv"):
                write_text(folder / names.relative_to(root), names.read_text(encoding="utf-8-sig"))


def _frames(scan: Scan, target: Grid) -> Iterator[Volume]:
    for index in range(len(scan.frames)):
        yield resample(scan.activity(index), scan.grid, target)


def _target_grid(root: Path, name: str, table: dict[str, Row], to: Target) -> Grid:
    window = to if isinstance(to, str) else "early"
    source = plan_window(window, scans_of(root, name, table), str(root / name)).uses[0].scan.grid
    return source if isinstance(to, str) else respaced(source, to)


def respaced(grid: Grid, spacing_millimetres: tuple[float, float, float]) -> Grid:
    """Return a grid over the same extent, with the same axes and centre but another spacing (z, y, x)."""
    if min(spacing_millimetres) <= 0.0:
        raise DataError(f"a spacing of {spacing_millimetres} mm is impossible; give three positive lengths")
    old = np.array(grid.spacing_millimetres[::-1])
    new = np.array(spacing_millimetres[::-1], dtype=np.float64)
    sizes = np.maximum(1, np.ceil(np.array(grid.shape[::-1]) * old / new - 1e-6)).astype(int)
    affine = np.eye(4)
    affine[:3, :3] = grid.affine[:3, :3] / old * new
    centre = grid.affine[:3, :3] @ ((np.array(grid.shape[::-1]) - 1) / 2.0) + grid.affine[:3, 3]
    affine[:3, 3] = centre - affine[:3, :3] @ ((sizes - 1) / 2.0)
    return Grid((int(sizes[2]), int(sizes[1]), int(sizes[0])), affine)
