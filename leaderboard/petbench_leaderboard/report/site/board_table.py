"""A board in words and written numbers, ready for the page."""

from __future__ import annotations

import hashlib
import math
from typing import TYPE_CHECKING

from petbench_leaderboard.cells import NO_PREDICTABLE
from petbench_leaderboard.records import FAILURES, FIRST_TASK
from petbench_leaderboard.report import columns as written
from petbench_leaderboard.report import formatting, row_names
from petbench_leaderboard.report import settings as stated
from petbench_leaderboard.report.site.views import BoardView, CellView, HeadView, Note, RowView, RunView
from petbench_leaderboard.statistics.intervals import mean_interval
from petbench_leaderboard.statistics.sentences import caveats

if TYPE_CHECKING:
    from collections.abc import Mapping

    from petbench_leaderboard.board import Board, Cell, Column, Row
    from petbench_leaderboard.records import RunRow
    from petbench_leaderboard.statistics.analysis import BoardStatistics, RowStatistics

_SHOWN_DIGITS = 12

INTERVALS_UP_TO = 40
"""Rows of a board whose every cell gets an interval: with more, only the ranks have one, for they take a while."""


def view_board(board: Board, statistics: BoardStatistics | None) -> BoardView:
    """Write a board for people: numbers rounded, reasons as notes, references marked."""
    columns = written.shown_columns(board)
    notes: dict[str, list[str]] = {}
    known = statistics.rows if statistics else (None,) * len(board.rows)
    settings = row_names.settings(board.rows)
    rows = [
        _row(board, row, columns, notes, found, settings[row.run.run_group])
        for row, found in zip(board.rows, known, strict=True)
    ]
    cells = [cell for row in rows for cell in row.cells]
    not_normalized = written.not_normalized(board, columns)
    return BoardView(
        key=board_slug(board),
        omitted=board.omitted,
        dataset=board.dataset,
        split=board.split,
        protocol=board.protocol,
        task=board.task,
        participants=formatting.counted(len(board.participants), "test participant"),
        fingerprint=board.fingerprint[:_SHOWN_DIGITS],
        heads=[_head(column, board, ranked_by=column == board.ranked_by) for column in columns],
        rows=rows,
        notes=[Note(_mark(index), f"{', '.join(who)}: {why}") for index, (why, who) in enumerate(notes.items())],
        unscored=[_run(run) for run in board.unscored],
        unranked=stated.unranked(board),
        caveats=" ".join(caveats(board)) if any(cell.interval for cell in cells) else "",
        explains_seeds=stated.seed_spread_note(board),
        explains_ranks=any(row.rank_interval for row in rows),
        gains=written.GAIN if any(cell.gain for cell in cells) else "",
        normalized=written.NORMALIZED if any(cell.normalized_score for cell in cells) else "",
        origins=stated.origins_note(board),
        flagged=stated.flagged_note(board),
        verifications=sorted({row.verification for row in rows}),
        not_normalized=_not_normalized(not_normalized),
        needs_predictable=NO_PREDICTABLE in not_normalized,
        explains_spread=any(cell.spread for cell in cells),
        variants=stated.variants_note(board),
        lost_seeds=stated.lost_seeds(board),
        differing=stated.differing(board),
        has_references=any(row.role in written.ROLE_MARKS for row in board.rows),
    )


def _head(column: Column, board: Board, *, ranked_by: bool) -> HeadView:
    sample = written.sample(column, (row.cells.get(column) for row in board.rows))
    return HeadView(
        name=written.label(column),
        detail=written.detail(column),
        arrow=written.arrow(column),
        direction=written.direction(column),
        better={True: "high", False: "low", None: ""}[column.higher_is_better],
        best="" if column.higher_is_better is not None or not column.ranks else repr(column.facts.best_value),
        summary="; ".join(part for part in (column.facts.summary, written.direction(column), sample) if part)
        + (" (ranked by this)" if ranked_by else ""),
        ranked_by=ranked_by,
    )


