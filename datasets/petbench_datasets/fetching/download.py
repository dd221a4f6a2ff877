"""Files brought from a host: gone on with where they were broken off, checked, and tried once more where wrong."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import shutil
import time
from typing import TYPE_CHECKING

from petbench_datasets.errors import DataError
from petbench_datasets.sources import HostError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from petbench_datasets.sources import RemoteFile, Source

PART = ".part"
WAITS_SECONDS = (1.0, 5.0, 20.0)
"""Before a host that breaks off is asked again, as long as not a byte comes."""

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_PIECE_BYTES = 2**20


def bring(source: Source, file: RemoteFile, raw: Path, progress: Callable[[int], None]) -> Path:
    """Bring a file to its place below `raw`, and return it once its size and digest are right.

    What is there already is checked too: nobody knows what happened to it since.

    Args:
        source: the host.
        file: which.
        raw: the participant's raw folder.
        progress: called with how many bytes are there.

    Raises:
        DataError: it is wrong twice, or the host or the disk fails; what came stays, to be gone on with.
    """
    target = raw / file.place
    if target.exists():
        if not wrong(file, target):
            progress(file.size_bytes)
            return target
        remove(target)
    part = target.with_name(target.name + PART)
    part.parent.mkdir(parents=True, exist_ok=True)
    for attempt in (1, 2):
        source.download(file, part, progress)
        reason = wrong(file, part)
        if not reason:
            part.replace(target)
            return target
        remove(part)
        if attempt == 2:
            raise DataError(
                f"{file.path}: {reason}, also when downloaded again; nothing of it is kept. Repeat the command later; "
                "if it stays so, tell the host"
            )
    raise AssertionError


def wrong(file: RemoteFile, path: Path) -> str:
    """Return in words why what was downloaded is not what the host announced; empty if it is."""
    paths = sorted(one for one in path.rglob("*") if one.is_file()) if path.is_dir() else [path]
    if len(paths) != file.count:
        return f"{len(paths)} files came where {file.count} were announced"
    size = sum(one.stat().st_size for one in paths)
    if size != file.size_bytes:
        return f"{size} bytes came where {file.size_bytes} were announced"
    kind, _, expected = file.digest.partition(":")
    if expected and _digest(kind, path, size) != expected:
        return f"its {'SHA-256' if kind == 'sha256' else 'Git hash'} is not the one that the host announced"
    return ""


def there_of(file: RemoteFile, raw: Path) -> int:
    """Return how many bytes of a file are there; they may still be wrong."""
    target = raw / file.place
    for path in (target, target.with_name(target.name + PART)):
        if path.exists():
            inside = path.rglob("*") if path.is_dir() else (path,)
            return min(file.size_bytes, sum(one.stat().st_size for one in inside if one.is_file()))
    return 0


def append(
    target: Path,
    size_bytes: int,
    read_from: Callable[[int], AbstractContextManager[Iterator[bytes]]],
    progress: Callable[[int], None],
) -> None:
    """Fill a file with what `read_from` gives, from the byte on that it ends with; ask again when it breaks off.

    Args:
        target: may be there in part.
        size_bytes: of the whole.
        read_from: opens the host's answer from a byte on.
        progress: called with how many bytes are there.

    Raises:
        HostError: it breaks off several times, and not a byte comes in between.
    """
    if target.exists() and target.stat().st_size > size_bytes:
        target.unlink()
    waits = list(WAITS_SECONDS)
    while (there := target.stat().st_size if target.exists() else 0) < size_bytes:
        try:
            with read_from(there) as pieces, target.open("ab", buffering=0) as out:
                for piece in pieces:
                    out.write(piece)
                    there += len(piece)
                    progress(there)
                    waits = list(WAITS_SECONDS)
            if there < size_bytes:
                raise HostError("it ended early")
        except HostError:
            if not waits:
                raise
            time.sleep(waits.pop(0))
    target.touch()
    progress(size_bytes)


def remove(path: Path) -> None:
    """Remove a file or a folder."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


@contextlib.contextmanager
def disk(cohort: Path) -> Iterator[None]:
    """Turn a disk that is full into one line that says how to go on.

    Raises:
        DataError: it is full.
    """
    try:
        yield
    except (OSError, DataError) as error:
        full = next((one for one in _chain(error) if isinstance(one, OSError) and one.errno in _FULL), None)
        if full is None:
            raise
        raise DataError(
            f"{cohort}: the disk is full ({full.strerror}); free space and repeat the command: it goes on where it is"
        ) from error


def of_the_machine(error: BaseException) -> bool:
    """Return whether an error is of the disk or the memory, and says nothing of the files that were read."""
    return any(
        isinstance(one, MemoryError) or (isinstance(one, OSError) and one.errno not in (None, errno.ENOENT))
        for one in _chain(error)
    )


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error and what caused it."""
    while error is not None:
        yield error
        error = error.__cause__


def _digest(kind: str, path: Path, size: int) -> str:
    digest = hashlib.sha256() if kind == "sha256" else hashlib.sha1(f"blob {size}\0".encode(), usedforsecurity=False)
    with path.open("rb") as file:
        while piece := file.read(_PIECE_BYTES):
            digest.update(piece)
    return digest.hexdigest()
