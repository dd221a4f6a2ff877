"""How training can fail without anyone's code being wrong."""

from __future__ import annotations

from petbench_datasets.errors import PetbenchError


class Diverged(PetbenchError):  # noqa: N818 - the name is the status of the run
    """A loss or a weight is no longer finite."""


class CheckpointError(PetbenchError):
    """A checkpoint that cannot be read, or that belongs to another run."""
