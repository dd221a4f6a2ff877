"""Boards as rows of plain values, for JSON and CSV, at full precision."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from petbench_leaderboard.records import BOARD_FIELDS, GROUP_FIELDS
from petbench_leaderboard.report.columns import label
from petbench_leaderboard.tracks import tracks_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from petbench_leaderboard.board import Board, Cell, Column, Row
    from petbench_leaderboard.statistics.analysis import BoardStatistics, RowStatistics
    from petbench_leaderboard.statistics.intervals import Interval
    from petbench_leaderboard.statistics.paired import Comparison

MOST_TESTED = 40
"""Rows of a board that is exported with intervals and tests: with more, they take minutes."""

_OF_ROW = tuple(name for name in GROUP_FIELDS if name not in BOARD_FIELDS)


def board_as_rows(board: Board) -> list[dict[str, object]]:
    """Return a board's rows with one key a column: nested values only where a thing has several.

    A metric gives `NAME`, `NAME_standard_deviation`, `NAME_gain` over `identity`, positive where better, and
    `NAME_normalized_score`, from 0 for `identity` to 1 for `predictable`, and `NAME_reason` or
    `NAME_normalized_score_reason` where there is none. `NAME` is the metric's name, followed by region and convention
    where the board has the metric in more than one.

    Where a search found a row's settings, `tuning_trials`, `tuning_images`, `tuning_seconds` and so on say its cost.

    `differing` says under which conditions the runs of a row differ that are no part of their identity.

    A distance between sets of images has `NAME_floor`, the same distance between real images, and `NAME_under_floor`
    where it lies below: then it orders nothing.

    `competes` says whether the row stands for its method, `chosen_by` why it does (`only`, `validation` or `planned`);
    beside it stand how many rows the method has and the best of their means, which is chosen on the test participants.

    A competing row has its gain over each reference in that metric, `over_REFERENCE` with `_low`, `_high` and `_p`,
    which is corrected over all comparisons of competing rows with references.

    Where they were asked for, the row's means on validation participants are `validation_NAME`; they rank nothing.

    The metric that ranks has its 95 % interval, too, `NAME_low` to `NAME_high`, and that of its gain, `NAME_gain_low`
    to `NAME_gain_high`; the row has the ranks that the tests leave possible, `rank_low` to `rank_high`, and
    `tested_rank`, the first of them: all of it on boards of up to `MOST_TESTED` rows.
    """
    names = _names(board.columns)
    known = _statistics(board)
    tested = known.rows if known else (None,) * len(board.rows)
    over = known.over_references if known else ()
    return [_row_as_dict(board, row, names, found, over) for row, found in zip(board.rows, tested, strict=True)]


def to_json(boards: Iterable[Board]) -> str:
    """Return boards with rows, cells by participant and seed, tests of every two methods, and runs without a score."""
    return json.dumps([_board_as_dict(board) for board in boards], indent=2, default=str, allow_nan=False)


def to_csv(boards: Iterable[Board]) -> str:
    """Return the rows of all boards as one CSV table.

    A text that a spreadsheet would run as a formula gets an apostrophe in front: names come from plugins.
    """
    rows = [row for board in boards for row in board_as_rows(board)]
    header = list(dict.fromkeys(key for row in rows for key in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, header, lineterminator="\n")
    writer.writeheader()
    writer.writerows({key: safe_cell(value) for key, value in row.items()} for row in rows)
    return text.getvalue()


def _names(columns: Sequence[Column]) -> dict[Column, str]:
    metrics = [column.metric for column in columns]
    return {
        column: column.metric
        if metrics.count(column.metric) == 1
        else f"{column.metric} [{column.region}, {column.convention_id}]"
        for column in columns
    }


def _statistics(board: Board) -> BoardStatistics | None:
    if len(board.rows) > MOST_TESTED:
        return None
    from petbench_leaderboard.statistics.analysis import analyse

    return analyse(board)


def _row_as_dict(
    board: Board, row: Row, names: Mapping[Column, str], statistics: RowStatistics | None, over: Sequence[Comparison]
) -> dict[str, object]:
    facts: dict[str, object] = {
        "dataset": board.dataset,
        "split": board.split,
        "protocol": board.protocol,
        "task": board.task,
        "rank": row.rank,
        **_ranks_as_dict(statistics),
        "competes": row.competes,
        "chosen_by": row.chosen_by,
        "reaches_repeat_scan": row.reaches_repeat_scan,
        "rows_of_method": row.best_of.rows if row.best_of else None,
        "best_mean_of_method": row.best_of.mean if row.best_of else None,
        **{name: getattr(row.run, name) for name in _OF_ROW},
        "track": list(tracks_of(row.run)),
        "changed_parameters": row.run.changed_parameters,
        **{f"tuning_{name}": value for name, value in row.run.tuning.items()},
        "device": ", ".join(row.devices),
        "differing": list(row.differing),
        "seeds": list(row.seeds),
        "failed_seeds": list(row.failed_seeds),
        "runs": list(row.run_ids),
        "coverage": str(row.coverage),
        "seed_coverage": str(row.seed_coverage),
    }
    for column, cell in row.cells.items():
        facts |= _cell_as_dict(names[column], cell)
        if statistics and column == board.ranked_by:
            facts |= _interval_as_dict(names[column], statistics.interval)
            facts |= _interval_as_dict(f"{names[column]}_gain", statistics.gain_interval)
            facts |= _references_as_dict(column, statistics.key, over)
    of_validation = _names(board.validation_columns)
    for column, cell in row.validation.items():
        name = f"validation_{of_validation[column]}"
        facts |= {name: cell.mean} if cell.mean is not None else {name: None, f"{name}_reason": cell.reason}
    return facts | asdict(row.costs)


def _references_as_dict(column: Column, key: str, over: Sequence[Comparison]) -> dict[str, object]:
    """Return by how much a row is better than each reference, with the interval and the corrected p of that."""
    from petbench_leaderboard.statistics.analysis import towards_better

    higher = column.higher_is_better
    facts: dict[str, object] = {}
    for found in over if higher is not None else ():
        if found.first == key:
            name = f"over_{found.second.rsplit(' · ', 1)[0]}"
            gain = towards_better(found.interval, higher_is_better=higher)
            facts[name] = found.difference if higher else -found.difference
            facts |= _interval_as_dict(name, gain) | {f"{name}_p": found.adjusted_p}
    return facts


def _ranks_as_dict(statistics: RowStatistics | None) -> dict[str, object]:
    low, high = (statistics.rank_interval if statistics else None) or (None, None)
    return {"rank_low": low, "rank_high": high, "tested_rank": statistics.tested_rank if statistics else None}


def _interval_as_dict(name: str, interval: Interval | None) -> dict[str, object]:
    return {f"{name}_low": interval.low, f"{name}_high": interval.high} if interval else {}


def _cell_as_dict(name: str, cell: Cell) -> dict[str, object]:
    facts: dict[str, object] = {name: cell.mean}
    if cell.mean is None:
        return facts | {f"{name}_reason": cell.reason}
    if cell.floor is not None:
        facts |= {f"{name}_floor": cell.floor, f"{name}_under_floor": cell.under_floor}
    return facts | {
        f"{name}_standard_deviation": cell.standard_deviation,
        f"{name}_gain": cell.gain,
        f"{name}_normalized_score": cell.normalized_score,
        **({f"{name}_normalized_score_reason": cell.normalized_score_reason} if cell.normalized_score is None else {}),
    }


def _board_as_dict(board: Board) -> dict[str, object]:
    from petbench_leaderboard.statistics.sentences import against_references, caveats, separation

    names = _names(board.columns)
    known = _statistics(board)
    tested = known.rows if known else (None,) * len(board.rows)
    stability = known.stability if known else None
    return {
        **{name: getattr(board, name) for name in BOARD_FIELDS},
        "participants": list(board.participants),
        "ranked_by": board.ranked_by.metric if board.ranked_by else None,
        "columns": [_column_as_dict(column, names[column]) for column in board.columns],
        "validation_columns": [
            _column_as_dict(column, f"validation_{name}") for column, name in _names(board.validation_columns).items()
        ],
        "rows": [
            _row_as_dict(board, row, names, found, known.over_references if known else ())
            | {"participants": {names[column]: _by_seed(cell) for column, cell in row.cells.items()}}
            for row, found in zip(board.rows, tested, strict=True)
        ],
        "comparisons": [asdict(comparison) for comparison in known.comparisons] if known else None,
        "reference_comparisons": [asdict(comparison) for comparison in known.over_references] if known else None,
        "in_words": separation(board, known),
        "references_in_words": against_references(board, known),
        "caveats": caveats(board),
        "mean_kendall_tau": stability.mean_tau if stability else None,
        "unscored": [
            {
                name: getattr(run, name)
                for name in ("id", "method", "seed", "fold", "status", "phase", "error_class", "error_message")
            }
            for run in board.unscored
        ],
    }


def _column_as_dict(column: Column, name: str) -> dict[str, object]:
    score = {
        field: getattr(column, field) for field in ("metric", "region", "convention_id", "unit", "higher_is_better")
    }
    return {"name": name} | score | asdict(column.facts) | {"label": label(column)}


def _by_seed(cell: Cell) -> dict[int, dict[str, float | None]]:
    return {seed: dict(values) for seed, values in cell.by_seed.items()}


def safe_cell(value: object) -> object:
    """Return a value for CSV; a text that a spreadsheet would run as a formula gets an apostrophe in front."""
    if isinstance(value, list):
        return " ".join(str(item) for item in value)
    text = json.dumps(value, sort_keys=True) if isinstance(value, dict) else value
    return f"'{text}" if isinstance(text, str) and text.startswith(("=", "+", "-", "@", "\t", "\r")) else text
