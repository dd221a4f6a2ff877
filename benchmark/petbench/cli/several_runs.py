"""What `petbench run` shows of several runs: a line for each, and one summary."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import click

from petbench.terminal import say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from petbench.plans.run_plan import RunPlan
    from petbench.runs.run_all import Outcome
    from petbench.runs.supervisor import Supervisor
    from petbench_leaderboard.store import Leaderboard


def run_several(plans: Sequence[RunPlan], supervisor: Supervisor, *, force: bool, as_json: bool) -> int:
    """Run several plans, report on each, and return the exit code: 0, 1 for a failure, 130 for Ctrl-C."""
    from petbench.cli.result import print_training_notes
    from petbench.plans.sweep import what_varies
    from petbench.runs.execute import execute
    from petbench.runs.run_all import run_all

    varies = what_varies(plans)

    def report(place: int, outcome: Outcome) -> None:
        say(f"[{place + 1}/{len(plans)}] {line_of(outcome, varies[place])}")
        if outcome.row is not None and outcome.is_ok:
            print_training_notes(outcome.row, supervisor.home)

    outcomes = run_all(plans, supervisor, make=functools.partial(execute, force=force), ended=report)
    print_outcomes(plans, outcomes, supervisor.leaderboard, as_json=as_json)
    if supervisor.stop_requested:
        click.echo("stopped; what was not begun is untouched: repeat the same command to resume", err=True)
        return 130
    return 0 if all(outcome.is_ok for outcome in outcomes) else 1


def print_outcomes(
    plans: Sequence[RunPlan], outcomes: Sequence[Outcome], leaderboard: Leaderboard, *, as_json: bool
) -> None:
    """Print what became of all, as JSON or as a board, and a summary."""
    if as_json:
        _print_json(plans, outcomes)
    else:
        _print_boards(leaderboard, outcomes)
    click.echo(_summary(plans, outcomes), err=True)


def line_of(outcome: Outcome, varies: str) -> str:
    """Return in one line what became of a plan; `varies` says what tells it from the others."""
    from petbench.cli.result import whose
    from petbench_leaderboard.report import settings as stated

    row, name = outcome.row, f"{outcome.name} {varies}".rstrip()
    if row is None:
        return f"{name}: {click.style('not run', fg='red')}, {outcome.error}"
    if outcome.known:
        return f"{name}: run {row.id} is on the leaderboard already"
    if row.status == "ok":
        spent = "" if row.train_seconds is None else f", trained {row.train_seconds:.0f} s"
        if not row.is_tested:
            spent += f", {stated.untested(row)}, {stated.validation(row) or 'nobody validates'}"
        return f"{name}: run {row.id} {click.style('ok', fg='green')}{spent}"
    return f"{name}: run {row.id} {click.style(row.status, fg='red')}{whose(row)}: {row.error_message or ''}"


def _summary(plans: Sequence[RunPlan], outcomes: Sequence[Outcome]) -> str:
    known = sum(outcome.known for outcome in outcomes)
    well = sum(outcome.is_ok for outcome in outcomes) - known
    failed = len(outcomes) - known - well
    left = len(plans) - len(outcomes)
    parts = [f"{well} ran", f"{known} there already", f"{failed} did not end well", f"{left} not begun"]
    from petbench_leaderboard.report.formatting import counted

    return f"{counted(len(plans), 'run')}: " + ", ".join(part for part in parts if not part.startswith("0 "))


def _print_boards(leaderboard: Leaderboard, outcomes: Sequence[Outcome]) -> None:
    from petbench.cli.leaderboard import print_table

    rows = [outcome.row for outcome in outcomes if outcome.row is not None and outcome.row.is_tested]
    if rows:
        print_table(leaderboard, dataset=rows[-1].dataset, split=rows[-1].split, highlight=rows[-1].id)


def _print_json(plans: Sequence[RunPlan], outcomes: Sequence[Outcome]) -> None:
    from petbench.cli.console import print_json

    begun = [
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
    print_json({"runs": begun, "not_begun": len(plans) - len(outcomes)})
