"""Take over the run folders that petbench 0.1.0 made, which were named by number: a rename, and a plan converted.

Two leaderboards of 0.1.0 over one home shared such folders. A row takes over the one of its number whose plan is its
own; a folder that belongs to no row stays as it is.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from petbench.plans.run_plan import identity_of
from petbench.processes import lock
from petbench.runs.folder import RunFolder, folder_of
from petbench_datasets.files import write_text
from petbench_leaderboard import words_of_0_1

if TYPE_CHECKING:
    from petbench.home import Home
    from petbench_leaderboard.store import Leaderboard

_NAME = re.compile(r"(\d{5,})-.+-[0-9a-f]{8}")


def take_over_old_folders(home: Home, leaderboard: Leaderboard) -> None:
    """Give each row that has no folder of its own the one that 0.1.0 made for it.

    A folder in which a process is at work, or that cannot be renamed, is left for the next time.
    """
    found = [(match, path) for path in home.runs.glob("*-*") if (match := _NAME.fullmatch(path.name))]
    if not found:
        return
    rows = {row.id: row for row in leaderboard.runs()}
    for match, path in sorted(found, key=lambda each: each[1]):
        row, old = rows.get(int(match[1])), RunFolder(path)
        if row is None or folder_of(row, home).path.exists():
            continue
        try:
            facts = json.loads(old.plan_file.read_text(encoding="utf-8"))
            if identity_of(facts) != row.identity or lock.is_held(old.lock):
                continue
            write_text(old.plan_file, json.dumps(_converted(facts, home), indent=2) + "\n")
            path.rename(folder_of(row, home).path)
        except (OSError, ValueError, KeyError, TypeError):
            continue
        leaderboard.update(row.id, log_path=folder_of(row, home).log_path(home))


def _converted(facts: dict[str, Any], home: Home) -> dict[str, Any]:
    """Return a plan in today's words; what its identity is made of keeps its values."""
    converted = words_of_0_1.converted(facts)
    if "cohort" in converted:
        folder = Path(converted.pop("cohort"))
        moved = home.datasets / folder.name  # built datasets were kept in `cohorts/`
        converted["dataset_folder"] = str(moved if folder.parent.name == "cohorts" and moved.is_dir() else folder)
    return converted
