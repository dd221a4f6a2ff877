"""`petbench datasets info`."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

import click

from petbench.cli.options import complete_dataset, reconstruction_option, task_option
from petbench.cli.session import session

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from petbench_datasets.dataset.cohort import PartFacts
    from petbench_datasets.dataset.info import DatasetInfo
    from petbench_datasets.evidence.witnesses import Finding


@click.command()
@click.argument("dataset", shell_complete=complete_dataset)
@click.option(
    "--sheet",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write a contact sheet of all images to this PNG file.",
)
@click.option(
    "--explain",
    metavar="PARTICIPANT",
    help="Show, instead, each number of a participant's scans, the fields it rests on, and what disagreed.",
)
@task_option
@reconstruction_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON for a script.")
def info(
    dataset: str, *, sheet: Path | None, explain: str | None, task: str, reconstruction: str, as_json: bool
) -> None:
    """Show participants, grids, times, SUV ranges, fingerprint and splits of DATASET, a name or a folder.

    Of each split a table says who trains, validates and tests: sex, age, weight, dose, times, scanners, sites.

    \b
    petbench datasets info fdg-phantom-mini
    petbench datasets info ~/my-dataset --sheet overview.png
    petbench datasets info ~/my-dataset --explain sub-01
    """
    if explain is not None:
        _explain(dataset, explain, task, as_json=as_json)
        return
    from petbench.cli.console import open_named, print_json
    from petbench.terminal import progress_bar
    from petbench_datasets.dataset.contact_sheet import contact_sheet
    from petbench_datasets.dataset.info import dataset_info

    named, _ = open_named(dataset, reconstruction, task)
    with progress_bar() as progress:
        facts = dataset_info(named.dataset, progress)
        if sheet is not None:
            contact_sheet(named.dataset, sheet, progress)
    if as_json:
        print_json(dataclasses.asdict(facts))
    else:
        _print(facts)
    if sheet is not None:
        click.echo(f"contact sheet: {sheet}", err=as_json)


def _print_people(console: Console, parts: Sequence[PartFacts]) -> None:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("", *(part.part for part in parts)):
        table.add_column(heading, overflow="fold")
    cells = [part.cells() for part in parts]
    for heading in dict.fromkeys(heading for part in cells for heading in part):
        table.add_row(heading, *(part.get(heading, "") for part in cells))
    console.print(table)


def _explain(dataset: str, participant: str, task: str, *, as_json: bool) -> None:
    from petbench.cli.console import open_named, print_json
    from petbench.plans.tasks import task_of_folder
    from petbench_datasets.dataset.explain import explain_participant

    # A folder is explained without being opened, for what is to be explained may be why it cannot be.
    root = Path(dataset) if Path(dataset).is_dir() else open_named(dataset, task=task)[0].dataset.root
    scans = explain_participant(root, participant, task_of_folder(root, task, session().registry))
    if as_json:
        print_json([{**dataclasses.asdict(scan), "path": str(scan.path)} for scan in scans])
        return
    for scan in scans:
        click.echo(click.style(str(scan.path.relative_to(root)), bold=True))
        if scan.refused:
            click.echo(f"  refused: {scan.refused}")
            continue
        click.echo(f"  measured: {scan.measured}")
        for finding in scan.findings:
            _print_finding(finding)
        if scan.sources:
            click.echo("  in the files that it was imported from:")
        for finding in scan.sources:
            _print_finding(finding)
        for note in scan.notes:
            click.echo(f"  note: {note}")


def _print_finding(finding: Finding) -> None:
    click.echo(f"  {finding.quantity}: {finding.shown}, by {'; '.join(finding.witnesses)}")
    if finding.against:
        click.echo(f"    disagreed: {'; '.join(finding.against)}")


def _print(facts: DatasetInfo) -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    from petbench.cli.console import standard_output

    console = standard_output()
    console.print(Text.assemble((facts.name, "bold"), f"  {facts.root}"))
    console.print(Text(f"task {facts.task}, fingerprint {facts.fingerprint}", "dim"))
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("participant", "sex", "age", "kg", "voxels (x y z)", "mm", "early", "delayed", "labels"):
        table.add_column(heading, justify="right" if heading in ("age", "kg", "labels") else "left")
    for person in facts.participants:
        images = [
            f"{image.start_seconds / 60:.1f}-{image.stop_seconds / 60:.1f} min\n"
            f"SUV {image.suv_mean_body:.2f}, max {image.suv_maximum:.1f}"
            if image
            else "withheld by\nthe organizer"
            for image in (person.early, person.delayed)
        ]
        table.add_row(
            person.name,
            person.sex,
            person.age,
            person.body_weight,
            "x".join(str(size) for size in reversed(person.shape)),
            "x".join(f"{step:.4g}" for step in reversed(person.spacing_millimetres)),
            *images,
            str(person.labels),
        )
    console.print(table)
    console.print(Text(f"methods may ask for: {', '.join(name for name, why in facts.inputs.items() if not why)}"))
    for name, why in facts.inputs.items():
        if why:
            console.print(Text(f"  not for {name}: {why}", "dim"))
    for split in facts.splits:
        sizes = "; ".join("/".join(str(count) for count in fold) for fold in split.folds)
        line = f"split {split.name}: train/validation/test {sizes}  {split.digest[:12]}"
        console.print(Text(line if split.problem is None else f"split {split.name}: {split.problem}"))
        if not split.problem:
            _print_people(console, split.people)
    if not facts.splits:
        _print_people(console, facts.people)
        console.print(Text(f"no split yet: petbench datasets split {facts.root}"))
