"""Rank what the store holds: boards of rows, best first, with gains over `identity`.

The rules: no participant and no seed is ever dropped from a mean. A row that lacks a participant, or lost a seed, has
no mean in that column, no rank, and says how many it covers, such as `3/4` or `2/3 seeds`. One row of each method
competes (`petbench_leaderboard.competing`); its variants come last. References are placed among the methods but take
no rank.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import replace
from statistics import fmean
from typing import TYPE_CHECKING

from petbench_leaderboard.board import (
    Board,
    Column,
    Costs,
    Coverage,
    Row,
)
from petbench_leaderboard.board_tasks import definition_of_board, ranking_metrics, shown_organs
from petbench_leaderboard.cached_means import board_key
from petbench_leaderboard.cells import NO_PREDICTABLE, NO_TRUTH, add_gain, add_normalized_score, people
from petbench_leaderboard.conditions import differing
from petbench_leaderboard.errors import RequestError
from petbench_leaderboard.ranked_column import check_metric, ranking_metric
from petbench_leaderboard.records import COST_FIELDS, FAILURES
from petbench_leaderboard.row_selection import board_entries, off_board_runs, select_rows
from petbench_leaderboard.run_groups import REGIONS, RunGroup, everyone, group_runs, unresolved
from petbench_leaderboard.validation_scores import row_cells

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from petbench_leaderboard.board import Cell
    from petbench_leaderboard.cached_means import BoardKey
    from petbench_leaderboard.records import RunRow
    from petbench_leaderboard.row_selection import Selection
    from petbench_leaderboard.score_records import ScoreRow
    from petbench_leaderboard.store import Leaderboard

_UNSCORED_SHOWN = 100


def rank(
    leaderboard: Leaderboard,
    *,
    dataset: str | None = None,
    split: str | None = None,
    task: str | None = None,
    metric: str | None = None,
    where: str | None = None,
    best: int | None = None,
    validation: bool = False,
) -> list[Board]:
    """Return the boards of the leaderboard, one for each dataset, split, task and protocol, newest protocol first.

    Args:
        leaderboard: where the runs are.
        dataset: only this dataset.
        split: only this split.
        task: only this task: its name, for all its versions, or its id.
        metric: what decides the order; where nobody asks for one the first that a board has of those that its task
            names, else of `RANKING_METRICS`.
        where: only rows whose runs fulfil this condition, such as `supervision=unpaired and psnr_body_suv20>30`;
            they are ranked among themselves. The gain is over the board's own `identity`, shown or not.
        best: only so many rows, and references, of a board: of a hundred thousand runs only those are read.
        validation: whether rows also have their means on validation participants, which change no place and no rank.

    Raises:
        UnknownOnLeaderboardError: nothing here is of that dataset, split, task or metric.
        RequestError: the condition is not understood, or the metric orders nothing here.
    """
    entries = board_entries(leaderboard, dataset=dataset, split=split, task=task)
    if metric is not None and entries:
        check_metric(leaderboard, [entry.id for entry in entries], metric)
    boards = []
    for entry in entries:
        definition = definition_of_board(leaderboard, entry.id)
        deciding = metric or ranking_metric(leaderboard, entry.id, ranking_metrics(definition))
        selected = select_rows(leaderboard, entry, metric=deciding, where=where, best=best)
        runs = leaderboard.runs(run_groups=selected.read)
        runs = [run for run in runs if board_key(run, entry.protocol) == entry.key and _counts(run)]
        finished = [run.id for run in runs if run.status == "ok"]
        scores = leaderboard.scores(finished, regions=REGIONS, protocol=entry.protocol)
        with_score = {score.run_id for score in scores}
        # A failure counts under every protocol that its row was scored by.
        members = [r for r in runs if r.protocol == entry.protocol or r.id in with_score or r.status in FAILURES]
        board = _board(entry.key, members, scores, selected)
        off_board = off_board_runs(leaderboard, entry, where=where, limit=_UNSCORED_SHOWN)
        board = replace(
            board,
            rows=tuple(row for row in board.rows if row.run.run_group in selected.shown),
            unscored=unresolved([*members, *off_board], with_score),
            omitted=selected.omitted,
            shown_organs=shown_organs(definition),
        )
        if validation:
            board = _with_validation(board, leaderboard, runs)
        if board.rows or board.unscored:
            boards.append(board)
    if metric is not None:
        _refuse_under_floor(boards)
    return sorted(boards, key=_board_order)


def _board_order(board: Board) -> tuple[object, ...]:
    return board.dataset, board.split, board.task, -board.protocol, board.fingerprint


def _counts(run: RunRow) -> bool:
    """Return whether a run says anything of its row: one without its test does only where it failed in training."""
    return run.purpose == "test" or run.status in FAILURES


def _board(key: BoardKey, runs: Sequence[RunRow], scores: Sequence[ScoreRow], selected: Selection) -> Board:
    dataset, fingerprint, split, split_digest, protocol, task = key
    participants = everyone(runs, scores)
    groups = group_runs(runs, scores)
    columns = sorted({column for group in groups for column in group.scores}, key=_column_order)
    ranking = selected.column
    ranked_by = next((column for column in columns if column.ranks and ranking and ranking.is_that(column)), None)
    rows = _with_gains([_row(group, columns, ranked_by, participants, selected) for group in groups])
    rows = _flagged(rows, ranked_by)
    return Board(
        dataset=dataset,
        fingerprint=fingerprint,
        split=split,
        split_digest=split_digest,
        protocol=protocol,
        task=task,
        participants=people(participants),
        ranked_by=ranked_by,
        columns=tuple(columns),
        rows=tuple(_in_order(rows, ranked_by)),
        unscored=(),
    )


def _with_validation(board: Board, leaderboard: Leaderboard, runs: Sequence[RunRow]) -> Board:
    members: dict[str, list[RunRow]] = defaultdict(list)
    for run in runs:
        members[run.run_group].append(run)
    scores: dict[str, list[ScoreRow]] = defaultdict(list)
    group_of = {run.id: run.run_group for run in runs}
    for score in leaderboard.validation_scores(group_of, regions=REGIONS, protocol=board.protocol):
        scores[group_of[score.run_id]].append(score)
    rows = ((row, row.run.run_group) for row in board.rows)
    return replace(
        board,
        rows=tuple(replace(row, validation=row_cells(members[group], scores[group])) for row, group in rows),
    )


def _refuse_under_floor(boards: Iterable[Board]) -> None:
    """Refuse to order rows by a distance that is smaller than real images are apart.

    Raises:
        RequestError: a competing row's value lies under its floor.
    """
    for board in boards:
        column = board.ranked_by
        if column is None:
            continue
        cells = [(row.run.method, row.cells[column]) for row in board.rows if row.competes and column in row.cells]
        under = [f"{name} {cell.mean:.4g} under {cell.floor:.4g}" for name, cell in cells if cell.under_floor]
        if under:
            raise RequestError(
                f"{column.metric} orders nothing on {board.dataset}, split {board.split}, protocol {board.protocol}: "
                f"it lies under its own floor, the distance of real images from other real ones ({', '.join(under)}); "
                "rank by another --metric"
            )


def _column_order(column: Column) -> tuple[str, str, str]:
    return column.metric, column.region, column.convention_id


def _row(
    group: RunGroup,
    columns: Sequence[Column],
    ranked_by: Column | None,
    participants: Sequence[str],
    selected: Selection,
) -> Row:
    seeds = group.counted_seeds(participants)
    used = [run for run in group.runs if run.seed in seeds]
    run = group.representative
    chosen_by = selected.competing.get(run.run_group)
    return Row(
        rank=None,
        run=run,
        run_ids=tuple(run.id for run in used),
        seeds=seeds,
        failed_seeds=tuple(group.failures),
        devices=tuple(sorted({run.device for run in used if run.device})),
        coverage=Coverage(scored=len(group.covered(ranked_by, participants)), expected=len(participants)),
        cells={column: group.cell(column, participants) for column in columns if column in group.scores},
        costs=_costs(used),
        newest=max(run.created_at for run in group.runs),
        differing=differing(used),
        competes=chosen_by is not None,
        chosen_by=chosen_by,
        best_of=selected.best_of.get((run.method, run.distribution)) if chosen_by else None,
    )


def _costs(runs: Sequence[RunRow]) -> Costs:
    def mean(name: str) -> float | None:
        values = [getattr(run, name) for run in runs]
        return fmean(values) if values and None not in values else None

    if len({run.device for run in runs}) > 1:
        return Costs(images_seen=mean("images_seen"), parameter_count=mean("parameter_count"))
    return Costs(**{name: mean(name) for name in COST_FIELDS})


def _with_gains(rows: Sequence[Row]) -> list[Row]:
    """Compare every row with the newest row of `identity` and the newest of `predictable`."""
    identity = _newest(row for row in rows if row.is_identity)
    predictable = _newest(row for row in rows if row.is_predictable)
    known = {row.run.has_truth for row in rows}
    missing = NO_TRUTH if known == {False} else NO_PREDICTABLE

    def compared(column: Column, cell: Cell) -> Cell:
        zero, one = identity.get(column), predictable.get(column)
        cell = add_gain(cell, zero, column)
        return add_normalized_score(cell, zero, one, column, missing=missing)

    return [replace(row, cells={column: compared(column, cell) for column, cell in row.cells.items()}) for row in rows]


def _flagged(rows: Sequence[Row], column: Column | None) -> list[Row]:
    """Mark the rows of others that score at or above the repeat scan, which no prediction of an early image should."""
    bound = _newest(row for row in rows if row.is_repeat_scan).get(column) if column else None
    if column is None or bound is None or bound.mean is None:
        return list(rows)
    best = column.distance(bound.mean)

    def reaches(row: Row) -> bool:
        cell = row.cells.get(column)
        return not row.is_own and cell is not None and cell.mean is not None and column.distance(cell.mean) <= best

    return [replace(row, reaches_repeat_scan=reaches(row)) for row in rows]


def _newest(rows: Iterable[Row]) -> Mapping[Column, Cell]:
    """Return the cells of the newest row, of those that cover all participants where there is one."""
    newest = max(rows, key=lambda row: (row.coverage.complete, row.newest), default=None)
    return newest.cells if newest else {}


def _in_order(rows: Iterable[Row], column: Column | None) -> list[Row]:
    """Sort best first, variants last, and give the competing rows their ranks; equal means share one."""
    rows = list(rows)
    of_competing = {_method(row) for row in rows if row.competes}

    def distance(row: Row) -> float:
        cell = row.cells.get(column) if column else None
        return math.inf if column is None or cell is None or cell.mean is None else column.distance(cell.mean)

    def place(row: Row) -> tuple[bool, float, int, str, tuple[int, ...]]:
        variant = row.role == "competitor" and not row.competes and _method(row) in of_competing
        return variant, distance(row), -row.coverage.scored, row.run.method, row.run_ids

    placed = sorted(rows, key=place)
    ranks: dict[float, int] = {}
    for number, row in enumerate((row for row in placed if _is_ranked(row, distance(row))), start=1):
        ranks.setdefault(distance(row), number)
    return [replace(row, rank=ranks[distance(row)]) if _is_ranked(row, distance(row)) else row for row in placed]


def _is_ranked(row: Row, distance: float) -> bool:
    return row.competes and distance < math.inf


def _method(row: Row) -> tuple[str, str]:
    return row.run.method, row.run.distribution
