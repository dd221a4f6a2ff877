"""The tracks of the protocol: budgets under which methods are compared, so that no author chooses his own.

`equal-images`: every method trains on the same number of images. `equal-seconds`: every method trains equally long on
the same device. A row with any other budget is outside of the tracks, and says so.
"""

from __future__ import annotations

TRACKS: dict[str, str] = {"equal-images": "images=40000", "equal-seconds": "seconds=600"}
"""Budgets as a run states them, by track."""

UNTRAINED = "images=0"
"""The budget of a method that does not train: it is within every track."""


def track_of(budget: str) -> str | None:
    """Return the track that a run's budget belongs to; None where it is outside of all, or trains nothing."""
    return next((track for track, declared in TRACKS.items() if declared == budget), None)
