"""`petbench study`: what a decision of the protocol rests on, computed anew."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from petbench.cli.options import complete_dataset
from petbench.cli.session import session

if TYPE_CHECKING:
    from petbench.evaluation.study.metric_study import MetricStudy

PAGE_NAME, JSON_NAME = "metric-study.md", "metric-study.json"


@click.group()
def study() -> None:
    """Compute what a decision of the protocol rests on."""


@study.command()
@click.option("--dataset", "-d", required=True, shell_complete=complete_dataset)
@click.option("--split", help="Only the participants that this split tests; everybody without it.")
@click.option(
    "--output", "-o", type=click.Path(file_okay=False, path_type=Path), help="Write a page and JSON into this folder."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON for a script.")
def metrics(*, dataset: str, split: str | None, output: Path | None, as_json: bool) -> None:
    """Find out which metric tells predictions of known order apart, and with how many participants.

    No method is trained: the best prediction (on simulated datasets the noise-free truth, as a scanner sees it) is made
    worse step by step, by gain, wrong organ levels, blur, noise, false spots, a shift, a share of the early image, and
    a wrong bladder. Sixty participants on a coarse grid take a few minutes.

    \b
    petbench study metrics --dataset fdg-phantom-mini
    petbench study metrics --dataset fdg-phantom-mini -o docs
    """
    import json

    from petbench.cli.console import open_named, print_json
    from petbench.evaluation.study.metric_study import study_metrics
    from petbench.evaluation.study.page import study_page
    from petbench.evaluation.study.separation import SUBSETS
    from petbench.terminal import progress_bar
    from petbench_datasets.dataset.given_split import find_split
    from petbench_datasets.files import write_text

    named, _ = open_named(dataset)
    everybody = tuple(name for name in named.dataset.participants if name not in named.dataset.withheld)
    participants = find_split(named.dataset, split).test_participants if split else everybody
    with progress_bar() as progress:
        found = study_metrics(named.dataset, participants, session().registry.metrics(), progress)
    if output is not None:
        chosen = f" --split {split}" if split else ""
        command = f"petbench study metrics --dataset {named.name}{chosen} -o {output}"
        output.mkdir(parents=True, exist_ok=True)
        write_text(output / PAGE_NAME, study_page(found, subsets=SUBSETS, command=command))
        write_text(output / JSON_NAME, json.dumps(found.to_dict(), indent=1, allow_nan=False) + "\n")
        click.echo(f"{output / PAGE_NAME} and {JSON_NAME}", err=True)
    if as_json:
        print_json(found.to_dict())
    else:
        _print(found)


def _print(found: MetricStudy) -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    from petbench.cli.console import standard_output

    console = standard_output()
    console.print(
        Text.assemble((found.dataset, "bold"), f"  {len(found.participants)} participants, protocol {found.protocol}")
    )
    names = [str(family["name"]) for family in found.families]
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("metric")
    for heading in (*(f"n = {size}" for size in found.sizes), "mean τ", *names):
        table.add_column(heading, justify="right")
    for result in found.metrics:
        if result.reason:
            continue
        separated = [f"{100 * result.mean_separation[size]:.0f} %" for size in found.sizes]
        order = [f"{result.tau[name]:.2f}" for name in names]
        table.add_row(result.metric, *separated, f"{result.mean_tau:.2f}", *order)
    console.print(table)
    console.print("n = …: how often neighbouring steps are separated at 5 %; then Kendall's τ with the known order")
    for result in found.metrics:
        if result.reason:
            console.print(f"– {result.metric}: {result.reason}")
