"""`petbench datasets validate`."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

import click

from petbench.cli.options import complete_dataset
from petbench.cli.session import session

if TYPE_CHECKING:
    from petbench_datasets.specs import Headroom, Validation


@click.command()
@click.argument("dataset", shell_complete=complete_dataset)
@click.option(
    "--page", type=click.Path(file_okay=False, path_type=Path), help="Write a page with figures into this folder."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON for a script.")
@click.pass_context
def validate(ctx: click.Context, /, dataset: str, *, page: Path | None, as_json: bool) -> None:
    """Compare DATASET with what it imitates, as the plugin that built it measures that.

    For the simulated datasets: early and delayed SUV, their ratio, correlation and spread, organ volumes, activity
    balance, noise and recovery, each beside what was measured in people, and how close they must be to pass. The exit
    code is 1 if the dataset does not pass. A folder is taken for the dataset that its description names.

    The headroom is shown too, in PSNR: the early image, the early image times one factor, times one factor an organ,
    each method that the leaderboard has on the split `holdout`, what can be predicted at all, and a repeat scan, which
    is neither an aim nor a bound. Then, organ by organ, how well delayed uptake is predicted from early uptake, each
    participant by a regression on all others.

    \b
    petbench datasets validate fdg-phantom-mini
    petbench datasets validate fdg-phantom --page docs
    """
    from petbench.cli.console import open_named, print_json
    from petbench.errors import UsageError
    from petbench.plans.datasets import registered_as
    from petbench.runs.headroom import measure_headroom
    from petbench.runs.method_scores import with_methods
    from petbench.terminal import progress_bar

    specs = session().registry.datasets()
    name = registered_as(dataset, specs)  # so that a build in another place can be compared
    measure = specs[name].validate if name in specs else None
    if measure is None:
        able = ", ".join(spec.name for spec in specs.values() if spec.validate) or "none"
        raise UsageError(f"{dataset} has no validation; these datasets have one: {able}")
    named, _ = open_named(dataset)
    with progress_bar() as progress:
        validation = measure(named.dataset, progress)
        held_out, everyone = measure_headroom(named.dataset, progress)
    held_out = with_methods(held_out, named.name, named.dataset.fingerprint, session().leaderboard)
    if page is not None:
        if validation.write_page is None:
            raise UsageError(f"the plugin of {dataset} writes no page; leave out --page")
        click.echo(f"page: {validation.write_page(page, held_out, everyone)}", err=True)
    if as_json:
        headroom = {"held_out": dataclasses.asdict(held_out), "everyone": dataclasses.asdict(everyone)}
        print_json({**validation.facts, "passed": validation.passed, "headroom": headroom})
    else:
        _print(validation)
        _print_headroom(held_out)
        _print_organs(everyone)
    if not validation.passed:
        ctx.exit(1)


def _print(validation: Validation) -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    from petbench.cli.console import standard_output

    console = standard_output()
    console.print(Text(validation.title, "bold"))
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column, heading in enumerate(validation.columns):
        at_the_edge = column in (0, len(validation.columns) - 1)
        table.add_column(heading, justify="left" if at_the_edge else "right", no_wrap=True)
    for *cells, result in validation.rows:
        table.add_row(*cells, Text(result, "green" if result == "ok" else "red"))
    console.print(table)
    for note in validation.notes:
        console.print(note)


def _print_headroom(headroom: Headroom) -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    from petbench.cli.console import standard_output

    console = standard_output()
    tested = ", ".join(headroom.tested)
    console.print(Text.assemble(("headroom", "bold"), f"  PSNR in dB, split holdout, tested on {tested}"))
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("", *headroom.metrics, ""):
        table.add_column(heading, justify="right" if heading else "left")
    for row in headroom.rows:
        table.add_row(row.name, *(f"{value:.1f}" for value in row.values), row.source)
    console.print(table)
    best = zip(headroom.best_values, headroom.best_factors, strict=True)
    console.print(
        "best single factor possible: " + ", ".join(f"{value:.1f} (x {factor:.2f})" for value, factor in best)
    )


def _print_organs(headroom: Headroom) -> None:
    """Print how well each organ is predicted, the best first."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    from petbench.cli.console import standard_output

    console, found = standard_output(), headroom.predictable
    if found is None:
        console.print("what can be predicted: not known, for the dataset has no truth")
        return
    scored = ", ".join(f"{value:.1f}" for value in found.row.values)
    console.print(
        Text.assemble(
            ("predictable", "bold"),
            f"  each of {len(headroom.tested)} participants by all others: {scored} dB; "
            f"blur {found.blur_millimetres:.1f} mm",
        )
    )
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("organ", "n", "regression", "R²", "residual, %"):
        table.add_column(heading, justify="left" if heading in ("organ", "regression") else "right")
    for organ in sorted(found.organs, key=lambda organ: organ.residual_percent):
        squared = "–" if organ.r_squared is None else f"{organ.r_squared:.2f}"
        cells = (organ.organ, str(organ.participants), organ.model, squared, f"{organ.residual_percent:.1f}")
        table.add_row(*cells)
    console.print(table)
