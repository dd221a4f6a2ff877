"""A served site is read while it is written: at first its first page, later the site before."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from petbench_leaderboard.report.site import live
from petbench_leaderboard.report.site.live import LiveSite

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from petbench_datasets.progress import Progress

Start = Callable[..., LiveSite]


class Writing:
    """Writes when it is told to, and counts."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.begun, self.ended = folder, 0, 0
        self.go_on, self.stopped = threading.Event(), threading.Event()

    def __call__(self, *, progress: Progress, first: Callable[[Path], object]) -> None:
        self.begun += 1
        if not (self.folder / "index.html").exists():
            (self.folder / "index.html").write_text("first")
            first(self.folder / "index.html")
        while not self.go_on.wait(0.01):
            try:
                progress("writing", 1, 2)
            except InterruptedError:
                self.stopped.set()
                raise
        (self.folder / "index.html").write_text(f"whole {self.begun}")
        self.ended += 1


@pytest.fixture
def write(tmp_path: Path) -> Writing:
    return Writing(tmp_path)


@pytest.fixture
def start(monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    monkeypatch.setattr(live, "PATIENCE_SECONDS", 0.05)
    opened: list[LiveSite] = []

    def make(state: Callable[[], object], write: live.WriteSite) -> LiveSite:
        opened.append(LiveSite(state, write))
        return opened[-1]

    yield make
    for site in opened:
        site.close()


def test_the_first_page_is_read_while_the_others_are_written_once(start: Start, write: Writing, tmp_path: Path) -> None:
    site = start(lambda: 1, write)
    for _ in range(3):
        site.refresh()
        assert (tmp_path / "index.html").read_text() == "first"
    write.go_on.set()
    while write.ended == 0:
        site.refresh()
    assert (write.begun, (tmp_path / "index.html").read_text()) == (1, "whole 1")


def test_the_site_before_is_read_while_the_next_is_written(start: Start, write: Writing, tmp_path: Path) -> None:
    states = [1]
    site = start(lambda: states[0], write)
    write.go_on.set()
    while write.ended == 0:
        site.refresh()
    write.go_on.clear()
    states[0] = 2
    site.refresh()
    assert (write.begun, (tmp_path / "index.html").read_text()) == (2, "whole 1")
    write.go_on.set()
    while write.ended == 1:
        site.refresh()
    assert (tmp_path / "index.html").read_text() == "whole 2"


def test_what_a_writing_raises_is_raised_to_whoever_waits_and_the_next_reader_has_it_tried_again(start: Start) -> None:
    tried: list[int] = []

    def fail(**_: object) -> None:
        tried.append(1)
        raise OSError(28, "No space left on device")

    site = start(lambda: 1, fail)
    for times in (1, 2):
        with pytest.raises(OSError, match="No space"):
            site.refresh()
        assert len(tried) == times


def test_closing_ends_a_writing_at_its_next_step(start: Start, write: Writing) -> None:
    site = start(lambda: 1, write)
    site.refresh()
    site.close()
    assert write.stopped.is_set()
    assert write.ended == 0
