"""What observers are told of a run that is on the leaderboard, without the name of any participant."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from petbench.run_events import RunEnded, RunFacts
from petbench_leaderboard.records import COST_FIELDS
from petbench_leaderboard.report.settings import track
from petbench_leaderboard.score_records import of_newest_protocol

if TYPE_CHECKING:
    from petbench.runs.folder import RunFolder
    from petbench_leaderboard.records import RunRow
    from petbench_leaderboard.store import Leaderboard

_SETTINGS = ("preset", "budget", "device", "precision", "supervision", "plugin", "distribution", "version")
_PARTICIPANT = re.compile(r"\bsub-[0-9A-Za-z+]+(?:_ses-[0-9A-Za-z+]+)?")


def without_participants(text: str) -> str:
    """Return text with `sub-*` in the place of every participant's name, which may be private.

    In BIDS every participant's name begins with `sub-`, in a path too.
    """
    return _PARTICIPANT.sub("sub-*", text)


def facts_of(row: RunRow, folder: RunFolder) -> RunFacts:
    """Return which run it is."""
    plan = folder.plan()
    settings = {name: str(getattr(row, name)) for name in _SETTINGS if getattr(row, name) not in (None, "")}
    settings |= {"device": plan.device, "compile": plan.compile, "deterministic": str(plan.deterministic).lower()}
    settings |= {
        "task": row.task,
        "protocol": str(row.protocol),
        "source": row.source_hash,
        "fingerprint": row.fingerprint,
    }
    return RunFacts(
        run=row.id,
        uid=row.uid,
        identity=row.identity,
        method=row.method,
        dataset=row.dataset,
        split=row.split,
        fold=row.fold,
        seed=row.seed,
        parameters=_plain(row.parameters),
        settings=settings | ({"track": found} if (found := track(row)) else {}),
        folder=str(folder.path),
    )


def ended(facts: RunFacts, leaderboard: Leaderboard) -> RunEnded:
    """Return how a run ended and what it scored."""
    row = leaderboard.run(facts.run)
    seconds: dict[str, float] = {}
    for phase in leaderboard.phases(facts.run):
        seconds[phase.phase] = seconds.get(phase.phase, 0.0) + phase.seconds
    values: dict[str, list[float]] = {}
    for score in of_newest_protocol(leaderboard.scores([facts.run])):
        if score.value is not None:
            values.setdefault(f"{score.metric}/{score.region}", []).append(score.value)
    validated = row.validation_metric is not None and row.validation_score is not None
    costs = {name: getattr(row, name) for name in COST_FIELDS}
    return RunEnded(
        run=facts,
        status=row.status,
        message=without_participants(row.error_message or ""),
        seconds=seconds,
        scores={name: sum(each) / len(each) for name, each in values.items()},
        validation={str(row.validation_metric): float(row.validation_score or 0.0)} if validated else {},
        costs={name: float(value) for name, value in costs.items() if isinstance(value, int | float)},
    )


def _plain(value: Any) -> Any:
    """Return JSON values with no participant's name in them."""
    if isinstance(value, str):
        return without_participants(value)
    if isinstance(value, dict):
        return {without_participants(str(key)): _plain(each) for key, each in value.items()}
    return [_plain(each) for each in value] if isinstance(value, list | tuple) else value
