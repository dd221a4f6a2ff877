"""Convert between the tables' classes and the plain records."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any, TypeVar

from petbench_leaderboard import storable
from petbench_leaderboard.errors import LeaderboardError
from petbench_leaderboard.field_uses import fields_of_type
from petbench_leaderboard.records import RunRecord, RunRow
from petbench_leaderboard.schema import DATASET_LEVEL, Run, Score, ValidationScore
from petbench_leaderboard.score_records import ScoreRecord, ScoreRow
from petbench_leaderboard.storable import cleaned

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    import sqlalchemy as sa

    from petbench_leaderboard.metric_facts import MetricFacts, MetricKey

T = TypeVar("T")

_IN_METRICS = "facts"  # the field of a score that the table of metrics holds
_SCORE_FIELDS = [field.name for field in fields(ScoreRow) if field.name != _IN_METRICS]
_RUN_FIELDS = tuple(field.name for field in fields(RunRow))
_TUPLES = fields_of_type(RunRow, tuple)

_MEASURED = frozenset(("machine", "environment", "log_path"))

_IN_A_BATCH = 500


def in_batches(values: Iterable[T], size: int = _IN_A_BATCH) -> Iterator[list[T]]:
    """Yield lists of at most `size` values: databases limit the number of bound parameters."""
    listed = list(values)
    return (listed[start : start + size] for start in range(0, len(listed), size))


def run_row(run: Run) -> RunRow:
    """Return a run as plain data."""
    columns = {name: getattr(run, name) for name in _RUN_FIELDS}
    for name in _TUPLES:
        columns[name] = tuple(columns[name])
    return RunRow(**columns)


def columns_of_scores(table: type[Score] | type[ValidationScore]) -> list[sa.orm.InstrumentedAttribute[Any]]:
    """Return the columns of a table of scores that `score_row` reads."""
    return [getattr(table, name) for name in _SCORE_FIELDS]


def score_row(row: sa.RowMapping, metrics: Mapping[MetricKey, MetricFacts] | None = None) -> ScoreRow:
    """Return a score as plain data, with the facts of its metric where they are among `metrics`."""
    columns = dict(row)
    facts = (metrics or {}).get((columns["metric"], columns["convention_id"]))
    return ScoreRow(**columns | {"participant": columns["participant"] or None, "facts": facts})


def columns_of(record: RunRecord | ScoreRecord) -> dict[str, Any]:
    """Return a record's fields, tuples as lists and mappings as dictionaries, as JSON columns want them."""
    plain: dict[str, Any] = {}
    for name in (field.name for field in fields(record)):
        value = getattr(record, name)
        if isinstance(value, tuple):
            value = list(value)
        plain[name] = dict(value) if hasattr(value, "items") else value
    return plain


def planned_columns(record: RunRecord) -> dict[str, Any]:
    """Return what is stored of a planned run; what decides its result must be storable, what was measured is made so.

    Raises:
        LeaderboardError: a value that no output can carry.
    """
    measured = {name: cleaned(value) for name, value in columns_of(record).items() if name in _MEASURED}
    plain = columns_of(record) | measured
    for name, value in plain.items():
        try:
            storable.check(value)
        except ValueError as error:
            raise LeaderboardError(
                f"{name} of {cleaned(record.method)} cannot be stored: {error}; correct it"
            ) from None
    return plain


def score_columns(score: ScoreRecord, run_id: int, protocol: int) -> dict[str, Any]:
    """Return what is stored of a score.

    Raises:
        LeaderboardError: it holds what no output can carry.
    """
    plain = columns_of(score)
    del plain[_IN_METRICS]
    try:
        storable.check(plain)
    except ValueError as error:
        raise LeaderboardError(f"a score by {cleaned(score.metric)} cannot be stored: {error}") from None
    return plain | {"participant": score.participant or DATASET_LEVEL, "run_id": run_id, "protocol": protocol}
