"""`petbench datasets check`."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import click

from petbench.cli.options import reconstruction_option, task_option
from petbench.cli.session import session


@click.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@task_option
@reconstruction_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON for a script.")
@click.pass_context
def check(ctx: click.Context, /, folder: Path, *, task: str, reconstruction: str, as_json: bool) -> None:
    """List everything that is wrong with the dataset in FOLDER, with file names and what to do.

    The exit code is 1 if the dataset cannot be used as it is, and 0 if there are only warnings.

    \b
    petbench datasets check ~/my-dataset
    petbench datasets check ~/my-dataset --task fdg-60-to-120
    """
    from petbench.cli.console import print_json
    from petbench.plans.tasks import task_of_folder
    from petbench.terminal import progress_bar
    from petbench_datasets.dataset.check import check_dataset

    held = task_of_folder(folder, task, session().registry)
    with progress_bar() as progress:
        problems = check_dataset(folder, progress, reconstruction=reconstruction, task=held)
    if as_json:
        print_json([dataclasses.asdict(problem) for problem in problems])
    else:
        for problem in problems:
            colour = "red" if problem.severity == "error" else "yellow"
            click.echo(f"{click.style(f'{problem.severity}:', fg=colour)} {problem.message}")
        errors = sum(problem.severity == "error" for problem in problems)
        click.echo(f"errors: {errors}, warnings: {len(problems) - errors}, in {folder}, by the task {held.id}")
    if any(problem.severity == "error" for problem in problems):
        ctx.exit(1)
