"""What `petbench run --on` and `petbench runs collect` do and show."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import click

from petbench.terminal import say

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from petbench.engine_spec import Engine
    from petbench.engines.cells import Cell
    from petbench.engines.chosen import ChosenEngine
    from petbench.plans.ensembles import PlannedEnsemble
    from petbench.plans.run_plan import RunPlan
    from petbench.runs.run_all import MakeAll, Outcome
    from petbench.runs.supervisor import Supervisor
    from petbench.runs.sweep_ensembles import EnsembleOutcome


def run_on_engine(
    plans: Sequence[RunPlan],
    supervisor: Supervisor,
    chosen: ChosenEngine,
    ensembles: Sequence[PlannedEnsemble] = (),
    *,
    force: bool,
    detach: bool,
    as_json: bool,
) -> int:
    """Hand runs over, watch them unless `detach`, and enter their ensembles here.

    Returns:
        The exit code: 0, 1 for a failure, 130 for Ctrl-C.
    """
    from petbench.cli.result import print_result
    from petbench.cli.several_runs import enter_all, line_of
    from petbench.engines.hand_over import hand_over
    from petbench.errors import UsageError
    from petbench.plans.sweep import what_varies

    if detach and not chosen.spec.outlives:
        raise UsageError(f"--detach: the runs of --on {chosen.name} end with this command; leave it away")
    varies = dict(enumerate(what_varies(plans)))
    engine = chosen.build()
    try:
        handed = hand_over(plans, chosen, engine, supervisor, force=force)
        for place, outcome in handed.outcomes.items():
            say(f"[{place + 1}/{len(plans)}] {line_of(outcome, varies[place])}")
        say_what_was_submitted(handed.cells, chosen)
        if detach:
            say("petbench runs collect brings them in; the same command watches them")
            return 1 if any(not outcome.is_ok for outcome in handed.outcomes.values()) else 0
        ended, cancelled = watched(handed.cells, chosen, engine, supervisor, len(plans), varies)
    finally:
        engine.close()
    if len(plans) == 1 and (row := (handed.outcomes | ended)[0].row) is not None:  # as without an engine
        print_result(supervisor.leaderboard, row, supervisor.home, known=0 in handed.outcomes, as_json=as_json)
        return 0 if row.status == "ok" else 130 if row.status == "interrupted" else 1
    outcomes = handed.outcomes | ended
    made = [] if cancelled else enter_all(ensembles, list(outcomes.values()), supervisor)
    return _show(plans, outcomes, supervisor, made, cancelled=cancelled, as_json=as_json)


@contextlib.contextmanager
def made_on(chosen: ChosenEngine | None, supervisor: Supervisor) -> Iterator[MakeAll | None]:
    """Within the block, runs are made by an engine, which is built once; None where they are made here.

    What it yields returns the outcomes of plans, in their order, once all of them have ended or were cancelled.
    """
    from petbench.engines.hand_over import hand_over
    from petbench.plans.sweep import what_varies

    if chosen is None:
        yield None
        return
    engine = chosen.build()

    def make(plans: Sequence[RunPlan]) -> list[Outcome]:
        handed = hand_over(plans, chosen, engine, supervisor)
        varies = dict(enumerate(what_varies(plans)))
        ended, cancelled = watched(handed.cells, chosen, engine, supervisor, len(plans), varies)
        supervisor.stop_requested = supervisor.stop_requested or cancelled
        found = handed.outcomes | ended
        return [found[place] for place in sorted(found)]

    try:
        yield make
    finally:
        engine.close()


def collect(supervisor: Supervisor, *, wait: bool, as_json: bool) -> int:
    """Bring in what has ended of all runs that are with an engine, and return the exit code."""
    from petbench.engines.collect import engines_of, give_up, with_engines

    cells = with_engines(supervisor)
    if not cells:
        click.echo("no run is with an engine", err=True)
        return 0
    plans = [cell.plan for cell in cells]
    varies = dict.fromkeys(range(len(cells)), "")
    outcomes: dict[int, Outcome] = {}
    cancelled = False
    for chosen, some in engines_of(cells, supervisor.registry):
        if not chosen.spec.outlives:
            outcomes |= give_up(some, supervisor)
            continue
        engine = chosen.build()
        try:
            ended, stopped = watched(some, chosen, engine, supervisor, len(cells), varies, once=not wait)
        finally:
            engine.close()
        outcomes |= ended
        cancelled = cancelled or stopped
    left = len(cells) - len(outcomes)
    if left:
        say(f"{left} still with the engine; petbench runs collect --wait watches them")
    return _show(
        [plans[place] for place in sorted(outcomes)], outcomes, supervisor, cancelled=cancelled, as_json=as_json
    )


def say_what_was_submitted(cells: Sequence[Cell], chosen: ChosenEngine) -> None:
    """Say how many runs were handed over, and how many the engine had already."""
    attached = sum(cell.is_attached for cell in cells)
    if attached:
        say(f"{attached} of them went on already with {chosen.name}: attached, nothing is started twice")
    if new := len(cells) - attached:
        say(f"{new} submitted to {chosen.name}")


def watched(
    cells: Sequence[Cell],
    chosen: ChosenEngine,
    engine: Engine,
    supervisor: Supervisor,
    total: int,
    varies: Mapping[int, str],
    *,
    once: bool = False,
    line: Callable[[Outcome, str], str] | None = None,
) -> tuple[dict[int, Outcome], bool]:
    """Watch runs until they have ended, or look `once`; return what became of them, and whether they were cancelled.

    Args:
        cells: the runs.
        chosen: the engine that has them.
        engine: built of it.
        supervisor: whose leaderboard and home they are.
        total: how many were asked for.
        varies: what tells one run from the others, by its place.
        once: look once, and leave the rest to the engine.
        line: says in one line what became of a run; None for what the end of a run is told by.
    """
    from petbench.cli.cells_table import CellsTable
    from petbench.cli.several_runs import line_of
    from petbench.engines.collect import look_once
    from petbench.engines.loop import watch_until_ended
    from petbench.engines.observed_cells import ObservedCells
    from petbench.engines.watch import Watch

    in_words = line or line_of
    with ObservedCells(supervisor, stays=not once) as observed, CellsTable(total, varies, supervisor.home) as table:
        watch = Watch(cells, engine, supervisor, table.tell, observed)
        told: set[int] = set()

        def draw() -> None:
            for place in sorted(watch.outcomes.keys() - told):
                told.add(place)
                table.say(f"[{place + 1}/{total}] {in_words(watch.outcomes[place], varies.get(place, ''))}")
            table.draw(watch)

        if once:
            look_once(watch)
            if watch.unreachable:
                say(f"no answer from {chosen.name} ({watch.unreachable}); the runs are as last known")
        else:
            watch_until_ended(watch, chosen.spec.ask_seconds, draw=draw, say=table.say)
        draw()
    return watch.outcomes, watch.is_cancelled


def _show(
    plans: Sequence[RunPlan],
    outcomes: Mapping[int, Outcome],
    supervisor: Supervisor,
    made: Sequence[EnsembleOutcome] = (),
    *,
    cancelled: bool,
    as_json: bool,
) -> int:
    from petbench.cli.result import print_training_notes
    from petbench.cli.several_runs import print_outcomes

    found = [outcomes[place] for place in sorted(outcomes)]
    for outcome in found:
        if outcome.row is not None and outcome.is_ok and not outcome.known:
            print_training_notes(outcome.row, supervisor.home)
    print_outcomes(plans, found, supervisor.leaderboard, made, as_json=as_json)
    if cancelled:
        say("cancelled; repeat the same command to go on from what is there")
        return 130
    return 0 if all(outcome.is_ok for outcome in found) and all(each.row is not None for each in made) else 1
