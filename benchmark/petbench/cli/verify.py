"""`petbench verify` and `petbench leaderboard accept`: the organizer's side of a submission."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from petbench.cli.options import ISOLATED, complete_dataset, reconstruction_option, task_option
from petbench.cli.session import session
from petbench_leaderboard.report.formatting import counted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from petbench.plans.datasets import NamedDataset
    from petbench.runs.supervisor import Supervisor
    from petbench.submissions.reproduce import Reproduction
    from petbench.submissions.verify import Verified, VerifiedRun

_FILE = click.argument("path", metavar="SUBMISSION", type=click.Path(exists=True, dir_okay=False, path_type=Path))
_DATASET = click.option(
    "--dataset",
    "-d",
    shell_complete=complete_dataset,
    help="Your own copy of the dataset: a name or a folder. Default: the registered dataset that the submission names.",
)
_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON for a script.")


@click.command()
@_FILE
@_DATASET
@task_option
@reconstruction_option
@_JSON
def verify(*, path: Path, dataset: str | None, task: str, reconstruction: str, as_json: bool) -> None:
    """Check SUBMISSION and compute every score in it again from its predictions, with your own images and protocol.

    Nothing in the submission is executed or unpickled, and nothing is stored. Exits 1 with one line when anything in it
    is not as it says: a hash, the identity, the split, a missing participant, a grid, a score.
    """
    from petbench.cli.console import print_json

    with _verified(path, dataset, reconstruction, task) as found:
        digest, runs = found.digest, found.runs
    if as_json:
        print_json({"sha256": digest, "runs": [_facts(run) for run in runs]})
        return
    for run in runs:
        _print(run)


@click.command()
@_FILE
@_DATASET
@task_option
@reconstruction_option
@click.option("--reproduce", "again", is_flag=True, help="Train again here and store the rows as reproduced.")
@click.option(
    "--plugin-source",
    metavar="PATH|REQUIREMENT",
    help="Where the plugin's code is, as pip takes it; it is installed and run. Not needed for petbench's own methods.",
)
@click.option("--isolated/--not-isolated", default=True, help=f"With --reproduce. {ISOLATED} Default: isolated.")
@click.option(
    "--time-limit",
    type=click.FloatRange(0, min_open=True),
    metavar="SECONDS",
    help="With --reproduce: stop a run that takes longer. Default: a day where it is isolated, else none.",
)
@click.option(
    "--submitter",
    metavar="NAME",
    help="Whose the rows are: files of one submitter may fill one row, those of two never. Default: the file's hash.",
)
@_JSON
def accept(
    *,
    path: Path,
    dataset: str | None,
    task: str,
    reconstruction: str,
    again: bool,
    plugin_source: str | None,
    isolated: bool,
    time_limit: float | None,
    submitter: str | None,
    as_json: bool,
) -> None:
    """Verify SUBMISSION and store its runs with the scores computed here, as rescored.

    Times and memory are as the submitter says, and the row says so. With --reproduce the plugin is installed into a
    fresh virtual environment from the source that you name, its code is compared with the hash in the submission, and
    every run is trained again with the same plan: the row is reproduced, with times measured here and the difference
    of each score. Installing runs the package's own build with all your rights; what is imported and trained is
    isolated, and the row says whether it was.

    \b
    petbench leaderboard accept my-unet.petbench.zip
    petbench leaderboard accept my-unet.petbench.zip --reproduce --plugin-source ./my-unet
    """
    from petbench.cli.console import print_json
    from petbench.cli.leaderboard import print_table
    from petbench.errors import UsageError
    from petbench.submissions.accept import accept as store

    if plugin_source is not None and not again:
        raise UsageError("--plugin-source says what is trained again; give --reproduce with it")
    here = session()
    leaderboard = here.leaderboard
    leaderboard.make_ready()  # first: one that cannot be written is found before minutes of scoring
    with _verified(path, dataset, reconstruction, task) as found:
        if again:
            supervisor = here.supervisor(here.run_options(time_limit, isolated=isolated))
            _reproduce(found, plugin_source, supervisor, submitter, as_json=as_json)
            return
        rows = store(found, here.home, leaderboard, submitter=submitter)
    if as_json:
        print_json([{"run": row.id, "identity": row.identity, "known": known} for row, known in rows])
        return
    for row, known in rows:
        said = "is here already; nothing was changed" if known else f"stored as {row.verification}"
        click.echo(f"run {row.id} {row.method} seed {row.seed} fold {row.fold}: {said}", err=True)
    row = rows[-1][0]
    print_table(leaderboard, dataset=row.dataset, split=row.split, task=row.task, highlight=row.id)


def _reproduce(
    found: Verified, source: str | None, supervisor: Supervisor, submitter: str | None, *, as_json: bool
) -> None:
    """Train again what a submission holds, print the differences, and exit 1 where a run does not end well."""
    from petbench.cli.console import print_json
    from petbench.submissions.reproduce import reproduce

    results = reproduce(found, source, supervisor, submitter=submitter)
    if as_json:
        print_json(
            [
                {
                    "run": result.row.id,
                    "identity": result.row.identity,
                    "status": result.row.status,
                    "isolation": result.row.isolation,
                    "known": result.known,
                    "differences": [
                        {
                            "metric": each.metric,
                            "convention": each.convention_id,
                            "region": each.region,
                            "submitted": each.submitted,
                            "reproduced": each.reproduced,
                            "difference": each.difference,
                        }
                        for each in result.deviations
                    ],
                }
                for result in results
            ]
        )
    else:
        for result in results:
            _print_reproduction(result)
    left = len(found.runs) - len(results)
    if left:
        click.echo(f"stopped; not begun: {left} of {counted(len(found.runs), 'run')}", err=True)
    if left or any(result.row.status != "ok" for result in results):
        raise SystemExit(130 if supervisor.stop_requested else 1)


def _print_reproduction(result: Reproduction) -> None:
    from petbench_leaderboard.run_groups import REGIONS

    row = result.row
    name = f"run {row.id} {row.method} seed {row.seed} fold {row.fold}"
    if row.status != "ok":
        click.echo(f"{name}: {row.status}: {row.error_message or ''}", err=True)
        return
    said = "is here already as" if result.known else "stored as"
    how = f"{row.verification}, {row.isolation}" if row.isolation else row.verification
    click.echo(f"{name}: {said} {how}; reproduced less submitted, mean over participants:")
    for each in result.deviations:
        if each.region in REGIONS:
            numbers = f"{each.difference:+.6g} {each.unit}".rstrip()
            both = f"({each.submitted:.6g} -> {each.reproduced:.6g})"
            click.echo(f"  {each.metric:24} {each.region:8} {numbers:>20}  {both}")


@contextlib.contextmanager
def _verified(path: Path, dataset: str | None, reconstruction: str, task: str) -> Iterator[Verified]:
    from petbench.plans.datasets import find_dataset
    from petbench.submissions.limits import SubmissionError
    from petbench.submissions.verify import verified
    from petbench.terminal import progress_bar

    here = session()
    with progress_bar() as progress:

        def find(name: str) -> NamedDataset:
            # A submission may name a registered dataset; a folder is named by the organizer alone.
            if dataset is None and name not in here.registry.datasets():
                raise SubmissionError(f"its dataset {name!r} is none that is installed here; give yours with --dataset")
            chosen = {"reconstruction": reconstruction, "task": task}
            return find_dataset(dataset or name, here.home, here.registry, progress, **chosen)

        with verified(path, find, here.scorer(progress)) as found:
            yield found


def _facts(run: VerifiedRun) -> dict[str, Any]:
    from petbench.submissions.compare import FEATURE_TOLERANCE, TOLERANCE

    plan, comparison = run.plan, run.comparison
    return {
        "folder": run.submitted.folder,
        "method": plan.method,
        "distribution": plan.distribution,
        "version": plan.version,
        "source_hash": plan.source_hash,
        "identity": plan.identity,
        "dataset": plan.dataset,
        "split": plan.split,
        "fold": plan.fold,
        "seed": plan.seed,
        "agreeing": comparison.agreeing,
        "only_self_reported": comparison.only_self_reported,
        "only_rescored": comparison.only_rescored,
        "relative_tolerance": {"of one participant": TOLERANCE, "of all participants together": FEATURE_TOLERANCE},
    }


def _print(run: VerifiedRun) -> None:
    facts = _facts(run)
    click.echo(f"{facts['folder']}: {run.plan.method} seed {run.plan.seed} fold {run.plan.fold} of {run.plan.dataset}")
    click.echo("  ok  hashes of every file, identity, protocol, images, split, participants, grids")
    tolerance = facts["relative_tolerance"]
    if run.submitted.scores:
        within = f"{tolerance['of one participant']:g} of the score, {tolerance['of all participants together']:g}"
        click.echo(f"  ok  {run.comparison.agreeing} scores agree with those computed here, within")
        click.echo(f"      {within} for FID and KID")
    else:
        click.echo("  ok  reports no scores: made where the test targets are withheld")
    if run.comparison.only_rescored:
        click.echo(f"  +   {run.comparison.only_rescored} more were computed here")
    for metric in run.comparison.only_self_reported:
        click.echo(f"  -   {metric} is self-reported and cannot be computed here: it is not taken over")
    click.echo("  -   times, memory and machine are as the submitter says")
