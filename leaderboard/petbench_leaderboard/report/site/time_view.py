"""Times to the target as the site shows them: a table in each board, and profiles over all boards below them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from petbench_leaderboard.report import times as written
from petbench_leaderboard.report.formatting import MISSING
from petbench_leaderboard.report.profile_figure import MOST_DRAWN, draw_profiles
from petbench_leaderboard.report.site.board_table import row_slug
from petbench_leaderboard.report.site.pages import write_file
from petbench_leaderboard.timing.targets import board_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from petbench_leaderboard.cached_means import BoardKey
    from petbench_leaderboard.timing.profiles import Profiles
    from petbench_leaderboard.timing.tables import BoardTimes, TimeRow, TimeTable


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeRowView:
    """One written row; `key` is that of the same row in the ranking, empty where it stands in none."""

    key: str
    method: str
    kind: str
    variant: bool
    settings: str
    arrive: str
    seconds: str
    span: str
    over_the_fastest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeTableView:
    """One written table."""

    title: str
    rows: list[TimeRowView]


@dataclass(frozen=True, slots=True, kw_only=True)
class TimesView:
    """All that a board shows of times to the target."""

    tables: list[TimeTableView]
    clock: str
    notes: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfilesView:
    """Performance profiles on one hardware: a table and its figure, or why there are none."""

    title: str
    place: str
    why_not: str
    rows: list[list[str]]
    file: str
    width: int
    height: int
    description: str
    caption: str


def _without_protocol(key: BoardKey) -> tuple[str, str, str, str, str]:
    dataset, fingerprint, split, digest, _, task = key
    return dataset, fingerprint, split, digest, task


def view_times(times: BoardTimes, profiles: Sequence[Profiles] = ()) -> TimesView | None:
    """Write the times of a board; None where no method competes, so that there is nothing to say.

    Args:
        times: of the board.
        profiles: of all boards; why there is none is said here where it is over folds of this board alone.
    """
    alone = [each for each in profiles if each.boards == {_without_protocol(board_of(times.board))}]
    notes = [*written.notes(times), *filter(None, map(written.why_no_profile, alone))]
    if not times.tables and not notes:
        return None
    keys = {row.run.run_group: row_slug(row) for row in times.board.rows}
    tables = [
        TimeTableView(title=written.title(table), rows=[_row(table, row, keys) for row in table.rows])
        for table in times.tables
    ]
    return TimesView(tables=tables, clock=written.CLOCK, notes=notes)


def _row(table: TimeTable, row: TimeRow, keys: dict[str, str]) -> TimeRowView:
    return TimeRowView(
        key=keys.get(row.run.run_group, ""),
        method=row.run.method,
        kind="competitor" if row.stands else "unranked",
        variant=not row.stands,
        settings=written.settings(table, row),
        arrive=written.arrive(table, row),
        seconds=written.seconds(row.seconds),
        span=written.span(row) or MISSING,
        over_the_fastest=written.over_the_fastest(table, row),
    )


def write_profiles(profiles: Sequence[Profiles], folder: Path) -> list[ProfilesView]:
    """Write the profiles and draw their figures into the site; of one board it is said there why there is none."""
    return [_profiles(each, folder) for each in profiles if each.compares or len(each.boards) > 1]


def _profiles(profiles: Profiles, folder: Path) -> ProfilesView:
    title, place, why_not = (
        say(profiles) for say in (written.profile_title, written.profile_place, written.why_no_profile)
    )
    if why_not:
        return ProfilesView(
            title=title, place=place, why_not=why_not, rows=[], file="", width=0, height=0, description="", caption=""
        )
    figure = draw_profiles(profiles)
    key = hashlib.sha256("\0".join((str(profiles.protocol), profiles.task, profiles.hardware)).encode()).hexdigest()[
        :10
    ]
    write_file(folder / "figures" / f"profile-{key}.webp", figure.webp)
    profiled = sum(entry.profile is not None for entry in profiles.entries)
    drawn = f" Drawn are the best {MOST_DRAWN} of {profiled}." if profiled > MOST_DRAWN else ""
    return ProfilesView(
        title=title,
        place=place,
        why_not="",
        rows=[written.profile_cells(profiles, entry) for entry in profiles.entries],
        file=f"figures/profile-{key}.webp",
        width=figure.width,
        height=figure.height,
        description=figure.description,
        caption=written.PROFILE + drawn,
    )
