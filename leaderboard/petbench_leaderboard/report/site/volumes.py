"""Pack a participant's volumes for the slice viewer: eight bits on a square-root scale, as a lossless WebP mosaic.

The square root keeps the steps small where people look (0.03 SUV at 1 SUV, 0.08 at 10) and still reaches 40 SUV.
"""

from __future__ import annotations

import base64
import io
import json
import math
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from petbench_leaderboard.report.images import ParticipantImages, Volume, body_box, most_changed_slice

if TYPE_CHECKING:
    from numpy.typing import NDArray

LARGEST_SUV = 40.0
_FINEST_MILLIMETRES = 3.0


def packed_script(images: ParticipantImages) -> str:
    """Return a script that hands the participant's volumes to the viewer.

    A script, because a page that was opened from a file may load one, but may not read a file.
    """
    box = body_box(images)
    step = _thinning(images)
    predicted = {
        name: volume for name, volume in images.predictions.items() if not np.array_equal(volume, images.early)
    }
    names = ["early", *predicted, "delayed"]
    volumes = [images.early, *predicted.values(), images.delayed]
    shrunk = [_shrink(volume[box], step) for volume in volumes]
    spacing = [length * factor for length, factor in zip(images.spacing_millimetres, step, strict=True)]
    facts = {
        "participant": images.participant,
        "shape": shrunk[0].shape,
        "spacing": spacing,
        "largest": LARGEST_SUV,
        "slice": (most_changed_slice(images) - box[0].start) // step[0],
        "volumes": [{"name": name, "image": _mosaic(volume)} for name, volume in zip(names, shrunk, strict=True)],
    }
    text = json.dumps(facts, separators=(",", ":")).replace("<", "\\u003c")
    return f"window.petbenchParticipant={text};\n"


def _thinning(images: ParticipantImages) -> tuple[int, int, int]:
    """Return by how many voxels to average along each axis: no finer than a screen can show."""
    z, y, x = (max(1, math.floor(_FINEST_MILLIMETRES / length)) for length in images.spacing_millimetres)
    return z, y, x


def _shrink(volume: Volume, step: tuple[int, int, int]) -> NDArray[np.float32]:
    """Average whole blocks of voxels; what is left over at the far end is cut off."""
    shape = [max(1, size // factor) for size, factor in zip(volume.shape, step, strict=True)]
    cut = volume[tuple(slice(0, size * factor) for size, factor in zip(shape, step, strict=True))]
    blocks = cut.reshape(shape[0], step[0], shape[1], step[1], shape[2], step[2])
    return np.asarray(blocks.mean(axis=(1, 3, 5)), dtype=np.float32)


def _mosaic(volume: NDArray[np.float32]) -> dict[str, object]:
    """Return axial slices side by side in rows as one picture, and how many there are in a row."""
    scaled = np.sqrt(np.clip(np.nan_to_num(volume), 0.0, LARGEST_SUV) / LARGEST_SUV)
    levels = np.rint(255.0 * scaled).astype(np.uint8)
    slices, rows, columns = levels.shape
    across = max(1, min(math.ceil(math.sqrt(slices * rows / columns)), 16_000 // columns, slices))
    down = math.ceil(slices / across)
    sheet = np.zeros((down * rows, across * columns), np.uint8)
    for number, level in enumerate(levels):
        top, left = number // across * rows, number % across * columns
        sheet[top : top + rows, left : left + columns] = level
    packed = io.BytesIO()
    Image.fromarray(sheet).convert("RGB").save(packed, format="WEBP", lossless=True, quality=60, method=4)
    return {"across": across, "source": "data:image/webp;base64," + base64.b64encode(packed.getvalue()).decode()}
