"""`petbench datasets split`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from petbench.cli.options import complete_dataset, reconstruction_option, task_option

if TYPE_CHECKING:
    from petbench_datasets.dataset.split import Split


@click.command()
@click.argument("dataset", shell_complete=complete_dataset)
@click.option(
    "--name", help="Name of the split.  [default: holdout; of a training part that is divided anew, of its file]"
)
@click.option(
    "--resplit-training",
    is_flag=True,
    help="Divide anew who trains and who validates, and leave who tests: a file for `petbench run --split FILE`.",
)
@click.option("--from", "base", metavar="SPLIT", help="Split that --resplit-training begins with.  [default: holdout]")
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path),
    help="File that --resplit-training writes.  [default: SPLIT-training-SEED.json, here]",
)
@click.option("--folds", type=click.IntRange(min=2), help="k folds; every participant is tested once.")
@click.option(
    "--leave-out", metavar="COLUMN", help="One fold for each value of a column of participants.tsv, such as site."
)
@click.option("--test", type=click.IntRange(min=1), help="Hold-out: number of test participants. Default: a sixth.")
@click.option(
    "--validation",
    type=click.IntRange(min=0),
    help="Number of validation participants in each fold. Default: an eighth.",
)
@click.option(
    "--stratify-by", metavar="COLUMN", help="Spread the values of a column evenly over the parts, such as sex."
)
@click.option(
    "--seed",
    default=0,
    show_default=True,
    help="Seed of the shuffle; the same seed gives the same split on every machine.",
)
@task_option
@reconstruction_option
@click.option("--force", is_flag=True, help="Replace a split of this name.")
def split(
    dataset: str,
    *,
    name: str | None,
    resplit_training: bool,
    base: str | None,
    output: Path | None,
    task: str,
    reconstruction: str,
    force: bool,
    **how: Any,
) -> None:
    """Divide the participants of DATASET, a folder of your own, into training, validation and test.

    The splits of a registered dataset are part of it. Its training part can be divided anew, to choose settings by
    other validation participants than everybody's: who tests stays as it is, and rows say which split it was.

    \b
    petbench datasets split ~/my-dataset                                hold-out
    petbench datasets split ~/my-dataset --name cv5 --folds 5 --stratify-by sex
    petbench datasets split ~/my-dataset --name sites --leave-out site
    petbench datasets split fdg-phantom-60 --resplit-training --validation 8 --seed 1
    """
    from petbench.cli.console import open_named
    from petbench.errors import UsageError
    from petbench_datasets.dataset.folds import make_split
    from petbench_datasets.dataset.split import split_path, write_split

    if resplit_training:
        _resplit((dataset, reconstruction, task), base or "holdout", name, output, how, force=force)
        return
    if base is not None or output is not None:
        raise UsageError("--from and --output are for --resplit-training; another split is kept with its dataset")
    named, registered = open_named(dataset, reconstruction, task)
    if registered:
        raise UsageError(
            f"the splits of {dataset} are part of it and cannot be changed; --resplit-training divides anew who trains "
            "and who validates"
        )
    name = name or "holdout"
    if split_path(named.dataset.root, name).exists() and not force:
        raise UsageError(f"{named.dataset.root} has a split {name!r} already; give --name, or --force to replace it")
    made = make_split(named.dataset, name, **how)
    _show(made, write_split(named.dataset.root, made))


def _resplit(
    asked: tuple[str, str, str],
    base: str,
    name: str | None,
    output: Path | None,
    how: dict[str, Any],
    *,
    force: bool,
) -> None:
    """Write a split file with the test participants of a split of the dataset, asked for as `open_named` takes it."""
    from petbench.cli.console import open_named
    from petbench.errors import UsageError
    from petbench_datasets.dataset.folds import resplit_training
    from petbench_datasets.dataset.split import load_split, split_names, write_split_file

    for option in ("folds", "leave_out", "test"):
        if how.pop(option) is not None:
            raise UsageError(
                f"--{option.replace('_', '-')} decides who tests, which --resplit-training leaves as it is"
            )
    path = output or Path(f"{name or '-'.join((base, 'training', str(how['seed'])))}.json")
    if path.suffix != ".json":
        raise UsageError(f"the output {path} must end in .json")
    if name not in (None, path.stem):
        raise UsageError(f"a split has the name of its file: give --name {path.stem}, or --output {name}.json")
    if path.exists() and not force:
        raise UsageError(f"{path} exists; choose another name, or --force to replace it")
    named, _ = open_named(*asked)
    if path.stem in split_names(named.dataset.root):
        raise UsageError(f"{named.dataset.root} has a split {path.stem!r} already; give another name")
    made = resplit_training(named.dataset, load_split(named.dataset, base), path.stem, **how)
    write_split_file(path, made)
    _show(made, path)


def _show(made: Split, path: Path) -> None:
    for number, fold in enumerate(made.folds):
        parts = "; ".join(f"{part} {' '.join(who) or 'nobody'}" for part, who in fold.parts().items())
        click.echo(f"fold {number}: {parts}")
    click.echo(f"{path}, {made.digest[:12]}")
