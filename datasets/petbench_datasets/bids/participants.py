"""Who the participants of a BIDS folder are, and what they weigh."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from petbench_datasets.boundary import reading
from petbench_datasets.errors import DataError
from petbench_datasets.tables import Row, number, read_table

if TYPE_CHECKING:
    from pathlib import Path

PARTICIPANTS_NAME = "participants.tsv"
COLUMNS_NAME = "participants.json"
_KILOGRAMS = {
    "kg": 1.0, "kilogram": 1.0, "kilograms": 1.0, "g": 1e-3, "gram": 1e-3, "grams": 1e-3,
    "lb": 0.45359237, "lbs": 0.45359237, "pound": 0.45359237, "pounds": 0.45359237,
}  # fmt: skip
WEIGHT_COLUMNS = ("body_weight", "weight", "weight_kg", "body_weight_kg")


def read_participants(root: Path) -> dict[str, Row]:
    """Read participants.tsv; the keys are `sub-01` and so on, in the table's order.

    Raises:
        DataError: no such table, no column `participant_id`, or a participant listed twice.
    """
    path = root / PARTICIPANTS_NAME
    if not path.exists():
        raise DataError(f"{path}: no such file; list every participant with participant_id and body_weight (kg)")
    table: dict[str, Row] = {}
    for row in read_table(path):
        name = row.get("participant_id", "")
        if not name:
            raise DataError(f"{path}: a row without participant_id; give every participant one")
        name = name if name.startswith("sub-") else f"sub-{name}"
        if name in table:
            raise DataError(f"{path}: {name} is listed twice; keep one row")
        table[name] = row
    return table


def column_descriptions(root: Path) -> dict[str, Any]:
    """Return what participants.json says of the columns; nothing where there is no such file, or a damaged one."""
    path = root / COLUMNS_NAME
    try:
        with reading(path):
            content = json.loads(path.read_text(encoding="utf-8-sig"))
    except DataError:
        return {}
    return content if isinstance(content, dict) else {}


def body_weight(root: Path, participant: str, session: str | None, table: dict[str, Row]) -> float | None:
    """Return a participant's weight in kilograms, from sessions.tsv if it has one, else participants.tsv.

    A unit that participants.json names for the column is honoured.

    Raises:
        DataError: a weight that nobody has, or a unit that is none of a weight.
    """
    path, text, unit = _weight_said(root, participant, session, table)
    if not text:
        return None
    return checked_kilograms(number(text, f"body_weight of {participant}", path) * unit, path, participant)


def sessions_path(root: Path, participant: str) -> Path:
    """Return where the table of a participant's sessions is kept."""
    return root / participant / f"{participant}_sessions.tsv"


def session_row(root: Path, participant: str, session: str) -> Row:
    """Return what sessions.tsv says of one session, such as `ses-2`; nothing where there is no such table or row."""
    path = sessions_path(root, participant)
    if not session or not path.exists():
        return {}
    rows = {row.get("session_id", "").removeprefix("ses-"): row for row in read_table(path)}
    row = rows.get(session.removeprefix("ses-"), {})
    return {key: value for key, value in row.items() if key != "session_id" and value}


def _weight_said(root: Path, participant: str, session: str | None, table: dict[str, Row]) -> tuple[Path, str, float]:
    """Return the table that holds a participant's weight, the cell, and the kilograms of its unit."""
    if session is not None:
        row = session_row(root, participant, session)
        if _weight_cell(row)[1]:
            return sessions_path(root, participant), _weight_cell(row)[1], 1.0
    column, text = _weight_cell(table.get(participant, {}))
    return root / PARTICIPANTS_NAME, text, _kilograms_of_unit(root, column) if text else 1.0


def _kilograms_of_unit(root: Path, column: str) -> float:
    """Return how many kilograms the unit of a column is, as participants.json names it."""
    described = {key.lower(): value for key, value in column_descriptions(root).items()}.get(column)
    unit = described.get("Units") if isinstance(described, dict) else None
    if unit is None or str(unit).strip().lower() in {"", "n/a"}:
        return 1.0
    known = _KILOGRAMS.get(str(unit).strip().lower())
    if known is None:
        raise DataError(f"{root / COLUMNS_NAME}: Units of {column} is {unit!r}; give the weight in kg")
    return known


def checked_kilograms(weight: float, path: Path, participant: str) -> float:
    """Return a weight in kilograms; one above 1000 was given in grams.

    Raises:
        DataError: a weight that nobody has.
    """
    kilograms = weight / 1000.0 if weight > 1000.0 else weight
    if not 1.0 <= kilograms <= 500.0:
        raise DataError(f"{path}: body_weight of {participant} is {weight:g} kg; correct it")
    return kilograms


def _weight_cell(row: Row) -> tuple[str, str]:
    """Return the column, in small letters, and the cell of a row's weight; empty where it has none."""
    lowered = {key.lower(): value for key, value in row.items()}
    return next(((column, lowered[column]) for column in WEIGHT_COLUMNS if lowered.get(column)), ("", ""))
