"""The site: a leaderboard, a page a run and a page a participant, as files that open from a double-click."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from petbench_leaderboard.errors import LeaderboardError, RequestError
from petbench_leaderboard.ranking import rank
from petbench_leaderboard.report.site.first_page import FirstPage
from petbench_leaderboard.report.site.opening import OpeningFigure, write_opening_figure
from petbench_leaderboard.report.site.organ_tables import organ_tables
from petbench_leaderboard.report.site.pages import write_assets
from petbench_leaderboard.report.site.participant_pages import (
    ParticipantLink,
    choose_participants,
    median_participant,
    write_participant,
)
from petbench_leaderboard.report.site.run_pages import identity_scores, shown_runs, write_run
from petbench_leaderboard.report.site.staging import INDEX, staged

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from petbench_datasets.dataset.cohort import PartFacts
    from petbench_leaderboard.board import Board
    from petbench_leaderboard.report.site.sources import Sources
    from petbench_leaderboard.store import Leaderboard

GENERATOR = b'name="generator" content="petbench"'
"""What every page of a site says of itself near its beginning."""
ROWS_SHOWN = 200
"""Rows of a board on the page: what a person reads, and what keeps it below two megabytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteOptions:
    """What of the leaderboard the site shows.

    Attributes:
        dataset: only this dataset.
        split: only this split.
        task: only this task.
        where: only rows that fulfil this condition.
        title: heading of the first page.
        participants: how many participants of a board get a page; of more, the worst, median and best do.
    """

    dataset: str | None = None
    split: str | None = None
    task: str | None = None
    where: str | None = None
    title: str = "Early to delayed PET: the leaderboard"
    participants: int = 6


def write_site(
    leaderboard: Leaderboard,
    sources: Sources,
    folder: Path,
    *,
    options: SiteOptions | None = None,
    progress: Callable[[str, float, float], None] = lambda *_: None,
    first: Callable[[Path], object] = lambda _: None,
) -> Path:
    """Write the whole site and return the path of its first page.

    Where there is none yet, the first page is written at once, without the links to what follows. A site that is
    there stays as it is until every file of the new one is written.

    Everything from plugins and users is escaped; no page runs a script that is no file of the site, or asks a network.

    Args:
        leaderboard: where the runs are.
        sources: where run folders and images are.
        folder: where the site goes; pages of an earlier one there are written over, other files are left alone.
        options: what to show.
        progress: is given what is done: description, done, total.
        first: is given the first page where it is there before the others.

    Raises:
        LeaderboardError: the folder holds another site, whose first page would be lost.
        RequestError: nothing on the leaderboard is what the options ask for.
    """
    options = options or SiteOptions()
    boards = site_boards(leaderboard, folder, options)
    page = FirstPage.of(leaderboard, boards, options.title)
    if not (folder / INDEX).exists():
        with staged(folder) as stage:
            write_assets(stage / "assets")
            page.write(stage, others_follow=True)
        first(folder / INDEX)
    with staged(folder) as stage:
        write_assets(stage / "assets")
        drawn = _write_participants(leaderboard, boards, sources, stage, options, progress)
        runs, identity = shown_runs(boards), identity_scores(boards)
        for done, number in enumerate(runs, start=1):
            write_run(leaderboard, sources, stage, leaderboard.run(number), identity)
            progress("writing run pages", done, len(runs))
        page.write(stage, runs=set(runs), participants=drawn.links, figures=drawn.figures, people=drawn.people)
    return folder / INDEX


@dataclass(frozen=True, slots=True)
class Drawn:
    """What was drawn of participants, by the place of their board.

    Attributes:
        links: to participants' pages.
        figures: for the first page.
        people: who is in the board's cohort, by part of its split.
    """

    links: dict[int, list[ParticipantLink]] = field(default_factory=lambda: defaultdict(list))
    figures: dict[int, OpeningFigure] = field(default_factory=dict)
    people: dict[int, Sequence[PartFacts]] = field(default_factory=dict)

    def add(self, place: int, link: ParticipantLink, figure: OpeningFigure | None) -> None:
        """Add a participant of the board at a place."""
        self.links[place].append(link)
        if figure is not None:
            self.figures[place] = figure


def site_boards(leaderboard: Leaderboard, folder: Path, options: SiteOptions) -> list[Board]:
    """Return the boards that a site shows.

    Raises:
        LeaderboardError: the folder holds another site, whose first page would be lost.
        RequestError: nothing on the leaderboard is what the options ask for.
    """
    index = folder / INDEX
    if index.exists() and GENERATOR not in index.read_bytes()[:4096]:
        raise LeaderboardError(f"{index} is no page of petbench's and would be lost; name another folder")
    boards = rank(
        leaderboard,
        dataset=options.dataset,
        split=options.split,
        task=options.task,
        where=options.where,
        best=ROWS_SHOWN,
    )
    if not boards and options.where is not None:
        raise RequestError(f"no row fulfils {options.where!r}: a site of it would be empty; widen the condition")
    return boards


def _write_participants(
    leaderboard: Leaderboard,
    boards: Sequence[Board],
    sources: Sources,
    folder: Path,
    options: SiteOptions,
    progress: Callable[[str, float, float], None],
) -> Drawn:
    drawn = Drawn()
    for place, board in enumerate(boards):
        drawn.people[place] = sources.people(board)
        most = len(choose_participants(board, options.participants))
        for done, (link, figure) in enumerate(
            draw_participants(leaderboard, board, sources, folder, options.participants), start=1
        ):
            drawn.add(place, link, figure)
            progress(f"drawing participants of {board.dataset}", done, max(done, most))
    return drawn


def draw_participants(
    leaderboard: Leaderboard, board: Board, sources: Sources, folder: Path, most: int
) -> Iterator[tuple[ParticipantLink, OpeningFigure | None]]:
    """Write a page for the chosen participants of a board, one at a time, and draw the median one for the first page.

    Yields:
        The link to a participant, and the first page's figure where it is the median one.
    """
    chosen = choose_participants(board, most)
    narrowed = replace(board, participants=tuple(chosen))
    organs = organ_tables(leaderboard, board, chosen)
    for images in sources.participants([narrowed]):
        if images.participant in chosen:
            who, why = images.participant, chosen[images.participant]
            link = write_participant(images, board, why, folder, organs.get(who, ()))
            yield link, write_opening_figure(images, board, folder) if who == median_participant(board) else None
