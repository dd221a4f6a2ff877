"""The first page of a site: every board with what it opens with, its scores, times and charts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Self

from petbench_leaderboard.report.site.board_table import view_board
from petbench_leaderboard.report.site.opening import view_opening
from petbench_leaderboard.report.site.pages import as_json, write_page
from petbench_leaderboard.report.site.pareto import board_chart
from petbench_leaderboard.report.site.part_tables import contrast_tables, subgroup_table
from petbench_leaderboard.report.site.people_table import view_people
from petbench_leaderboard.report.site.staging import INDEX
from petbench_leaderboard.report.site.time_view import view_times, write_profiles
from petbench_leaderboard.statistics.analysis import analyse
from petbench_leaderboard.timing.profiles import time_profiles
from petbench_leaderboard.timing.tables import board_times

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path

    from petbench_datasets.dataset.cohort import PartFacts
    from petbench_leaderboard.board import Board
    from petbench_leaderboard.records import RunRow
    from petbench_leaderboard.report.site.opening import OpeningFigure
    from petbench_leaderboard.report.site.participant_pages import ParticipantLink
    from petbench_leaderboard.store import Leaderboard
    from petbench_leaderboard.timing.profiles import Profiles


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstPage:
    """All that the first page says of the boards, computed once; where it links to is known only when it is written."""

    title: str
    keys: Sequence[str]
    values: Mapping[str, object]
    profiles: Sequence[Profiles]

    @classmethod
    def of(cls, leaderboard: Leaderboard, boards: Sequence[Board], title: str) -> Self:
        """Compute it.

        Args:
            leaderboard: where the boards are from.
            boards: in order.
            title: the page's heading.
        """
        statistics = [analyse(board) for board in boards]
        views = [view_board(board, found) for board, found in zip(boards, statistics, strict=True)]
        keys = [view.key for view in views]
        openings = [view_opening(board, found) for board, found in zip(boards, statistics, strict=True)]
        charts = {key: chart for key, board in zip(keys, boards, strict=True) if (chart := board_chart(board))}
        times = [board_times(leaderboard, board) for board in boards]
        profiles = time_profiles(times)
        values = {
            "boards": views,
            "charts": {key: as_json(chart.item) for key, chart in charts.items()},
            "chart_words": {key: chart.description for key, chart in charts.items()},
            "chart_titles": {key: chart.title for key, chart in charts.items()},
            "openings": dict(zip(keys, openings, strict=True)),
            "subgroups": {key: subgroup_table(board) for key, board in zip(keys, boards, strict=True)},
            "contrasts": {key: contrast_tables(leaderboard, board) for key, board in zip(keys, boards, strict=True)},
            "times": {key: view for key, each in zip(keys, times, strict=True) if (view := view_times(each, profiles))},
        }
        return cls(title=title, keys=keys, values=values, profiles=profiles)

    def write(
        self,
        folder: Path,
        *,
        runs: Collection[int] = (),
        participants: Mapping[int, Sequence[ParticipantLink]] = MappingProxyType({}),
        figures: Mapping[int, OpeningFigure] = MappingProxyType({}),
        people: Mapping[int, Sequence[PartFacts]] = MappingProxyType({}),
        in_progress: Sequence[RunRow] = (),
        others_follow: bool = False,
    ) -> Path:
        """Write the page and return its path; it links to what is named here and to nothing else.

        Args:
            folder: of the site.
            runs: numbers of the runs that have a page.
            participants: links to participants, by the board's place.
            figures: what boards open with, by the same.
            people: who is in the boards' cohorts, by the same.
            in_progress: runs that go on while the page is looked at.
            others_follow: whether the pages that it should link to are written after it; the page says so.
        """
        path = folder / INDEX
        write_page(
            path,
            "index.html.j2",
            root=".",
            title=self.title,
            runs=runs,
            participants={self.keys[place]: links for place, links in participants.items()},
            figures={self.keys[place]: figure for place, figure in figures.items()},
            people={self.keys[place]: view_people(parts) for place, parts in people.items() if parts},
            profiles=write_profiles(self.profiles, folder),
            in_progress=in_progress,
            others_follow=others_follow,
            made=datetime.now(UTC).strftime("%d %B %Y, %H:%M UTC"),
            **self.values,
        )
        return path
