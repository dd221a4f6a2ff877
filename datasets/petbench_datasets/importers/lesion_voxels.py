"""The structures of an RTSTRUCT or SEG as voxels of an image."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pydicom

from petbench_datasets.boundary import MOST_DEFLATED, BoundedFile, reading, without_warnings
from petbench_datasets.errors import DataError
from petbench_datasets.images.contours import MOST_OUTSIDE_VOXELS, draw_contours
from petbench_datasets.images.grid import resample_labels
from petbench_datasets.images.nifti import MOST_VOXELS, in_lps_order

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from petbench_datasets.images.grid import Grid
    from petbench_datasets.importers.lesion_objects import DrawnObject, Structure

_MOST_SLICES = 5000  # empty ones are left out of a file: what they would take is not bounded by its size
_CLOSED = {"CLOSED_PLANAR", "CLOSEDPLANAR_XOR"}
_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


@dataclass(frozen=True, eq=False)
class DrawnVoxels:
    """One structure on the grid of an image.

    Attributes:
        structure: which.
        inside: its voxels, shape (z, y, x).
        line: those that a contour runs through the centre of: two structures that touch share them.
        notes: doubts, for people to read.
    """

    structure: Structure
    inside: NDArray[np.bool_]
    line: NDArray[np.bool_]
    notes: tuple[str, ...] = ()


def drawn_voxels(drawn: DrawnObject, structures: Sequence[Structure], grid: Grid) -> Iterator[DrawnVoxels]:
    """Yield structures of an object as voxels of a grid.

    Args:
        drawn: the object.
        structures: which of its structures.
        grid: of the image, in the object's frame of reference.

    Raises:
        DataError: one that cannot be read, runs outside the image, or holds no voxel's centre.
    """
    read = _segments if drawn.kind == "SEG" else _regions
    for found in read(drawn, structures, grid):
        if not found.inside.any():
            raise DataError(
                f"{subject_of(drawn, found.structure)}: holds no voxel of the image; leave it out, or draw it on the "
                "PET image"
            )
        yield found


def subject_of(drawn: DrawnObject, structure: Structure) -> str:
    """Return how messages name a structure."""
    return f"{drawn.path} ({structure.name})"


def _regions(drawn: DrawnObject, structures: Sequence[Structure], grid: Grid) -> Iterator[DrawnVoxels]:
    with reading(drawn.path), without_warnings(), BoundedFile(drawn.path) as file:
        dataset = pydicom.dcmread(file, force=True)
        items: dict[str, Any] = {
            str(item.get("ReferencedROINumber")): item for item in dataset.get("ROIContourSequence") or []
        }
        for structure in structures:
            subject = subject_of(drawn, structure)
            item = items.get(str(structure.number))
            sequence = [] if item is None else list(item.get("ContourSequence") or [])
            if not sequence:
                raise DataError(f"{subject}: has no contours; draw it, or leave it out")
            contours = [_points(contour, subject) for contour in sequence]
            slab = sequence[0].get("ContourSlabThickness")
            found = draw_contours(contours, grid, subject, float(slab) if slab else None)
            yield DrawnVoxels(structure, found.inside, found.line, found.notes)


def _points(contour: Any, subject: str) -> NDArray[np.float64]:
    """Return a contour's points in NIfTI's world, shape (n, 3)."""
    kind = str(contour.get("ContourGeometricType") or "").strip().upper()
    if kind not in _CLOSED:
        raise DataError(
            f"{subject}: ContourGeometricType (3006,0042) is {kind!r}, which encloses nothing; leave the structure out"
        )
    values = np.array([float(value) for value in contour.get("ContourData") or []])
    if not len(values) or len(values) % 3 or not np.isfinite(values).all():
        raise DataError(
            f"{subject}: ContourData (3006,0050) has {len(values)} numbers, which are no points; export it again"
        )
    points: NDArray[np.float64] = values.reshape(-1, 3) * np.diag(_TO_RAS)[:3]
    return points


def _segments(drawn: DrawnObject, structures: Sequence[Structure], grid: Grid) -> Iterator[DrawnVoxels]:
    highdicom = _highdicom()
    with reading(drawn.path), without_warnings(), BoundedFile(drawn.path) as file:
        _require_room(drawn, pydicom.dcmread(file, stop_before_pixels=True, force=True))
        file.seek(0)
        segmentation = highdicom.seg.segread(file)
        geometry = segmentation.get_volume_geometry(allow_missing_positions=True)
        shape = (0, 0, 0) if geometry is None else geometry.spatial_shape
        if not 0 < shape[0] <= _MOST_SLICES or math.prod(shape) > MOST_VOXELS:
            raise DataError(f"{drawn.path}: its frames make no volume of one stack of slices; export it again")
        for structure in structures:
            volume = segmentation.get_volume(segment_numbers=[structure.number], combine_segments=True)
            labels, own = in_lps_order(volume.array, _TO_RAS @ volume.affine)
            segment = (labels == structure.number).astype(np.int16)
            _require_within(segment, own, grid, subject_of(drawn, structure))
            inside = resample_labels(segment, own, grid) > 0
            yield DrawnVoxels(structure, inside, np.zeros_like(inside))


def _highdicom() -> Any:
    try:
        import highdicom
    except ImportError as error:
        raise DataError("DICOM SEG needs highdicom; install it with pip install 'petbench[lesions]'") from error
    return highdicom


def _require_room(drawn: DrawnObject, dataset: Any) -> None:
    """Raise for what is no mask of whole voxels, and where the header promises more than the file can hold."""
    kind = str(dataset.get("SegmentationType") or "").strip().upper()
    if kind == "FRACTIONAL":
        raise DataError(
            f"{drawn.path}: a FRACTIONAL segmentation: which of its voxels are lesion is a threshold that nobody has "
            "named; export it as BINARY"
        )
    bits = int(dataset.get("Rows") or 0) * int(dataset.get("Columns") or 0) * int(dataset.get("NumberOfFrames") or 1)
    bits *= int(dataset.get("BitsAllocated") or 1)
    syntax = getattr(getattr(dataset, "file_meta", None), "TransferSyntaxUID", None)
    packed = syntax is not None and (syntax.is_compressed or syntax.is_deflated)
    if bits // 8 > drawn.path.stat().st_size * (MOST_DEFLATED if packed else 1):
        raise DataError(f"{drawn.path}: its header promises more pixels than the file holds; copy or export it again")


def _require_within(segment: NDArray[np.int16], own: Grid, grid: Grid, subject: str) -> None:
    index = np.argwhere(segment)[:, ::-1]
    if not len(index):
        raise DataError(f"{subject}: an empty segment; draw it, or leave it out")
    way = np.linalg.inv(grid.affine) @ own.affine
    there = (index @ way[:3, :3].T + way[:3, 3])[:, ::-1]
    beyond = np.maximum(-0.5 - there, there - (np.array(grid.shape) - 0.5))
    if (beyond > MOST_OUTSIDE_VOXELS).any():
        worst = float((beyond * np.array(grid.spacing_millimetres)).max())
        raise DataError(
            f"{subject}: runs up to {worst:.0f} mm outside the image; import the scan that it was drawn on, or leave "
            "the structure out"
        )
