"""Read a submission's archive as if an attacker had made it: nothing is unpacked before name and size are checked."""

from __future__ import annotations

import hashlib
import stat
import struct
import unicodedata
import zipfile
import zlib
from typing import TYPE_CHECKING, Self

from petbench.submissions import limits
from petbench.submissions.limits import SubmissionError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import TracebackType

_END = struct.Struct("<4sHHHHIIH")
_COMPRESSIONS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


class Archive:
    """The files of a submission, by name.

    Raises:
        SubmissionError: it is no zip archive, or holds a name, kind, number, size or ratio that no submission has.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._zip: zipfile.ZipFile | None = None
        _check_end(path)
        try:
            self._zip = zipfile.ZipFile(path)
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, struct.error) as error:
            raise SubmissionError(f"{path.name}: no readable zip archive ({_quoted(error)})") from None
        try:
            self._members = _checked_members(path, self._zip.infolist())
        except BaseException:
            self.close()
            raise

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all files."""
        return tuple(self._members)

    def size(self, name: str) -> int:
        """Return the bytes that a file unpacks to, as the archive says; never more are given."""
        return self._members[name].file_size

    def chunks(self, name: str) -> Iterator[bytes]:
        """Yield the content of a file, at most `limits.CHUNK_BYTES` at a time.

        Raises:
            SubmissionError: there is no such file, or it is damaged.
        """
        if name not in self._members:
            raise SubmissionError(f"{self.path.name}: lacks {name}")
        assert self._zip is not None, "the archive is open"
        try:
            with self._zip.open(self._members[name]) as file:
                while chunk := file.read(limits.CHUNK_BYTES):
                    yield chunk
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, ValueError) as error:
            raise SubmissionError(f"{self.path.name}: {name} is damaged ({_quoted(error)})") from None

    def read(self, name: str) -> bytes:
        """Return the content of a file; its size is bounded by its name."""
        return b"".join(self.chunks(name))

    def digest(self, name: str) -> str:
        """Return the SHA-256 of a file's content."""
        digest = hashlib.sha256()
        for chunk in self.chunks(name):
            digest.update(chunk)
        return digest.hexdigest()

    def copy(self, name: str, target: Path) -> None:
        """Write a file's content to `target`."""
        with target.open("wb") as file:
            for chunk in self.chunks(name):
                file.write(chunk)

    def close(self) -> None:
        """Let go of the file."""
        if self._zip is not None:
            self._zip.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _check_end(path: Path) -> None:
    """Look at the archive's last bytes before any library builds a list from what they announce."""
    try:
        size = path.stat().st_size
        if size > limits.LARGEST_ARCHIVE_BYTES:
            raise SubmissionError(
                f"{path.name}: {size} bytes; a submission is at most 4 GiB: submit fewer runs at once"
            )
        with path.open("rb") as file:
            file.seek(max(0, size - _END.size))
            last = file.read()
    except OSError as error:
        raise SubmissionError(f"{path}: cannot be read ({error.strerror})") from None
    if len(last) < _END.size or not last.startswith(b"PK\x05\x06"):
        raise SubmissionError(f"{path.name}: no zip archive as petbench submit writes it, or cut short")
    _, disk, first_disk, here, total, directory, start, comment = _END.unpack(last)
    if disk or first_disk or here != total or comment:
        raise SubmissionError(f"{path.name}: an archive in parts or with a comment is no submission")
    if total > limits.MOST_FILES or directory > limits.LARGEST_DIRECTORY_BYTES:
        raise SubmissionError(f"{path.name}: {total} files announced, at most {limits.MOST_FILES} are allowed")
    if start + directory + _END.size != size:
        raise SubmissionError(f"{path.name}: the archive has bytes that belong to no file in it")


def _checked_members(path: Path, members: list[zipfile.ZipInfo]) -> dict[str, zipfile.ZipInfo]:
    found: dict[str, zipfile.ZipInfo] = {}
    folded: dict[str, str] = {}
    for member in members:
        name = member.orig_filename
        shown = f"{path.name}: the file {name[:120]!r}"
        if name.startswith(("/", "\\")) or ":" in name or ".." in name.replace("\\", "/").split("/"):
            raise SubmissionError(f"{shown} points outside the submission")
        kind = stat.S_IFMT(member.external_attr >> 16)
        if kind not in (0, stat.S_IFREG):
            raise SubmissionError(f"{shown} is a link, folder or device; a submission holds plain files")
        largest = limits.largest_bytes(name)
        if largest is None or name != member.filename:
            raise SubmissionError(f"{shown} is none that a submission holds")
        if name in found:
            raise SubmissionError(f"{shown} is there twice")
        fold = unicodedata.normalize("NFKC", name).casefold()
        if fold in folded:
            raise SubmissionError(f"{shown} differs from {folded[fold]!r} by case alone")
        if member.flag_bits & 0x1 or member.compress_type not in _COMPRESSIONS:
            raise SubmissionError(f"{shown} is encrypted or packed in a way that submissions are not")
        if member.file_size > largest:
            raise SubmissionError(f"{shown} unpacks to {member.file_size} bytes; at most {largest} are allowed")
        found[name], folded[fold] = member, name
    unpacked, packed = (sum(getattr(each, size) for each in members) for size in ("file_size", "compress_size"))
    if unpacked > max(limits.ALWAYS_UNPACKED_BYTES, limits.LARGEST_RATIO * packed):
        raise SubmissionError(f"{path.name}: unpacks to {unpacked} bytes, {unpacked // max(packed, 1)} times its size")
    # Entries that share bytes unpack to far more than the archive could hold.
    if sum(member.compress_size for member in members) > path.stat().st_size:
        raise SubmissionError(f"{path.name}: its files overlap; no submission's do")
    return found


def _quoted(error: BaseException) -> str:
    """Return what an exception says, without characters that a terminal would obey."""
    return " ".join(repr(str(error))[:200].split()) or type(error).__name__
