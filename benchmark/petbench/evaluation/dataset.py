"""What scoring needs of a dataset: the part of `petbench_datasets.dataset.reader.Dataset` that it uses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from petbench_datasets.images.grid import Grid
    from petbench_datasets.tasks.task import Task


class ScoredPair(Protocol):
    """One participant's real images in SUV, shape (z, y, x), on one grid."""

    @property
    def early(self) -> NDArray[np.float32]:
        """The early image."""

    @property
    def delayed(self) -> NDArray[np.float32]:
        """The delayed image."""

    @property
    def grid(self) -> Grid:
        """Their grid."""


class ScoredDataset(Protocol):
    """A dataset as scoring sees it."""

    @property
    def name(self) -> str:
        """The dataset's name."""

    @property
    def participants(self) -> tuple[str, ...]:
        """Everyone in it."""

    @property
    def fingerprint(self) -> str:
        """A hash of its content."""

    @property
    def task(self) -> Task:
        """What is asked of it, which decides of the metrics what depends on the tracer."""

    def pair(self, participant: str, /) -> ScoredPair:
        """Return one participant's real images."""

    def body_mask(self, participant: str, /) -> NDArray[np.bool_]:
        """Return where the body is, shape (z, y, x)."""

    def labels(self, participant: str, /, kind: str = "organs") -> tuple[NDArray[np.int16], dict[int, str]] | None:
        """Return labels of a kind (`organs` or `lesions`) and their names, or None."""
