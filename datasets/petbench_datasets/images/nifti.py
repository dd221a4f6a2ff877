"""NIfTI files read as (z, y, x) arrays in the order Left, Posterior, Superior; a broken one is refused in one line."""

from __future__ import annotations

import gzip
import math
import zlib
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nibabel as untyped_nibabel
import nibabel.orientations as untyped_orientations
import numpy as np

from petbench_datasets.boundary import MOST_DEFLATED, first_line, gunzip, reading
from petbench_datasets.errors import DataError
from petbench_datasets.files import check_regular
from petbench_datasets.images.grid import Grid, Volume

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

MOST_VOXELS = 2**28
"""Of one frame: a gigabyte as float32, twice a whole-body image of the longest scanner."""

# nibabel annotates some of its functions and not others, which strict type checking cannot call.
nibabel: Any = untyped_nibabel
orientations: Any = untyped_orientations

_TARGET_ORIENTATION = orientations.axcodes2ornt(("L", "P", "S"))
_MOST_TRAILING_BYTES = 64 * 2**10
_VOXEL_MILLIMETRES = (0.05, 500.0)
_FARTHEST_MILLIMETRES = 1e5
_QFORM_TOLERANCE_MILLIMETRES = 0.5  # qform is a quaternion in single precision


@dataclass(frozen=True, eq=False)
class VoxelOrder:
    """How a file orders its voxels, so that another image of the same grid can be written in that order.

    Attributes:
        transform: the flips and swaps from the file's axes to Left, Posterior, Superior, as nibabel has them.
        affine: 4x4, takes the file's own voxel index to millimetres in NIfTI's world.
    """

    transform: NDArray[np.float64]
    affine: NDArray[np.float64]

    def restore(self, volume: Volume) -> tuple[Volume, Grid]:
        """Return an image of shape (z, y, x) in the file's own order, and the grid to write it with."""
        back = orientations.ornt_transform(_TARGET_ORIENTATION, _stored_orientation(self.transform))
        stored = np.ascontiguousarray(np.transpose(orientations.apply_orientation(np.transpose(volume), back)))
        z, y, x = stored.shape
        return stored, Grid((z, y, x), self.affine)


