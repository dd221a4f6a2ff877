"""Which folder is a run's: the one that bears the row's uid and whose plan is the row's. Every verb looks here.

A row's number says nothing: two leaderboards over one home count alike, and numbers shift when rows are exported and
imported, or when an older database is put back. A uid alone says who made the folder, not that the row is still about
it: rows come from other people's files, and folders are moved by hand. So the plan is compared as well.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from petbench.errors import DataError, PetbenchError, UsageError
from petbench.plans.run_plan import IDENTITY_FIELDS, identity_of
from petbench.runs.folder import RunFolder
from petbench_leaderboard import words_of_0_1
from petbench_leaderboard.records import ADDED_LATER

if TYPE_CHECKING:
    from collections.abc import Mapping

    from petbench.home import Home
    from petbench_leaderboard.records import RunRow


def folder_of(row: RunRow, home: Home) -> RunFolder:
    """Return the folder that a row has or would have here, which may be missing or another run's.

    Raises:
        DataError: the row's names lead to no folder of a run.
    """
    return RunFolder.of(home, row.method, row.uid)


def find_folder(row: RunRow, home: Home) -> RunFolder:
    """Return the folder of a run that is here.

    Raises:
        UsageError: it is not.
        DataError: what is there is the folder of another run.
    """
    folder = folder_of(row, home)
    if not folder.plan_file.is_file():
        raise UsageError(
            f"the folder of run {row.id} is not under {home.runs}; the run was made elsewhere or deleted: run the "
            "method again with --force to have it here"
        )
    differing = _differing(folder.plan().to_dict(), row)
    if differing:
        raise DataError(
            f"{folder.path} is not the folder of run {row.id}: its plan has another {differing}; use the leaderboard "
            "that made it, or run the method again with --force"
        )
    return folder


def find_folder_or_none(row: RunRow, home: Home) -> RunFolder | None:
    """Return the folder of a run that is here, None where there is none that is the run's."""
    try:
        return find_folder(row, home)
    except (PetbenchError, OSError):
        return None


def has_folder(row: RunRow, home: Home) -> bool:
    """Return whether something is here where a run's folder would be, damaged or another run's as it may be."""
    try:
        return folder_of(row, home).path.exists()
    except DataError:
        return False


def folder_to_fill(row: RunRow, home: Home) -> RunFolder:
    """Return the folder of a run whose files are written again; it may have been deleted.

    Raises:
        DataError: what is there is the folder of another run.
    """
    folder = folder_of(row, home)
    return find_folder(row, home) if folder.plan_file.exists() else folder


def is_made_here(row: RunRow) -> bool:
    """Return whether the leaderboard made the run itself, and so owns its folder: a merged row names no log."""
    return row.log_path is not None


def has_identity_of(facts: Mapping[str, Any], row: RunRow) -> bool:
    """Return whether a plan, as JSON values, has the identity of a row: 0.1.0 made it with the method's old name."""
    names = [facts["method"], *(old for old, new in words_of_0_1.METHODS.items() if new == facts["method"])]
    return any(identity_of({**facts, "method": name}) == row.identity for name in names)


def _differing(facts: Mapping[str, Any], row: RunRow) -> str:
    """Return in words what tells a plan from a row, empty where the row is the plan's.

    The row's own fields are compared too: an identity is a claim where a row came in a file.
    """
    known = {**ADDED_LATER, **facts}  # which plans of before had not
    names = [name for name in IDENTITY_FIELDS if known[name] != getattr(row, name)]
    if not names and not has_identity_of(facts, row):
        names = ["identity"]
    return ", ".join(name.replace("_", " ") for name in names)
