"""Take over the run folders that petbench 0.1.0 made, which were named by number: a rename, and a plan converted.

Two leaderboards of 0.1.0 over one home shared such folders. A row takes over the one of its number whose plan is its
own; a folder that belongs to no row stays as it is.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from petbench.processes import lock
from petbench.runs.folder import RunFolder
from petbench.runs.lookup import folder_of, has_identity_of, is_made_here
from petbench_datasets.files import write_text
from petbench_leaderboard import words_of_0_1
from petbench_leaderboard.errors import LeaderboardError

if TYPE_CHECKING:
    from petbench.home import Home
    from petbench_leaderboard.records import RunRow
    from petbench_leaderboard.store import Leaderboard

_NAME = re.compile(r"(\d{5,})-.+-[0-9a-f]{8}")


def take_over_old_folders(home: Home, leaderboard: Leaderboard) -> None:
    """Give each row that has no folder of its own the one that 0.1.0 made for it.

    A folder in which a process is at work, or that cannot be renamed, is left for the next time.
    """
    found = [(match, path) for path in home.runs.glob("*-*") if (match := _NAME.fullmatch(path.name))]
    for match, path in sorted(found, key=lambda each: each[1]):
        row, old = _row(leaderboard, int(match[1])), RunFolder(path)
        if row is None or not is_made_here(row) or folder_of(row, home).path.exists():
            continue  # a merged row's folder is that of another leaderboard, whatever its number
        try:
            facts = json.loads(old.plan_file.read_text(encoding="utf-8"))
            if not has_identity_of(facts, row) or lock.is_held(old.lock):
                continue
            if "cohort" in facts:  # else it was converted before, by a process that was killed then
                write_text(old.plan_file, json.dumps(_converted(facts, home), indent=2) + "\n")
            # The rename comes last: until then the folder is found again, whatever ends this process.
            leaderboard.update(row.id, log_path=folder_of(row, home).log_path(home))
            path.rename(folder_of(row, home).path)
        except (OSError, ValueError, KeyError, TypeError):
            continue


def _row(leaderboard: Leaderboard, number: int) -> RunRow | None:
    """Return a row by its number: folders of no row may stay for ever, and must not cost a reading of all rows."""
    try:
        return leaderboard.run(number)
    except LeaderboardError:
        return None


def _converted(facts: dict[str, Any], home: Home) -> dict[str, Any]:
    """Return a plan in today's words, the name of a reference row included: its row keeps the identity it had."""
    converted = words_of_0_1.converted(facts)
    folder = Path(converted.pop("cohort"))
    moved = home.datasets / folder.name  # built datasets were kept in `cohorts/`
    converted["dataset_folder"] = str(moved if folder.parent.name == "cohorts" and moved.is_dir() else folder)
    return converted
