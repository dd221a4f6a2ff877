"""The section of docs/performance.md that `make gpu-check` writes, and `make bench` keeps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from petbench_datasets.files import write_text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BEGIN = "## On a CUDA device"

INTRODUCTION = """\
Made by `make gpu-check` on the machine below. The same networks, batch and number of updates in every column, timed in
turn, in blocks of steps that are waited for once; images a second, and how many times the plain loop's that is. The
first steps of a compiled training take the seconds that stand under the table."""


PARTS = {
    "build": "the build of a dataset",
    "resume": "a deterministic training stopped and resumed",
    "methods": "every built-in method",
    "train": "the speed of training",
}


def section_of(page: Path) -> str:
    """Return the section as it stands in a page; empty where there is none."""
    text = page.read_text(encoding="utf-8") if page.exists() else ""
    return BEGIN + text.partition(BEGIN)[2] if BEGIN in text else ""


def write_section(facts: dict[str, Any], page: Path) -> None:
    """Put the section at the end of a page, in place of an older one."""
    text = page.read_text(encoding="utf-8") if page.exists() else ""
    before = text.partition(BEGIN)[0].rstrip()
    write_text(page, "\n".join([*([before, ""] if before else []), BEGIN, "", *_lines(facts)]) + "\n")


def _lines(facts: dict[str, Any]) -> Iterator[str]:
    yield INTRODUCTION
    yield ""
    yield from (f"- {name}: {value}" for name, value in facts["machine"].items())
    if facts.get("train"):
        yield from _training(facts["train"])
    yield ""
    if build := facts.get("build"):
        how = "on the device, whose bits are the CPU's" if build["used"] else "by the CPU: the device's bits differ"
        yield (
            f"- `petbench datasets build {build['dataset']}`: simulated {how}; the published fingerprint, in "
            f"{build['seconds']:.0f} s; by the CPU alone, with {build['cores']} cores, in "
            f"{build['cpu_seconds']:.0f} s."
        )
    for row in facts.get("resume", ()):
        same = "the same bytes in every prediction" if row["same_bits"] else "**other bytes** in the predictions"
        yield (
            f"- {row['method']} of {row['images']} images, `--deterministic`, stopped at {row['stopped_at']} and "
            f"resumed: {same} ({row['files']} files) as in the run that was not stopped."
        )
    if methods := facts.get("methods"):
        failed = [f"{row['method']}: {row['status']}" for row in methods if row["status"] != "ok"]
        yield (
            f"- {len(methods) - len(failed)} of {len(methods)} built-in methods trained, predicted and were scored "
            f"with `--deterministic`{'; not ' + '; '.join(failed) if failed else ''}."
        )
    yield from (f"- `{command}`: {said}" for command, said in facts.get("also", {}).items())
    left_out = [what for name, what in PARTS.items() if name not in facts]
    if left_out:
        yield f"- not tried this time: {'; '.join(left_out)}."
    yield from (f"- **failed**: {line}" for line in facts["failed"])


def _training(rows: list[dict[str, Any]]) -> Iterator[str]:
    variants = list(dict.fromkeys(variant for row in rows for variant in row["variants"]))
    yield ""
    yield "| " + " | ".join(["training", "plain loop", *variants]) + " |"
    yield "|" + " --- |" * (len(variants) + 2)
    for row in rows:
        cells = [
            f"{row['variants'][name]:.0f} ({row['variants'][name] / row['plain']:.1f} times)"
            if name in row["variants"]
            else "not tried"
            for name in variants
        ]
        yield f"| {row['method']}, batch {row['batch']} | {row['plain']:.0f} | " + " | ".join(cells) + " |"
    yield ""
    first = [
        f"{row['method']}, batch {row['batch']}, {name} {row['first_seconds'][name]:.0f} s"
        for row in rows
        for name in row["first_seconds"]
        if name.startswith("compiled")
    ]
    if first:
        yield f"First five steps: {'; '.join(first)}."
