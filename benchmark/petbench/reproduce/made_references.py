"""The reference rows that the harness makes itself, on every fold; those that are there are not made again."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from petbench.evaluation.protocol import PROTOCOL
from petbench.processes.lock import claimed
from petbench.runs.reference_rows import PREDICTABLE, REPEAT_SCAN
from petbench.runs.references import score_reference
from petbench_datasets.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from petbench.plans.planner import Place
    from petbench.runs.scorer import Scorer
    from petbench.runs.supervisor import Supervisor
    from petbench_leaderboard.records import RunRow
    from petbench_leaderboard.store import Leaderboard

MADE = (PREDICTABLE, REPEAT_SCAN)


def stored_references(places: Sequence[Place], leaderboard: Leaderboard) -> list[RunRow]:
    """Return the rows of made references that are on the leaderboard."""
    found = (_stored(place, name, leaderboard) for name in MADE for place in places)
    return [row for row in found if row is not None]


def make_references(places: Sequence[Place], supervisor: Supervisor, scorer: Scorer) -> dict[str, str]:
    """Make the rows that are not there yet, and return why some cannot be made, by their names.

    Where another process is making one, this waits for it.

    Args:
        places: the folds of one split.
        supervisor: knows home and leaderboard.
        scorer: scores them.
    """
    missing: dict[str, str] = {}
    for name in MADE:
        for place in places:
            try:
                _make(place, name, supervisor, scorer)
            except DataError as why:
                # A page names no folder of its machine.
                missing[name] = str(why).removeprefix(f"{place.dataset.root}: ")
                break
    return missing


def _make(place: Place, name: str, supervisor: Supervisor, scorer: Scorer) -> None:
    home, leaderboard = supervisor.home, supervisor.leaderboard
    what = f"{name} {place.dataset.fingerprint} {place.split.digest} {place.fold} {PROTOCOL}"
    claim = home.claim(leaderboard.name, what)
    while _stored(place, name, leaderboard) is None:
        with claimed(claim) as mine:
            if mine and _stored(place, name, leaderboard) is None:
                score_reference(place, name, home=home, leaderboard=leaderboard, scorer=scorer)
        if not mine:
            time.sleep(0.5)


def _stored(place: Place, name: str, leaderboard: Leaderboard) -> RunRow | None:
    facts = place.facts()
    known = leaderboard.runs(dataset=place.name, split=place.split.name, method=name, status="ok")
    same = {key: facts[key] for key in ("fingerprint", "split_digest", "fold")} | {"protocol": PROTOCOL}
    return next((row for row in known if all(getattr(row, key) == value for key, value in same.items())), None)
