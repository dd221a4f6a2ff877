"""`petbench datasets fetch`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from petbench.cli.options import complete_fetchable
from petbench.cli.session import session

if TYPE_CHECKING:
    from petbench_datasets.dataset.check import Problem
    from petbench_datasets.fetching.cohort import Fetched
    from petbench_datasets.fetching.journal import Journal
    from petbench_datasets.fetching.offer import Offer
    from petbench_datasets.specs import DatasetSpec


@click.command()
@click.argument("name", shell_complete=complete_fetchable)
@click.option(
    "--to", "folder", required=True, type=click.Path(file_okay=False, path_type=Path), help="Folder of the cohort."
)
@click.option(
    "--participants", default="", metavar="N|NAMES", help="The first N, or names: sub-001,sub-002.  [default: all]"
)
@click.option(
    "--reconstruction", default="", metavar="LABEL", help="Which reconstruction, where there are several of one scan."
)
@click.option(
    "--grid",
    default="early",
    show_default=True,
    metavar="early|delayed|as-is|Z,Y,X",
    help="The grid of this image, the images' own, or a voxel spacing in mm.",
)
@click.option("--dry-run", is_flag=True, help="Say what would be downloaded and whether you may, and stop.")
@click.option("--keep-raw", is_flag=True, help="Keep what was downloaded, below .fetch/raw in the folder.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask; for scripts.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for a script.")
@click.pass_context
def fetch(ctx: click.Context, /, name: str, *, folder: Path, dry_run: bool, as_json: bool, **options: Any) -> None:
    """Fetch the cohort NAME of real people from its host, as a dataset that petbench reads.

    One participant at a time is downloaded, checked, brought to the two windows and the grid, and written; then the raw
    files are removed. What was broken off goes on with the same command, and more participants can be added later.

    Clients of the hosts come with pip install 'petbench[fetch]'.

    \b
    petbench datasets fetch multimodal-hc --to ~/multimodal-hc --dry-run
    petbench datasets fetch multimodal-hc --to ~/multimodal-hc --participants 2 --grid 4,4,4
    """
    from petbench.cli.console import print_json
    from petbench.errors import PetbenchError
    from petbench.terminal import transfer_bar
    from petbench_datasets.dataset.check import check_dataset
    from petbench_datasets.fetching.choice import chosen
    from petbench_datasets.fetching.cohort import fetch_cohort
    from petbench_datasets.fetching.offer import offer

    spec = _fetchable(name)
    folder = folder.expanduser()
    to, journal = _begun(spec, folder, str(options["reconstruction"]), str(options["grid"]))
    assert spec.fetch is not None
    source = spec.fetch.open(journal.options.reconstruction, journal.options.revision)
    people = chosen(str(options["participants"]), source.participants)
    offered = offer(spec, source, people, journal, keep_raw=bool(options["keep_raw"]))
    if not as_json:
        _show(offered)
    if dry_run:
        _say_whether_open(source, offered, as_json=as_json)
        return
    if offered.missing:
        source.require_access()
        offered.require_space()
        if not options["yes"]:
            _ask(as_json=as_json)
    try:
        with journal.alone(), transfer_bar() as progress:
            fetched = fetch_cohort(spec, source, people, journal, to, progress, keep_raw=bool(options["keep_raw"]))
    except KeyboardInterrupt:
        done = len(journal.finished())
        raise PetbenchError(f"interrupted: {done} participants are there; the same command goes on") from None
    problems = check_dataset(folder) if fetched.there else []
    if as_json:
        print_json({**offered.as_json(), **_result(folder, fetched, problems)})
    else:
        _report(folder, fetched, problems)
    if fetched.left_out or any(problem.severity == "error" for problem in problems):
        ctx.exit(1)


def _fetchable(name: str) -> DatasetSpec:
    """Return the dataset of that name, once its client is there.

    Raises:
        PetbenchError: nothing that can be fetched is called so, or its client is missing.
    """
    import importlib.util

    from petbench.errors import PetbenchError, UnknownNameError, UsageError

    if session().settings.offline:
        raise PetbenchError(f"PETBENCH_OFFLINE forbids downloads; unset it, and fetch {name} where there is a network")
    registered = session().registry.datasets()
    known = {spec.name: spec for spec in registered.values() if spec.fetch is not None}
    if name in registered and name not in known:
        raise UsageError(f"{name} is built and not fetched: petbench datasets build {name}")
    if name not in known:
        raise UnknownNameError("cohort to fetch", name, known)
    spec = known[name]
    assert spec.fetch is not None
    for module in spec.fetch.imports:
        if importlib.util.find_spec(module) is None:
            raise PetbenchError(
                f"{name} is fetched with {module}, which is missing: pip install '{spec.fetch.install}'"
            )
    return spec


def _begun(spec: DatasetSpec, folder: Path, reconstruction: str, grid: str) -> tuple[Any, Journal]:
    """Return the grid and the journal of the cohort, once the options are those of what is there."""
    from petbench.cli.options import grid_of
    from petbench_datasets.fetching.choice import chosen_reconstruction
    from petbench_datasets.fetching.images import AS_IS
    from petbench_datasets.fetching.journal import Journal, Options

    assert spec.fetch is not None
    to = AS_IS if grid == AS_IS else grid_of(grid, "--grid", AS_IS)
    spelled = to if isinstance(to, str) else ",".join(f"{length:g}" for length in to)
    windows = {name: list(window) for name, window in spec.fetch.task.windows_seconds.items()}
    label = chosen_reconstruction(reconstruction, spec.fetch)
    return to, Journal(folder, Options(spec.name, label, spelled, windows))


def _show(offered: Offer) -> None:
    click.echo(click.style(offered.cohort, bold=True))
    for name, text in offered.lines():
        click.echo(f"  {name:<14} {text}")


def _ask(*, as_json: bool) -> None:
    from petbench.errors import UsageError

    if as_json or not sys.stdin.isatty():
        raise UsageError("nobody is there to be asked; --yes downloads without asking")
    click.confirm("Download?", default=False, abort=True)


def _say_whether_open(source: Any, offered: Offer, *, as_json: bool) -> None:
    from petbench.cli.console import print_json
    from petbench_datasets.errors import DataError

    try:
        source.require_access()
        access = ""
    except DataError as error:
        access = str(error)
    if as_json:
        print_json({**offered.as_json(), "access": not access, "access_problem": access})
    else:
        click.echo(f"  {'access':<14} {access or 'you may download'}")
        click.echo("nothing was downloaded (--dry-run)")


def _result(folder: Path, fetched: Fetched, problems: list[Problem]) -> dict[str, Any]:
    errors = sum(problem.severity == "error" for problem in problems)
    return {
        "there_now": list(fetched.there),
        "left_out": dict(fetched.left_out),
        "notes": list(fetched.notes),
        "errors": errors,
        "warnings": len(problems) - errors,
        "fingerprint": _fingerprint(folder) if fetched.there and not errors else None,
    }


def _fingerprint(folder: Path) -> str:
    from petbench_datasets.dataset.reader import open_dataset

    return open_dataset(folder).fingerprint


def _report(folder: Path, fetched: Fetched, problems: list[Problem]) -> None:
    for note in fetched.notes:
        click.echo(f"  note: {note}")
    for name, why in fetched.left_out:
        click.echo(f"{click.style('left out:', fg='yellow')} {name}: {why}")
    if fetched.left_out:
        click.echo(f"  to try one again, remove its file in {folder / '.fetch' / 'left-out'} and repeat the command")
    for problem in problems:
        colour = "red" if problem.severity == "error" else "yellow"
        click.echo(f"{click.style(f'{problem.severity}:', fg=colour)} {problem.message}")
    errors = sum(problem.severity == "error" for problem in problems)
    click.echo(f"{folder}: {len(fetched.there)} participants, errors: {errors}, warnings: {len(problems) - errors}")
    if fetched.there and not errors:
        click.echo(f"fingerprint {_fingerprint(folder)}")
        click.echo(f"next: petbench datasets info {folder}")
        click.echo(f"      petbench datasets split {folder}")
        click.echo(f"      petbench run --dataset {folder} --method identity")
