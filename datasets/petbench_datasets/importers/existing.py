"""What a dataset that scans are added to knows of its participants and their sessions."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from petbench_datasets.bids.names import session_of_image
from petbench_datasets.bids.scan import merged_sidecar, pet_images
from petbench_datasets.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class KnownSession:
    """One session of a participant; hashes, as the sidecars of its scans keep them.

    Attributes:
        people: whose the scans are.
        days: of the injection.
        studies: the scans belong to.
    """

    people: frozenset[str]
    days: frozenset[str]
    studies: frozenset[str]


def sessions_there(folder: Path, participant: str) -> set[str]:
    """Return the sessions that a participant of a dataset has images of; an empty name for images without one."""
    return {session_of_image(path) for path in pet_images(folder, participant)}


def known_sessions(folder: Path) -> dict[str, dict[str, KnownSession]]:
    """Return by participant and session what the sidecars of a dataset say; nothing where there is no dataset."""
    found: dict[str, dict[str, KnownSession]] = {}
    for place in sorted(folder.glob("sub-*")):
        if not place.is_dir():
            continue
        said: dict[str, list[dict[str, object]]] = defaultdict(list)
        for path in pet_images(folder, place.name):
            try:
                said[session_of_image(path)].append(merged_sidecar(path, folder)[0])
            except DataError:
                said[session_of_image(path)].append({})
        found[place.name] = {
            session: KnownSession(
                _texts(sidecars, "SourcePatient"),
                _texts(sidecars, "SourceInjectionDay"),
                _texts(sidecars, "SourceStudy"),
            )
            for session, sidecars in said.items()
        }
    return found


def _texts(sidecars: list[dict[str, object]], key: str) -> frozenset[str]:
    return frozenset(str(sidecar[key]) for sidecar in sidecars if sidecar.get(key) not in (None, "", "n/a"))
