"""What a feature extractor is, the ids of the protocol's, and the error of one without weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from petbench_datasets.errors import PetbenchError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# network/layer@version
POOL3_ID: Final = "inception-2015-12-05/pool3-2048@1"
MIXED6E_ID: Final = "inception-2015-12-05/mixed6e-768@1"
FOLDED_MIXED6E_ID: Final = "inception-2015-12-05-folded/mixed6e-768@1"
RANDCONV_ID: Final = "randconv-960/mean-std@1"


class Extractor(Protocol):
    """Computes features of 8-bit slices.

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
        fix: what to do; empty where it is ready.
    """

    id: str
    column: str
    ready: bool
    found: str
    fix: str = ""
