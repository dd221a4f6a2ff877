"""NIfTI files written: wholly or not at all, frame by frame, the same bytes for the same image."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING, Any

import nibabel as untyped_nibabel
import numpy as np

from petbench_datasets.errors import DataError
from petbench_datasets.files import atomic_path

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from petbench_datasets.images.grid import Grid

# nibabel annotates some of its functions and not others, which strict type checking cannot call.
nibabel: Any = untyped_nibabel

_COMPRESSION_LEVEL = 3
# Fixed bytes: deflate, no name, no time, "unknown" operating system, so that equal images are equal files.
_GZIP_HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"


def write_image(path: Path, volume: NDArray[Any], grid: Grid, *, dtype: Any = np.float32) -> None:
    """Write a .nii.gz file, wholly or not at all, the same bytes for the same image.

    Args:
        path: ends in .nii.gz.
        volume: shape (z, y, x), or (t, z, y, x) for a dynamic image.
        grid: where the voxels lie.
        dtype: how they are stored.
    """
    frames = volume if volume.ndim == 4 else volume[None]
    write_frames(path, frames, len(frames) if volume.ndim == 4 else None, grid, dtype=dtype)


def write_frames(
    path: Path, frames: Iterable[NDArray[Any]], count: int | None, grid: Grid, *, dtype: Any = np.float32
) -> None:
    """Write frames one after the other, so that a long dynamic image is never whole in memory.

    Args:
        path: ends in .nii.gz.
        frames: each of shape (z, y, x).
        count: how many there will be; None for one frame without a time axis.
        grid: where the voxels lie.
        dtype: how they are stored.

    Raises:
        DataError: a frame that does not fit the grid; nothing is written.
    """
    header = nibabel.Nifti1Header()
    header.set_data_dtype(np.dtype(dtype).newbyteorder("<"))
    header.set_data_shape((*reversed(grid.shape), *([] if count is None else [count])))
    header.set_sform(grid.affine, code=1)
    # A quaternion cannot say that axes are sheared, as a tilted gantry leaves them: one transform is written then.
    header.set_qform(grid.affine, code=0 if grid.is_sheared else 1)
    header.set_xyzt_units("mm", "sec")
    header.set_slope_inter(1.0, 0.0)
    header["vox_offset"] = 352
    header["magic"] = b"n+1"
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        packer = zlib.compressobj(_COMPRESSION_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
        checksum = length = 0
        file.write(_GZIP_HEADER)
        for content in _pieces(path, bytes(header.binaryblock) + bytes(4), frames, count or 1, grid, dtype):
            checksum = zlib.crc32(content, checksum)
            length += len(content)
            file.write(packer.compress(content))
        file.write(packer.flush() + struct.pack("<II", checksum, length % 2**32))


def _pieces(
    path: Path, header: bytes, frames: Iterable[NDArray[Any]], count: int, grid: Grid, dtype: Any
) -> Iterator[bytes]:
    yield header
    seen = 0
    for frame in frames:
        if frame.shape != grid.shape:
            raise DataError(f"{path}: {frame.shape} voxels do not fit a grid of {grid.shape}; nothing was written")
        seen += 1
        # C order of (z, y, x) is what NIfTI keeps: x runs fastest.
        yield frame.astype(np.dtype(dtype).newbyteorder("<"), copy=False).tobytes()
    if seen != count:
        raise DataError(f"{path}: {seen} frames came where {count} were announced; nothing was written")
