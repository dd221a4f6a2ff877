"""Where a participant's organs are, for the reference rows that know it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from petbench_datasets.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from petbench_datasets.dataset.reader import Dataset

REST = "rest of the body"
AIR = "outside the body"


def organ_regions(
    dataset: Dataset, participant: str, inside: NDArray[np.bool_], reference: str
) -> tuple[NDArray[np.intp], tuple[str, ...]]:
    """Return a region's index for every voxel, shape (z, y, x), and the regions' names: air, rest, organs.

    Organs go by name, since participants may number them differently; a label without a name is rest of the body.

    Args:
        dataset: with organ labels.
        participant: whose organs.
        inside: what is rest of the body where no organ is, shape (z, y, x); all else is air.
        reference: the row that needs the labels, for the message.

    Raises:
        DataError: the participant has no organ labels.
    """
    found = dataset.labels(participant)
    if found is None:
        msg = (
            f"{dataset.root}: no organ labels of {participant} (*_desc-organs_dseg.nii.gz): {reference} needs those of "
            "every training and test participant"
        )
        raise DataError(msg)
    labels, meanings = found
    names = (AIR, REST, *(name for index, name in sorted(meanings.items()) if index != 0))
    regions = np.where(inside, 1, 0)
    for position, index in enumerate((index for index in sorted(meanings) if index != 0), start=2):
        regions[labels == index] = position
    return regions, names
