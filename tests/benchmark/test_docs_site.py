"""The built documentation: complete, and asking no other host for anything."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import pytest
from tests.benchmark.docs_reader import DOCS

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow

LOADING = {"script": "src", "img": "src", "link": "href", "iframe": "src", "source": "src", "video": "src"}


class Requests(HTMLParser):
    """Collects what a browser would fetch for a page."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        address = dict(attrs).get(LOADING.get(tag, ""))
        if address and dict(attrs).get("rel") not in {"canonical", "next", "prev"}:
            self.addresses.append(address)

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("mkdocs", reason="the documentation's builder is not installed")
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--quiet", "--strict", "--site-dir", str(folder)]
    environment = os.environ | {"NO_MKDOCS_2_WARNING": "1"}
    result = subprocess.run(command, cwd=DOCS.parent, env=environment, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    return folder


def test_every_page_is_there_and_no_generated_part_is_left_open(site: Path) -> None:
    for page in DOCS.rglob("*.md"):
        text = (site / page.relative_to(DOCS).with_suffix(".html")).read_text(encoding="utf-8")
        assert "<!-- petbench:" not in text, page.name
    assert not (site / "generator").exists()


def test_every_page_can_be_reached_from_the_first(site: Path) -> None:
    first = (site / "index.html").read_text(encoding="utf-8")
    pages = {page.relative_to(DOCS).with_suffix(".html").as_posix() for page in DOCS.rglob("*.md")} - {"index.html"}
    assert {page for page in pages if f'href="{page}"' not in first} == set()


def test_no_page_asks_another_host_for_anything(site: Path) -> None:
    pages = list(site.rglob("*.html"))
    assert len(pages) >= 10
    for page in pages:
        reader = Requests()
        reader.feed(page.read_text(encoding="utf-8"))
        assert reader.addresses
        assert not [address for address in reader.addresses if re.match(r"(\w+:)?//", address)], page.name
    for sheet in site.rglob("*.css"):
        assert not re.findall(r"(?:url\(|@import\s+)[\"']?(?:https?:)?//", sheet.read_text(encoding="utf-8")), sheet


def test_a_reader_of_the_site_finds_the_help_of_a_command_and_the_formula_of_a_metric(site: Path) -> None:
    commands, protocol = Requests(), Requests()
    commands.feed((site / "commands.html").read_text(encoding="utf-8"))
    protocol.feed((site / "protocol.html").read_text(encoding="utf-8"))
    assert "Usage: petbench leaderboard accept [OPTIONS] SUBMISSION" in commands.text
    assert "10 log10(20² / mean over body of (clip(p) − clip(r))²)" in protocol.text
