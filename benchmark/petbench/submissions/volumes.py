"""Look at a prediction inside a submission before anything is unpacked: a header may announce a terabyte."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING

from petbench.submissions.limits import CHUNK_BYTES, SubmissionError

if TYPE_CHECKING:
    from petbench.submissions.archive import Archive
    from petbench_datasets.images.grid import Grid

HEADER_BYTES = 352
_FLOAT32 = 16
_GZIP = zlib.MAX_WBITS | 16


def check_volume(archive: Archive, name: str, grid: Grid) -> None:
    """Make sure that a prediction is one float32 volume of exactly the voxels of the real image.

    It is unpacked piece by piece and thrown away; no more than a quarter of a megabyte is held at a time.

    Raises:
        SubmissionError: another format, another number of voxels, or more or fewer bytes than the header says.
    """
    expected = HEADER_BYTES + 4 * grid.shape[0] * grid.shape[1] * grid.shape[2]
    unpacker = zlib.decompressobj(_GZIP)
    head = b""
    total = 0
    try:
        for chunk in archive.chunks(name):
            pending = chunk
            while pending:
                piece = unpacker.decompress(pending, CHUNK_BYTES)
                pending = unpacker.unconsumed_tail
                total += len(piece)
                if len(head) < HEADER_BYTES:
                    head += piece[: HEADER_BYTES - len(head)]
                    if len(head) == HEADER_BYTES:
                        _check_header(head, name, grid)
                if total > expected:
                    raise SubmissionError(f"{name}: unpacks to more than the {expected} bytes of the real image's grid")
                if unpacker.eof and unpacker.unused_data:
                    raise SubmissionError(f"{name}: has bytes after its image")
    except zlib.error:
        raise SubmissionError(f"{name}: damaged, or no gzip file") from None
    if not unpacker.eof or total != expected:
        raise SubmissionError(f"{name}: unpacks to {total} bytes where the real image's grid needs {expected}")


def _check_header(head: bytes, name: str, grid: Grid) -> None:
    (size,) = struct.unpack_from("<i", head, 0)
    dimensions = struct.unpack_from("<8h", head, 40)
    datatype, bits = struct.unpack_from("<2h", head, 70)
    (offset,) = struct.unpack_from("<f", head, 108)
    slope, intercept = struct.unpack_from("<2f", head, 112)
    if size != 348 or head[344:348] != b"n+1\0" or offset != HEADER_BYTES:
        raise SubmissionError(f"{name}: no NIfTI-1 image as petbench writes it")
    shape = dimensions[1 : 1 + max(0, min(dimensions[0], 7))]
    if dimensions[0] != 3 or shape != grid.shape[::-1]:
        announced = "x".join(str(length) for length in shape) or "no"
        raise SubmissionError(f"{name}: its header says {announced} voxels; the real image has {grid}")
    if (datatype, bits) != (_FLOAT32, 32) or (slope, intercept) not in ((1.0, 0.0), (0.0, 0.0)):
        raise SubmissionError(f"{name}: its voxels are not plain float32")
