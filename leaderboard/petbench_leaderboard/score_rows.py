"""Every score that boards are made of, in long form: one row a participant, metric and region.

It is what an independent check needs: all means, gains, tests and intervals of a board follow from these rows. Runs
that a newer run of the same seed and fold has replaced are left out, as on the board.
"""

from __future__ import annotations

import csv
import json
import math
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import sqlalchemy as sa

from petbench_datasets.progress import silent
from petbench_leaderboard.errors import UnknownOnLeaderboardError
from petbench_leaderboard.exports import safe_cell
from petbench_leaderboard.metric_table import read_metrics
from petbench_leaderboard.row_selection import board_entries, competing_rows
from petbench_leaderboard.rows import in_batches
from petbench_leaderboard.run_groups import REGIONS
from petbench_leaderboard.schema import Run, Score, ValidationScore
from petbench_leaderboard.score_tables import read_scores
from petbench_leaderboard.where import parse
from petbench_leaderboard.where_sql import matching

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
    from typing import IO

    from sqlalchemy.orm import Session

    from petbench_datasets.progress import Progress
    from petbench_leaderboard.cached_means import BoardKey
    from petbench_leaderboard.metric_facts import MetricFacts, MetricKey
    from petbench_leaderboard.score_tables import Table
    from petbench_leaderboard.store import Leaderboard

Part: TypeAlias = Literal["test", "validation"]

FIELDS = (
    "run", "uid", "row", "method", "role", "competes", "dataset", "fingerprint", "split", "fold", "seed", "task",
    "protocol", "part", "participant", "metric", "convention_id", "region", "unit", "higher_is_better", "best_value",
    "value", "floor", "reason",
)  # fmt: skip
"""Of a score. `row` is shared by the runs of one row; `participant` is empty for a score of all of a fold together.

`part` is `test` or `validation`: never both in one file.
"""

_OF_RUN = ("uid", "method", "role", "dataset", "fingerprint", "split", "fold", "seed", "task")
_OF_SCORE = ("protocol", "metric", "convention_id", "region", "unit", "higher_is_better", "value", "reason")
_ROW_DIGITS = 12
_ROWS_AT_ONCE = 50
_RUN = (
    Run.id, Run.uid, Run.run_group, Run.method, Run.role, Run.dataset, Run.fingerprint, Run.split, Run.split_digest,
    Run.task, Run.fold, Run.seed,
)  # fmt: skip
_PARTS: Mapping[str, Table] = {"test": Score, "validation": ValidationScore}


def score_rows(
    leaderboard: Leaderboard,
    *,
    dataset: str | None = None,
    split: str | None = None,
    metrics: Sequence[str] = (),
    where: str | None = None,
    protocol: int | None = None,
    part: Part = "test",
    progress: Progress = silent,
) -> Iterator[dict[str, Any]]:
    """Return the scores of finished runs, row by row of the boards; only a few rows at a time are in memory.

    `competes` is what it is on the whole board: a condition chooses scores, not competitors.

    Args:
        leaderboard: where the runs are.
        dataset: only of this dataset.
        split: only of this split.
        metrics: only of these metrics; empty means all.
        where: only of runs that fulfil this condition.
        protocol: only by this version of the rules.
        part: whose scores: of the test participants, which boards are made of, or of the validation participants.
        progress: is given what is done: description, done, total.

    Raises:
        UnknownOnLeaderboardError: nothing here is of that dataset, split, metric or protocol.
        RequestError: the condition is not understood.
    """
    entries = board_entries(leaderboard, dataset=dataset, split=split)
    protocols = {entry.protocol for entry in entries}
    if protocol is not None and protocol not in protocols:
        raise UnknownOnLeaderboardError("protocol here", str(protocol), map(str, protocols))
    entries = [entry for entry in entries if protocol in (None, entry.protocol)]
    competing = {entry.key: competing_rows(leaderboard, entry).keys() for entry in entries}
    with leaderboard.reading() as session:
        facts = read_metrics(session)
        _check_metrics(session, _PARTS[part], metrics, facts)
        fits = [] if where is None else [matching(session, parse(where))]
        groups = _run_groups(session, dataset, split, fits)

    def stream() -> Iterator[dict[str, Any]]:
        with leaderboard.reading() as session:
            for done, some in enumerate(in_batches(groups, _ROWS_AT_ONCE)):
                progress("exporting scores", done * _ROWS_AT_ONCE, len(groups))
                yield from _rows_of(session, some, fits, competing, metrics, facts, part)
        progress("exporting scores", len(groups), len(groups))

    return stream()


