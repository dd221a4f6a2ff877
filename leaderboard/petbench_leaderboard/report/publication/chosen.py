"""The columns of a table for a paper that somebody chose by name, and the digits that they are written with.

A cell has one thing alone: what stands in brackets in the full table, gain and normalized score, are columns here.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from petbench_leaderboard.errors import RequestError, UnknownOnLeaderboardError
from petbench_leaderboard.metric_facts import MOST_DECIMALS
from petbench_leaderboard.report import columns as written
from petbench_leaderboard.report import formatting, row_names
from petbench_leaderboard.report import settings as stated
from petbench_leaderboard.report.reference_table import reference_table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from petbench_leaderboard.board import Board, Cell, Column, Row
    from petbench_leaderboard.statistics.analysis import BoardStatistics

COSTS: Mapping[str, tuple[str, Callable[[Row], str]]] = {
    "train_seconds": ("Training", lambda row: formatting.duration(row.costs.train_seconds)),
    "seconds_per_volume": ("A volume", lambda row: formatting.duration(row.costs.seconds_per_volume)),
    "images_seen": ("Images", lambda row: formatting.number(row.costs.images_seen, 0)),
    "images_per_second": ("Images a second", lambda row: formatting.rate(row.costs.images_per_second)),
    "peak_memory_bytes": ("Memory", lambda row: formatting.memory(row.costs.peak_memory_bytes)),
    "peak_device_memory_bytes": ("Device memory", lambda row: formatting.memory(row.costs.peak_device_memory_bytes)),
    "parameter_count": ("Parameters", lambda row: formatting.count(row.costs.parameter_count)),
}
"""What a row cost, by the name that JSON and CSV give it."""


@dataclass(frozen=True, slots=True)
class Digits:
    """How many decimals scores are written with.

    Attributes:
        every: of metrics that are not named; None for each metric's own.
        of_metric: of some, by their names.
    """

    every: int | None = None
    of_metric: Mapping[str, int] = dataclasses.field(default_factory=dict)

    @classmethod
    def parse(cls, text: str) -> Digits:
        """Read `2`, `psnr_body_suv20=1`, or both: `2,psnr_body_suv20=1`.

        Raises:
            RequestError: a number of digits is none.
        """
        every, of_metric = None, {}
        for part in text.split(","):
            name, separator, count = part.strip().rpartition("=")
            if not count.isdecimal() or int(count) > MOST_DECIMALS or (separator and not name):
                raise RequestError(
                    f"{part.strip()!r} is no number of digits: write 2, or METRIC=2, with 0 to {MOST_DECIMALS}"
                )
            if name:
                of_metric[name] = int(count)
            else:
                every = int(count)
        return cls(every, of_metric)

    def on(self, column: Column) -> Column:
        """Return a column that is written with these digits."""
        decimals = self.of_metric.get(column.metric, self.every)
        if decimals is None:
            return column
        return dataclasses.replace(column, facts=dataclasses.replace(column.facts, decimals=decimals))

    def check(self, boards: Iterable[Board]) -> None:
        """Refuse digits of a metric that no board has.

        Raises:
            UnknownOnLeaderboardError: there is none of that name.
        """
        known = {column.metric for board in boards for column in (*board.columns, *board.validation_columns)}
        for name in self.of_metric:
            if name not in known:
                raise UnknownOnLeaderboardError("metric of this table", name, known)


@dataclass(frozen=True, slots=True)
class ChosenTable:
    """A table as it was asked for.

    Attributes:
        head: names of the columns.
        rows: in the board's order.
        texts: how many of the first columns are texts.
    """

    head: list[str]
    rows: list[list[str]]
    texts: int


def chosen_table(board: Board, statistics: BoardStatistics | None, names: Sequence[str], digits: Digits) -> ChosenTable:
    """Return a board's rows with their place, the method, and some columns in the order in which they are named.

    A name is that of a metric, of a cost, `settings`, `seeds`, or one of `gain.METRIC`, `normalized.METRIC`,
    `validation.METRIC` and `over.REFERENCE`. Without `settings` a method of several rows is called by what differs.

    Raises:
        UnknownOnLeaderboardError: the board has no such column.
    """
    columns = _columns(board, statistics, digits)
    for name in names:
        if name not in columns:
            raise UnknownOnLeaderboardError("column of this table", name, columns)
    called = row_names.names(board.rows)
    plain = "settings" in names

    def method(row: Row) -> str:
        return stated.named(row) if plain else called[row.run.run_group]

    # Texts stand on the left, whatever place they were given: numbers are read down their columns.
    wanted = sorted(dict.fromkeys(names), key=lambda name: name not in ("settings", "seeds"))
    head = ["", "Method", *(columns[name][0] for name in wanted)]
    rows = [[stated.place(row), method(row), *(columns[name][1](row) for name in wanted)] for row in board.rows]
    return ChosenTable(head, rows, texts=2 + sum(name in ("settings", "seeds") for name in wanted))


def needs_validation(names: Iterable[str]) -> bool:
    """Return whether a table with these columns has scores of validation participants."""
    return any(name.startswith("validation.") for name in names)


def _columns(
    board: Board, statistics: BoardStatistics | None, digits: Digits
) -> dict[str, tuple[str, Callable[[Row], str]]]:
    """Return every column that a board has: its name, its heading, and how it is written of a row."""
    settings = row_names.settings(board.rows)
    found: dict[str, tuple[str, Callable[[Row], str]]] = {
        "settings": ("Settings", lambda row: ", ".join(settings[row.run.run_group])),
        "seeds": ("Seeds", lambda row: stated.seeds(row, board.ranked_by)),
        **COSTS,
    }
    for name, column in _named(board.columns).items():
        shown = digits.on(column)
        head = f"{written.heading(column)} {written.arrow(column)}".rstrip()
        found[name] = head, _of_cell(column, _mean(shown))
        if column.ranks:
            found[f"gain.{name}"] = f"Gain in {written.heading(column)}", _of_cell(column, _gain(shown))
            found[f"normalized.{name}"] = (
                f"{written.label(column)}, normalized",
                _of_cell(column, written.normalized_score),
            )
    for name, column in _named(board.validation_columns).items():
        head = f"{written.heading(column)} {written.arrow(column)}".rstrip()
        found[f"validation.{name}"] = f"Validation {head}", _on_validation(column, digits.on(column))
    return found | _over_references(board, statistics, digits)


def _named(columns: Sequence[Column]) -> dict[str, Column]:
    """Return columns by their names; of a metric in several conventions or regions those follow its name."""
    count = Counter(column.metric for column in columns)
    return {
        column.metric
        if count[column.metric] == 1
        else f"{column.metric}:{column.region}:{column.convention_id}": column
        for column in columns
    }


def _of_cell(column: Column, write: Callable[[Cell], str]) -> Callable[[Row], str]:
    def of(row: Row) -> str:
        cell = row.cells.get(column)
        return formatting.MISSING if cell is None or cell.mean is None else write(cell) or formatting.MISSING

    return of


def _mean(column: Column) -> Callable[[Cell], str]:
    def write(cell: Cell) -> str:
        spread = "" if cell.standard_deviation is None else f" ± {written.value(column, cell.standard_deviation)}"
        return f"{written.mean(column, cell)}{spread}"

    return write


def _gain(column: Column) -> Callable[[Cell], str]:
    return lambda cell: written.gain(column, cell)


def _on_validation(column: Column, shown: Column) -> Callable[[Row], str]:
    def of(row: Row) -> str:
        cell = row.validation.get(column)
        return formatting.MISSING if cell is None else written.mean(shown, cell)

    return of


def _over_references(
    board: Board, statistics: BoardStatistics | None, digits: Digits
) -> dict[str, tuple[str, Callable[[Row], str]]]:
    """Return the gain over each reference, with its interval and its corrected p."""
    found = reference_table(board, statistics, digits.on)
    if found is None:
        return {}

    def column(place: int) -> Callable[[Row], str]:
        return lambda row: found.cells.get(row.run.run_group, [formatting.MISSING] * len(found.references))[place]

    return {f"over.{name}": (f"Over {name}", column(place)) for place, name in enumerate(found.references)}
