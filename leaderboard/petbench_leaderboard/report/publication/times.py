"""Times to the target as Markdown, LaTeX, CSV and JSON."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING, Literal

from petbench_leaderboard.exports import safe_cell
from petbench_leaderboard.report import times as written
from petbench_leaderboard.report.formatting import MISSING
from petbench_leaderboard.report.publication.forms import as_text, escape_latex, escape_markdown
from petbench_leaderboard.report.publication.tables import board_title
from petbench_leaderboard.timing.exports import times_as_dict, times_as_rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from petbench_leaderboard.timing.profiles import Profiles
    from petbench_leaderboard.timing.tables import BoardTimes

Form = Literal["json", "csv", "markdown", "latex"]


def times_as_text(times: Sequence[BoardTimes], profiles: Sequence[Profiles], form: Form) -> str:
    """Return times and profiles in one form: JSON and CSV with every run and digit, the others rounded for people."""
    if form == "json":
        return json.dumps(times_as_dict(times, profiles), indent=2, allow_nan=False)
    if form == "csv":
        return _as_csv(times)
    return "\n".join(_tables(times, profiles, ".md" if form == "markdown" else ".tex"))


def _as_csv(times: Sequence[BoardTimes]) -> str:
    rows = times_as_rows(times)
    text = io.StringIO()
    writer = csv.DictWriter(text, list(dict.fromkeys(key for row in rows for key in row)), lineterminator="\n")
    writer.writeheader()
    writer.writerows({key: safe_cell(value) for key, value in row.items()} for row in rows)
    return text.getvalue()


def _tables(times: Sequence[BoardTimes], profiles: Sequence[Profiles], kind: str) -> Iterator[str]:
    escape = escape_markdown if kind == ".md" else escape_latex
    for each in times:
        for table in each.tables:
            rows: list[list[str | float | None]] = [
                [cell or MISSING for cell in written.cells(table, row)] for row in table.rows
            ]
            caption = f"{board_title(each.board)}. {written.title(table)}."
            yield as_text(caption, list(written.HEAD), rows, kind, 0, texts=written.TEXTS)
        notes = ([written.CLOCK] if each.tables else []) + [f"{note}." for note in written.notes(each)]
        if notes:
            where = "" if each.tables else f"{board_title(each.board)}: "
            yield f"{escape(where + ' '.join(notes))}\n"
    for found in profiles:
        if found.compares:
            rows = [list(written.profile_cells(found, entry)) for entry in found.entries]
            caption = f"{written.profile_title(found)} ({written.profile_place(found)}). {written.PROFILE}"
            yield as_text(caption, list(written.PROFILE_HEAD), rows, kind, 0, texts=1)
        else:
            yield f"{escape(written.why_no_profile(found))}.\n"
