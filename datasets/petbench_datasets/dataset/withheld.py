"""A dataset whose test participants' delayed images only its organizer has.

Its folder holds `withheld.json`: for each such participant the digest of the whole pair, taken from the full dataset.
With these digests the folder has the fingerprint of the full dataset, and its split the same digest: a run made with it
has the identity that it would have at the organizer's, where its predictions are scored. What can be checked without
the delayed images is checked: the manifest's own hash, and the hash of every early image. The organizer's fingerprint
is computed from the organizer's own images and never read from a manifest.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from petbench_datasets.bids.writer import exclude_from_bids
from petbench_datasets.dataset.fingerprint import PairDigest
from petbench_datasets.errors import DataError
from petbench_datasets.files import write_json

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

MANIFEST_NAME = "withheld.json"
FORMAT = "petbench-withheld"
SCHEMA = 1


def read_withheld(root: Path) -> dict[str, PairDigest]:
    """Return the digest of each pair whose delayed image is withheld; empty for a full dataset.

    Raises:
        DataError: the manifest is damaged or was edited.
    """
    path = root / MANIFEST_NAME
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: cannot be read; export the dataset again") from error
    try:
        content = {key: value for key, value in facts.items() if key != "sha256"}
        if (facts["format"], facts["schema"], facts["sha256"]) != (FORMAT, SCHEMA, _sha(content)):
            raise DataError(f"{path}: is not what was exported; export the dataset again")
        return {
            str(name): PairDigest(str(pair["content"]), (str(pair["pixels"][0]), str(pair["pixels"][1])))
            for name, pair in facts["participants"].items()
        }
    except (KeyError, TypeError, IndexError, AttributeError) as error:
        raise DataError(f"{path}: lacks what a manifest holds; export the dataset again") from error


def write_withheld(folder: Path, fingerprint: str, digests: Mapping[str, PairDigest]) -> None:
    """Record whose delayed image is withheld from the dataset in `folder`, with the digest of each whole pair."""
    content: dict[str, Any] = {
        "format": FORMAT,
        "schema": SCHEMA,
        "fingerprint": fingerprint,
        "participants": {
            name: {"content": digest.content, "pixels": list(digest.pixels)} for name, digest in digests.items()
        },
    }
    write_json(folder / MANIFEST_NAME, {**content, "sha256": _sha(content)})
    exclude_from_bids(folder, MANIFEST_NAME)


def _sha(content: Any) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
