"""The site while runs go on: its first page at once, pictures as there is time, a run's page when it is asked for."""

from __future__ import annotations

import re
import threading
from typing import TYPE_CHECKING

from petbench_leaderboard.errors import LeaderboardError
from petbench_leaderboard.report.site.board_table import board_slug
from petbench_leaderboard.report.site.build import Drawn, draw_participants, site_boards
from petbench_leaderboard.report.site.first_page import FirstPage
from petbench_leaderboard.report.site.pages import write_assets
from petbench_leaderboard.report.site.run_pages import identity_scores, run_page, shown_runs, write_run

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from petbench_leaderboard.board import Board
    from petbench_leaderboard.records import RunRow
    from petbench_leaderboard.report.site.build import SiteOptions
    from petbench_leaderboard.report.site.run_pages import IdentityScores
    from petbench_leaderboard.report.site.sources import Sources
    from petbench_leaderboard.store import Leaderboard

IN_PROGRESS = ("planned", "running")
MOST_SHOWN = 50
"""Runs in progress on the first page."""

_RUN_PAGE = re.compile(r"/runs/(\d{1,9})\.html")


class LiveSite:
    """What a server of the site writes, and when.

    Args:
        leaderboard: where the runs are.
        sources: where run folders and images are.
        folder: of the site.
        options: what to show.
    """

    def __init__(self, leaderboard: Leaderboard, sources: Sources, folder: Path, options: SiteOptions) -> None:
        self._leaderboard, self._sources, self._folder, self._options = leaderboard, sources, folder, options
        self._boards: list[Board] = []
        self._drawn: dict[str, tuple[object, Drawn]] = {}
        self._identity: IdentityScores = {}
        self._run_pages: dict[int, object] = {}
        self._one_page = threading.Lock()

    def state(self) -> object:
        """Return what differs when the first page would."""
        return self._leaderboard.state()

    def write(self) -> None:
        """Write the first page, with those pictures that are there already.

        Raises:
            PetbenchError: there is nothing to show, or no place to show it.
        """
        self._boards = site_boards(self._leaderboard, self._folder, self._options)
        self._identity = identity_scores(self._boards)
        self._page = FirstPage.of(self._leaderboard, self._boards, self._options.title)
        write_assets(self._folder / "assets")
        self._write_first_page()

    def draw(self) -> Iterator[None]:
        """Draw, one at a time, the participants whose boards have other rows than when they were drawn last."""
        for board in self._boards:
            key, (last, _) = _drawn_by(board), self._drawn.get(board_slug(board), (None, None))
            if key == last:
                continue
            drawn = Drawn()
            drawn.people[0] = self._sources.people(board)
            for link, figure in draw_participants(
                self._leaderboard, board, self._sources, self._folder, self._options.participants
            ):
                drawn.add(0, link, figure)
                yield
            self._drawn[board_slug(board)] = key, drawn
            self._write_first_page()

    def write_page(self, path: str) -> bool:
        """Write the page of a run that somebody asks for; return whether it will soon be another.

        Args:
            path: of the request.
        """
        match = _RUN_PAGE.fullmatch(path)
        if match is None:
            return False
        try:
            run = self._leaderboard.run(int(match[1]))
        except LeaderboardError:
            return False
        going_on = run.status in IN_PROGRESS
        with self._one_page:
            state = None if going_on else self._leaderboard.state()
            if going_on or self._run_pages.get(run.id) != state or not run_page(self._folder, run.id).exists():
                write_run(self._leaderboard, self._sources, self._folder, run, self._identity)
                self._run_pages[run.id] = state
        return going_on

    def _write_first_page(self) -> None:
        drawn = Drawn()
        for place, board in enumerate(self._boards):
            _, there = self._drawn.get(board_slug(board), (None, Drawn()))
            drawn.links[place] = there.links[0]
            drawn.people[place] = there.people.get(0, ())
            for figure in there.figures.values():
                drawn.figures[place] = figure
        self._page.write(
            self._folder,
            runs=set(shown_runs(self._boards)),
            participants=drawn.links,
            figures=drawn.figures,
            in_progress=self._in_progress(),
        )

    def _in_progress(self) -> Sequence[RunRow]:
        return [
            run
            for status in IN_PROGRESS
            for run in self._leaderboard.runs(
                dataset=self._options.dataset, split=self._options.split, status=status, limit=MOST_SHOWN
            )
        ]


def _drawn_by(board: Board) -> object:
    """Return what decides the pictures of a board's participants and the scores beside them."""
    rows = tuple((row.run_ids, tuple(cell.mean for cell in row.cells.values())) for row in board.rows)
    return board.fingerprint, board.participants, rows
