"""The least encoder of lossless JPEG (ITU-T T.81, process 14, selection value 1): an independent source of files."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

_CODE_BITS = 5  # one code of this length for each of the 17 categories of differences


def encode(plane: np.ndarray[Any, np.dtype[np.uint16]]) -> bytes:
    """Return an image of 16-bit numbers, (row, column), as a JPEG file."""
    rows, columns = plane.shape
    bits = "".join(_bits(int(difference)) for difference in _differences(plane))
    bits += "1" * (-len(bits) % 8)
    packed = bytes(int(bits[place : place + 8], 2) for place in range(0, len(bits), 8)).replace(b"\xff", b"\xff\x00")
    return b"".join(
        (
            b"\xff\xd8",
            b"\xff\xc3" + struct.pack(">HBHHBBBB", 11, 16, rows, columns, 1, 1, 0x11, 0),
            b"\xff\xc4" + struct.pack(">HB16B", 19 + 17, 0, *(17 if bit == _CODE_BITS else 0 for bit in range(1, 17))),
            bytes(range(17)),
            b"\xff\xda" + struct.pack(">HBBBBBB", 8, 1, 1, 0, 1, 0, 0),
            packed,
            b"\xff\xd9",
        )
    )


def _differences(plane: np.ndarray[Any, np.dtype[np.uint16]]) -> list[int]:
    values = plane.astype(int).tolist()
    found = []
    for row, line in enumerate(values):
        for column, value in enumerate(line):
            left = line[column - 1] if column else values[row - 1][0] if row else 2**15
            found.append((value - left + 2**15) % 2**16 - 2**15)
    return found


def _bits(difference: int) -> str:
    if difference == -(2**15):
        return f"{16:0{_CODE_BITS}b}"
    category = abs(difference).bit_length()
    extra = difference if difference > 0 else difference + (1 << category) - 1
    return f"{category:0{_CODE_BITS}b}" + (f"{extra:0{category}b}" if category else "")
