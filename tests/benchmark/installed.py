"""Plugins as pip leaves them: modules on a path, and beside them what says that they are installed."""

from __future__ import annotations

from textwrap import dedent
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def write_information(site: Path, name: str, version: str, entry_points: Mapping[str, str]) -> Path:
    """Write what says that a distribution with these entry points of petbench is installed; return its folder."""
    information = site / f"{name.replace('-', '_')}-{version}.dist-info"
    information.mkdir(parents=True)
    (information / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n", encoding="utf-8"
    )
    points = [f"{point} = {value}\n" for point, value in entry_points.items()]
    (information / "entry_points.txt").write_text("[petbench]\n" + "".join(points), encoding="utf-8")
    return information


def install_module(site: Path, name: str, source: str) -> dict[str, str]:
    """Install a plugin of one module; return the variables that make it visible."""
    write_information(site, name, "1.0", {name: name})
    (site / f"{name}.py").write_text(dedent(source), encoding="utf-8")
    return {"PYTHONPATH": str(site)}
