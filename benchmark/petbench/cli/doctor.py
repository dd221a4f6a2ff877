"""`petbench doctor`: what is here, what is missing, and what to do about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from petbench.cli.session import session
from petbench_leaderboard.report.formatting import counted

if TYPE_CHECKING:
    from collections.abc import Iterator


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON for a script.")
@click.pass_context
def doctor(ctx: click.Context, *, as_json: bool) -> None:
    """Say what is installed, which device a run would use, whether FID weights are there, and how to fix what is not.

    Exits 1 when something that every run needs is broken.
    """
    from petbench.cli.console import print_json, standard_output

    checks = list(_checks())
    if as_json:
        print_json(checks)
    else:
        from rich import box
        from rich.table import Table
        from rich.text import Text

        colours = {"ok": "green", "missing": "yellow", "broken": "red"}
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
        for heading in ("what", "state", "found", "what to do"):
            table.add_column(heading, overflow="fold")
        for check in checks:
            table.add_row(
                check["what"],
                Text(check["state"], style=colours[check["state"]]),
                Text(check["found"]),
                Text(check["fix"]),
            )
        standard_output().print(table)
    if any(check["state"] == "broken" for check in checks):
        ctx.exit(1)


def _check(what: str, state: str, found: str, fix: str = "") -> dict[str, str]:
    return {"what": what, "state": state, "found": found, "fix": fix}


def _checks() -> Iterator[dict[str, str]]:
    import petbench

    yield _check("petbench", "ok", petbench.__version__)
    yield from _torch()
    yield from _device()
    yield from _torchvision()
    yield from _weights()
    yield from _plugins()
    yield from _home()


def _torch() -> Iterator[dict[str, str]]:
    import platform

    import torch

    yield _check("python", "ok", platform.python_version())
    yield _check("torch", "ok", f"{torch.__version__}, {torch.get_num_threads()} threads")


def _device() -> Iterator[dict[str, str]]:
    import torch

    from petbench.provenance import machine

    if torch.cuda.is_available():
        facts: dict[str, Any] = machine.device_facts("cuda:0")
        gibibytes = facts["device_memory_bytes"] / 2**30
        yield _check("device", "ok", f"cuda:0, {facts['name']}, {gibibytes:.0f} GiB, CUDA {facts['cuda']}")
        return
    here = machine.machine_facts()
    built = "torch is built without CUDA" if torch.version.cuda is None else "no CUDA device answers"
    fix = "runs use the CPU; a CUDA device and torch built for it would be faster"
    yield _check("device", "missing", f"cpu, {here['processor']}, {here['cores']} cores ({built})", fix)


def _torchvision() -> Iterator[dict[str, str]]:
    from petbench.torchvision_shim import import_torchvision

    try:
        yield _check("torchvision", "ok", import_torchvision().__version__)
    except (ImportError, RuntimeError, OSError) as error:
        first = str(error).splitlines()[0]
        fix = "install torch and torchvision of matching versions in one pip command, under constraints.txt"
        yield _check("torchvision", "missing", f"does not import: {first}", f"FID stays empty; {fix}")


def _weights() -> Iterator[dict[str, str]]:
    from petbench.evaluation.extractors import weights_status

    for status in weights_status(cache=session().home.cache, given=session().settings.weights):
        yield _check(status.id, "ok" if status.ready else "missing", status.found, status.fix)


def _plugins() -> Iterator[dict[str, str]]:
    for plugin in session().registry.plugins:
        names = ", ".join([*(spec.name for spec in plugin.methods), *(spec.name for spec in plugin.datasets)])
        fix = f"correct or uninstall {plugin.distribution}; PETBENCH_RAISE=1 petbench methods shows the traceback"
        what = f"plugin {plugin.name}"
        yield _check(what, "missing", plugin.error, fix) if plugin.error else _check(what, "ok", names)


def _home() -> Iterator[dict[str, str]]:
    import shutil

    from petbench.errors import PetbenchError

    home = session().home
    try:
        home.folder.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(home.folder).free / 2**30
        runs = session().leaderboard.count()
    except (OSError, PetbenchError) as error:
        yield _check("home", "broken", str(error), "set PETBENCH_HOME to a folder that can be written")
        return
    enough = free > 2
    yield _check(
        "home",
        "ok" if enough else "missing",
        f"{home.folder}, {counted(runs, 'run')}, {free:.0f} GiB free",
        "" if enough else "datasets and runs need about 2 GiB: free some, or set PETBENCH_HOME elsewhere",
    )
