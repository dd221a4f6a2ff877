"""Times to the target on the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich import box
from rich.table import Table
from rich.text import Text

from petbench.cli.console import standard_output
from petbench_leaderboard.report import times as written
from petbench_leaderboard.report.formatting import counted
from petbench_leaderboard.report.publication.tables import board_title

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from petbench_leaderboard.timing.profiles import Profiles
    from petbench_leaderboard.timing.tables import BoardTimes


def print_times(times: Sequence[BoardTimes], profiles: Sequence[Profiles]) -> None:
    """Print the tables of each board with their notes, then the performance profiles."""
    console = standard_output()
    for each in times:
        console.print(Text(board_title(each.board), "bold"), soft_wrap=True)
        for table in each.tables:
            console.print(Text(written.title(table)), soft_wrap=True)
            shown = [written.cells(table, row) for row in table.rows]
            console.print(_table(written.HEAD, shown, texts=written.TEXTS))
        further = each.board.omitted and f"{counted(each.board.omitted, 'further row')}: --json gives all"
        for note in (written.CLOCK if each.tables else "", *written.notes(each), further):
            if note:
                console.print(Text(f"– {note}", "dim"), soft_wrap=True)
    for found in profiles:
        if not found.compares:
            console.print(Text(f"– {written.why_no_profile(found)}", "dim"), soft_wrap=True)
            continue
        console.print(Text(written.profile_title(found), "bold"), soft_wrap=True)
        console.print(Text(written.profile_place(found)), soft_wrap=True)
        shown = [written.profile_cells(found, entry) for entry in found.entries]
        console.print(_table(written.PROFILE_HEAD, shown, texts=1))
        console.print(Text(f"– {written.PROFILE}", "dim"), soft_wrap=True)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]], *, texts: int) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for place, heading in enumerate(head):
        table.add_column(heading, justify="left" if place < texts else "right", overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    return table
