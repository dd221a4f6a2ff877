"""The site: a leaderboard, a page a run and a page a participant, as files that open from a double-click."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from types import MappingProxyType
from typing import TYPE_CHECKING

from petbench_leaderboard.errors import LeaderboardError, RequestError
from petbench_leaderboard.ranking import rank
from petbench_leaderboard.report.site.board_table import view_board
from petbench_leaderboard.report.site.opening import OpeningFigure, view_opening, write_opening_figure
from petbench_leaderboard.report.site.organ_tables import organ_tables
from petbench_leaderboard.report.site.pages import as_json, write_assets, write_page
from petbench_leaderboard.report.site.pareto import board_chart
from petbench_leaderboard.report.site.part_tables import contrast_tables, subgroup_table
from petbench_leaderboard.report.site.participant_pages import (
    ParticipantLink,
    choose_participants,
    median_participant,
    write_participant,
)
from petbench_leaderboard.report.site.run_pages import identity_scores, shown_runs, write_run
from petbench_leaderboard.report.site.time_view import view_times, write_profiles
from petbench_leaderboard.statistics.analysis import analyse
from petbench_leaderboard.timing.profiles import time_profiles
from petbench_leaderboard.timing.tables import board_times

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from petbench_leaderboard.board import Board
    from petbench_leaderboard.records import RunRow
    from petbench_leaderboard.report.site.sources import Sources
    from petbench_leaderboard.report.site.time_view import ProfilesView, TimesView
    from petbench_leaderboard.report.site.views import MethodTable
    from petbench_leaderboard.store import Leaderboard

INDEX = "index.html"
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
        where: only rows that fulfil this condition.
        title: heading of the first page.
        participants: how many participants of a board get a page; of more, the worst, median and best do.
    """

    dataset: str | None = None
    split: str | None = None
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
) -> Path:
    """Write the whole site and return the path of its first page.

    Everything from plugins and users is escaped; no page runs a script that is no file of the site, or asks a network.

    Args:
        leaderboard: where the runs are.
        sources: where run folders and images are.
        folder: where the site goes; pages of an earlier one there are written over, other files are left alone.
        options: what to show.
        progress: is given what is done: description, done, total.

    Raises:
        LeaderboardError: the folder holds another site, whose first page would be lost.
        RequestError: nothing on the leaderboard is what the options ask for.
    """
    options = options or SiteOptions()
    boards = site_boards(leaderboard, folder, options)
    drawn = Drawn()
    for place, board in enumerate(boards):
        most = len(choose_participants(board, options.participants))
        for done, (link, figure) in enumerate(
            draw_participants(leaderboard, board, sources, folder, options.participants), start=1
        ):
            drawn.add(place, link, figure)
            progress(f"drawing participants of {board.dataset}", done, max(done, most))
    runs, identity = shown_runs(boards), identity_scores(boards)
    for done, number in enumerate(runs, start=1):
        write_run(leaderboard, sources, folder, leaderboard.run(number), identity)
        progress("writing run pages", done, len(runs))
    return write_first_page(leaderboard, boards, folder, options=options, drawn=drawn)


@dataclass(frozen=True, slots=True)
class Drawn:
    """What was drawn of participants, by the place of their board.

    Attributes:
        links: to participants' pages.
        figures: for the first page.
    """

    links: dict[int, list[ParticipantLink]] = field(default_factory=lambda: defaultdict(list))
    figures: dict[int, OpeningFigure] = field(default_factory=dict)

    def add(self, place: int, link: ParticipantLink, figure: OpeningFigure | None) -> None:
        """Add a participant of the board at a place."""
        self.links[place].append(link)
        if figure is not None:
            self.figures[place] = figure


