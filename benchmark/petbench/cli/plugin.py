"""`petbench plugin`: help for authors of methods."""

from __future__ import annotations

from pathlib import Path

import click

from petbench.cli.options import complete_method
from petbench.cli.session import session

_MARKS = {
    "passed": ("ok", "green"),
    "failed": ("FAIL", "red"),
    "expected": ("known", "yellow"),
    "not-applicable": ("-", "bright_black"),
}


@click.group()
def plugin() -> None:
    """Begin a method of your own, and check that it keeps the contract."""


@plugin.command()
@click.argument("name")
@click.option(
    "--kind",
    type=click.Choice(["step", "fit", "pretrained"]),
    default="step",
    show_default=True,
    help="A training step for petbench's loop; a loop of its own; or weights trained elsewhere.",
)
@click.option(
    "--into",
    default=".",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Where the new folder is made. Default: here.",
)
def new(*, name: str, kind: str, into: Path) -> None:
    """Write a small installable package for a method called NAME into a new folder of that name.

    It trains as it is, and its test runs the conformance checks.
    """
    from petbench.scaffold import create

    folder = create(name, into, kind)  # type: ignore[arg-type]
    click.echo(f"{folder} is written. Next:")
    click.echo(f"  pip install -e {folder}")
    click.echo(f"  petbench plugin check {name}")
    click.echo(f"  petbench run --method {name}")


@plugin.command()
@click.argument("name", shell_complete=complete_method)
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="Set one parameter; may be repeated.")
@click.option("--all", "every", is_flag=True, help="Make every check, also after the method has raised.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for a script.")
@click.pass_context
def check(ctx: click.Context, *, name: str, settings: tuple[str, ...], every: bool, as_json: bool) -> None:
    """Check the installed method NAME against the contract, one line a promise; exits 1 when one is broken.

    The method is trained for a few steps on a handful of small made-up participants, on the CPU. Where it raises, the
    line of its own code is shown, and the checks after that are left out, since they would fail by the same cause;
    --all makes them too. With PETBENCH_RAISE=1 its traceback is shown. The same checks run under pytest with
    `petbench.testing.checks`.
    """
    from petbench.cli.console import print_json
    from petbench.testing import checks
    from petbench.testing.check import Result
    from petbench.testing.settings import parse_settings

    here = session()
    spec, _ = here.registry.method(name)
    results = []
    raised = False
    for each in checks(spec, settings=parse_settings(spec, settings)):
        result = (
            Result("not-tried", "left out: the method raised before")
            if raised and not every
            else each.run(show_traceback=here.settings.raise_errors)
        )
        raised = raised or result.raised
        results.append(
            {"check": each.name, "promise": each.promise, "outcome": result.outcome, "detail": result.detail}
        )
        if not as_json and result.outcome != "not-tried":
            mark, colour = _MARKS[result.outcome]
            click.echo(f"{click.style(f'{mark:5}', fg=colour)} {each.name:26}{result.detail or each.promise}")
    failed = sum(result["outcome"] == "failed" for result in results)
    left_out = sum(result["outcome"] == "not-tried" for result in results)
    if as_json:
        print_json({"method": name, "passed": not failed, "checks": results})
    else:
        tried = f", {left_out} were left out" if left_out else ""
        bad = f"{name}: {failed} of {len(results)} checks failed{tried}"
        click.echo(bad if failed else f"{name} keeps the contract")
    if failed:
        ctx.exit(1)
