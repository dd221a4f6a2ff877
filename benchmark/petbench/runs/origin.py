"""What a run was made by and on, as its row holds it: machine, packages, and the code that its method really ran.

The process in which the method runs says so of itself (`petbench.runs.method_process.origin`); this is the run's side.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from petbench.provenance import checkout, machine
from petbench.terminal import say
from petbench_leaderboard.conditions import (
    CHANGED_MEANWHILE,
    OUTSIDE_IDENTITY,
    OWN_PACKAGES,
    RESUMED,
    changes,
    conditions_of,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from petbench.runs.method_process.messages import CodeThatRan, Ready
    from petbench_leaderboard.store import Leaderboard

_LOG = logging.getLogger("petbench")


def record_origin(leaderboard: Leaderboard, run_id: int, ready: Ready, modules: Sequence[str]) -> None:
    """Record the machine, the device, the packages and the state of the code, before the method trains.

    Of a run that resumes, what differs from the part before is kept, logged and told on standard error.

    Args:
        leaderboard: where the row is.
        run_id: its number.
        ready: what the method's process says of itself.
        modules: of the method's plugin, whose files lie in a checkout or not.
    """
    checkouts = checkout.find_checkouts(*modules)
    facts: dict[str, Any] = machine.machine_facts() | {"source": checkout.describe(checkouts)} | ready.facts
    facts["engine"] = ready.engine
    row = leaderboard.run(run_id)
    if "threads" in row.machine:  # a part of it was made before
        earlier = row.machine.get(RESUMED)
        resumed = list(earlier) if isinstance(earlier, list) else []
        if found := changes(_comparable(row.machine, row.environment), _comparable(facts, ready.packages)):
            resumed.append("; ".join(found))
            _tell(
                f"run {run_id} resumes under other conditions than it was begun with ({resumed[-1]}): its numbers "
                "may differ from those of a run that was never stopped"
            )
        facts |= {RESUMED: resumed} if resumed else {}
    leaderboard.update(run_id, device=ready.device, machine=facts, environment=ready.packages)
    leaderboard.record_source_diff(run_id, checkout.read_diff(checkouts))


def record_code_that_ran(leaderboard: Leaderboard, run_id: int, ran: CodeThatRan) -> None:
    """Record of what the method was made beside its identity, once it has trained and predicted.

    Args:
        leaderboard: where the row is.
        run_id: its number.
        ran: what the method's process says.
    """
    facts: dict[str, Any] = {}
    if ran.outside:
        facts[OUTSIDE_IDENTITY] = dict(ran.outside)
        _tell(
            f"run {run_id} imported local code that is no part of its identity: {', '.join(ran.outside)}; name it in "
            "the sources of the method's MethodSpec"
        )
    if ran.changed:
        facts[CHANGED_MEANWHILE] = list(ran.changed)
        _tell(f"the code of run {run_id} was changed while it ran: {', '.join(ran.changed)}")
    if facts or ran.own_packages:
        machine_facts: dict[str, Any] = dict(leaderboard.run(run_id).machine)
        machine_facts["source"] = {**machine_facts.get("source", {}), **facts}
        own = {OWN_PACKAGES: dict(ran.own_packages)} if ran.own_packages else {}
        leaderboard.update(run_id, machine=machine_facts | own)


def _comparable(facts: dict[str, Any] | Any, packages: Any) -> dict[str, str]:
    """Return the conditions in which two parts of a run can differ: what a whole run ends with is none of them."""
    source = {
        name: value
        for name, value in dict(facts.get("source", {})).items()
        if name not in (OUTSIDE_IDENTITY, CHANGED_MEANWHILE)
    }
    return conditions_of({**facts, "source": source, RESUMED: None, OWN_PACKAGES: None}, packages)


def _tell(line: str) -> None:
    _LOG.warning("%s", line)
    say(f"note: {line}")
