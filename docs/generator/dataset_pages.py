"""What is read of scans, what an importer asks for, which cohorts are fetched: from the tables that the code uses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from petbench.registry import load_plugins
from petbench_datasets.evidence.bids_fields import BIDS_FIELDS
from petbench_datasets.evidence.dicom_fields import DICOM_FIELDS
from petbench_datasets.evidence.fields import Otherwise
from petbench_datasets.fetching.offer import size_text
from petbench_datasets.images.windows import in_words
from petbench_datasets.importers.nifti_table import COLUMNS
from petbench_datasets.tasks.built_in import BUILT_IN

if TYPE_CHECKING:
    from collections.abc import Iterable

    from petbench_datasets.evidence.fields import Field


def column_reference() -> str:
    """Return a table of the columns that `petbench datasets import nifti` knows."""
    rows = [f"| `{name}` | {meaning} |" for name, meaning in COLUMNS.items()]
    return "| column | what it holds |\n| --- | --- |\n" + "\n".join(rows) + "\n"


def task_reference() -> str:
    """Return a table of the built-in tasks, and their sources."""
    rows = [
        f"| `{task.id}` | {task.subject} | {in_words(task.early_seconds)} | {in_words(task.delayed_seconds)} | "
        f"{task.least_coverage:.0%} | {task.summary} |"
        for task in BUILT_IN.values()
    ]
    head = "| task | tracer | early | delayed | measured | what it asks |\n| --- | --- | --- | --- | ---: | --- |"
    sources = [f"- `{task.name}`: {task.source}." for task in BUILT_IN.values()]
    return "\n".join([head, *rows, "", "Sources:", "", *sources]) + "\n"


def dicom_reference() -> str:
    """Return a table of the elements of DICOM that are read."""
    return _fields("element", "type", DICOM_FIELDS.values())


def sidecar_reference() -> str:
    """Return a table of the fields of a BIDS-PET dataset that are read."""
    return _fields("field", "in BIDS", BIDS_FIELDS.values())


def cohort_reference() -> str:
    """Return a table of the cohorts that can be fetched."""
    head = "| cohort | measured | people | licence | size, one and all | from, and what to accept | cite |\n"
    rows = []
    for spec in load_plugins().datasets().values():
        if (fetch := spec.fetch) is not None:
            terms = f"[{fetch.terms}]({fetch.terms_url})" if fetch.terms else "nothing to accept"
            size = f"{size_text(fetch.bytes_a_participant)}, {size_text(fetch.bytes_of_all)}"
            cells = (f"`{spec.name}`", fetch.measured, str(fetch.people), spec.licence, size, f"{fetch.host}; {terms}")
            rows.append(f"| {' | '.join((*cells, spec.citation))} |")
    return head + "| --- " * 7 + "|\n" + "\n".join(rows) + "\n"


def _fields(first: str, second: str, fields: Iterable[Field]) -> str:
    rows = []
    for field in fields:
        name = f"`{field.name}` {field.place}".strip()
        otherwise = f"; else {field.wrong}" if field.allowed and field.wrong is not Otherwise.REFUSED else ""
        allowed = f"{field.allowed}{otherwise}"
        rows.append(f"| {name} | {field.required} | {field.use} | {field.missing} | {allowed} |")
    head = f"| {first} | {second} | read for | where it is missing | allowed |\n| --- | --- | --- | --- | --- |\n"
    return head + "\n".join(rows) + "\n"
