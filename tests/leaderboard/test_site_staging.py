"""A site changes as a whole, and of a new one the first page is there before the others."""

from __future__ import annotations

import multiprocessing
import os
import re
from typing import TYPE_CHECKING

import pytest
from tests.leaderboard.conftest import ImagesAtHand

from petbench_leaderboard.report.site.build import SiteOptions, write_site
from petbench_leaderboard.report.site.staging import staged

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from tests.leaderboard.conftest import AddRun, MakeImages

    from petbench_datasets.dataset.cohort import PartFacts
    from petbench_leaderboard.board import Board
    from petbench_leaderboard.records import RunRow
    from petbench_leaderboard.report.images import ParticipantImages
    from petbench_leaderboard.report.site.sources import RunFiles
    from petbench_leaderboard.store import Leaderboard

WHO = {"sub-01": 30.0, "sub-02": 31.0}


class Breaks(ImagesAtHand):
    """Fails at one of the two kinds of pages."""

    def __init__(self, where: str, *images: ParticipantImages) -> None:
        super().__init__(*images)
        self.where = where

    def run_files(self, run: RunRow) -> RunFiles:
        if self.where == "runs":
            raise KeyboardInterrupt
        return super().run_files(run)

    def people(self, board: Board) -> Sequence[PartFacts]:
        return ()

    def participants(self, boards: Sequence[Board]) -> Iterable[ParticipantImages]:
        yield from super().participants(boards)
        if self.where == "participants":
            raise OSError(28, "No space left on device")


def _content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def _broken_links(folder: Path) -> set[str]:
    html = (folder / "index.html").read_text(encoding="utf-8")
    named = set(re.findall(r'(?:href|src)="([^"#:]+)"', html))
    return {name for name in named if not (folder / name).is_file()}


@pytest.fixture
def images(add_run: AddRun, make_images: MakeImages) -> list[ParticipantImages]:
    for method in ("identity", "pix2pix"):
        add_run(method, WHO)
    return [make_images(who) for who in WHO]


def test_of_a_new_site_the_first_page_can_be_read_before_any_other_is_written(
    leaderboard: Leaderboard, images: list[ParticipantImages], tmp_path: Path
) -> None:
    told: list[str] = []

    def first(page: Path) -> None:
        assert page == tmp_path / "site" / "index.html"
        assert _broken_links(page.parent) == set()
        assert not (page.parent / "runs").exists()
        html = page.read_text(encoding="utf-8")
        assert "pix2pix" in html
        assert "is replaced by one that links to them" in html
        told.append("first")

    write_site(
        leaderboard, ImagesAtHand(*images), tmp_path / "site", first=first, progress=lambda what, *_: told.append(what)
    )
    assert told[0] == "first"
    assert {what.split()[0] for what in told[1:]} == {"writing", "drawing"}
    whole = (tmp_path / "site" / "index.html").read_text(encoding="utf-8")
    assert "is replaced by one that links to them" not in whole
    assert _broken_links(tmp_path / "site") == set()
    assert 'href="runs/1.html"' in whole


@pytest.mark.parametrize("where", ["runs", "participants"])
def test_a_site_stays_byte_for_byte_where_a_new_one_does_not_come_to_its_end(
    where: str, leaderboard: Leaderboard, images: list[ParticipantImages], add_run: AddRun, tmp_path: Path
) -> None:
    site = tmp_path / "site"
    write_site(leaderboard, ImagesAtHand(*images), site)
    (site / "theirs.txt").write_text("a note of the user's")
    before = _content(site)
    add_run("cyclegan", WHO)
    with pytest.raises(KeyboardInterrupt if where == "runs" else OSError):
        write_site(leaderboard, Breaks(where, *images), site, options=SiteOptions(title="another"))
    assert _content(site) == before
    write_site(leaderboard, ImagesAtHand(*images), site, options=SiteOptions(title="another"))
    after = _content(site)
    assert b"cyclegan" in after["index.html"]
    assert after.keys() - before.keys() == {"runs/3.html"}
    assert after["theirs.txt"] == before["theirs.txt"]


@pytest.mark.parametrize("where", ["runs", "participants"])
def test_a_first_page_whose_others_never_came_says_so_and_links_to_nothing(
    where: str, leaderboard: Leaderboard, images: list[ParticipantImages], tmp_path: Path
) -> None:
    site = tmp_path / "site"
    with pytest.raises(KeyboardInterrupt if where == "runs" else OSError):
        write_site(leaderboard, Breaks(where, *images), site)
    assert "were not written yet" in (site / "index.html").read_text(encoding="utf-8")
    assert _broken_links(site) == set()


def test_what_a_killed_writer_left_is_removed_by_the_next_and_a_living_ones_is_not(tmp_path: Path) -> None:
    def die() -> None:
        with staged(tmp_path) as stage:
            (stage / "half.html").write_text("half")
            os._exit(1)

    killed = multiprocessing.get_context("fork").Process(target=die)
    killed.start()
    killed.join()
    assert len(list(tmp_path.glob(".partial-site-*/half.html"))) == 1
    with staged(tmp_path) as living:
        (living / "a.html").write_text("a")
        assert list(tmp_path.glob(".partial-*")) == [living]
        with staged(tmp_path) as other:
            (other / "b.html").write_text("b")
            assert set(tmp_path.glob(".partial-*")) == {living, other}
    assert _content(tmp_path) == {"a.html": b"a", "b.html": b"b"}


def test_the_first_page_takes_its_place_after_all_that_it_links_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pathlib import Path as Paths

    places: list[str] = []
    replace = Paths.replace

    def noted(path: Path, target: Path) -> Path:
        places.append(str(target.relative_to(tmp_path)))
        return replace(path, target)

    monkeypatch.setattr(Paths, "replace", noted)
    with staged(tmp_path) as stage:
        for name in ("index.html", "runs/1.html", "zebra/index.html", "a.js"):
            (stage / name).parent.mkdir(exist_ok=True)
            (stage / name).write_text(name)
    assert places[-1] == "index.html"
    assert sorted(places) == ["a.js", "index.html", "runs/1.html", "zebra/index.html"]
