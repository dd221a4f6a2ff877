"""A dataset's description: dataset_description.json, written and read."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from petbench_datasets.files import write_json

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

BIDS_VERSION = "1.10.0"
DESCRIPTION_NAME = "dataset_description.json"

SAMPLING_KEY = "ParticipantSampling"
"""A key of petbench's own: how the participants were drawn from their population."""

SAMPLINGS = ("independent", "matched")


def write_description(
    root: Path,
    name: str,
    *,
    kind: str = "raw",
    licence: str = "",
    generated_by: str = "BIDS-PET files written",
    sampling: str = "",
    more: Mapping[str, Any] | None = None,
) -> None:
    """Write dataset_description.json.

    Args:
        root: the dataset, or a derivative of one.
        name: for people to read.
        kind: `raw` or `derivative`.
        licence: of the images; left out if not known.
        generated_by: what petbench did, in a few words.
        sampling: how the participants were drawn, `independent` or `matched`; left out if not known.
        more: other fields, under BIDS's own names.
    """
    content: dict[str, Any] = {"Name": name, "BIDSVersion": BIDS_VERSION, "DatasetType": kind, **(more or {})}
    if licence:
        content["License"] = licence
    if sampling:
        content[SAMPLING_KEY] = sampling
    made_by = [{"Name": "petbench", "Description": generated_by}]
    write_json(root / DESCRIPTION_NAME, {**content, "GeneratedBy": made_by})


def read_sampling(root: Path) -> str | None:
    """Return how the participants of a dataset were drawn, one of `SAMPLINGS`; None where its description is silent."""
    found = _read(root).get(SAMPLING_KEY)
    return found if found in SAMPLINGS else None


def read_name(root: Path) -> str:
    """Return the name that a dataset gives itself; empty where its description has none."""
    found = _read(root).get("Name")
    return found if isinstance(found, str) else ""


def _read(root: Path) -> dict[str, Any]:
    try:
        description = json.loads((root / DESCRIPTION_NAME).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}  # a dataset is read without a description, too
    return description if isinstance(description, dict) else {}
