"""`petbench datasets`: datasets by name, and the user's own; one verb a file."""

from __future__ import annotations

import click

from petbench.cli.datasets.build import build
from petbench.cli.datasets.check import check
from petbench.cli.datasets.export import export
from petbench.cli.datasets.fetch import fetch
from petbench.cli.datasets.import_ import import_
from petbench.cli.datasets.info import info
from petbench.cli.datasets.list_ import list_
from petbench.cli.datasets.register import register
from petbench.cli.datasets.resample import resample
from petbench.cli.datasets.split import split
from petbench.cli.datasets.suv_range import suv_range
from petbench.cli.datasets.validate import validate


@click.group()
def datasets() -> None:
    """Build, fetch, import, check, split and export datasets."""


for _verb in (list_, build, fetch, info, check, split, suv_range, import_, resample, register, export, validate):
    datasets.add_command(_verb)
