"""`petbench methods`: what is installed, and what is broken."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import click

from petbench.cli.session import session

if TYPE_CHECKING:
    from petbench.contract import MethodSpec

LIMITS = ("minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum", "minLength", "maxLength", "pattern", "enum")
"""Of a parameter, as JSON Schema calls them."""


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON for a script.")
@click.argument("name", required=False)
def methods(*, as_json: bool, name: str | None) -> None:
    """List installed methods and the plugins that bring them, or show NAME with its parameters and presets.

    A plugin that cannot be used is listed with its error; the others are not affected.
    """
    from petbench.cli.console import print_json, standard_output

    registry = session().registry
    if name is not None:
        _show(name, as_json=as_json)
        return
    if as_json:
        print_json(
            [
                {
                    "plugin": plugin.name,
                    "distribution": plugin.distribution,
                    "version": plugin.version,
                    "module": plugin.module,
                    "methods": [spec.name for spec in plugin.methods],
                    "datasets": [spec.name for spec in plugin.datasets],
                    "status": "failed" if plugin.error else "ok",
                    "error": plugin.error,
                }
                for plugin in registry.plugins
            ]
        )
        return
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("plugin", "distribution", "methods", "datasets", "status"):
        table.add_column(heading, overflow="fold")
    for plugin in registry.plugins:
        status = Text(f"failed: {plugin.error}", style="red") if plugin.error else Text("ok", style="green")
        table.add_row(
            Text(plugin.name),
            Text(f"{plugin.distribution} {plugin.version}"),
            Text("\n".join(f"{spec.name}  {spec.summary}" for spec in plugin.methods)),
            Text("\n".join(spec.name for spec in plugin.datasets)),
            status,
        )
    standard_output().print(table)


def _show(name: str, *, as_json: bool) -> None:
    """Print one method with its parameters, defaults, ranges and presets."""
    from rich.text import Text

    from petbench.cli.console import print_json, standard_output
    from petbench.methods.search_space import in_words

    spec, plugin = session().registry.method(name)
    schema: dict[str, Any] = spec.parameters.model_json_schema() if spec.parameters else {"properties": {}}
    facts = {
        "name": spec.name,
        "summary": spec.summary,
        "supervision": spec.supervision,
        "needs": list(spec.needs),
        "plugin": f"{plugin.distribution} {plugin.version}",
        "licence": spec.licence,
        "citation": spec.citation,
        "runs in": _where(spec),
        "presets": {preset: dict(values) for preset, values in spec.presets.items()},
        "search": {name: dataclasses.asdict(tried) for name, tried in spec.search.items()},
        "parameters": schema["properties"],
    }
    if as_json:
        print_json(facts)
        return
    console = standard_output()
    shown = facts | {"needs": ", ".join(spec.needs) or "nothing beside the early image"}
    for key in ("name", "summary", "supervision", "needs", "plugin", "licence", "citation", "runs in"):
        console.print(Text.assemble((f"{key:12}", "dim"), str(shown[key])))
    console.print(Text("parameters", style="bold"))
    for parameter, details in schema["properties"].items():
        limits = [f"{key} {details[key]}" for key in LIMITS if key in details]
        line = f"  {parameter} = {details.get('default')}"
        console.print(Text.assemble(line, (f"  {'; '.join([details.get('description', ''), *limits])}", "dim")))
    if spec.presets:
        console.print(Text("presets", style="bold"))
    for preset, values in spec.presets.items():
        settings = "  ".join(f"{key}={value}" for key, value in values.items())
        console.print(Text.assemble(f"  {preset}  ", (settings, "dim")))
    if spec.search:
        console.print(Text("petbench tune tries", style="bold"))
    for parameter, tried in spec.search.items():
        console.print(Text.assemble(f"  {parameter}  ", (in_words(tried), "dim")))


def _where(spec: MethodSpec) -> str:
    """Say in what kind of process a method runs."""
    place = "petbench's own environment"
    if spec.environment == "venv":
        place = f"a virtual environment of its own with {', '.join(spec.requirements) or 'nothing'}"
        place += ", then what is installed here" if spec.sees_installed else " alone"
    return f"{place}, as the program {' '.join(spec.command)}" if spec.command else place
