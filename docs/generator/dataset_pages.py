"""What an importer asks for, read from the importer."""

from __future__ import annotations

from petbench_datasets.importers.nifti import COLUMNS


def column_reference() -> str:
    """Return a table of the columns that `petbench datasets import nifti` knows."""
    rows = [f"| `{name}` | {meaning} |" for name, meaning in COLUMNS.items()]
    return "| column | what it holds |\n| --- | --- |\n" + "\n".join(rows) + "\n"