class StoredImage:
    """A NIfTI image on disk whose frames are read one at a time, reoriented without interpolation.

    Attributes:
        path: the file.
        grid: where its voxels lie once reoriented.
        frame_count: 1 for a 3-D image.
        dynamic: whether the file has a time axis.
        notes: what is odd about where the file says that it lies, for people to read.
        order: in which the file has its voxels.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        check_regular(path)
        with _reading(path):
            # Frames are asked for in rising order: one open file is then decompressed once, not once a frame.
            self._image: Any = nibabel.load(path, keep_file_open=True)
            if not isinstance(self._image, (nibabel.Nifti1Image, nibabel.Nifti1Pair)):
                raise DataError(f"{path}: not a NIfTI image; convert it to .nii.gz")
            shape = _spatial_and_time(self._image.shape, path)
            self._require_numbers()
            affine = self._checked_affine()
            self.notes = self._oddities(affine)
        self.dynamic = len(shape) == 4
        self.frame_count = shape[3] if self.dynamic else 1
        self._transform, self.grid = _lps_order(affine, shape[:3])
        self.order = VoxelOrder(self._transform, affine)

    def frame(self, index: int) -> Volume:
        """Return frame `index` as float32, shape (z, y, x), in the unit that the file stores."""
        with _reading(self.path), np.errstate(all="ignore"):
            picture = self._whole() if not self.dynamic else self._stored_frame(index)
        return _turn(picture, self._transform)

    def close(self) -> None:
        """Let go of the open file."""
        self._image = None

    def _whole(self) -> NDArray[Any]:
        """Return the voxels of a 3-D file, its checksum verified: reading only the voxels would skip that."""
        image = self._image
        if self.path.name.endswith(".gz"):
            size = self._bytes_needed()
            content = gunzip(self.path.read_bytes(), size + _MOST_TRAILING_BYTES)
            if len(content) < size:
                raise EOFError
            if len(content) > size + _MOST_TRAILING_BYTES:  # what follows are extensions of nobody, or a bomb
                raise DataError(f"{self.path}: unpacks to more than the {size} bytes that its header says")
            image = type(image).from_bytes(content)
        voxels: NDArray[Any] = np.asanyarray(image.dataobj).reshape(self._image.shape[:3])
        return voxels

    def _stored_frame(self, index: int) -> NDArray[Any]:
        voxels: NDArray[Any] = np.asanyarray(self._image.dataobj[..., index]).reshape(self._image.shape[:3])
        return voxels

    def _bytes_needed(self) -> int:
        """Return how many bytes the header and the voxels take, by the header."""
        count = math.prod(int(length) for length in self._image.shape)
        return int(self._image.dataobj.offset) + count * int(self._image.get_data_dtype().itemsize)

    def _require_numbers(self) -> None:
        """Raise unless the voxels are real numbers on a rising scale, and no more of them than the file can hold."""
        kind = self._image.get_data_dtype()
        if kind.kind not in "iuf":
            what = "complex numbers" if kind.kind == "c" else "colours (RGB)"
            raise DataError(f"{self.path}: its voxels are {what}, not activity; export the image as plain numbers")
        slope = float(self._image.dataobj.slope)
        if not 0.0 < slope < math.inf or not math.isfinite(float(self._image.dataobj.inter)):
            raise DataError(f"{self.path}: scl_slope is {slope:g}, which is no scale of activity; export it again")
        unit = self._image.header.get_xyzt_units()[0]
        if unit in {"meter", "micron"}:
            raise DataError(f"{self.path}: its header counts in {unit}s, not in millimetres; correct xyzt_units")
        voxels = math.prod(int(length) for length in self._image.shape[:3])
        if voxels > MOST_VOXELS:
            raise DataError(f"{self.path}: its header says {voxels} voxels a frame; at most {MOST_VOXELS} are read")
        stored = Path(self._image.file_map["image"].filename or self.path)
        packed = stored.suffix in {".gz", ".bz2", ".zst"}
        if self._bytes_needed() > stored.stat().st_size * (MOST_DEFLATED if packed else 1):
            size = "x".join(str(length) for length in self._image.shape)
            raise DataError(
                f"{self.path}: its header says {size} voxels, more than the file holds: cut short or damaged; "
                "copy or export it again"
            )

    def _oddities(self, affine: NDArray[np.float64]) -> tuple[str, ...]:
        header = self._image.header
        if not (int(header["sform_code"]) and int(header["qform_code"])):
            return ()
        try:
            other = np.asarray(header.get_qform(), dtype=np.float64)
        except Exception:  # a quaternion that is none matters no more where sform is used
            return ("its qform cannot be read: sform is used",)
        corners = np.array([[i, j, k, 1.0] for i in (0, 1) for j in (0, 1) for k in (0, 1)])
        corners[:, :3] *= np.array(self._image.shape[:3]) - 1
        apart = float(np.abs(corners @ (affine - other).T).max())
        if not apart <= _QFORM_TOLERANCE_MILLIMETRES:
            return (f"sform and qform put its voxels up to {apart:.3g} mm apart: sform is used",)
        return ()

    def _checked_affine(self) -> NDArray[np.float64]:
        header = self._image.header
        if int(header["sform_code"]) == 0 and int(header["qform_code"]) == 0:
            raise DataError(
                f"{self.path}: the file does not say how it lies in the participant (sform and qform code 0); set one"
            )
        affine = np.asarray(self._image.affine, dtype=np.float64)
        steps = np.sqrt((affine[:3, :3] ** 2).sum(axis=0)) if np.isfinite(affine).all() else np.zeros(3)
        low, high = _VOXEL_MILLIMETRES
        if not ((low <= steps) & (steps <= high)).all() or np.abs(affine).max() > _FARTHEST_MILLIMETRES:
            raise DataError(
                f"{self.path}: its voxels measure {' x '.join(f'{step:.4g}' for step in steps)} mm; "
                "correct the NIfTI header"
            )
        if abs(np.linalg.det(affine[:3, :3] / steps)) < 1e-3:
            raise DataError(f"{self.path}: its affine is not invertible; correct the NIfTI header")
        return affine


def in_lps_order(voxels: NDArray[Any], affine: NDArray[np.float64]) -> tuple[Volume, Grid]:
    """Turn voxels indexed (x, y, z) with any NIfTI affine into an (z, y, x) image on a `Grid`, by flips and swaps."""
    transform, grid = _lps_order(affine, voxels.shape)
    return _turn(voxels, transform), grid


def read_image(path: Path) -> tuple[Volume, Grid]:
    """Read a NIfTI file, reoriented to Left, Posterior, Superior by flips and axis swaps alone.

    Returns:
        Voxels as float32 in the unit of the file, shape (z, y, x), or (t, z, y, x) for a file with a time axis;
        and their grid.

    Raises:
        DataError: the file is missing, truncated, damaged, not NIfTI, or without an orientation.
    """
    stored = StoredImage(path)
    frames = [stored.frame(index) for index in range(stored.frame_count)]
    stored.close()
    return (np.stack(frames) if stored.dynamic else frames[0]), stored.grid


def read_labels(path: Path) -> tuple[NDArray[np.int16], Grid]:
    """Read a label image; shape (z, y, x).

    Raises:
        DataError: as for `read_image`, or a voxel is no whole number.
    """
    values, grid = read_image(path)
    with np.errstate(all="ignore"):  # what no int16 can hold is not equal to it below, and refused
        labels = np.nan_to_num(values).astype(np.int16)
    if values.ndim != 3 or not np.array_equal(labels, values):
        raise DataError(f"{path}: a label image holds whole numbers in three dimensions; export it again")
    return labels, grid


def _lps_order(affine: NDArray[np.float64], shape: tuple[int, ...]) -> tuple[NDArray[np.float64], Grid]:
    """Return the flips and swaps that bring an image to Left, Posterior, Superior, and the grid it then lies on."""
    transform = orientations.ornt_transform(orientations.io_orientation(affine), _TARGET_ORIENTATION)
    turned = affine @ orientations.inv_ornt_aff(transform, shape)
    x, y, z = (shape[int(np.flatnonzero(transform[:, 0] == axis)[0])] for axis in range(3))
    return transform, Grid((z, y, x), np.asarray(turned, dtype=np.float64))


def _stored_orientation(transform: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the orientation of a file whose axes `transform` brings to Left, Posterior, Superior."""
    # Its axis i becomes axis transform[i, 0], which is that of L, P or S, flipped where transform[i, 1] is -1.
    orientation = np.array([_TARGET_ORIENTATION[int(axis)] for axis in transform[:, 0]], dtype=np.float64)
    orientation[:, 1] *= transform[:, 1]
    return orientation


