"""Draw the ranking from the store: boards of pooled rows, best first, with gains over `identity`.

The rules: no participant is ever dropped from a mean. A row that lacks a participant has no mean in that column,
no rank, and says how many it covers, such as `3/4`. References are placed among the methods but take no rank.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import replace
from statistics import fmean
from typing import TYPE_CHECKING

from petbench_leaderboard.board import (
    CEILING_METHOD,
    DEFAULT_METRIC,
    IDENTITY_METHOD,
    ORACLE_METHOD,
    REFERENCE_METHODS,
    Board,
    Column,
    Costs,
    Coverage,
    Role,
    Row,
)
from petbench_leaderboard.cached_means import board_key
from petbench_leaderboard.cells import add_fraction, add_gain, make_cell
from petbench_leaderboard.records import ORACLE
from petbench_leaderboard.row_selection import board_entries, choose_pools, off_board_runs
from petbench_leaderboard.run_groups import REGIONS, Pool, pool_runs, unmended

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from petbench_leaderboard.cached_means import BoardKey
    from petbench_leaderboard.records import RunRow, ScoreRow
    from petbench_leaderboard.store import Leaderboard

_UNSCORED_SHOWN = 100


def rank(
    leaderboard: Leaderboard,
    *,
    dataset: str | None = None,
    split: str | None = None,
    metric: str = DEFAULT_METRIC,
    where: str | None = None,
    best: int | None = None,
) -> list[Board]:
    """Return the boards of the leaderboard, one for each dataset, split and protocol, newest protocol first.

    Args:
        leaderboard: where the runs are.
        dataset: only this dataset.
        split: only this split.
        metric: what decides the order.
        where: only rows whose runs fulfil this condition, such as `supervision=unpaired and psnr_body_suv20>30`;
            they are ranked among themselves. The gain is over the board's own `identity`, shown or not.
        best: only so many rows, and references, of a board: of a hundred thousand runs only those are read.

    Raises:
        LeaderboardError: the condition is not understood.
    """
    boards = []
    for entry in board_entries(leaderboard, dataset=dataset, split=split):
        chosen = choose_pools(leaderboard, entry, metric=metric, where=where, best=best)
        runs = leaderboard.runs(pools=chosen.pools)
        runs = [run for run in runs if board_key(run, entry.protocol) == entry.key]
        finished = [run.id for run in runs if run.status == "ok"]
        scores = leaderboard.scores(finished, regions=REGIONS, protocol=entry.protocol)
        with_score = {score.run_id for score in scores}
        members = [run for run in runs if run.protocol == entry.protocol or run.id in with_score]
        board = _board(entry.key, members, scores, metric)
        off_board = off_board_runs(leaderboard, entry, where=where, limit=_UNSCORED_SHOWN)
        board = replace(
            board,
            rows=tuple(row for row in board.rows if row.run.pool in chosen.shown),
            unscored=unmended([*members, *off_board], with_score),
            omitted=chosen.omitted,
        )
        if board.rows or board.unscored:
            boards.append(board)
    return sorted(boards, key=lambda board: (board.dataset, board.split, -board.protocol, board.fingerprint))


def _board(key: BoardKey, runs: Sequence[RunRow], scores: Sequence[ScoreRow], metric: str) -> Board:
    dataset, fingerprint, split, split_digest, protocol = key
    participants = _everyone(runs, scores)
    pools = pool_runs(runs, scores)
    columns = sorted({column for pool in pools for column in pool.scores}, key=_column_order)
    ranked_by = next((column for column in columns if column.metric == metric), None)
    rows = _with_gains([_row(pool, columns, ranked_by, participants) for pool in pools])
    return Board(
        dataset=dataset,
        fingerprint=fingerprint,
        split=split,
        split_digest=split_digest,
        protocol=protocol,
        participants=participants,
        ranked_by=ranked_by,
        columns=tuple(columns),
        rows=tuple(_in_order(rows, ranked_by)),
        unscored=(),
    )


def _everyone(runs: Iterable[RunRow], scores: Iterable[ScoreRow]) -> tuple[str, ...]:
    planned = {who for run in runs for who in (run.split_participants or run.test_participants)}
    return tuple(sorted(planned | {score.participant for score in scores if score.participant}))


def _column_order(column: Column) -> tuple[str, str, str]:
    return column.metric, column.region, column.convention_id


def _row(pool: Pool, columns: Sequence[Column], ranked_by: Column | None, participants: Sequence[str]) -> Row:
    complete = pool.complete_seeds(ranked_by, participants)
    seeds = complete or tuple(sorted({run.seed for run in pool.runs}))
    used = [run for run in pool.runs if run.seed in seeds]
    scored = {
        who
        for by_participant in (pool.scores.get(ranked_by, {}) if ranked_by else {}).values()
        for who, score in by_participant.items()
        if score.value is not None
    }
    run = pool.runs[-1]
    return Row(
        rank=None,
        role=_role(run),
        run=run,
        run_ids=tuple(run.id for run in used),
        seeds=seeds,
        failed_seeds=pool.failed_seeds,
        devices=tuple(sorted({run.device for run in used if run.device})),
        coverage=Coverage(scored=len(scored.intersection(participants)), expected=len(participants)),
        cells={
            c: make_cell(pool.scores[c], seeds, participants, all_folds=_has_all_folds(used, participants))
            for c in columns
            if c in pool.scores
        },
        costs=_costs(used),
        newest=max(run.created_at for run in pool.runs),
    )


def _has_all_folds(runs: Sequence[RunRow], participants: Sequence[str]) -> bool:
    """Return whether the runs of every seed together predict everyone, as far as it was recorded whom they predict."""
    predicted: dict[int, set[str]] = defaultdict(set)
    for run in runs:
        predicted[run.seed].update(run.test_participants)
    return not any(predicted.values()) or all(who.issuperset(participants) for who in predicted.values())


def _role(run: RunRow) -> Role:
    if run.method == CEILING_METHOD:
        return "ceiling"
    if run.supervision == ORACLE or run.method == ORACLE_METHOD:
        return "oracle"
    return "reference" if run.method in REFERENCE_METHODS else "method"


def _costs(runs: Sequence[RunRow]) -> Costs:
    def mean(name: str) -> float | None:
        values = [getattr(run, name) for run in runs]
        return fmean(values) if values and None not in values else None

    if len({run.device for run in runs}) > 1:
        return Costs(images_seen=mean("images_seen"), parameter_count=mean("parameter_count"))
    return Costs(**{name: mean(name) for name in Costs.__dataclass_fields__})


def _with_gains(rows: Sequence[Row]) -> list[Row]:
    """Compare every row with the newest rows of `identity` and of the noise ceiling."""

    def newest(method: str) -> Row | None:
        candidates = [row for row in rows if row.run.method == method]
        return max(candidates, key=lambda row: (row.coverage.complete, row.newest), default=None)

    identity, ceiling = newest(IDENTITY_METHOD), newest(CEILING_METHOD)
    starts, limits = identity.cells if identity else {}, ceiling.cells if ceiling else {}
    return [
        replace(
            row,
            cells={
                column: add_fraction(
                    add_gain(cell, starts.get(column), column.higher_is_better),
                    starts.get(column),
                    limits.get(column),
                    column.higher_is_better,
                )
                for column, cell in row.cells.items()
            },
        )
        for row in rows
    ]


def _in_order(rows: Iterable[Row], column: Column | None) -> list[Row]:
    """Sort best first and give ranks; equal means share one."""
    sign = -1.0 if column is None or column.higher_is_better is not False else 1.0

    def goodness(row: Row) -> float:
        cell = row.cells.get(column) if column else None
        return math.inf if cell is None or cell.mean is None else sign * cell.mean

    placed = sorted(rows, key=lambda row: (goodness(row), -row.coverage.scored, row.run.method, row.run_ids))
    competing = [goodness(row) for row in placed if row.role == "method" and goodness(row) < math.inf]
    return [
        replace(row, rank=1 + competing.index(goodness(row)))
        if row.role == "method" and goodness(row) < math.inf
        else row
        for row in placed
    ]
