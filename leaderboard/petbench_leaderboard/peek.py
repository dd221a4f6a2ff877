"""Look into the file of another leaderboard without opening it: nothing is created, migrated or written there."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path
from urllib.parse import quote


def holds_run(place: str, uid: str) -> bool | None:
    """Return whether the leaderboard at a place has a run; None where that cannot be seen from here.

    Args:
        place: as `petbench_leaderboard.store.Leaderboard.place` says it.
        uid: of the run.
    """
    if "://" in place:
        return None  # of a database on a server nothing is known here but its name
    file = Path(place)
    if not file.is_file():
        return False  # it was moved or deleted
    try:
        with contextlib.closing(sqlite3.connect(f"file:{quote(str(file))}?mode=ro", uri=True)) as database:
            return database.execute("SELECT 1 FROM runs WHERE uid = ?", (uid,)).fetchone() is not None
    except sqlite3.Error:
        return None
