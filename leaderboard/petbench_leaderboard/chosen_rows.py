"""Which rows compete, kept in the database: chosen whenever a row of a method changes, read whenever a board is."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import sqlalchemy as sa

from petbench_leaderboard.competing import Candidate, choose
from petbench_leaderboard.schema import BoardRow

if TYPE_CHECKING:
    from collections.abc import Collection

    from sqlalchemy.orm import Session

    from petbench_leaderboard.board import ChosenBy
    from petbench_leaderboard.competing import Method

_FIELDS = [getattr(BoardRow, name) for name in Candidate._fields]


def note_choice(session: Session, board_id: int, method: Method) -> None:
    """Choose a method's competing row on a board anew, and note it."""
    of_method = _of(board_id, method)
    chosen = choose(Candidate._make(row) for row in session.execute(sa.select(*_FIELDS).where(*of_method)))
    session.execute(sa.update(BoardRow).where(*of_method, BoardRow.chosen_by.is_not(None)).values(chosen_by=None))
    for run_group, why in chosen.items():
        this = (BoardRow.board_id == board_id, BoardRow.run_group == run_group)
        session.execute(sa.update(BoardRow).where(*this).values(chosen_by=why))


def chosen_rows(session: Session, board_id: int) -> dict[str, ChosenBy]:
    """Return the run groups that compete on a board, and why each was chosen."""
    query = sa.select(BoardRow.run_group, BoardRow.chosen_by)
    found = session.execute(query.where(BoardRow.board_id == board_id, BoardRow.chosen_by.is_not(None)))
    return {row.run_group: cast("ChosenBy", row.chosen_by) for row in found}


def chosen_among(session: Session, board_id: int, run_groups: Collection[str]) -> dict[str, ChosenBy]:
    """Return the run groups that would compete if a board had none but these."""
    query = sa.select(*_FIELDS).where(BoardRow.board_id == board_id, BoardRow.role == "competitor")
    rows = (Candidate._make(row) for row in session.execute(query))
    return choose(row for row in rows if row.run_group in run_groups)


def _of(board_id: int, method: Method) -> tuple[sa.ColumnElement[bool], ...]:
    name, distribution = method
    return (
        BoardRow.board_id == board_id,
        BoardRow.role == "competitor",
        BoardRow.method == name,
        BoardRow.distribution == distribution,
    )
