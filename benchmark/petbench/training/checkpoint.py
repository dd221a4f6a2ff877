"""Checkpoints: complete, atomic, checked by their hash, two kept, the damaged newest stepped over."""

from __future__ import annotations

import hashlib
import io
import logging
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import torch

from petbench.errors import CheckpointError
from petbench_datasets.files import atomic_path

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

MAGIC = b"petbench checkpoint 1\n"
KEPT = 2

logger = logging.getLogger(__name__)


class CheckpointFolder:
    """The checkpoints of one run, in one folder.

    A file is a line of magic, the SHA-256 of the rest, and what `torch.save` writes. `save` copies the tensors and
    returns; a thread serialises, syncs and renames, so that training waits only if the last write is still going on.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._writer = ThreadPoolExecutor(max_workers=1, thread_name_prefix="checkpoint")
        self._pending: Future[None] | None = None

    def save(self, images: int, state: Mapping[str, Any]) -> None:
        """Write `state` as it is now, under the number of images seen."""
        self.wait()
        self._pending = self._writer.submit(self._write, images, snapshot(state))

    def wait(self) -> None:
        """Wait for the write under way; raises what went wrong in it."""
        if self._pending is not None:
            pending, self._pending = self._pending, None
            pending.result()

    def newest(self) -> Mapping[str, Any] | None:
        """Return the newest checkpoint that is whole, or None if there is none."""
        for path in sorted(self.folder.glob("images-*.checkpoint"), reverse=True):
            try:
                return read_checkpoint(path)
            except CheckpointError as error:
                logger.warning("%s; going back to the one before", error)
        return None

    def _write(self, images: int, state: Any) -> None:
        write_checkpoint(self.folder / f"images-{images:012d}.checkpoint", state)
        for old in sorted(self.folder.glob("images-*.checkpoint"))[:-KEPT]:
            old.unlink(missing_ok=True)


def write_checkpoint(path: Path, state: Any) -> None:
    """Write `state` to `path`, wholly or not at all."""
    buffer = io.BytesIO()
    torch.save(state, buffer)
    payload = buffer.getbuffer()
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        file.write(MAGIC)
        file.write(hashlib.sha256(payload).digest())
        file.write(payload)


def read_checkpoint(path: Path) -> Mapping[str, Any]:
    """Read what `write_checkpoint` wrote; no code in the file is run.

    Raises:
        CheckpointError: the file is cut, changed, or no checkpoint.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise CheckpointError(f"{path.name}: cannot be read ({error.strerror})") from error
    start = len(MAGIC) + hashlib.sha256().digest_size
    payload = memoryview(content)[start:]
    if not content.startswith(MAGIC) or hashlib.sha256(payload).digest() != content[len(MAGIC) : start]:
        raise CheckpointError(f"{path.name}: damaged checkpoint")
    state: Mapping[str, Any] = torch.load(io.BytesIO(payload), map_location="cpu", weights_only=True)
    return state


def snapshot(value: Any) -> Any:
    """Copy every tensor in nested dictionaries, lists and tuples to the host; plain values stay as they are."""
    if isinstance(value, torch.Tensor):
        return value.detach().to("cpu", copy=True)
    if isinstance(value, dict):
        return {key: snapshot(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(snapshot(item) for item in value)
    return value