def _row(
    board: Board,
    row: Row,
    columns: list[Column],
    notes: dict[str, list[str]],
    statistics: RowStatistics | None,
    settings: list[str],
) -> RowView:
    run, costs = row.run, row.costs
    unranked = row.rank is None and row.role == "competitor"
    table = len(board.rows) <= INTERVALS_UP_TO
    return RowView(
        key=row_slug(row),
        kind=row.role + (" unranked" if unranked else ""),
        rank="" if row.rank is None else str(row.rank),
        rank_interval=place_of(statistics.rank_interval) if statistics and statistics.rank_interval else "",
        place=stated.place(row),
        method=run.method,
        plugin=f"{run.distribution} {run.version}",
        settings=", ".join(settings),
        best_of=stated.best_of(row, board.ranked_by),
        origin=" · ".join([stated.seeds(row, board.ranked_by), *row.devices, run.precision]),
        cells=[
            _cell(row.cells.get(column), column, notes, statistics if column == board.ranked_by else None, table)
            for column in columns
        ],
        costs=[
            _cost(
                formatting.duration(costs.train_seconds),
                costs.train_seconds,
                formatting.rate(costs.images_per_second) if costs.images_per_second else "",
            ),
            _cost(formatting.duration(costs.seconds_per_volume), costs.seconds_per_volume),
            _cost(
                formatting.memory(costs.peak_device_memory_bytes or costs.peak_memory_bytes), costs.peak_memory_bytes
            ),
            _cost(formatting.count(costs.parameter_count), costs.parameter_count),
        ],
        runs=list(row.run_ids),
        supervision=run.supervision,
        device=", ".join(row.devices),
        verification=run.verification,
        date=f"{row.newest:%Y-%m-%d}",
    )


def board_slug(board: Board) -> str:
    """Return a board's name in links: the same wherever the same runs are shown."""
    key = [board.dataset, board.fingerprint, board.split, board.split_digest, str(board.protocol)]
    key += [board.task] if board.task != FIRST_TASK else []  # links of before stay what they were
    return "board-" + hashlib.sha256("\0".join(key).encode()).hexdigest()[:10]


def row_slug(row: Row) -> str:
    """Return a row's name in links: the same for every run that joins the row."""
    return f"row-{row.run.run_group[:12]}"


def _cost(text: str, value: float | None, detail: str = "") -> CellView:
    return CellView(value=text, exact="" if value is None else repr(value), detail=detail)


def _not_normalized(reasons: Mapping[str, list[Column]]) -> str:
    """Return why there are no normalized scores, with the metrics that have none."""
    return ", ".join(
        f"{reason} ({', '.join(dict.fromkeys(map(written.label, found)))})" for reason, found in sorted(reasons.items())
    )


def place_of(ranks: tuple[int, int]) -> str:
    """Write a rank interval: `1–3`, or `2` where it is but one rank."""
    return str(ranks[0]) if ranks[0] == ranks[1] else f"{ranks[0]}–{ranks[1]}"


def _cell(
    cell: Cell | None,
    column: Column,
    notes: dict[str, list[str]],
    statistics: RowStatistics | None,
    intervals: bool,
) -> CellView:
    if cell is None:
        return CellView(value=formatting.MISSING)
    if cell.mean is None:
        return CellView(value=formatting.MISSING, note=_noted(str(cell.reason), column, notes))
    return CellView(
        value=written.value(column, cell.mean),
        exact=repr(cell.mean),
        note=_noted(written.UNDER_FLOOR, column, notes) if cell.under_floor else "",
        spread="" if cell.standard_deviation is None else written.value(column, cell.standard_deviation),
        interval=_interval_of(cell, column) if intervals else "",
        gain=written.gain(column, cell) if cell.gain else "",
        gain_interval=written.interval(column, statistics.gain_interval if statistics else None),
        gain_kind="better" if cell.gain and cell.gain > 0 else "worse" if cell.gain else "",
        normalized_score=written.normalized_score(cell) if cell.normalized_score not in (None, 0.0, 1.0) else "",
    )


def _noted(what: str, column: Column, notes: dict[str, list[str]]) -> str:
    """Enter a note on a cell of a column and return its mark: one for all cells of which the same is to be said."""
    metrics = notes.setdefault(what, [])
    if written.label(column) not in metrics:
        metrics.append(written.label(column))
    return _mark(list(notes).index(what))


def _interval_of(cell: Cell, column: Column) -> str:
    """Return the interval of the mean over participants and seeds; empty for too few participants."""
    table = [[of_seed[who] for who in cell.values] for of_seed in cell.by_seed.values() if cell.values]
    if not table or not all(math.isfinite(value) for values in table for value in values):
        return ""
    found = mean_interval(table)
    return written.interval(column, found)


def _mark(index: int) -> str:
    """Return a, b, … z, aa, ab, … as journals mark the notes of a table."""
    text = ""
    index += 1
    while index:
        index, letter = divmod(index - 1, 26)
        text = chr(ord("a") + letter) + text
    return text


def _run(run: RunRow) -> RunView:
    what = ": ".join(part for part in (run.error_class, run.error_message) if part)
    return RunView(
        id=run.id,
        method=run.method,
        plugin=f"{run.distribution} {run.version}",
        seed=run.seed,
        fold=run.fold,
        status=run.status,
        failed=run.status in FAILURES,
        phase=run.phase or "",
        message=what,
        log=run.log_path or "",
    )
