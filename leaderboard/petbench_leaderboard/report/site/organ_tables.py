"""Where the errors of one participant lie: a table of organs and methods for each metric of organs."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from statistics import fmean
from typing import TYPE_CHECKING

from petbench_datasets.bids.names import person_of
from petbench_leaderboard.report import columns as written
from petbench_leaderboard.report.row_names import names
from petbench_leaderboard.report.site.board_table import row_slug
from petbench_leaderboard.report.site.views import MethodTable
from petbench_leaderboard.run_groups import column_of

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from petbench_leaderboard.board import Board, Column
    from petbench_leaderboard.store import Leaderboard

METRICS = ("organ_mae_suv", "organ_squared_error_share")
"""Of organs, on the pages of participants; a run's own page has all of them."""

_ROWS = 10
"""Of a board, best first, that have a column."""

Values = dict[str, dict[str, list[float]]]
"""By organ, then by the row's anchor: one value a seed."""


def organ_tables(leaderboard: Leaderboard, board: Board, participants: Collection[str]) -> dict[str, list[MethodTable]]:
    """Return each participant's tables; none where no organ is labelled."""
    shown = board.rows[:_ROWS]
    anchors = {number: row_slug(row) for row in shown for number in row.run_ids}
    found: dict[str, dict[Column, Values]] = defaultdict(dict)
    for score in leaderboard.scores(list(anchors), metrics=METRICS, protocol=board.protocol):
        who = person_of(score.participant) if score.participant else None
        if who is not None and who in participants and score.value is not None:
            values = found[who].setdefault(_whole(column_of(score)), {})
            values.setdefault(score.region, {}).setdefault(anchors[score.run_id], []).append(score.value)
    methods = [(row_slug(row), names(shown)[row.run.run_group]) for row in shown]
    return {
        who: [_table(column, values, methods, board.shown_organs) for column, values in sorted(of_metrics.items())]
        for who, of_metrics in found.items()
    }


def _whole(column: Column) -> Column:
    """Return the column of all organs together: each score has the column of its own organ."""
    return replace(column, region="organs")


def _table(
    column: Column,
    values: Mapping[str, Mapping[str, list[float]]],
    methods: list[tuple[str, str]],
    organs: Sequence[str],
) -> MethodTable:
    """Return a table of the organs that the task shows, in its order; of all, the largest error first, without any."""
    largest = {organ: max(max(seeds) for seeds in of_rows.values()) for organ, of_rows in values.items()}
    rows = [
        (
            organ.replace("_", " "),
            [written.value(column, fmean(values[organ][key]) if key in values[organ] else None) for key, _ in methods],
        )
        for organ in [organ for organ in organs if organ in values]
        or sorted(values, key=lambda organ: (-largest[organ], organ))
    ]
    return MethodTable(title=written.heading(column), methods=methods, rows=rows)