def _turn(voxels: NDArray[Any], transform: NDArray[np.float64]) -> Volume:
    turned = orientations.apply_orientation(voxels, transform)
    with np.errstate(all="ignore"):  # what float32 cannot hold becomes infinite, and is refused as such
        return np.ascontiguousarray(np.transpose(turned), dtype=np.float32)


def _spatial_and_time(shape: tuple[int, ...], path: Path) -> tuple[int, ...]:
    """Return the shape as (x, y, z) or (x, y, z, t), trailing axes of one voxel dropped."""
    while len(shape) > 3 and shape[-1] == 1:
        shape = shape[:-1]
    if len(shape) not in (3, 4) or min(shape) < 1:
        raise DataError(f"{path}: {len(shape)} axes of {shape} voxels, but a PET image has 3, or 4 with time")
    return shape


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Turn whatever a damaged file raises into one line that names it."""
    with reading(path, lambda error: _diagnosis(path, error)):
        yield


def _diagnosis(path: Path, error: BaseException) -> str:
    """Say what a file that cannot be read looks like."""
    if isinstance(error, EOFError):
        return "the file is cut short or damaged"
    try:
        with path.open("rb") as file:
            start = file.read(512)
        packed = start[:2] == b"\x1f\x8b"
        if packed and not path.name.endswith(".gz"):
            return "a gzip file whose name does not end in .gz (rename it to .nii.gz)"
        if packed:
            with gzip.open(path) as unpacked:
                start = unpacked.read(512)
    except (OSError, EOFError, zlib.error):
        return "a damaged gzip file"
    if not start:
        return "an empty file"
    if start.lstrip()[:1] == b"<":
        return "an HTML or XML page, not a NIfTI image (a failed download?)"
    if isinstance(error, nibabel.spatialimages.HeaderDataError):
        return f"its NIfTI header is damaged ({first_line(error)})"
    return "cut short or damaged" if b"n+1" in start or b"n+2" in start else "not a NIfTI image"
