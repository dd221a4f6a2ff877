"""From which images a derivative was made, as its sidecar says: what was made from a delayed one is no input.

A delayed organ's outline is part of what is to be predicted, so that of labels and CT only those count that owe nothing
to a delayed image, by the word of somebody.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from petbench_datasets.bids.sidecar import read_json
from petbench_datasets.dataset import derivatives
from petbench_datasets.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path

DERIVED_KEY = "DerivedFrom"
"""Of the sidecar of labels and of a CT: the images that they were drawn on or registered to."""

ALLOWED = frozenset({"early", "ct"})
"""What they may have been made from to be an input."""


class MissingInputError(DataError):
    """A participant has not got what a method asks for."""


def require_no_delayed(path: Path, root: Path) -> None:
    """Raise unless a file is known to owe nothing to a delayed image.

    Raises:
        MissingInputError: it does, or nobody says; naming what to write into the sidecar.
    """
    said = derived_from(path, root)
    if not said:
        raise MissingInputError(
            f"{path}: no sidecar says from which images it was made; if it was drawn on, or registered to, the early "
            f'image or the CT alone, write {{"{DERIVED_KEY}": ["early"]}} (or ["ct"], or both) into '
            f"{derivatives.sidecar_of_mask(path).name}"
        )
    if others := sorted(said - ALLOWED):
        raise MissingInputError(
            f"{path}: was made from: {', '.join(others)}; only what the early image or the CT gave is an input, since "
            "the delayed image is what is to be predicted"
        )


def may_be_input(path: Path, root: Path) -> bool:
    """Return whether a file is known to owe nothing to a delayed image."""
    return bool(said := derived_from(path, root)) and said <= ALLOWED


def derived_from(path: Path, root: Path) -> frozenset[str]:
    """Return from which images a derivative was made, by its nearest sidecar at or above it; empty where none says."""
    own = derivatives.sidecar_of_mask(path)
    *entities, suffix = own.stem.split("_")
    shared = "_".join([*(part for part in entities if part.startswith("desc-")), suffix]) + ".json"
    for folder in path.parents:
        for candidate in (own, folder / shared):
            said = read_json(candidate).get(DERIVED_KEY) if candidate.exists() else None
            listed = [said] if isinstance(said, str) else said
            if isinstance(listed, list) and listed:
                return frozenset(str(one).lower() for one in listed)
        if folder == root:
            break
    return frozenset()
