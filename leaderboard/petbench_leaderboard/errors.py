"""What can go wrong with the store of runs and scores."""

from __future__ import annotations

from petbench_datasets.errors import PetbenchError


class LeaderboardError(PetbenchError):
    """A store that cannot be read or written, or a request that does not fit it."""
