"""`petbench datasets validate`."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

import click

from petbench.cli.options import complete_dataset
from petbench.cli.session import session

if TYPE_CHECKING:
    from collections.abc import Sequence

    from petbench_phantom.headroom import MethodScore
    from petbench_phantom.validation import Validation


@click.command()
@click.argument("dataset", shell_complete=complete_dataset)
@click.option(
    "--page", type=click.Path(file_okay=False, path_type=Path), help="Write a page with figures to this folder."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON for a script.")
@click.pass_context
def validate(ctx: click.Context, /, dataset: str, *, page: Path | None, as_json: bool) -> None:
    """Compare a simulated dataset with people, organ by organ.

    Early and late SUV, their ratio, correlation and spread, organ volumes, activity balance, noise and recovery stand
    beside what was measured. Exits 1 when a pass mark is missed: means within 15 %, spread and correlation 20 %.

    The room to compete is shown too: the early image, one factor, one factor an organ, every method that the
    leaderboard has on the split `holdout`, and a second noise realisation, which bounds them all.

    \b
    petbench datasets validate fdg-phantom --page docs
    """
    from petbench.cli.console import open_named, print_json
    from petbench.cli.datasets.run_scores import run_scores
    from petbench.terminal import progress_bar
    from petbench_phantom.validation import validate as measure

    named, _ = open_named(dataset)
    with progress_bar() as progress:
        validation = measure(named.dataset, progress)
    methods = run_scores(validation, session().settings.database)
    if page is not None:
        from petbench_phantom.validation_page import write_page

        click.echo(f"page: {write_page(validation, named.dataset, page, methods)}", err=True)
    if as_json:
        found = [dataclasses.asdict(score) for score in methods]
        print_json(dataclasses.asdict(validation) | {"passed": validation.passed, "methods": found})
    else:
        _print(validation)
        _print_room(validation, methods)
    if not validation.passed:
        ctx.exit(1)


def _print(validation: Validation) -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    from petbench.cli.console import standard_output

    console = standard_output()
    title = f"  {validation.participants} participants, simulated | measured in people (mean, SD)"
    console.print(Text.assemble((validation.dataset, "bold"), title))
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    headings = (
        "region",
        "n",
        "early SUV",
        "late SUV",
        "late/early",
        "r",
        "log SD early",
        "log SD late",
        "recovery",
        "",
    )
    for heading in headings:
        table.add_column(heading, justify="left" if heading in ("region", "") else "right", no_wrap=True)
    for region in validation.regions:
        people = region.measured
        table.add_row(
            region.name,
            str(region.people),
            f"{region.early:.2f}±{region.early_sd:.2f} | {people.early:.2f}±{people.early_sd:.2f}",
            f"{region.late:.2f}±{region.late_sd:.2f} | {people.late:.2f}±{people.late_sd:.2f}",
            f"{region.ratio:.2f} | {people.ratio:.2f}",
            f"{region.correlation:.2f} | {people.correlation:.2f}",
            f"{region.early_log_sd:.3f} | {people.early_log_sd:.3f}",
            f"{region.late_log_sd:.3f} | {people.late_log_sd:.3f}",
            f"{region.recovery[0]:.2f} {region.recovery[1]:.2f}",
            Text("ok", "green") if not region.failures else Text("; ".join(region.failures), "red"),
        )
    console.print(table)
    early, late = validation.balance
    console.print(f"activity in the body over injected: early {early:.2f}, late {late:.2f}")
    console.print(f"noise in the liver, delayed frame: {validation.liver_noise:.1%}")
    console.print(
        f"late = early is wrong by {validation.identity_error:.1%}, late = one constant an organ x early by "
        f"{validation.one_constant_error:.1%} (people: 25 % and 8.6 %)"
    )


def _print_room(validation: Validation, methods: Sequence[MethodScore]) -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    from petbench.cli.console import standard_output
    from petbench_phantom.headroom import CEILING, CONVENTIONS

    console, room = standard_output(), validation.held_out_room
    tested = ", ".join(room.tested)
    console.print(Text.assemble(("room to compete", "bold"), f"  PSNR in dB, split holdout, tested on {tested}"))
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("", *CONVENTIONS, ""):
        table.add_column(heading, justify="right" if heading else "left")
    rows = [(row, values, "") for row, values in room.decibels.items() if row != CEILING]
    rows += [(score.method, score.decibels, score.source) for score in methods]
    for row, values, source in [*rows, (CEILING, room.decibels[CEILING], "")]:
        table.add_row(row, *(f"{value:.1f}" for value in values), source)
    console.print(table)
    best = zip(room.best_decibels, room.best_factors, strict=True)
    console.print(
        "best single factor possible: " + ", ".join(f"{value:.1f} (x {factor:.2f})" for value, factor in best)
    )