def site_boards(leaderboard: Leaderboard, folder: Path, options: SiteOptions) -> list[Board]:
    """Return the boards that a site shows, once its folder has its style and scripts.

    Raises:
        LeaderboardError: the folder holds another site, whose first page would be lost.
        RequestError: nothing on the leaderboard is what the options ask for.
    """
    _refuse_foreign(folder / INDEX)
    boards = rank(leaderboard, dataset=options.dataset, split=options.split, where=options.where, best=ROWS_SHOWN)
    if not boards and options.where is not None:
        raise RequestError(f"no row fulfils {options.where!r}: a site of it would be empty; widen the condition")
    write_assets(folder / "assets")
    return boards


def write_first_page(
    leaderboard: Leaderboard,
    boards: Sequence[Board],
    folder: Path,
    *,
    options: SiteOptions,
    drawn: Drawn,
    in_progress: Sequence[RunRow] = (),
) -> Path:
    """Write the first page with all that it links to, and return its path.

    Args:
        leaderboard: where the runs are.
        boards: in order.
        folder: where.
        options: of the site.
        drawn: of participants.
        in_progress: runs that go on while the page is looked at.
    """
    times = [board_times(leaderboard, board) for board in boards]
    over_problems = time_profiles(times)
    return write_index(
        boards,
        folder,
        options=options,
        runs=set(shown_runs(boards)),
        participants=drawn.links,
        figures=drawn.figures,
        contrasts={place: contrast_tables(leaderboard, board) for place, board in enumerate(boards)},
        times={place: view for place, each in enumerate(times) if (view := view_times(each, over_problems))},
        profiles=write_profiles(over_problems, folder),
        in_progress=in_progress,
    )


def _refuse_foreign(index: Path) -> None:
    if index.exists() and GENERATOR not in index.read_bytes()[:4096]:
        raise LeaderboardError(f"{index} is no page of petbench's and would be lost; name another folder")


def write_index(
    boards: Sequence[Board],
    folder: Path,
    *,
    options: SiteOptions,
    runs: set[int],
    participants: Mapping[int, Sequence[ParticipantLink]],
    figures: Mapping[int, OpeningFigure] = MappingProxyType({}),
    contrasts: Mapping[int, Sequence[MethodTable]] = MappingProxyType({}),
    times: Mapping[int, TimesView] = MappingProxyType({}),
    profiles: Sequence[ProfilesView] = (),
    in_progress: Sequence[RunRow] = (),
) -> Path:
    """Write the first page alone.

    Args:
        boards: in order.
        folder: where.
        options: of the site.
        runs: numbers of the runs that have a page.
        participants: links to participants, by the board's place in `boards`.
        figures: what boards open with, by the same.
        contrasts: tables of lesions by contrast, by the same.
        times: to the target, by the same.
        profiles: of these times over several problems.
        in_progress: runs that go on while the page is looked at.
    """
    statistics = [analyse(board) for board in boards]
    views = [view_board(board, found) for board, found in zip(boards, statistics, strict=True)]
    openings = [view_opening(board, found) for board, found in zip(boards, statistics, strict=True)]
    keys = [view.key for view in views]
    pareto = {view.key: item for board, view in zip(boards, views, strict=True) if (item := board_chart(board))}
    path = folder / INDEX
    write_page(
        path,
        "index.html.j2",
        root=".",
        title=options.title,
        boards=views,
        charts={key: as_json(chart.item) for key, chart in pareto.items()},
        chart_words={key: chart.description for key, chart in pareto.items()},
        chart_titles={key: chart.title for key, chart in pareto.items()},
        runs=runs,
        openings=dict(zip(keys, openings, strict=True)),
        figures={keys[place]: figure for place, figure in figures.items()},
        subgroups={key: subgroup_table(board) for key, board in zip(keys, boards, strict=True)},
        contrasts={keys[place]: tables for place, tables in contrasts.items()},
        times={keys[place]: view for place, view in times.items()},
        profiles=profiles,
        in_progress=in_progress,
        participants={keys[place]: links for place, links in participants.items()},
        made=datetime.now(UTC).strftime("%d %B %Y, %H:%M UTC"),
    )
    return path


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
