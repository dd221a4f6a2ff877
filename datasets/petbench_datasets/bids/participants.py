"""Who the participants of a BIDS folder are, and what they weigh."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from petbench_datasets.errors import DataError
from petbench_datasets.tables import Row, number, read_table

if TYPE_CHECKING:
    from pathlib import Path

PARTICIPANTS_NAME = "participants.tsv"
COLUMNS_NAME = "participants.json"
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
    try:
        content = json.loads((root / COLUMNS_NAME).read_text(encoding="utf-8-sig"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def body_weight(root: Path, participant: str, session: str | None, table: dict[str, Row]) -> float | None:
    """Return a participant's weight in kilograms, from sessions.tsv if it has one, else participants.tsv.

    Raises:
        DataError: a weight that nobody has.
    """
    if session is not None:
        path = root / participant / f"{participant}_sessions.tsv"
        if path.exists():
            rows = {row.get("session_id", ""): row for row in read_table(path)}
            row = rows.get(session) or rows.get(session.removeprefix("ses-"))
            if row is not None and (text := _weight_cell(row)):
                return checked_kilograms(number(text, f"body_weight of {session}", path), path, participant)
    text = _weight_cell(table.get(participant, {}))
    path = root / PARTICIPANTS_NAME
    if not text:
        return None
    return checked_kilograms(number(text, f"body_weight of {participant}", path), path, participant)


def checked_kilograms(weight: float, path: Path, participant: str) -> float:
    """Return a weight in kilograms; one above 1000 was given in grams.

    Raises:
        DataError: a weight that nobody has.
    """
    kilograms = weight / 1000.0 if weight > 1000.0 else weight
    if not 1.0 <= kilograms <= 500.0:
        raise DataError(f"{path}: body_weight of {participant} is {weight:g} kg; correct it")
    return kilograms


def _weight_cell(row: Row) -> str:
    lowered = {key.lower(): value for key, value in row.items()}
    return next((lowered[column] for column in WEIGHT_COLUMNS if lowered.get(column)), "")
