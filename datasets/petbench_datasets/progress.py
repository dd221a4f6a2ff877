"""How long work reports its progress."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Called from time to time with the work done so far."""

    def __call__(self, description: str, done: float, total: float) -> None:
        """Report that `done` of `total` units of the work called `description` are finished."""


def silent(description: str, done: float, total: float) -> None:
    """Report nothing."""
