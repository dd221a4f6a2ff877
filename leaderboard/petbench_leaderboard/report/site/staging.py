"""A site changes as a whole: its files are written apart, and put in their places when the last of them is there."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from petbench_datasets.files import partial_name, sync_file, sync_folder

if TYPE_CHECKING:
    from collections.abc import Iterator

INDEX = "index.html"
_LOCK = ".lock"
_AT_ONCE = 32


@contextlib.contextmanager
def staged(folder: Path) -> Iterator[Path]:
    """Yield an empty folder; when the block succeeds, its files replace those of `folder`, the first page last.

    It lies in `folder`, so that a file takes its place by a rename. Where the block fails nothing of `folder` has
    changed; what a process left that was killed is removed by the next one. Files of `folder` that the site has no
    page in place of are left alone.

    Args:
        folder: of the site; made where it is missing.
    """
    folder.mkdir(parents=True, exist_ok=True)
    _remove_abandoned(folder)
    stage = Path(tempfile.mkdtemp(prefix=partial_name(folder / "site"), dir=folder))
    lock = FileLock(stage / _LOCK)
    try:
        with lock:
            yield stage
            (stage / _LOCK).unlink()
            _place(stage, folder)
    finally:
        shutil.rmtree(stage, ignore_errors=True)


def _place(stage: Path, folder: Path) -> None:
    files = sorted(path.relative_to(stage) for path in stage.rglob("*") if path.is_file())
    with ThreadPoolExecutor(_AT_ONCE) as threads:  # a disk takes many together about as fast as one
        list(threads.map(lambda file: sync_file(stage / file), files))
    for file in sorted(files, key=lambda file: file == Path(INDEX)):
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (stage / file).replace(folder / file)
    for changed in {(folder / file).parent for file in files}:
        sync_folder(changed)


def _remove_abandoned(folder: Path) -> None:
    """Remove what no living process holds; one that has no lock yet was made this moment."""
    for stage in folder.glob(f"{partial_name(folder / 'site')}*"):
        if (stage / _LOCK).exists():
            lock = FileLock(stage / _LOCK)
            with contextlib.suppress(Timeout), lock.acquire(timeout=0):
                shutil.rmtree(stage, ignore_errors=True)
