"""What the table of `import_nifti` says: its columns, and each value of a row with its unit, or one line why not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from petbench_datasets.bids.participants import checked_kilograms
from petbench_datasets.errors import DataError
from petbench_datasets.evidence.witnesses import Witness, weigh, within, within_ratio
from petbench_datasets.tables import Row, number

if TYPE_CHECKING:
    from pathlib import Path

    from petbench_datasets.images.windows import Frame

COLUMNS = {
    "participant": "name of the participant: letters and digits",
    "session": "name of the examination, where a participant has several: letters and digits",
    "early": "path of the early image, relative to the table",
    "delayed": "path of the delayed image, relative to the table",
    "units": "SUV, Bq/mL or kBq/mL",
    "weight_kg": "body weight; not needed for SUV",
    "dose_mbq": "activity at injection; not needed for SUV",
    "early_start_s": "start of the early scan, seconds after injection (or early_start_min)",
    "early_duration_s": "its length in seconds (or early_duration_min)",
    "delayed_start_s": "start of the delayed scan, seconds after injection (or delayed_start_min)",
    "delayed_duration_s": "its length in seconds (or delayed_duration_min)",
    "decay_correction": "START: each image to its own start; ADMIN: to the injection; NONE: not corrected",
    "radionuclide": "that of the task if left out",
}
"""The columns that `import_nifti` knows; all others (sex, age, site, ...) are kept in participants.tsv."""

_ALIASES = {
    "participant_id": "participant",
    "weight": "weight_kg",
    "body_weight": "weight_kg",
    "dose": "dose_mbq",
    "injected_mbq": "dose_mbq",
    "unit": "units",
}
_LONGEST_SECONDS = 172_800.0


def canonical(row: Row, table: Path) -> Row:
    """Return a row under petbench's own column names; two columns for one thing must agree."""
    found: Row = {}
    for key, value in row.items():
        name = _ALIASES.get(key.strip().lower().replace(" ", "_"), key.strip().lower().replace(" ", "_"))
        if found.get(name) and value and found[name] != value:
            raise DataError(
                f"{table}: {name} is {found[name]!r} and, in the column {key}, {value!r}; keep the right one"
            )
        found[name] = value or found.get(name, "")
    return found


def participant_name(row: Row, table: Path) -> str:
    """Return the participant's name, `sub-` before it."""
    label = row.get("participant", "").removeprefix("sub-")
    if not label or not label.isalnum() or not label.isascii():
        raise DataError(f"{table}: participant {label!r}; name every participant with letters and digits alone")
    return f"sub-{label}"


def session_name(row: Row, table: Path) -> str:
    """Return the session's name, `ses-` before it; empty where the row names none."""
    label = row.get("session", "").removeprefix("ses-")
    if label and not (label.isalnum() and label.isascii()):
        raise DataError(f"{table}: session {label!r}; name every session with letters and digits alone")
    return f"ses-{label}" if label else ""


def person_facts(row: Row, name: str, table: Path) -> dict[str, object]:
    """Return what the row says of the participant, for participants.tsv."""
    person: dict[str, object] = {key: value for key, value in row.items() if key not in COLUMNS}
    if row.get("weight_kg"):
        weight = number(row["weight_kg"], f"weight_kg of {name}", table)
        person["body_weight"] = repr(checked_kilograms(weight, table, name))
    return person


def seconds(row: Row, column: str, name: str, table: Path) -> float | None:
    """Return a time in seconds, whatever unit its column names; None where the row has none."""
    units = (("_s", 1.0), ("_seconds", 1.0), ("_min", 60.0), ("_minutes", 60.0))
    witnesses = [
        Witness(
            column + suffix,
            number(row[column + suffix], f"{column}{suffix} of {name}", table) * factor,
            row[column + suffix],
        )
        for suffix, factor in units
        if row.get(column + suffix)
    ]
    found = weigh(
        f"the {column.replace('_', ' ')} of {name}",
        witnesses,
        agree=within(1.0),
        shown=lambda seconds: f"{seconds:g} s",
        subject=str(table),
        remedy="keep the right one",
    )
    if found is not None and not abs(found.value) <= _LONGEST_SECONDS:
        raise DataError(f"{table}: {column} of {name} is {found.value:g} s; count it from the injection")
    return None if found is None else found.value


def injected_becquerel(row: Row, name: str, table: Path) -> tuple[float, tuple[str, ...]]:
    """Return the injected activity in Bq, and what was repaired to get it."""
    witnesses: list[Witness] = []
    notes: tuple[str, ...] = ()
    for column, unit in (("dose_mbq", 1e6), ("dose_bq", 1.0)):
        if not row.get(column):
            continue
        value, factor = number(row[column], f"{column} of {name}", table), unit
        if column == "dose_mbq" and value >= 1e4:  # nobody is injected with 10 GBq
            notes, factor = (*notes, f"dose_mbq {value:g} taken as Bq"), 1.0
        elif column == "dose_bq" and value < 1e4:
            notes, factor = (*notes, f"dose_bq {value:g} taken as MBq"), 1e6
        if not 1e5 <= value * factor <= 1e11:
            raise DataError(f"{table}: {column} of {name} is {value:g}; correct it")
        witnesses.append(Witness(column, value * factor, f"{value:g}"))
    found = weigh(
        f"the injected dose of {name}",
        witnesses,
        agree=within_ratio(0.02),
        shown=lambda bq: f"{bq / 1e6:g} MBq",
        subject=str(table),
        remedy="keep the right one",
    )
    if found is None:
        raise DataError(f"{table}: no dose_mbq for {name}; add the injected activity, or give the images in SUV")
    return found.value, notes


def decay_reference(
    row: Row, frame: Frame, name: str, table: Path, *, is_suv: bool
) -> tuple[float | None, tuple[str, ...]]:
    """Return the time after the injection to which an image is decay-corrected, None for not at all."""
    if is_suv:
        return 0.0, ()
    kind = row.get("decay_correction", "").upper()
    if kind in {"START", ""}:
        return frame.start_seconds, () if kind else ("decay_correction not given: taken as START, its own start",)
    if kind == "ADMIN":
        return 0.0, ()
    if kind == "NONE":
        return None, ()
    raise DataError(f"{table}: decay_correction of {name} is {kind}; give START, ADMIN or NONE")
