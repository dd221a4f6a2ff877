"""The participants' pages: who gets one, and what stands on it."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING

from petbench_leaderboard.report import columns as written
from petbench_leaderboard.report.figure_parts import ERROR_LIMIT_SUV, SUV_LIMIT
from petbench_leaderboard.report.participant_figure import draw_participant
from petbench_leaderboard.report.row_names import names
from petbench_leaderboard.report.site.board_table import board_slug, row_slug
from petbench_leaderboard.report.site.pages import write_file, write_page
from petbench_leaderboard.report.site.volumes import packed_script

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from petbench_leaderboard.board import Board, Column
    from petbench_leaderboard.report.images import ParticipantImages
    from petbench_leaderboard.report.site.views import MethodTable


@dataclass(frozen=True, slots=True, kw_only=True)
class ParticipantLink:
    """A link to a participant's page, and why the participant was chosen."""

    participant: str
    href: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Figure:
    name: str
    width: int
    height: int
    description: str


def choose_participants(board: Board, most: int) -> dict[str, str]:
    """Return who gets a page, worst first, and why: all, or of more than `most` the worst, the median and the best."""
    order = _worst_first(board)
    if not order:
        return dict.fromkeys(board.participants[:most], "")
    if len(order) == 1:
        return {order[0]: "the only one"}
    named = {median_participant(board): "median", order[0]: "worst", order[-1]: "best"}
    return {who: named.get(who, "") for who in order if who in named or len(order) <= most}


def median_participant(board: Board) -> str:
    """Return who stands for the board in its first figure: in the middle, of two the worse; the first without scores.

    Raises:
        IndexError: the board has no participants.
    """
    order = _worst_first(board)
    return order[(len(order) - 1) // 2] if order else board.participants[0]


def _worst_first(board: Board) -> list[str]:
    """Return the participants by the ranking metric, averaged over all ranked methods; empty without scores.

    So no method and no person can choose who is shown. Where no method is ranked, the mean is over all rows.
    """
    column = board.ranked_by
    cells = [row.cells[column] for row in board.rows if column and row.competes and column in row.cells]
    cells = [cell for cell in cells if cell.mean is not None and cell.values]
    if not cells or column is None:
        cells = [row.cells[column] for row in board.rows if column and column in row.cells and row.cells[column].values]
    if not cells or column is None:
        return []
    means = {who: fmean(cell.values[who] for cell in cells if who in cell.values) for who in cells[0].values}
    return sorted(means, key=lambda who: (-column.distance(means[who]), who))


def write_participant(
    images: ParticipantImages, board: Board, why: str, folder: Path, organs: Sequence[MethodTable] = ()
) -> ParticipantLink:
    """Write a participant's page, its volumes, its still figures and its tables of organs; return the link to it."""
    name = _file_name(images, board)
    columns = _columns(images, board)
    figures = []
    for number, figure in enumerate(draw_participant(images), start=1):
        file = f"{name}-{number}.webp"
        write_file(folder / "participants" / file, figure.webp)
        figures.append(_Figure(name=file, width=figure.width, height=figure.height, description=figure.description))
    write_file(folder / "participants" / f"{name}.js", packed_script(images).encode())
    write_page(
        folder / "participants" / f"{name}.html",
        "participant.html.j2",
        root="..",
        title=images.participant,
        images=images,
        board=board,
        board_key=board_slug(board),
        why=why,
        scores=_scores(images, board, columns),
        columns=[(written.label(column), written.detail(column)) for column in columns],
        organs=organs,
        script=f"{name}.js",
        figures=figures,
        suv_limit=f"{SUV_LIMIT:g}",
        error_limit=f"{ERROR_LIMIT_SUV:g}",
    )
    return ParticipantLink(participant=images.participant, href=f"participants/{name}.html", why=why)


def _columns(images: ParticipantImages, board: Board) -> list[Column]:
    """Return the columns that have a score of this very participant: a distance between groups of images has none."""
    cells = [row.cells for row in board.rows]
    return [
        column
        for column in written.shown_columns(board)
        if any(column in of_row and images.participant in of_row[column].values for of_row in cells)
    ]


def _scores(images: ParticipantImages, board: Board, columns: list[Column]) -> list[tuple[str, str, list[str]]]:
    """Return every row's link, method and scores of this participant, in the board's order."""
    rows, called = [], names(board.rows)
    for row in board.rows:
        cells = [(column, row.cells.get(column)) for column in columns]
        values = [
            written.value(column, cell.values.get(images.participant) if cell else None) for column, cell in cells
        ]
        rows.append((row_slug(row), called[row.run.run_group], values))
    return rows


def _file_name(images: ParticipantImages, board: Board) -> str:
    """Return a name of plain characters that no other participant of any board has."""
    whole = f"{board_slug(board)}\0{images.participant}"
    plain = re.sub(r"[^A-Za-z0-9-]+", "-", images.participant).strip("-")[:40] or "participant"
    return f"{plain}-{hashlib.sha256(whole.encode()).hexdigest()[:8]}"
