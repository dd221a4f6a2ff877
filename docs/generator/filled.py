"""The generated parts of the documentation's pages: what stands after a marker is what the code says today.

A part begins with a line `<!-- petbench: NAME -->` and ends with `<!-- petbench: end -->`, so that a page can be read
where it lies. `make pages` writes them anew. A marker without an end is filled in only when the site is built: the help
of every command is long.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from command_pages import command_reference
from contract_pages import check_list, class_reference, hook_reference, job_reference
from dataset_pages import cohort_reference, column_reference, dicom_reference, sidecar_reference, task_reference
from layer_pages import layer_reference
from protocol_pages import metric_reference
from python_pages import function_reference, object_reference

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_END = "<!-- petbench: end -->"
_PART = re.compile(
    rf"^(<!-- petbench: (?!end )([\w.-]+)(?: ([\w.]+))? -->)$(\n(?:(?!<!-- petbench: ).*\n)*?{_END}$)?",
    flags=re.MULTILINE,
)
_CODE = re.compile(r"`[^`]*`")

_GENERATORS: Mapping[str, Callable[[], str]] = {
    "commands": command_reference,
    "hooks": hook_reference,
    "checks": check_list,
    "job": job_reference,
    "columns": column_reference,
    "cohorts": cohort_reference,
    "dicom": dicom_reference,
    "sidecar": sidecar_reference,
    "tasks": task_reference,
    "metrics": metric_reference,
    "layers": layer_reference,
    "objects": object_reference,
}


def for_the_site(markdown: str) -> str:
    """Return a page with its generated parts in the place of their markers.

    Raises:
        ValueError: a marker names nothing that can be generated.
    """
    return _PART.sub(_generated, markdown)


def for_the_repository(markdown: str) -> str:
    """Return a page whose generated parts, between markers that stay, are up to date.

    Raises:
        ValueError: a marker names nothing that can be generated.
    """

    def filled(match: re.Match[str]) -> str:
        if match[4] is None:
            return match[0]
        text = "\n".join(map(_bars_escaped, _generated(match).strip().splitlines()))
        return f"{match[1]}\n\n{text}\n\n{_END}"

    return _PART.sub(filled, markdown)


def _generated(match: re.Match[str]) -> str:
    marker, name, argument = match[1], match[2], match[3]
    if name == "fields" and argument:
        return class_reference(argument)
    if name == "function" and argument:
        return function_reference(argument)
    if name not in _GENERATORS:
        raise ValueError(f"nothing generates {marker}")
    return _GENERATORS[name]()


def _bars_escaped(line: str) -> str:
    """Return a line of a table as GitHub reads it, where a bar within code is a border too."""
    if not line.startswith("|"):
        return line
    return _CODE.sub(lambda code: re.sub(r"(?<!\\)\|", r"\\|", code[0]), line)


def main(folder: Path) -> None:
    """Write the generated parts of the pages in a folder."""
    for page in sorted(folder.glob("*.md")):
        before = page.read_text(encoding="utf-8")
        after = for_the_repository(before)
        if after != before:
            page.write_text(after, encoding="utf-8")
            print(page.name)  # noqa: T201 - it is a command


if __name__ == "__main__":
    main(Path(sys.argv[1]))
