"""Lesions and hot spots: contrast recovered, volume detected, missed and hallucinated.

A translated image can lose a lesion or invent one and hardly change its PSNR (Cohen et al., arXiv 1805.08841), so hot
volume is accounted for in millilitres.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from petbench.evaluation.protocol import HOT_SUV, LESION_BACKGROUND_MILLIMETRES, LESION_CORE_FRACTION

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from petbench.evaluation.metrics.typing import Image, Mask

# Below this contrast the real lesion hardly stands out, and a ratio to it would be noise.
_LEAST_CONTRAST = 0.2


def contrast_recovery_percent(predicted: Image, real: Image, lesion: Mask, background: Mask) -> float:
    """Return 100·(Lp/Bp − 1)/(Lr/Br − 1) of the means L in the lesion and B in its background; 100 is best.

    The contrast recovery of NEMA NU 2, with the real image in the place of the known activity.

    Raises:
        ValueError: no background, or the real lesion does not stand out by 20 %.
    """
    if not background.any():
        msg = "the lesion has no background within the body"
        raise ValueError(msg)
    contrast = _contrast(real, lesion, background)
    if abs(contrast) < _LEAST_CONTRAST:
        msg = f"the real lesion's contrast is {contrast:.2f}, too small to be recovered"
        raise ValueError(msg)
    return 100.0 * _contrast(predicted, lesion, background) / contrast


def detected_millilitres(predicted: Image, real: Image, lesion: Mask, voxel_millilitres: float) -> tuple[float, float]:
    """Return how many millilitres of the lesion's core are found, and how many there are.

    The core is where the real image has at least 41 % of the lesion's real maximum; found is where the prediction has
    as much, too. The threshold comes from the real image for both.
    """
    threshold = LESION_CORE_FRACTION * float(real[lesion].max())
    core = lesion & (real >= threshold)
    return float((core & (predicted >= threshold)).sum()) * voxel_millilitres, float(core.sum()) * voxel_millilitres


def unmatched_hot_millilitres(image: Image, other: Image, body: Mask, voxel_millilitres: float) -> float:
    """Return the volume of hot regions of `image` that touch nothing hot in `other`.

    With the prediction first this is hallucinated volume, with the real image first it is missed volume. Hot is
    SUV >= 4 in the body; regions are connected over faces and edges (18 neighbours), as autoPET counts false positive
    volume.
    """
    from scipy import ndimage

    regions, count = ndimage.label((image >= HOT_SUV) & body, structure=ndimage.generate_binary_structure(3, 2))
    touched = np.zeros(count + 1, dtype=bool)
    touched[np.unique(regions[(other >= HOT_SUV) & body])] = True
    touched[0] = True
    return float((~touched[regions]).sum()) * voxel_millilitres


def background_shell(lesion: Mask, allowed: Mask, spacing_millimetres: tuple[float, float, float]) -> NDArray[np.bool_]:
    """Return the voxels of `allowed` within 20 mm of the lesion and outside it, shape (z, y, x)."""
    from scipy import ndimage

    margin = [int(np.ceil(LESION_BACKGROUND_MILLIMETRES / spacing)) + 1 for spacing in spacing_millimetres]
    box = tuple(
        slice(max(int(where.min()) - extra, 0), int(where.max()) + extra + 1)
        for where, extra in zip(np.nonzero(lesion), margin, strict=True)
    )
    distance = ndimage.distance_transform_edt(~lesion[box], sampling=spacing_millimetres)
    shell = np.zeros(lesion.shape, dtype=bool)
    shell[box] = (distance > 0) & (distance <= LESION_BACKGROUND_MILLIMETRES)
    return shell & allowed


def _contrast(image: Image, lesion: Mask, background: Mask) -> float:
    level = float(image[background].mean(dtype=np.float64))
    if not level > 0.0:
        msg = "the lesion's background is empty"
        raise ValueError(msg)
    return float(image[lesion].mean(dtype=np.float64)) / level - 1.0
