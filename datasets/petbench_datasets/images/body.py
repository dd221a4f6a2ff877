"""Which voxels lie in the participant, where the dataset has no mask of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from petbench_datasets.images.grid import Grid, Volume

THRESHOLD_SUV = 0.1
SMOOTHING_SIGMA_MILLIMETRES = 6.0


def body_mask_from_images(early: Volume, delayed: Volume, grid: Grid) -> NDArray[np.bool_]:
    """Segment the body in the two real images of a participant; never from a prediction.

    Each image is smoothed (Gaussian, sigma 6 mm); a voxel above SUV 0.1 in either belongs to the body; the largest
    connected piece is kept (the table and stray counts go) and its holes are filled, slice by slice.

    Args:
        early: SUV, shape (z, y, x).
        delayed: SUV, shape (z, y, x).
        grid: of both.

    Returns:
        True inside the body, shape (z, y, x).
    """
    from scipy import ndimage

    sigma = SMOOTHING_SIGMA_MILLIMETRES / np.array(grid.spacing_millimetres)
    mask = np.zeros(grid.shape, dtype=bool)
    for volume in (early, delayed):
        mask |= ndimage.gaussian_filter(volume, sigma, mode="nearest") > THRESHOLD_SUV
    pieces, count = ndimage.label(mask)
    if count > 1:
        sizes = np.bincount(pieces.ravel())
        sizes[0] = 0
        mask = pieces == sizes.argmax()
    for plane in mask:
        plane[:] = ndimage.binary_fill_holes(plane)
    return mask
