"""The site: a leaderboard, a page a run and a page a participant, as files that open from a double-click."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from petbench_leaderboard.errors import LeaderboardError, RequestError
from petbench_leaderboard.ranking import rank
from petbench_leaderboard.report.site.first_page import FirstPage
from petbench_leaderboard.report.site.opening import OpeningFigure, write_opening_figure
from petbench_leaderboard.report.site.organ_tables import organ_tables
from petbench_leaderboard.report.site.pages import as_json, write_assets, write_page
from petbench_leaderboard.report.site.participant_pages import (
    ParticipantLink,
    choose_participants,
    median_participant,
    write_participant,
)
from petbench_leaderboard.report.site.run_view import view_run
from petbench_leaderboard.report.site.staging import INDEX, staged
from petbench_leaderboard.score_records import of_newest_protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from petbench_leaderboard.board import Board
    from petbench_leaderboard.report.site.sources import Sources
    from petbench_leaderboard.store import Leaderboard

GENERATOR = b'name="generator" content="petbench"'
"""What every page of a site says of itself near its beginning."""
ROWS_SHOWN = 200
"""Rows of a board on the page: what a person reads, and what keeps it below two megabytes."""
RUN_PAGES = 400
"""Runs with a page of their own."""


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
    _refuse_foreign(folder / INDEX)
    boards = rank(leaderboard, dataset=options.dataset, split=options.split, where=options.where, best=ROWS_SHOWN)
    if not boards and options.where is not None:
        raise RequestError(f"no row fulfils {options.where!r}: a site of it would be empty; widen the condition")
    page = FirstPage.of(leaderboard, boards, options.title)
    if not (folder / INDEX).exists():
        with staged(folder) as stage:
            write_assets(stage / "assets")
            page.write(stage, others_follow=True)
        first(folder / INDEX)
    with staged(folder) as stage:
        write_assets(stage / "assets")
        participants, figures = _write_participants(leaderboard, boards, sources, stage, options, progress)
        runs = _write_runs(leaderboard, boards, sources, stage, progress)
        page.write(stage, runs=runs, participants=participants, figures=figures)
    return folder / INDEX


def _refuse_foreign(index: Path) -> None:
    if index.exists() and GENERATOR not in index.read_bytes()[:4096]:
        raise LeaderboardError(f"{index} is no page of petbench's and would be lost; name another folder")


def _write_runs(
    leaderboard: Leaderboard,
    boards: Sequence[Board],
    sources: Sources,
    folder: Path,
    progress: Callable[[str, float, float], None],
) -> set[int]:
    """Write a page for the runs of the best rows, then for those that failed; return their numbers."""
    wanted = [number for board in boards for row in board.rows for number in row.run_ids]
    wanted += [run.id for board in boards for run in board.unscored]
    chosen = list(dict.fromkeys(wanted))[:RUN_PAGES]
    identity = _identity_scores(boards)
    for done, number in enumerate(chosen, start=1):
        run = leaderboard.run(number)
        scores = of_newest_protocol(leaderboard.scores([number]))
        protocol = scores[0].protocol if scores else run.protocol
        page = view_run(
            run,
            scores,
            leaderboard.phases(number),
            sources.run_files(run),
            identity.get((run.fingerprint, protocol), {}),
            leaderboard.source_diff(number),
        )
        write_page(
            folder / "runs" / f"{number}.html",
            "run.html.j2",
            root="..",
            title=f"Run {number}: {run.method}",
            page=page,
            items=[as_json(chart.item) for chart in page.charts],
        )
        progress("writing run pages", done, len(chosen))
    return set(chosen)


def _identity_scores(boards: Sequence[Board]) -> dict[tuple[str, int], dict[tuple[str, str], float]]:
    """Return what the early image scores, by dataset and protocol, then by metric and participant."""
    found: dict[tuple[str, int], dict[tuple[str, str], float]] = defaultdict(dict)
    for board in boards:
        for row in board.rows:
            if row.is_identity:
                for column, cell in row.cells.items():
                    scores = {(column.metric, who): value for who, value in cell.values.items()}
                    found[board.fingerprint, board.protocol] |= scores
    return found


def _write_participants(
    leaderboard: Leaderboard,
    boards: Sequence[Board],
    sources: Sources,
    folder: Path,
    options: SiteOptions,
    progress: Callable[[str, float, float], None],
) -> tuple[dict[int, list[ParticipantLink]], dict[int, OpeningFigure]]:
    """Write a page for the chosen participants of every board, and draw the median one for the first page.

    Returns:
        Links, and the first page's figures, both by the board's place.
    """
    links: dict[int, list[ParticipantLink]] = defaultdict(list)
    figures: dict[int, OpeningFigure] = {}
    for place, board in enumerate(boards):
        chosen = choose_participants(board, options.participants)
        narrowed = replace(board, participants=tuple(chosen))
        organs = organ_tables(leaderboard, board, chosen)
        for done, images in enumerate(sources.participants([narrowed]), start=1):
            if images.participant in chosen:
                who, why = images.participant, chosen[images.participant]
                links[place].append(write_participant(images, board, why, folder, organs.get(who, ())))
                if who == median_participant(board):
                    figures[place] = write_opening_figure(images, board, folder)
            progress(f"drawing participants of {board.dataset}", done, max(done, len(chosen)))
    return links, figures
