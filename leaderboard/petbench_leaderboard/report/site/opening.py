"""What a board opens with: a sentence, the median participant in pictures, and the ranking with its intervals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from petbench_leaderboard.report import columns as written
from petbench_leaderboard.report import formatting, row_names
from petbench_leaderboard.report import settings as stated
from petbench_leaderboard.report.images import shown_name
from petbench_leaderboard.report.overview_figure import draw_overview
from petbench_leaderboard.report.reference_table import NOTE, reference_table
from petbench_leaderboard.report.site.board_table import board_slug, place_of, row_slug
from petbench_leaderboard.report.site.pages import write_file
from petbench_leaderboard.statistics.sentences import against_references, caveats, separation

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from petbench_leaderboard.board import Board, Column, Row
    from petbench_leaderboard.report.images import ParticipantImages
    from petbench_leaderboard.report.reference_table import ReferenceTable
    from petbench_leaderboard.statistics.analysis import BoardStatistics, RowStatistics

MOST_RANKED = 10
"""Methods of the opening ranking, and as many references: all rows stand in the table below it."""

MOST_DRAWN = 4
"""Predictions of the opening figure: all are on the participant's page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpeningFigure:
    """The picture of the median participant: its file, its size, what it shows, and the rule that chose it."""

    file: str
    width: int
    height: int
    description: str
    participant: str
    rule: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """One line of the ranking: written numbers, and where they lie in a chart that is 100 wide; None outside of it."""

    key: str
    kind: str
    rank: str
    rank_interval: str
    place: str
    method: str
    settings: str
    seeds: str
    value: str
    interval: str
    gain: str
    gain_kind: str
    gain_interval: str
    normalized_score: str
    at: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """All that a board opens with."""

    sentence: str
    references: str
    reference_table: ReferenceTable | None
    reference_note: str
    caveats: list[str]
    metric: str
    detail: str
    arrow: str
    standings: list[Standing]
    further: int
    has_intervals: bool
    has_gains: bool
    has_normalized: bool


def view_opening(board: Board, statistics: BoardStatistics | None) -> Opening | None:
    """Write the opening of a board; None where nothing was scored by a metric that ranks."""
    column = board.ranked_by
    if column is None:
        return None
    known = statistics.rows if statistics else (None,) * len(board.rows)
    found = {row_slug(row): of_row for row, of_row in zip(board.rows, known, strict=True)}
    rows = _shown(board, column)
    ends = _ends(rows, column, found)
    settings = row_names.settings(board.rows)
    standings = [_standing(row, column, found[row_slug(row)], ends, settings[row.run.run_group]) for row in rows]
    ranked = sum(row.rank is not None for row in board.rows)
    return Opening(
        sentence=separation(board, statistics),
        references=against_references(board, statistics),
        reference_table=reference_table(board, statistics),
        reference_note=NOTE,
        caveats=caveats(board) if statistics else [],
        metric=written.label(column),
        detail=written.detail(column),
        arrow=written.arrow(column),
        standings=standings,
        further=max(0, ranked + board.omitted - MOST_RANKED),
        has_intervals=any(row.interval for row in standings),
        has_gains=any(row.gain for row in standings),
        has_normalized=any(row.normalized_score for row in standings),
    )


def write_opening_figure(images: ParticipantImages, board: Board, folder: Path) -> OpeningFigure:
    """Draw the participant with the best methods, then references, and write the picture into the site."""
    rows = [row for row in board.rows if row.competes] + [row for row in board.rows if row.role == "reference"]
    labels = dict.fromkeys(shown_name(row.run.method, row.run.preset or "") for row in rows if not row.is_identity)
    names = [label for label in labels if label in images.predictions][:MOST_DRAWN]
    figure = draw_overview(images, names)
    file = f"{board_slug(board)}.webp"
    write_file(folder / "figures" / file, figure.webp)
    return OpeningFigure(
        file=f"figures/{file}",
        width=figure.width,
        height=figure.height,
        description=figure.description,
        participant=images.participant,
        rule=_rule(board),
    )


def _rule(board: Board) -> str:
    """Say who is drawn and why, to stand behind the participant's name."""
    if len(board.participants) == 1:
        return "the only test participant"
    whom = "the ranked methods" if any(row.competes for row in board.rows) else "all rows"
    by = f"by {written.heading(board.ranked_by)}, the mean over {whom}" if board.ranked_by else "by name"
    return f"the median of {len(board.participants)} test participants {by}"


def _shown(board: Board, column: Column) -> list[Row]:
    """Return the best of the ranking with the references among them, in the board's order."""
    scored = [row for row in board.rows if column in row.cells and row.cells[column].mean is not None]
    ranked = [row for row in scored if row.rank is not None][:MOST_RANKED]
    others = [row for row in scored if row.role in ("reference", "predictable")][:MOST_RANKED]
    kept = {row_slug(row) for row in (*ranked, *others)}
    return [row for row in scored if row_slug(row) in kept]


def _ends(rows: Iterable[Row], column: Column, found: dict[str, RowStatistics | None]) -> tuple[float, float]:
    """Return where the chart begins and ends: it holds every mean and every interval."""
    values: list[float] = []
    for row in rows:
        values.append(row.cells[column].mean or 0.0)
        of_row = found[row_slug(row)]
        if of_row and of_row.interval:
            values += [of_row.interval.low, of_row.interval.high]
    finite = [value for value in values if abs(value) < float("inf")]
    return (min(finite), max(finite)) if finite else (0.0, 1.0)


def _standing(
    row: Row, column: Column, found: RowStatistics | None, ends: tuple[float, float], settings: list[str]
) -> Standing:
    cell, run = row.cells[column], row.run
    interval = found.interval if found else None

    def at(value: float | None) -> float | None:
        low, high = ends
        if value is None or not low <= value <= high:
            return None
        return round(4.0 + 92.0 * (value - low) / (high - low), 2) if high > low else 50.0

    return Standing(
        key=row_slug(row),
        kind=row.role,
        rank="" if row.rank is None else str(row.rank),
        rank_interval=place_of(found.rank_interval) if found and found.rank_interval else "",
        place="" if stated.place(row) == run.method else stated.place(row),
        method=run.method,
        settings=", ".join(settings) if row.role == "competitor" else stated.origin(row),
        seeds=_seeds(row, column),
        value=written.mean(column, cell),
        interval=written.interval(column, interval),
        gain="" if row.is_identity else written.gain(column, cell),
        gain_kind="better" if cell.gain and cell.gain > 0 else "worse" if cell.gain else "",
        gain_interval=written.interval(column, found.gain_interval if found else None),
        normalized_score=written.normalized_score(cell),
        at=at(cell.mean),
        low=at(interval.low if interval else None),
        high=at(interval.high if interval else None),
    )


def _seeds(row: Row, column: Column) -> str:
    """Return how many seeds a method's mean is over, and how they spread; the words “one seed” for one."""
    if row.role != "competitor":
        return ""
    spread = row.cells[column].seed_standard_deviation
    amount = "one seed" if len(row.seeds) == 1 else formatting.counted(len(row.seeds), "seed")
    return amount if spread is None else f"{amount} ± {written.value(column, spread)}"
