"""`petbench datasets check`."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import click

from petbench.cli.options import reconstruction_option


@click.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@reconstruction_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON for a script.")
@click.pass_context
def check(ctx: click.Context, /, folder: Path, *, reconstruction: str, as_json: bool) -> None:
    """List everything that is wrong with the dataset in FOLDER, with file names and what to do.

    The exit code is 1 if the dataset cannot be used as it is, and 0 if there are only warnings.

    \b
    petbench datasets check ~/my-dataset
    """
    from petbench.cli.console import print_json
    from petbench.terminal import progress_bar
    from petbench_datasets.dataset.check import check_dataset

    with progress_bar() as progress:
        problems = check_dataset(folder, progress, reconstruction=reconstruction)
    if as_json:
        print_json([dataclasses.asdict(problem) for problem in problems])
    else:
        for problem in problems:
            colour = "red" if problem.severity == "error" else "yellow"
            click.echo(f"{click.style(f'{problem.severity}:', fg=colour)} {problem.message}")
        errors = sum(problem.severity == "error" for problem in problems)
        click.echo(f"errors: {errors}, warnings: {len(problems) - errors}, in {folder}")
    if any(problem.severity == "error" for problem in problems):
        ctx.exit(1)
