"""`petbench conventions`: the same images in every PSNR convention."""

from __future__ import annotations

from pathlib import Path

import click

from petbench.cli.session import session


@click.command()
@click.argument("run_ids", type=int, nargs=-1, required=True, metavar="RUN...")
@click.option("--output", "-o", required=True, type=click.Path(dir_okay=False, path_type=Path), help="Markdown file.")
def conventions(*, run_ids: tuple[int, ...], output: Path) -> None:
    """Write a page that scores the predictions of RUNs in every PSNR convention in use, with what each hides.

    All runs must be of one dataset, split and fold; the first test participant is taken.

    \b
    petbench conventions 1 2 3 -o docs/conventions.md
    """
    from petbench.errors import UsageError
    from petbench.evaluation.conventions_page import write_conventions_page
    from petbench.runs import pipeline
    from petbench.runs.lookup import find_folder

    home, store = session().home, session().leaderboard
    folders = [find_folder(store.run(run_id), home) for run_id in run_ids]
    plans = [folder.plan() for folder in folders]
    if len({(plan.fingerprint, plan.split_digest, plan.fold) for plan in plans}) > 1:
        raise UsageError("the runs are of several datasets, splits or folds; give runs of one fold")
    dataset, fold = pipeline.open_planned(plans[0])
    participant = fold.test[0]
    files = {plan.method: folder.prediction(participant) for plan, folder in zip(plans, folders, strict=True)}
    commands = [f"petbench run --method {plan.method} --dataset {plan.dataset}" for plan in plans]
    commands.append(f"petbench conventions {' '.join(str(run_id) for run_id in run_ids)} -o {output}")
    write_conventions_page(output, dataset, participant, files, commands=commands)
    click.echo(f"{output}: {participant} in every convention")
