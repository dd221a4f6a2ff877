"""The tracks of the protocol: budgets under which methods are compared, so that no author chooses his own.

`equal-images`: every method trains on the same number of images. `equal-seconds`: every method trains equally long on
the same device. A row with any other budget is outside of the tracks, and says so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from petbench_leaderboard.records import EXTERNAL, EXTERNAL_TEST

if TYPE_CHECKING:
    from petbench_leaderboard.records import RunRow

TRACKS: dict[str, str] = {"equal-images": "images=40000", "equal-seconds": "seconds=600"}
"""Budgets as a run states them, by track."""

UNTRAINED = "images=0"
"""The budget of a method that does not train: it is within every track."""


def track_of(budget: str) -> str | None:
    """Return the track that a run's budget belongs to; None where it is outside of all, or trains nothing."""
    return next((track for track, declared in TRACKS.items() if declared == budget), None)


def has_known_budget(run: RunRow) -> bool:
    """Whether anybody here knows how long a run trained: of another program's predictions nobody does."""
    return run.plugin != EXTERNAL or run.role != "competitor" or run.distribution == EXTERNAL_TEST


def tracks_of(run: RunRow) -> tuple[str, ...]:
    """Return the tracks that a run is within: one, all for a method that does not train, or none."""
    if not has_known_budget(run):
        return ()
    if run.budget == UNTRAINED:
        return tuple(TRACKS)
    track = track_of(run.budget)
    return () if track is None else (track,)
