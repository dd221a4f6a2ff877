"""`petbench plan`: what a sweep of runs would take, before it is run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from petbench.cli.options import SETTINGS, complete_dataset, complete_method, reconstruction_option
from petbench.cli.session import session
from petbench.engine_settings import DEFAULTS
from petbench_leaderboard.tracks import TRACKS, track_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from petbench.plans.forecast import RunForecast

_COLOURS = {
    "cached": "green",
    "trained": "green",
    "stale": "yellow",
    "interrupted": "yellow",
    "failed": "red",
    "running": "cyan",
}


@click.command()
@click.option(
    "--method", "-m", "methods", required=True, multiple=True, shell_complete=complete_method, help="May be repeated."
)
@click.option(
    "--dataset", "-d", default="fdg-phantom-mini", show_default=True, shell_complete=complete_dataset, help="Dataset."
)
@reconstruction_option
@click.option("--split", default="holdout", show_default=True, help="Split of the dataset's participants.")
@click.option("--fold", default="0", show_default=True, metavar="FOLDS", help="Such as 2, 0..3 or all.")
@click.option("--seed", default="0", show_default=True, metavar="SEEDS", help="Such as 3, 0,2,7 or 0..4.")
@click.option("--preset", help="Named set of parameters. Default: the one each method chooses for the dataset's size.")
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUES", help=SETTINGS)
@click.option(
    "--budget",
    metavar="images=N|seconds=S",
    help="Training to spend. Default: that of the dataset's track, or the preset's.",
)
@click.option(
    "--track", type=click.Choice(list(TRACKS)), help="A track of the protocol: the budget that rows are compared under."
)
@click.option("--precision", type=click.Choice(["fp32", "bf16"]), default=DEFAULTS.precision, show_default=True)
@click.option("--no-test", is_flag=True, help="As for `petbench run`: the validation participants alone.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for a script.")
def plan(
    *,
    methods: tuple[str, ...],
    seed: str,
    fold: str,
    budget: str | None,
    no_test: bool,
    as_json: bool,
    **request: object,
) -> None:
    """Show which runs of a sweep are there, which are missing or stale and why, and what the rest may take.

    The first line says under which budget each method would train, and whether that is a track of the protocol.

    Nothing is run. The time is what past runs of the same method and size took here; without one it is not guessed.

    \b
    petbench plan --method pix2pix --seed 0..4 --fold all
    petbench plan --method pix2pix --set learning_rate=0.001,0.003 --set width=8,16 --no-test
    """
    from petbench.cli.console import print_json
    from petbench.plans.budgets import describe_budgets
    from petbench.plans.forecast import forecast
    from petbench.plans.run_plan import parse_budget
    from petbench.plans.sweep import plan_sweep, what_varies
    from petbench.terminal import progress_bar

    asked = request | {
        "budget": parse_budget(budget) if budget else None,
        "purpose": "no-test" if no_test else "test",
    }
    with progress_bar() as progress:
        plans = plan_sweep(methods, seed, fold, asked, session().home, session().registry, progress)
    forecasts = forecast(plans, session().leaderboard)
    to_spend = [cell for cell in forecasts if cell.state != "cached"]
    known = [cell.seconds for cell in to_spend if cell.seconds is not None]
    if as_json:
        print_json(
            {
                "runs": [
                    {
                        "method": cell.plan.method,
                        "seed": cell.plan.seed,
                        "fold": cell.plan.fold,
                        "parameters": dict(cell.plan.parameters),
                        "identity": cell.plan.identity,
                        "budget": cell.plan.budget,
                        "track": track_of(cell.plan.budget),
                        "state": cell.state,
                        "run": cell.run,
                        "why": cell.why,
                        "seconds": cell.seconds,
                    }
                    for cell in forecasts
                ],
                "to_run": len(to_spend),
                "seconds": sum(known),
                "without_estimate": len(to_spend) - len(known),
            }
        )
        return
    click.echo(describe_budgets(plans))
    _print(forecasts, what_varies(plans))
    unknown = len(to_spend) - len(known)
    guess = f"about {_duration(sum(known))}" if known or not to_spend else "no past run shows how long"
    click.echo(
        f"{len(to_spend)} of {len(forecasts)} to run, {guess}" + (f", {unknown} unknown" if known and unknown else "")
    )


def _print(forecasts: Sequence[RunForecast], settings: Sequence[str]) -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    from petbench.cli.console import standard_output

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    varied = ["settings"] if any(settings) else []
    for heading in ("method", *varied, "fold", "seed", "state", "run", "time", "why"):
        table.add_column(heading, justify="right" if heading in ("fold", "seed", "run", "time") else "left")
    for cell, varies in zip(forecasts, settings, strict=True):
        table.add_row(
            Text(cell.plan.method),
            *(Text(varies) for _ in varied),
            str(cell.plan.fold),
            str(cell.plan.seed),
            Text(cell.state, style=_COLOURS.get(cell.state, "")),
            str(cell.run or ""),
            "" if cell.state == "cached" else ("?" if cell.seconds is None else _duration(cell.seconds)),
            Text("; ".join(cell.why)),
        )
    standard_output().print(table)


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