def write_csv(rows: Iterable[Mapping[str, Any]], file: IO[str]) -> int:
    """Write scores as CSV, every digit, line by line, and return how many."""
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(FIELDS)
    count = 0
    for row in rows:
        writer.writerow([safe_cell(row[field]) for field in FIELDS])
        count += 1
    return count


def write_json(rows: Iterable[Mapping[str, Any]], file: IO[str]) -> int:
    """Write scores as a JSON list, one object a line, and return how many; infinity is a text."""
    count = 0
    for row in rows:
        plain = {field: _plain(row[field]) for field in FIELDS}
        file.write(("[\n" if count == 0 else ",\n") + json.dumps(plain, ensure_ascii=False, allow_nan=False))
        count += 1
    file.write("\n]\n" if count else "[]\n")
    return count


def _rows_of(
    session: Session,
    groups: Sequence[str],
    fits: Sequence[sa.ColumnElement[bool]],
    competing: Mapping[BoardKey, Collection[str]],
    metrics: Sequence[str],
    facts: Mapping[MetricKey, MetricFacts],
    part: Part,
) -> Iterator[dict[str, Any]]:
    finished = sa.select(*_RUN).where(Run.run_group.in_(groups), Run.status == "ok").order_by(Run.id)
    runs = {run.id: run for run in session.execute(finished)}
    counted = _counted(session, runs)
    if fits:
        fitting = set(session.scalars(sa.select(Run.id).where(Run.run_group.in_(groups), *fits)))
        counted = {run_id: protocols for run_id, protocols in counted.items() if run_id in fitting}
    table = _PARTS[part]
    wanted = [table.metric.in_(metrics)] if metrics else []
    for score in read_scores(session, table, counted, *wanted):
        run = runs[score.run_id]
        board = (run.dataset, run.fingerprint, run.split, run.split_digest, score.protocol, run.task)
        if board in competing and score.protocol in counted[run.id]:
            yield _as_row(run, score, run.run_group in competing[board], facts) | {"part": part}


def _counted(session: Session, runs: Mapping[int, Any]) -> dict[int, set[int]]:
    """Return by run the protocols that it counts in: those in which no newer run of its place was scored."""
    scored: dict[tuple[str, int, int, int], int] = {}
    for some in in_batches(runs):
        query = sa.select(Score.run_id, Score.protocol).where(Score.run_id.in_(some), Score.region.in_(REGIONS))
        for run_id, protocol in session.execute(query.distinct().order_by(Score.run_id)):
            run = runs[run_id]
            scored[run.run_group, run.seed, run.fold, protocol] = run_id  # the newest comes last
    counted: dict[int, set[int]] = {}
    for (*_, protocol), run_id in scored.items():
        counted.setdefault(run_id, set()).add(protocol)
    return counted


def _as_row(run: Any, score: Any, competes: bool, facts: Mapping[MetricKey, MetricFacts]) -> dict[str, Any]:
    known = facts.get((score.metric, score.convention_id))
    floor = (score.extra or {}).get("floor")
    return {
        **{name: getattr(run, name) for name in _OF_RUN},
        "run": run.id,
        "row": run.run_group[:_ROW_DIGITS],
        "competes": competes,
        **{name: getattr(score, name) for name in _OF_SCORE},
        "participant": score.participant or None,
        "best_value": known.best_value if known else None,
        "floor": float(floor) if isinstance(floor, int | float) else None,
    }


def _run_groups(
    session: Session, dataset: str | None, split: str | None, fits: Sequence[sa.ColumnElement[bool]]
) -> list[str]:
    """Return the run groups that have scores, in the order in which their first runs were planned."""
    query = sa.select(Run.run_group).where(Run.on_board.is_(True), *fits).group_by(Run.run_group)
    for column, given in ((Run.dataset, dataset), (Run.split, split)):
        if given is not None:
            query = query.where(column == given)
    return list(session.scalars(query.order_by(sa.func.min(Run.id))))


def _check_metrics(
    session: Session, table: Table, metrics: Sequence[str], facts: Mapping[MetricKey, MetricFacts]
) -> None:
    known = {metric for metric, _ in facts}
    for metric in metrics:
        if metric in known or session.scalar(sa.select(table.metric).where(table.metric == metric).limit(1)):
            continue
        raise UnknownOnLeaderboardError("metric of this leaderboard", metric, known)


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, float) and math.isinf(value) else value
