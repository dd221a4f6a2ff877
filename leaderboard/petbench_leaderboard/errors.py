"""What can go wrong with the store of runs and scores."""

from __future__ import annotations

from typing import TYPE_CHECKING

from petbench_datasets.errors import PetbenchError, unknown_name

if TYPE_CHECKING:
    from collections.abc import Iterable


class LeaderboardError(PetbenchError):
    """A store that cannot be read or written, or a request that does not fit it."""


class RequestError(LeaderboardError):
    """A request that makes no sense as it was typed: a condition, a name, a metric that cannot rank."""

    exit_code = 2


class UnknownOnLeaderboardError(RequestError):
    """A name that nothing on the leaderboard has, with the nearest that something has."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        super().__init__(unknown_name(kind, name, known, "There:"))


class UnderWayError(LeaderboardError):
    """The same run is planned or running already."""
