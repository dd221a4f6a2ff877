"""The one writer of a BIDS-PET dataset's scans with their sidecars, and of its table of participants."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from petbench_datasets.bids.participants import COLUMNS_NAME, PARTICIPANTS_NAME, sessions_path
from petbench_datasets.files import write_json, write_text
from petbench_datasets.images.nifti_writer import write_frames
from petbench_datasets.tables import write_table

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from petbench_datasets.images.grid import Grid, Volume

PARTICIPANT_COLUMNS: dict[str, dict[str, Any]] = {
    "sex": {"Description": "sex", "Levels": {"F": "female", "M": "male", "O": "other"}},
    "age": {"Description": "age at the scan", "Units": "year"},
    "height": {"Description": "body height at the scan", "Units": "cm"},
    "body_weight": {"Description": "body weight at the scan", "Units": "kg"},
}
"""The columns of participants.tsv that petbench has a meaning for, as participants.json describes them."""


def write_scan(
    folder: Path,
    stem: str,
    frames: Iterable[Volume],
    grid: Grid,
    sidecar: Mapping[str, Any],
    *,
    dynamic: bool = False,
) -> Path:
    """Write `<stem>.nii.gz` and its sidecar `<stem>.json` into `folder`; return the image's path.

    Args:
        folder: made if need be.
        stem: the file name without suffix, `sub-01_trc-18FFDG_rec-early_pet`.
        frames: each of shape (z, y, x), one for each `FrameTimesStart` of the sidecar.
        grid: where the voxels lie.
        sidecar: its fields, see `new_sidecar`.
        dynamic: whether the image gets a time axis.
    """
    path = folder / f"{stem}.nii.gz"
    write_frames(path, frames, len(sidecar["FrameTimesStart"]) if dynamic else None, grid)
    write_json(folder / f"{stem}.json", sidecar)
    return path


def write_participants(
    root: Path, rows: Sequence[Mapping[str, object]], described: Mapping[str, Any] | None = None
) -> None:
    """Write participants.tsv, and participants.json with the description of every column that has one.

    Args:
        root: the dataset.
        rows: each with `participant_id`; an empty cell becomes `n/a`.
        described: what is known of columns beside `PARTICIPANT_COLUMNS`, as participants.json says it.
    """
    there = dict.fromkeys(key for row in rows for key in row if key)
    columns = [column for column in PARTICIPANT_COLUMNS if column in there]
    columns += [column for column in there if column not in {"participant_id", *columns}]
    known = {**(described or {}), **PARTICIPANT_COLUMNS}
    # The description first: a folder counts as a dataset from the moment that it has the table.
    write_json(root / COLUMNS_NAME, {column: known[column] for column in columns if column in known})
    write_table(root / PARTICIPANTS_NAME, ["participant_id", *columns], rows)


SESSION_COLUMNS = ("age", "height", "body_weight")
"""The columns of participants.tsv that another session of a participant may have another value in."""


def write_sessions(root: Path, participant: str, rows: Mapping[str, Mapping[str, object]]) -> None:
    """Write the sessions.tsv of a participant.

    Args:
        root: the dataset.
        participant: whose.
        rows: by session, such as `ses-1`, what differs between sessions: columns of `SESSION_COLUMNS`.
    """
    there = [column for column in SESSION_COLUMNS if any(row.get(column) for row in rows.values())]
    table = [{"session_id": session, **rows[session]} for session in sorted(rows)]
    write_table(sessions_path(root, participant), ["session_id", *there], table)


def exclude_from_bids(root: Path, *patterns: str) -> None:
    """Name files of petbench's own in `.bidsignore`, so that validators pass over them; lines there stay."""
    path = root / ".bidsignore"
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    missing = [pattern for pattern in patterns if pattern not in lines]
    if missing:
        write_text(path, "\n".join([*lines, *missing]) + "\n")
