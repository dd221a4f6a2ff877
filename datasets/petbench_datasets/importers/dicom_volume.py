"""From the slices of a DICOM PET series to frames of voxels in the order Left, Posterior, Superior."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from typing import TYPE_CHECKING

import numpy as np
import pydicom
from pydicom.pixels.decoders.base import get_decoder
from pydicom.uid import UID, ImplicitVRLittleEndian

from petbench_datasets.boundary import BoundedFile, first_line, reading, without_warnings
from petbench_datasets.errors import DataError
from petbench_datasets.images.nifti import in_lps_order

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from petbench_datasets.images.grid import Grid, Volume
    from petbench_datasets.importers.dicom_headers import SliceHeader

_JITTER_MILLIMETRES = 0.1
_NO_TIME = dt.datetime.min
_SIDEWAYS_MILLIMETRES = 0.5


def arrange(slices: Sequence[SliceHeader], subject: str) -> list[list[int]]:
    """Order the slices: one list a frame, in time; in each, indices of slices along the normal of the plane.

    Raises:
        DataError: slices that do not form whole frames of one regular stack.
    """
    first = slices[0]
    for header in slices:
        same = (
            header.matrix == first.matrix
            and np.allclose(header.pixel_spacing, first.pixel_spacing, atol=1e-3)
            and np.allclose(header.orientation, first.orientation, atol=1e-3)
        )
        if not same:
            raise DataError(f"{header.path}: its place differs from the other slices of {subject}; leave it out")
    along = np.array([_along(header) for header in slices])
    places = _cluster(along)
    times = [
        (
            header.temporal_position or 0.0,
            header.acquisition_start or header.acquisition_datetime or _NO_TIME,
            header.reference_milliseconds or 0.0,
        )
        for header in slices
    ]
    stacks: dict[int, list[int]] = defaultdict(list)
    for index in sorted(range(len(slices)), key=lambda item: (times[item], slices[item].instance_number)):
        stacks[int(places[index])].append(index)
    counts = {len(stack) for stack in stacks.values()}
    if len(counts) != 1:
        raise DataError(
            f"{subject}: {len(slices)} slices at {len(stacks)} places do not make whole frames; slices are missing"
        )
    for stack in stacks.values():
        if len({times[index] for index in stack}) != len(stack):
            raise DataError(f"{slices[stack[0]].path}: two slices of {subject} at one place and time; keep one")
    frames = [[stacks[place][frame] for place in sorted(stacks)] for frame in range(counts.pop())]
    _check_steps(np.array([along[index] for index in frames[0]]), subject)
    return frames


def grid_of(slices: Sequence[SliceHeader], order: Sequence[int]) -> Grid:
    """Return the grid of one frame without reading its voxels."""
    rows, columns = slices[order[0]].matrix
    return in_lps_order(np.broadcast_to(np.float32(0), (columns, rows, len(order))), _affine(slices, order))[1]


def frame_voxels(slices: Sequence[SliceHeader], order: Sequence[int], factor: Callable[[int], float]) -> Volume:
    """Read one frame.

    Args:
        slices: all slices of the series.
        order: the frame's, from `arrange`.
        factor: what to multiply the rescaled values of a slice with, by its index.

    Returns:
        The voxels, float32, shape (z, y, x), on the grid that `grid_of` gives.

    Raises:
        DataError: pixels that cannot be decoded.
    """
    rows, columns = slices[order[0]].matrix
    voxels = np.empty((columns, rows, len(order)), dtype=np.float32)
    of_file: dict[Path, NDArray[np.generic]] = {}  # a file of many frames is decoded once
    for number, index in enumerate(order):
        header = slices[index]
        if header.path not in of_file:
            of_file = {header.path: _pixels(header)}
        values = _slice_of(of_file[header.path], header).astype(np.float64) * header.slope + header.intercept
        voxels[:, :, number] = (values * factor(index)).T
    return in_lps_order(voxels, _affine(slices, order))[0]


def _pixels(header: SliceHeader) -> NDArray[np.generic]:
    with (
        reading(header.path, lambda error: f"its pixels cannot be decoded ({first_line(error)})"),
        without_warnings(),
        BoundedFile(header.path) as file,
    ):
        dataset = pydicom.dcmread(file, force=True)
        if "TransferSyntaxUID" not in dataset.file_meta:
            dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian  # DICOM's default
        _require_decoder(dataset.file_meta.TransferSyntaxUID, header)
        return np.asarray(dataset.pixel_array)


def _slice_of(pixels: NDArray[np.generic], header: SliceHeader) -> NDArray[np.generic]:
    """Return one slice of the pixels of its file."""
    if header.frame is not None and pixels.ndim == 3 and header.frame < len(pixels):
        pixels = pixels[header.frame]
    if pixels.shape != header.matrix:
        raise DataError(f"{header.path}: holds {pixels.shape} pixels instead of {header.matrix}; export it again")
    return pixels


def _require_decoder(syntax: UID, header: SliceHeader) -> None:
    """Raise where nothing that is installed decodes a compression."""
    try:
        missing = syntax.is_compressed and not get_decoder(syntax).is_available
    except (NotImplementedError, ValueError):
        missing = True
    if missing:
        raise DataError(
            f"{header.path}: its pixels are packed as {syntax.name}, which nothing here unpacks: pip install "
            "'petbench[dicom]', or export the series uncompressed"
        )


def _normal(header: SliceHeader) -> NDArray[np.float64]:
    return np.cross(np.array(header.orientation[:3]), np.array(header.orientation[3:]))


def _along(header: SliceHeader) -> float:
    return float(np.dot(_normal(header), np.array(header.position)))


def _cluster(along: NDArray[np.float64]) -> NDArray[np.int64]:
    """Number the places of slices, those within the jitter being one place."""
    order = np.argsort(along, kind="stable")
    new = np.diff(along[order], prepend=along[order[:1]]) > _JITTER_MILLIMETRES
    places = np.empty(len(along), dtype=np.int64)
    places[order] = np.cumsum(new)
    return places


def _check_steps(along: NDArray[np.float64], subject: str) -> None:
    if len(along) < 3:
        return
    steps = np.diff(along)
    step = float(np.median(steps))
    worst = int(np.abs(steps - step).argmax())
    if abs(steps[worst] - step) > max(1.5 * _JITTER_MILLIMETRES, 0.05 * step):
        raise DataError(
            f"{subject}: {steps[worst]:.2f} mm between slices {worst} and {worst + 1}, elsewhere {step:.2f} mm; "
            "slices are missing or from another series"
        )


def _affine(slices: Sequence[SliceHeader], order: Sequence[int]) -> NDArray[np.float64]:
    """Return the NIfTI affine (RAS) of voxels indexed (column, row, slice)."""
    first, last = slices[order[0]], slices[order[-1]]
    row_step, column_step = first.pixel_spacing
    affine = np.eye(4)
    affine[:3, 0] = np.array(first.orientation[:3]) * column_step
    affine[:3, 1] = np.array(first.orientation[3:]) * row_step
    if len(order) > 1:
        travel = (np.array(last.position) - np.array(first.position)) / (len(order) - 1)
        normal = _normal(first)
        sideways = travel - normal * np.dot(travel, normal)
        # Rounding in the header may shear a stack by a hair; a real gantry tilt stays.
        is_tilted = np.abs(sideways).max() * (len(order) - 1) > _SIDEWAYS_MILLIMETRES
        affine[:3, 2] = travel if is_tilted else normal * np.dot(travel, normal)
    else:
        affine[:3, 2] = _normal(first) * (first.slice_thickness or row_step)
    affine[:3, 3] = first.position
    affine[:2] *= -1.0  # DICOM's world runs to the left and back, NIfTI's to the right and front
    return affine
