"""What `petbench run` shows of several runs: a line for each, and one summary."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Sequence

    from petbench.home import Home
    from petbench.plans.run_plan import RunPlan
    from petbench.runs.run_all import Outcome
    from petbench.runs.supervisor import Conduct
    from petbench_leaderboard.store import Leaderboard


def carry_out_matrix(
    plans: Sequence[RunPlan], home: Home, leaderboard: Leaderboard, *, force: bool, conduct: Conduct, as_json: bool
) -> int:
    """Carry out several plans, tell of each, and return the exit code: 0, 1 for a failure, 130 for Ctrl-C."""
    from petbench.runs.run_all import run_matrix

    def tell(place: int, outcome: Outcome) -> None:
        click.echo(f"[{place + 1}/{len(plans)}] {_line(outcome)}", err=True)

    outcomes = run_matrix(plans, home, leaderboard, force=force, conduct=conduct, tell=tell)
    failed = [outcome for outcome in outcomes if not outcome.is_ok]
    if as_json:
        _print_json(plans, outcomes)
    else:
        _print_boards(leaderboard, outcomes)
    click.echo(_summary(plans, outcomes), err=True)
    if conduct.stop_requested:
        click.echo("stopped; what was not begun is untouched: repeat the same command to go on from here", err=True)
        return 130
    return 1 if failed else 0


def _line(outcome: Outcome) -> str:
    plan, row = outcome.plan, outcome.row
    name = f"{plan.method} fold {plan.fold} seed {plan.seed}"
    if row is None:
        return f"{name}: {click.style('not run', fg='red')}, {outcome.error}"
    if outcome.repeated:
        return f"{name}: run {row.id} is on the leaderboard already"
    if row.status == "ok":
        spent = "" if row.train_seconds is None else f", trained {row.train_seconds:.0f} s"
        return f"{name}: run {row.id} {click.style('ok', fg='green')}{spent}"
    return f"{name}: run {row.id} {click.style(row.status, fg='red')}: {row.error_message or ''}"


def _summary(plans: Sequence[RunPlan], outcomes: Sequence[Outcome]) -> str:
    repeated = sum(outcome.repeated for outcome in outcomes)
    well = sum(outcome.is_ok for outcome in outcomes) - repeated
    failed = len(outcomes) - repeated - well
    left = len(plans) - len(outcomes)
    parts = [f"{well} ran", f"{repeated} there already", f"{failed} did not end well", f"{left} not begun"]
    return f"{len(plans)} runs: " + ", ".join(part for part in parts if not part.startswith("0 "))


def _print_boards(leaderboard: Leaderboard, outcomes: Sequence[Outcome]) -> None:
    from petbench.cli.leaderboard import print_table

    rows = [outcome.row for outcome in outcomes if outcome.row is not None and outcome.is_ok]
    if rows:
        print_table(leaderboard, dataset=rows[-1].dataset, split=rows[-1].split, highlight=rows[-1].id)


def _print_json(plans: Sequence[RunPlan], outcomes: Sequence[Outcome]) -> None:
    from petbench.cli.console import print_json

    begun = [
        {
            "method": outcome.plan.method,
            "fold": outcome.plan.fold,
            "seed": outcome.plan.seed,
            "identity": outcome.plan.identity,
            "run": None if outcome.row is None else outcome.row.id,
            "status": None if outcome.row is None else outcome.row.status,
            "known": outcome.repeated,
            "message": outcome.error if outcome.row is None else outcome.row.error_message,
        }
        for outcome in outcomes
    ]
    print_json({"runs": begun, "not_begun": len(plans) - len(outcomes)})
