"""How methods do in parts of the participants: subgroups by sex, age, weight and site, and lesions by contrast."""

from __future__ import annotations

import re
from collections import defaultdict
from statistics import fmean
from typing import TYPE_CHECKING

from petbench_leaderboard.report import columns as written
from petbench_leaderboard.report.row_names import names
from petbench_leaderboard.report.site.board_table import row_slug
from petbench_leaderboard.report.site.views import MethodTable
from petbench_leaderboard.run_groups import column_of
from petbench_leaderboard.statistics.intervals import mean_interval
from petbench_leaderboard.statistics.subgroups import subgroups

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from petbench_leaderboard.board import Board, Column, Row
    from petbench_leaderboard.statistics.subgroups import Subgroup
    from petbench_leaderboard.store import Leaderboard

CONTRAST_METRICS = ("lesion_sensitivity_by_contrast", "lesion_false_positives_by_contrast")

_ROWS = 10
"""Of a board, best first, that have a column."""


def subgroup_table(board: Board) -> MethodTable | None:
    """Return the ranking metric by subgroup, the mean of each with its interval; None where no subgroup is known."""
    column = board.ranked_by
    if column is None:
        return None
    shown = [row for row in board.rows if column in row.cells and row.cells[column].mean is not None][:_ROWS]
    by_row = {row_slug(row): {(each.factor, each.group): each for each in subgroups(row, column)} for row in shown}
    groups = list(dict.fromkeys(group for found in by_row.values() for group in found))
    if not groups:
        return None
    factors = list(dict.fromkeys(factor for factor, _ in groups))
    rows, details = [], []
    for factor, group in sorted(groups, key=lambda item: factors.index(item[0])):
        cells = [found.get((factor, group)) for found in by_row.values()]
        count = max(each.count for each in cells if each is not None)
        name = f"{factor}: {group} (n = {count})".replace("_", " ")
        rows.append((name, [written.value(column, each.mean if each else None) for each in cells]))
        details.append([_interval(each, row, column) for each, row in zip(cells, shown, strict=True)])
    return MethodTable(title=written.heading(column), methods=_methods(shown), rows=rows, details=details)


def contrast_tables(leaderboard: Leaderboard, board: Board) -> list[MethodTable]:
    """Return sensitivity and false positives by the lesions' contrast; empty where no lesions are labelled."""
    shown = board.rows[:_ROWS]
    slugs = {number: row_slug(row) for row in shown for number in row.run_ids}
    found: dict[tuple[str, str], dict[str, dict[str, list[float]]]] = defaultdict(lambda: defaultdict(dict))
    columns: dict[tuple[str, str], Column] = {}
    for score in leaderboard.scores(list(slugs), metrics=CONTRAST_METRICS, protocol=board.protocol):
        key = (score.metric, score.convention_id)
        columns.setdefault(key, column_of(score))
        values = found[key][score.region].setdefault(slugs[score.run_id], [])
        if score.value is not None:
            values.append(score.value)
    return [
        _by_contrast(columns[key], regions, shown)
        for key, regions in sorted(found.items(), key=lambda item: CONTRAST_METRICS.index(item[0][0]))
        if any(values for of_rows in regions.values() for values in of_rows.values())
    ]


def _by_contrast(column: Column, regions: Mapping[str, Mapping[str, list[float]]], shown: Sequence[Row]) -> MethodTable:
    rows = []
    for region in sorted(regions, key=_edge):
        values = [regions[region].get(row_slug(row)) for row in shown]
        rows.append((region, [written.value(column, fmean(found) if found else None) for found in values]))
    return MethodTable(title=written.heading(column), methods=_methods(shown), rows=rows)


def _interval(found: Subgroup | None, row: Row, column: Column) -> str:
    """Return the interval of a subgroup's mean over participants and seeds; empty for too few participants."""
    if found is None:
        return ""
    by_seed = row.cells[column].by_seed.values()
    return written.interval(column, mean_interval([[of_seed[who] for who in found.values] for of_seed in by_seed]))


def _methods(rows: Sequence[Row]) -> list[tuple[str, str]]:
    return [(row_slug(row), names(rows)[row.run.run_group]) for row in rows]


def _edge(region: str) -> tuple[float, bool]:
    """Order `all contrasts`, `contrast below 1.5`, `contrast 1.5 to 2` by their lower edges."""
    number = re.search(r"\d+(\.\d+)?", region)
    return (float(number.group()) if number else -1.0, "below" not in region)
