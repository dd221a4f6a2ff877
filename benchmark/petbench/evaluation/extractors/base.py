"""What a feature extractor is, and the error of one that cannot be had."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from petbench_datasets.errors import PetbenchError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Extractor(Protocol):
    """Draws features from 8-bit slices.

    Attributes:
        id: `network/layer@version`; part of the key under which numbers may be compared.
        dimension: features a slice.
        digest: SHA-256 of the weights.
    """

    id: str
    dimension: int
    digest: str

    def __call__(self, slices: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Return the features of `slices`, shape (n, y, x), as a table of shape (n, dimension)."""


class WeightsUnavailableError(PetbenchError):
    """Weights that are not on this machine and could not be fetched; the message says how to get them."""


@dataclass(frozen=True, slots=True)
class Status:
    """Whether the extractor behind one column is ready.

    Attributes:
        id: the extractor's id.
        column: the column it fills, such as `fid`.
        ready: whether its weights are here and have the right hash.
        found: where they are, or what is wrong.
        mend: what to do; empty where it is ready.
    """

    id: str
    column: str
    ready: bool
    found: str
    mend: str = ""
