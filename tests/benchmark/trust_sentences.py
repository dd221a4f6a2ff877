"""The sentences of SECURITY.md and docs/trust.md, each with the heading that it stands under."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
PAGES = ("SECURITY.md", "docs/trust.md")


class Sentence(NamedTuple):
    """One sentence, in one line, without marks of Markdown."""

    page: str
    heading: str
    text: str


def sentences() -> list[Sentence]:
    """Return every sentence of both pages, in their order; those of a table after the first cell of their row."""
    return [sentence for page in PAGES for sentence in _of_page(page, (ROOT / page).read_text(encoding="utf-8"))]


def _of_page(page: str, text: str) -> list[Sentence]:
    found: list[Sentence] = []
    heading, paragraph = "", list[str]()

    def end() -> None:
        found.extend(Sentence(page, heading, each) for each in _split(" ".join(paragraph)))
        paragraph.clear()

    lines = text.splitlines()
    for number, line in enumerate(lines):
        following = lines[number + 1] if number + 1 < len(lines) else ""
        if line.startswith("#"):
            end()
            heading = line.lstrip("# ")
        elif line.startswith("|"):
            end()
            if set(line) - set("|-: ") and not following.startswith("| ---"):
                cells = [_plain(cell) for cell in line.strip("| ").split(" | ")]
                found += [Sentence(page, heading, f"{cells[0]}: {each}") for cell in cells[1:] for each in _split(cell)]
        elif not line.strip():
            end()
        else:
            if line.startswith("- "):
                end()
            paragraph.append(line.strip().removeprefix("- "))
    end()
    return found


def _split(text: str) -> list[str]:
    return [each for each in re.split(r"(?<=[.!?])\s+(?=[A-Z`*])", _plain(text)) if each]


def _plain(text: str) -> str:
    return re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", text).replace("**", "").replace("*", "").strip()
