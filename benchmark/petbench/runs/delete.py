"""Delete a run: its row, and its folders unless they are another leaderboard's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from petbench.errors import PetbenchError, UsageError
from petbench.processes.lock import claimed, is_held
from petbench.runs.claims import claim_path
from petbench.runs.job_note import active_note
from petbench.runs.lookup import find_folder, find_folder_or_none, folder_of, is_made_here
from petbench.runs.method_process.job_folder import JobFolder
from petbench.runs.scoring_folder import ScoringFolder
from petbench.runs.standing import UNFINISHED
from petbench_leaderboard.admissions import note
from petbench_leaderboard.peek import holds_run

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from petbench.home import Home
    from petbench.runs.folder import RunFolder
    from petbench.runs.job_note import JobNote
    from petbench_leaderboard.records import RunRow
    from petbench_leaderboard.schema import Run
    from petbench_leaderboard.store import Leaderboard


def delete_run(run_id: int, home: Home, leaderboard: Leaderboard, *, noted: bool = False) -> str:
    """Delete a run's row, and its folder where it is the run's and this leaderboard's alone.

    With the folder goes the one that its method worked in, should a kill have left that.

    Args:
        run_id: which.
        home: where its folder is.
        leaderboard: where the row is.
        noted: whether the log of the leaderboard is to say that it was removed.

    Returns:
        Why the folder stays, empty where it is gone or never was.

    Raises:
        UsageError: the run is going on.
    """
    row = leaderboard.run(run_id)
    with claimed(claim_path(home, leaderboard, row.identity)) as free:
        if _goes_on(row, home, free=free):
            raise UsageError(f"run {run_id} is going on; stop it with Ctrl-C where it runs, then delete it")
        if (note := _active_note(row, home)) is not None:
            raise UsageError(
                f"run {run_id} is with {note.name}, job {note.job}; bring it in with petbench runs collect, or repeat "
                "its command and press Ctrl-C, then delete it"
            )
        if (note := _scoring_note(row, home)) is not None:
            raise UsageError(
                f"run {run_id} is being scored by {note.name}, job {note.job}; repeat that command, petbench score "
                f"--runs ... --on {note.name}, and delete it when it has ended"
            )
        leaderboard.delete(run_id, **({"beside": _note} if noted else {}))
    try:
        if not folder_of(row, home).path.exists():
            if is_made_here(row):
                JobFolder.of(home, folder_of(row, home)).delete()
            return ""
        folder = find_folder(row, home)
    except (PetbenchError, OSError) as error:
        return str(error)
    if not is_made_here(row):
        return "the run was taken over from another leaderboard, which has its files"
    owner = _other_owner(folder, row.uid, leaderboard)
    if owner:
        return f"{owner} has the run as well"
    folder.delete()
    JobFolder.of(home, folder).delete()
    return ""


def goes_on(row: RunRow, home: Home, leaderboard: Leaderboard) -> bool:
    """Return whether a process is at work on a run: a row that only says so, since its process died, is not one."""
    with claimed(claim_path(home, leaderboard, row.identity)) as free:
        return _goes_on(row, home, free=free)


def _goes_on(row: RunRow, home: Home, *, free: bool) -> bool:
    return (row.status != "ok" and not free) or _is_worked_on(row, home)


def _note(session: Session, run: Run) -> None:
    note(session, "removed", [run.uid], source="")


def _is_worked_on(row: RunRow, home: Home) -> bool:
    folder = find_folder_or_none(row, home)
    return folder is not None and is_held(folder.lock)


def _active_note(row: RunRow, home: Home) -> JobNote | None:
    folder = find_folder_or_none(row, home) if row.status in UNFINISHED else None
    return None if folder is None else active_note(folder)


def _scoring_note(row: RunRow, home: Home) -> JobNote | None:
    folder = find_folder_or_none(row, home)
    return None if folder is None else active_note(ScoringFolder(folder.path))


def _other_owner(folder: RunFolder, uid: str, leaderboard: Leaderboard) -> str:
    """Return the leaderboard that made a folder and still has the run, where it is another than this; else nothing.

    A copied database, such as a backup that is looked into, holds the same rows as the one that makes the runs. Where
    the maker cannot be asked, the files stay: a folder too many is no loss.
    """
    try:
        maker = folder.maker_file.read_text(encoding="utf-8").strip()
    except OSError:
        return ""  # petbench noted no maker then
    return "" if maker == leaderboard.place or holds_run(maker, uid) is False else maker
