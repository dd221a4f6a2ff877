"""Axial slices as 8-bit images: what the distribution metrics, and nothing else, look at."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np

from petbench.evaluation.protocol import SLICE_LEVELS, SLICE_WINDOW_SUV
from petbench_datasets.files import atomic_folder

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from petbench.evaluation.metrics.measures import Image, Mask

    Slices = NDArray[np.uint8]


def body_slices(volume: Image, body: Mask) -> Slices:
    """Return the axial slices of `volume` that hold body, as 8-bit images, shape (slices, y, x).

    `body` is made from real images, so a prediction can neither add nor drop a slice. SUV is clipped to the fixed
    window of the protocol, mapped to [0, 255] and rounded to the nearest level: never scaled by the image itself.
    """
    low, high = SLICE_WINDOW_SUV
    kept = np.asarray(volume, dtype=np.float64)[body.any(axis=(1, 2))]
    unit = (np.clip(kept, low, high) - low) / (high - low)
    return np.rint(unit * SLICE_LEVELS).astype(np.uint8)


def digest_of(slices: Slices) -> str:
    """Return a SHA-256 of the content and shape of `slices`."""
    return hashlib.sha256(repr(slices.shape).encode() + np.ascontiguousarray(slices).tobytes()).hexdigest()


def write_png_folder(folder: Path, slices: Mapping[str, Slices]) -> int:
    """Write each participant's slices as `<participant>_slice-000.png` into a new `folder`; return how many.

    8-bit greyscale: `python -m pytorch_fid` turns them into RGB by repeating the channel. 16-bit files must not be
    used, because Pillow's conversion saturates them silently.
    """
    from PIL import Image as PillowImage

    with atomic_folder(folder) as temporary:
        for participant, images in slices.items():
            for index, image in enumerate(images):
                PillowImage.fromarray(image, mode=None).save(temporary / f"{participant}_slice-{index:03d}.png")
    return sum(len(images) for images in slices.values())
