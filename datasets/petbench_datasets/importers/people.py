"""What an import knows of its participants, beside what the dataset that they are added to knows of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from petbench_datasets.bids.participants import PARTICIPANTS_NAME, read_participants, session_row
from petbench_datasets.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

_AGE_YEARS = 1.0
Cells = dict[str, object]


@dataclass(frozen=True)
class People:
    """What is known of the participants.

    Attributes:
        rows: by participant, the cells of participants.tsv.
        sessions: by participant and session, what differs between sessions: age, height, weight.
    """

    rows: Mapping[str, Mapping[str, object]]
    sessions: Mapping[str, Mapping[str, Mapping[str, object]]] = field(default_factory=dict)


def existing_rows(folder: Path) -> dict[str, dict[str, str]]:
    """Return participants.tsv of the dataset at `folder`; nothing where there is none yet.

    Raises:
        DataError: the folder holds something else.
    """
    if not folder.exists() or not any(folder.iterdir()):
        return {}
    if not (folder / PARTICIPANTS_NAME).exists():
        raise DataError(f"{folder}: is no dataset (it has no participants.tsv) and not empty; name a new folder")
    return read_participants(folder)


def require_agreement(existing: Mapping[str, Mapping[str, str]], people: People, folder: Path) -> None:
    """Raise where what is known of a participant contradicts the table that is there.

    Raises:
        DataError: naming both values.
    """

    def same(what: str, unit: str, old: object, new: object, name: str, agree: Callable[[float, float], bool]) -> None:
        if old and new and not agree(float(str(old)), float(str(new))):
            raise DataError(
                f"{folder / PARTICIPANTS_NAME}: {name} {what} {old} {unit} there but {new} {unit} in the new scan; "
                "correct one, or give the new person another name"
            )

    for name, row in people.rows.items():
        there = existing.get(name, {})
        old_sex, new_sex = there.get("sex", ""), row.get("sex", "")
        if {old_sex, new_sex} == {"F", "M"}:
            raise DataError(
                f"{folder / PARTICIPANTS_NAME}: {name} is of sex {old_sex} there but {new_sex} in the new scan: two "
                "people; give the new one another name (--name)"
            )
        pairs = [(there, row)]
        pairs += [(session_row(folder, name, key), cells) for key, cells in people.sessions.get(name, {}).items()]
        for old, new in pairs:
            same("weighs", "kg", old.get("body_weight"), new.get("body_weight"), name, _within_ratio)
            if str(old.get("age") or "").isdecimal():
                same("is", "years old", old.get("age"), new.get("age"), name, _within_a_year)


def _within_ratio(old: float, new: float) -> bool:
    return abs(old / new - 1.0) <= 0.01


def _within_a_year(old: float, new: float) -> bool:
    return abs(old - new) <= _AGE_YEARS


def merged(existing: Mapping[str, Mapping[str, str]], people: People) -> People:
    """Return what is known of everybody: what the table says already stays."""
    rows: dict[str, Cells] = {name: dict(row) for name, row in existing.items()}
    for name, row in people.rows.items():
        known = {key: value for key, value in rows.get(name, {}).items() if value}
        rows[name] = {**row, **known, "participant_id": name}
    return People(rows, people.sessions)
