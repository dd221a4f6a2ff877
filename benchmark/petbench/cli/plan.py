"""`petbench plan`: what a sweep of runs would take, before it is run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from petbench.cli.session import session
from petbench.cli.sweep_options import asked_for, sweep_options
from petbench_leaderboard.tracks import track_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from petbench.plans.forecast import RunForecast
    from petbench.plans.sweep_request import SweepRequest

_COLOURS = {
    "cached": "green",
    "trained": "green",
    "stale": "yellow",
    "interrupted": "yellow",
    "failed": "red",
    "running": "cyan",
    "skipped": "yellow",
}


@click.command()
@sweep_options()
@click.option(
    "--write-config",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write what is asked for as a TOML file for --config; it may not be there yet.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON for a script.")
def plan(*, write_config: Path | None, as_json: bool, **options: object) -> None:
    """Show which runs of a sweep are there, which are missing or stale and why, and what the rest may take.

    The first line says under which budget each method would train, and whether that is a track of the protocol.

    Nothing is run. The time is what past runs of the same method and size took here; without one it is not guessed.

    \b
    petbench plan --method pix2pix --seed 0..4 --fold all
    petbench plan --method pix2pix --set learning_rate=0.001,0.003 --set width=8,16 --no-test
    petbench plan --method pix2pix --method unet --seed 0..4 --write-config sweep.toml
    """
    from petbench.cli.console import print_json
    from petbench.plans.budgets import describe_budgets
    from petbench.plans.endings import ending
    from petbench.plans.forecast import forecast
    from petbench.plans.sweep import what_varies
    from petbench.terminal import progress_bar

    request = asked_for(options)
    with progress_bar() as progress:
        plans = request.plans(session().home, session().registry, progress)
    ensembles = request.ensembles(plans)
    if write_config is not None:
        _write(request, write_config)
    forecasts = forecast(plans, session().leaderboard)
    to_spend = [cell for cell in forecasts if cell.state not in ("cached", "skipped")]
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
                        "ending": ending(cell.plan),
                        "views": cell.plan.views,
                        "keep_samples": cell.plan.keep_samples,
                        "state": cell.state,
                        "run": cell.run,
                        "why": cell.why,
                        "seconds": cell.seconds,
                    }
                    for cell in forecasts
                ],
                "ensembles": [
                    {"of": each.which, "members": [plan.identity for plan in each.members]} for each in ensembles
                ],
                "to_run": len(to_spend),
                "seconds": sum(known),
                "without_estimate": len(to_spend) - len(known),
            }
        )
        return
    click.echo(describe_budgets(plans))
    for line in dict.fromkeys(f"{plan.method}: {how}" for plan in plans if (how := ending(plan))):
        click.echo(line)
    _print(forecasts, what_varies(plans))
    for each in ensembles:
        click.echo(f"then the ensemble of {each}: one row, with the cost of all")
    unknown = len(to_spend) - len(known)
    guess = f"about {_duration(sum(known))}" if known or not to_spend else "no past run shows how long"
    click.echo(
        f"{len(to_spend)} of {len(forecasts)} to run, {guess}" + (f", {unknown} unknown" if known and unknown else "")
    )


def _write(request: SweepRequest, path: Path) -> None:
    from petbench.errors import UsageError
    from petbench.plans.sweep_writer import sweep_text
    from petbench_datasets.files import write_text

    if path.exists():
        raise UsageError(f"{path} exists; choose another name for the file")
    write_text(path, sweep_text(request, session().registry))
    click.echo(f"{path}: petbench run --config {path} makes these runs", err=True)


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
            "" if cell.state in ("cached", "skipped") else ("?" if cell.seconds is None else _duration(cell.seconds)),
            Text("; ".join(cell.why)),
        )
    standard_output().print(table)


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
