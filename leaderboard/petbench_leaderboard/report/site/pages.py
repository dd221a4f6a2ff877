"""Fill templates: everything is escaped, every page has its own content policy and loads nothing from a network."""

from __future__ import annotations

import json
from functools import cache
from importlib import metadata, resources
from typing import TYPE_CHECKING

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

if TYPE_CHECKING:
    from pathlib import Path

POLICY = (
    "default-src 'none'; script-src 'self' file:; style-src 'self' file: 'unsafe-inline'; img-src 'self' file: data:; "
    "font-src 'none'; connect-src 'none'; base-uri 'none'; form-action 'none'; object-src 'none'"
)
"""Scripts only from files of the site; none inside a page, whatever a plugin is called. `file:` is for a double-click.

Styles may be inline because the chart library writes them when it lays out a chart.
"""

ASSETS = ("style.css", "site.css", "table.js", "charts.js", "viewer.js")
CHART_LIBRARY = "bokeh.min.js"


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("petbench_leaderboard.report.site"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def write_page(path: Path, template: str, *, root: str, title: str, **values: object) -> None:
    """Write one page.

    Args:
        path: where.
        template: which.
        root: how the site's root is written from the page: `.` or `..`.
        title: of the page.
        values: for the template.
    """
    html = (
        _environment()
        .get_template(template)
        .render(policy=POLICY, root=root, title=title, version=petbench_version(), **values)
    )
    write_file(path, html.encode())


def write_assets(folder: Path) -> None:
    """Copy style and scripts beside the pages; the chart library's comes from the installed package."""
    own = resources.files("petbench_leaderboard.report.site") / "assets"
    for name in ASSETS:
        write_file(folder / name, (own / name).read_bytes())
    library = resources.files("bokeh") / "server" / "static" / "js" / CHART_LIBRARY
    write_file(folder / CHART_LIBRARY, library.read_bytes())


def write_file(path: Path, content: bytes) -> None:
    """Write a file of a site that is still apart; `petbench_leaderboard.report.site.staging` puts it in its place."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def as_json(value: object) -> Markup:
    """Return JSON that may stand in a `<script type="application/json">`: it cannot close the element."""
    text = json.dumps(value, separators=(",", ":"), allow_nan=False)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)  # noqa: S704 - no character of HTML is left in it


def petbench_version() -> str:
    """Return the installed version."""
    try:
        return metadata.version("petbench")
    except metadata.PackageNotFoundError:
        return "of unknown version"
