"""The harness's own expected failures; the base is `petbench_datasets.errors.PetbenchError`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from petbench_datasets.errors import DataError, PetbenchError, unknown_name

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "ChangedError",
    "CheckpointError",
    "DataError",
    "Diverged",
    "Interrupted",
    "PetbenchError",
    "PluginError",
    "UnknownNameError",
    "UsageError",
    "one_line",
]


def one_line(error: BaseException) -> str:
    """Return an exception as one line; one that petbench did not expect begins with its class."""
    text = " ".join(str(error).split())
    if isinstance(error, PetbenchError) and text:
        return text
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


class UsageError(PetbenchError):
    """A request that makes no sense as it was typed."""

    exit_code = 2


class UnknownNameError(UsageError):
    """A name that nothing has, with the nearest ones that something has."""

    def __init__(self, kind: str, name: str, known: Iterable[str], *, listed: str = "Installed:") -> None:
        super().__init__(unknown_name(kind, name, known, listed))


class PluginError(PetbenchError):
    """A plugin that broke its contract."""


class ChangedError(PetbenchError):
    """What a run is made of is no longer what it was planned with."""


class Diverged(PetbenchError):  # noqa: N818 - the name is the status of the run
    """A loss or a weight is no longer finite."""


class CheckpointError(PetbenchError):
    """A checkpoint that cannot be read, or that belongs to another run."""


class Interrupted(Exception):  # noqa: N818 - the name is the status of the run
    """The user asked to stop, and a checkpoint is written."""
