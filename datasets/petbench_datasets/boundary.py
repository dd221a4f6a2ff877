"""The one boundary to other people's readers: whatever a file does to them ends in one line that names the file.

pydicom, nibabel, json and zlib raise whatever occurs to them at damaged files, print warnings, and write to their
logs. None of it is for the user, who is told the file and what to do.
"""

from __future__ import annotations

import io
import logging
import os
import warnings
import zlib
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

from petbench_datasets.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

# The highest ratio that deflate can reach: what a compressed file may at most hold (zlib's technical notes).
MOST_DEFLATED = 1032

_FOREIGN_LOGS = ("nibabel.global", "pydicom")
_reading: ContextVar[bool] = ContextVar("reading a file", default=False)


def _not_while_reading(_: logging.LogRecord) -> bool:
    return not _reading.get()


@contextmanager
def reading(path: Path, diagnosis: Callable[[BaseException], str] | None = None) -> Iterator[None]:
    """Turn whatever another library raises at a file into one line, and keep its log and its warnings from the user.

    Args:
        path: the file.
        diagnosis: says in a few words what ails it, from what was raised; by default the error's own first line.

    Raises:
        DataError: as one line that names the file; one raised within passes as it is.
    """
    for name in _FOREIGN_LOGS:  # a filter is added once, however often
        logging.getLogger(name).addFilter(_not_while_reading)
    token = _reading.set(True)
    try:
        yield
    except DataError:
        raise
    except FileNotFoundError as error:
        raise DataError(f"{path}: no such file; restore it or correct the path") from error
    except PermissionError as error:
        raise DataError(f"{path}: not readable; change its permissions") from error
    except MemoryError as error:
        raise DataError(f"{path}: needs more memory than there is; use a machine with more, or resample it") from error
    except Exception as error:
        what = diagnosis(error) if diagnosis else f"cannot be read ({first_line(error)})"
        raise DataError(f"{path}: {what}; copy or export it again") from error
    finally:
        _reading.reset(token)


class BoundedFile(io.BufferedReader):
    """A file to read, which does not set memory aside for more than it still holds, whatever length is asked for."""

    def __init__(self, path: Path) -> None:
        super().__init__(io.FileIO(path))
        self._size = os.fstat(self.fileno()).st_size

    def read(self, size: int | None = -1, /) -> bytes:
        """Return up to `size` bytes, or all that are left."""
        if size is not None and size > io.DEFAULT_BUFFER_SIZE:
            size = max(0, min(size, self._size - self.tell()))
        return super().read(size)


def gunzip(packed: bytes, most: int) -> bytes:
    """Unpack a gzip file at one go, which is faster than a stream of it, its checksums verified.

    Args:
        packed: the file; it may have several members.
        most: how many bytes are wanted at most; of more, one byte more is returned.

    Raises:
        EOFError: it is cut short.
        zlib.error: it is damaged, or no gzip file.
    """
    pieces, room = [], most + 1
    while packed and room:
        unpacker = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
        pieces.append(unpacker.decompress(packed, room))
        room -= len(pieces[-1])
        if room and not unpacker.eof:
            raise EOFError
        packed = unpacker.unused_data.lstrip(b"\0")  # as gzip does
    return b"".join(pieces)


@contextmanager
def without_warnings() -> Iterator[None]:
    """Keep warnings from the user; for code that runs in one thread, as Python's filters are the process's."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def first_line(error: BaseException) -> str:
    """Return what an error says, in one line of bearable length."""
    lines = str(error).strip().splitlines()
    text = lines[0].strip() if lines else type(error).__name__
    return text if len(text) <= 160 else f"{text[:157]}..."
