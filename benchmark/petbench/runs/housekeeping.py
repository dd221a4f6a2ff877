"""Whether rows and run folders belong together, and what of the folders nobody needs.

Several leaderboards may share a home, so that a folder without a row here may have one elsewhere: who prunes names the
others, and the home's own leaderboard is always among them.
"""

from __future__ import annotations

import re
import shutil
import time
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

from petbench.errors import PetbenchError, one_line
from petbench.processes import lock
from petbench.runs.folder import RunFolder
from petbench.runs.lookup import folder_of, has_identity_of, is_made_here
from petbench_datasets.images.nifti import read_image
from petbench_datasets.progress import silent
from petbench_leaderboard.readable import ReadableLeaderboard
from petbench_leaderboard.run_queries import Wanted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from petbench.home import Home
    from petbench_datasets.progress import Progress
    from petbench_leaderboard.records import RunRow

_OF_A_RUN = re.compile(r".+-(?P<uid>[0-9a-f]{32})")
_LEFTOVER = re.compile(r"\.partial-.+")
_QUIET_SECONDS = 3600.0
"""A folder that was changed later may be a process's that has not stored its row yet."""


@dataclass(frozen=True, slots=True)
class Unneeded:
    """A folder or file that nobody needs.

    Attributes:
        path: of it.
        why: in words.
        size_bytes: of all files in it.
    """

    path: Path
    why: str
    size_bytes: int


def faults_of_folders(leaderboard: ReadableLeaderboard, home: Home, progress: Progress = silent) -> Iterator[str]:
    """Yield what is wrong with the folders of a leaderboard's runs, one line each; every prediction is read whole."""
    total, done = leaderboard.count(), 0
    for rows in leaderboard.batches(Wanted()):
        for row in rows:
            yield from _faults_of(row, home, elsewhere=leaderboard.file is None)
            done += 1
            progress("checking run folders", done, total)


def unneeded(leaderboard: ReadableLeaderboard, home: Home, others: Sequence[str] = ()) -> list[Unneeded]:
    """Return the run folders that no row has, those in which methods worked among them, and what kills have left.

    Args:
        leaderboard: whose rows count.
        home: where the folders are.
        others: leaderboards whose rows count too, files or URLs, beside the home's own.

    Raises:
        LeaderboardError: one of the others cannot be read.
    """
    folders = [folder for folder in (home.runs, home.jobs) if folder.is_dir()]
    if not folders:
        return []
    known: set[str] = set()
    with ExitStack() as stack:
        own = home.folder / "leaderboard.db"
        named = [str(own), *others] if own.is_file() else list(others)
        for each in (leaderboard, *(stack.enter_context(ReadableLeaderboard.read(other)) for other in named)):
            known |= {row.uid for rows in each.batches(Wanted()) for row in rows}
    found = []
    for path in [each for folder in folders for each in sorted(folder.iterdir())]:
        of_a_run = _OF_A_RUN.fullmatch(path.name)
        if _LEFTOVER.fullmatch(path.name):
            why = "left by a process that was killed"
        elif of_a_run and of_a_run["uid"] not in known and path.is_dir():
            why = "no row has it"
        else:
            continue
        if _is_quiet(path):
            found.append(Unneeded(path, why, sum(each.lstat().st_size for each in _files_in(path))))
    return found


def prune(found: Iterable[Unneeded]) -> None:
    """Remove what nobody needs; a link is removed, never what it names."""
    for each in found:
        if each.path.is_dir() and not each.path.is_symlink():
            shutil.rmtree(each.path, ignore_errors=True)
        else:
            each.path.unlink(missing_ok=True)


def _faults_of(row: RunRow, home: Home, *, elsewhere: bool) -> Iterator[str]:
    """Yield what is wrong with one run's folder.

    Args:
        row: of the run.
        home: where the folder should be.
        elsewhere: whether the folder may be in another home, as those of a server's leaderboard are.
    """
    if not is_made_here(row) or row.status in ("planned", "skipped"):
        return
    name, folder = f"run {row.id} {row.method}", folder_of(row, home)
    if not folder.path.is_dir():
        if not elsewhere:
            yield f"{name} has no folder at {folder.path}: its scores stay, but cannot be computed again"
        return
    if row.status != "ok":
        return
    try:
        plan = folder.plan()
    except (PetbenchError, OSError) as error:
        yield f"{name}: {one_line(error)}"
        return
    if not has_identity_of(plan.to_dict(), row):
        yield f"{name}: the plan in {folder.path} is of another run"
    for participant in plan.test_participants if row.is_tested else ():
        try:
            read_image(folder.prediction(participant))
        except (PetbenchError, OSError) as error:
            yield f"{name}: {one_line(error)}"


def _is_quiet(path: Path) -> bool:
    """Whether no process works in a folder, or has just begun to."""
    newest = max(each.lstat().st_mtime for each in (path, *_files_in(path)))
    if time.time() - newest < _QUIET_SECONDS:
        return False
    worker = RunFolder(path).lock
    return not (worker.exists() and lock.is_held(worker))


def _files_in(path: Path) -> list[Path]:
    return [each for each in path.rglob("*") if not each.is_dir()] if path.is_dir() else [path]
