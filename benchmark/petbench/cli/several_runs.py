"""What `petbench run` shows of several runs: a line for each, and one summary."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import click

from petbench.terminal import say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from petbench.plans.ensembles import PlannedEnsemble
    from petbench.plans.run_plan import RunPlan
    from petbench.runs.run_all import Outcome
    from petbench.runs.supervisor import Supervisor
    from petbench.runs.sweep_ensembles import EnsembleOutcome
    from petbench_leaderboard.store import Leaderboard


def run_several(
    plans: Sequence[RunPlan],
    supervisor: Supervisor,
    ensembles: Sequence[PlannedEnsemble] = (),
    *,
    force: bool,
    as_json: bool,
) -> int:
    """Run several plans, then enter their ensembles; report on each, and return the exit code.

    That is 0, 1 for a failure, 130 for Ctrl-C.

    It is 3 where the dataset has what none of the methods needs, so that nothing was run.
    """
    from petbench.cli.result import print_training_notes
    from petbench.plans.sweep import what_varies
    from petbench.runs.execute import execute
    from petbench.runs.run_all import exit_code, run_all

    varies = what_varies(plans)

    def report(place: int, outcome: Outcome) -> None:
        say(f"[{place + 1}/{len(plans)}] {line_of(outcome, varies[place])}")
        if outcome.row is not None and outcome.is_ok:
            print_training_notes(outcome.row, supervisor.home)

    outcomes = run_all(plans, supervisor, make=functools.partial(execute, force=force), ended=report)
    made = [] if supervisor.stop_requested else enter_all(ensembles, outcomes, supervisor)
    print_outcomes(plans, outcomes, supervisor.leaderboard, made, as_json=as_json)
    if supervisor.stop_requested:
        click.echo("stopped; what was not begun is untouched: repeat the same command to resume", err=True)
        return 130
    return exit_code(outcomes) or int(any(each.row is None for each in made))


def enter_all(
    ensembles: Sequence[PlannedEnsemble], outcomes: Sequence[Outcome], supervisor: Supervisor
) -> list[EnsembleOutcome]:
    """Enter the ensembles of runs that have ended, with a line for each."""
    from petbench.runs.sweep_ensembles import enter_ensembles

    made = []
    for each in enter_ensembles(ensembles, outcomes, supervisor):
        what = click.style("not made", fg="red") + f": {each.error}" if each.row is None else f"run {each.row.id}"
        say(f"ensemble of {each.ensemble}: {what}")
        made.append(each)
    return made


def print_outcomes(
    plans: Sequence[RunPlan],
    outcomes: Sequence[Outcome],
    leaderboard: Leaderboard,
    made: Sequence[EnsembleOutcome] = (),
    *,
    as_json: bool,
) -> None:
    """Print what became of all, ensembles `made` of them included, as JSON or as a board, and a summary."""
    if as_json:
        _print_json(plans, outcomes, made)
    else:
        _print_boards(leaderboard, outcomes, made)
    click.echo(_summary(plans, outcomes), err=True)


def line_of(outcome: Outcome, varies: str) -> str:
    """Return in one line what became of a plan; `varies` says what tells it from the others."""
    from petbench.cli.result import whose
    from petbench_leaderboard.report import settings as stated

    row, name = outcome.row, f"{outcome.name} {varies}".rstrip()
    if row is None:
        return f"{name}: {click.style('not run', fg='red')}, {outcome.error}"
    if outcome.is_declined:
        return f"{name}: run {row.id} {click.style('skipped', fg='yellow')}: {row.error_message or ''}"
    if outcome.known:
        return f"{name}: run {row.id} is on the leaderboard already"
    if row.status == "ok":
        spent = "" if row.train_seconds is None else f", trained {row.train_seconds:.0f} s"
        if not row.is_tested:
            spent += f", {stated.untested(row)}, {stated.validation(row) or 'nobody validates'}"
        return f"{name}: run {row.id} {click.style('ok', fg='green')}{spent}"
    return f"{name}: run {row.id} {click.style(row.status, fg='red')}{whose(row)}: {row.error_message or ''}"


def _summary(plans: Sequence[RunPlan], outcomes: Sequence[Outcome]) -> str:
    declined = sum(outcome.is_declined for outcome in outcomes)
    known = sum(outcome.known and not outcome.is_declined for outcome in outcomes)
    well = sum(outcome.is_ok for outcome in outcomes) - known
    failed = len(outcomes) - known - well - declined
    left = len(plans) - len(outcomes)
    parts = [f"{well} ran", f"{known} there already", f"{declined} skipped", f"{failed} did not end well"]
    parts.append(f"{left} not begun")
    from petbench_leaderboard.report.formatting import counted

    return f"{counted(len(plans), 'run')}: " + ", ".join(part for part in parts if not part.startswith("0 "))


def _print_boards(leaderboard: Leaderboard, outcomes: Sequence[Outcome], made: Sequence[EnsembleOutcome]) -> None:
    from petbench.cli.leaderboard import print_table

    rows = [outcome.row for outcome in outcomes if outcome.row is not None and outcome.row.is_tested]
    rows += [each.row for each in made if each.row is not None]
    if rows:
        row = rows[-1]
        print_table(leaderboard, dataset=row.dataset, split=row.split, task=row.task, highlight=row.id)


def _print_json(plans: Sequence[RunPlan], outcomes: Sequence[Outcome], made: Sequence[EnsembleOutcome]) -> None:
    from petbench.cli.console import print_json

    begun: list[dict[str, Any]] = [
        {
            "method": outcome.plan.method,
            "fold": outcome.plan.fold,
            "seed": outcome.plan.seed,
            "parameters": dict(outcome.plan.parameters),
            "identity": outcome.plan.identity,
            "run": None if outcome.row is None else outcome.row.id,
            "status": None if outcome.row is None else outcome.row.status,
            "known": outcome.known,
            "purpose": outcome.plan.purpose if outcome.row is None else outcome.row.purpose,
            "validation_score": None if outcome.row is None else outcome.row.validation_score,
            "message": outcome.error if outcome.row is None else outcome.row.error_message,
        }
        for outcome in outcomes
    ]
    begun += [
        {
            "method": each.ensemble.members[0].method if each.row is None else each.row.method,
            "fold": each.ensemble.members[0].fold if each.row is None else each.row.fold,
            "seed": None,
            "parameters": {} if each.row is None else dict(each.row.parameters),
            "identity": None if each.row is None else each.row.identity,
            "run": None if each.row is None else each.row.id,
            "status": None if each.row is None else each.row.status,
            "known": False,
            "purpose": "test",
            "validation_score": None if each.row is None else each.row.validation_score,
            "message": each.error,
            "ensemble": each.ensemble.which,
            "members": list(each.members),
        }
        for each in made
    ]
    print_json({"runs": begun, "not_begun": len(plans) - len(outcomes)})
