"""Notify the observers among the plugins that a run has started or ended; what they do cannot hurt the run."""

from __future__ import annotations

import contextlib
import logging
import sys
from typing import TYPE_CHECKING, Literal

from petbench.contract import RunEvent
from petbench.errors import one_line
from petbench_leaderboard.score_records import of_newest_protocol

if TYPE_CHECKING:
    from petbench.registry import Registry
    from petbench_leaderboard.store import Leaderboard

_LOG = logging.getLogger(__name__)

HOOK = "petbench_run_events"


def notify_observers(
    kind: Literal["started", "ended"], run_id: int, leaderboard: Leaderboard, registry: Registry
) -> None:
    """Call the hook of every plugin that has it; a failure becomes a warning in the log."""
    observers = [
        (plugin, observe)
        for plugin in registry.plugins
        if not plugin.error and callable(observe := getattr(plugin.implementation, HOOK, None))
    ]
    if not observers:
        return
    event = _event(kind, run_id, leaderboard)
    for plugin, observe in observers:
        try:
            with contextlib.redirect_stdout(sys.stderr):  # standard output is the command's
                observe(event)
        except (Exception, SystemExit) as error:
            _LOG.warning(
                "the observer of %s failed when run %d had %s: %s", plugin.distribution, run_id, kind, one_line(error)
            )


def _event(kind: Literal["started", "ended"], run_id: int, leaderboard: Leaderboard) -> RunEvent:
    row = leaderboard.run(run_id)
    seconds: dict[str, float] = {}
    values: dict[str, list[float]] = {}
    if kind == "ended":
        for phase in leaderboard.phases(run_id):
            seconds[phase.phase] = seconds.get(phase.phase, 0.0) + phase.seconds
        for score in of_newest_protocol(leaderboard.scores([run_id])):
            if score.value is not None:
                values.setdefault(f"{score.metric}/{score.region}", []).append(score.value)
    return RunEvent(
        kind=kind,
        run=run_id,
        identity=row.identity,
        method=row.method,
        dataset=row.dataset,
        split=row.split,
        fold=row.fold,
        seed=row.seed,
        status=row.status,
        message=row.error_message or "",
        seconds=seconds,
        scores={name: sum(each) / len(each) for name, each in values.items()},
    )
