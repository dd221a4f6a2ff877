"""Features of a small convolutional network with fixed random weights: in the package, on every machine.

Not a stand-in for Inception but a second opinion: it sees SUV errors of 5–20 % and vanished lesions, which features
trained on photographs hardly do (Naeem et al., arXiv 2002.09797, recommend random networks for such data). Its column
is `fd_randconv` and never FID.

Four stages of 32, 64, 128 and 256 channels, each: 3×3 convolution, leaky rectifier, 2×2 mean pooling. The features are
the mean and the standard deviation of every channel over space, each standardised by a baked centre and scale, 960 in
all.
"""

from __future__ import annotations

import hashlib
import json
from importlib import resources
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.nn import functional as F

from petbench.evaluation.extractors.base import RANDCONV_ID
from petbench.evaluation.extractors.precision import full_precision
from petbench.evaluation.protocol import SLICE_LEVELS

if TYPE_CHECKING:
    from numpy.typing import NDArray

CHANNELS = (32, 64, 128, 256)
DIMENSION = 2 * sum(CHANNELS)
WEIGHTS_SHA256 = "78901cee97d3a03737d67ab738da1525b794701e28c5be7f1c21603d8b274c46"
CONSTANTS_SHA256 = "47fecad04bc4cec67abaf51d95e31781bd98275fff4230c0b186882ecd2a61b8"

_PHILOX_KEY = 960
_LEAK = 0.125
_BATCH_PIXELS = 64 * 128 * 128
"""At once: the widest maps of so many take some 300 MB, of slices of whatever size."""


class RandomConvolution:
    """The extractor behind `fd_randconv`.

    Raises:
        RuntimeError: the generated weights or the baked constants are not those of the protocol.
    """

    id = RANDCONV_ID
    dimension = DIMENSION

    def __init__(self, device: str = "cpu") -> None:
        kernels = generate_kernels()
        weights_digest = digest_of(kernels)
        centres, scales = baked_constants()
        constants_digest = digest_of([centres, scales])
        if (weights_digest, constants_digest) != (WEIGHTS_SHA256, CONSTANTS_SHA256):
            raise RuntimeError(
                f"randconv-960: digests {weights_digest[:12]}…, {constants_digest[:12]}… are not those of the protocol"
            )
        self.digest = hashlib.sha256(f"{weights_digest}{constants_digest}".encode()).hexdigest()
        self._device = torch.device(device)
        self._kernels = [torch.from_numpy(kernel).to(self._device) for kernel in kernels]
        self._centres, self._scales = centres.astype(np.float64), scales.astype(np.float64)

    def __call__(self, slices: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Return the features of `slices`, shape (n, y, x), as a table of shape (n, 960)."""
        return (raw_features(slices, self._kernels) - self._centres) / self._scales


def generate_kernels() -> list[NDArray[np.float32]]:
    """Return the kernels, shapes (out, in, 3, 3).

    They are made from raw bits of numpy's Philox generator, whose stream is guaranteed never to change: the upper 24
    bits of each word make a uniform number in [−1, 1), scaled by √(3 / inputs), which IEEE 754 rounds correctly; no
    other function of the machine's mathematics library takes part. Every other kernel has zero mean, so that half of
    the channels look at texture alone.
    """
    generator = np.random.Philox(key=_PHILOX_KEY)
    kernels: list[NDArray[np.float32]] = []
    inputs = 1
    for outputs in CHANNELS:
        words = generator.random_raw(outputs * inputs * 9)
        uniform = (words >> np.uint64(40)).astype(np.float64) / 2.0**23 - 1.0
        kernel = uniform.reshape(outputs, inputs, 3, 3)
        # Divided by nine only after an exact sum: multiples of 2⁻²³ below 9 add up without rounding in float64.
        kernel[::2] -= kernel[::2].sum(axis=(2, 3), keepdims=True) / 9.0
        kernels.append((kernel * np.sqrt(3.0 / (9.0 * inputs))).astype(np.float32))
        inputs = outputs
    return kernels


def raw_features(slices: NDArray[np.uint8], kernels: list[torch.Tensor]) -> NDArray[np.float64]:
    """Return the unscaled features of `slices`, shape (n, 960); reduced over space in float64."""
    features = np.empty((len(slices), DIMENSION), dtype=np.float64)
    at_once = max(1, _BATCH_PIXELS // max(1, slices[0].size)) if len(slices) else 1
    with torch.inference_mode(), full_precision():
        for start in range(0, len(slices), at_once):
            batch = torch.from_numpy(np.ascontiguousarray(slices[start : start + at_once])).to(kernels[0].device)
            maps = (batch.float() / SLICE_LEVELS)[:, None]
            columns = []
            for kernel in kernels:
                maps = F.leaky_relu(F.conv2d(maps, kernel, padding=1), _LEAK)
                wide = maps.double()
                columns += [wide.mean(dim=(2, 3)), wide.std(dim=(2, 3), correction=0)]
                maps = F.avg_pool2d(maps, 2) if min(maps.shape[-2:]) >= 2 else maps
            features[start : start + at_once] = torch.cat(columns, dim=1).cpu().numpy()
    return features


def baked_constants() -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return centres and scales, shape (960,) each: `randconv_constants.json`, made by `randconv_constants.py`."""
    text = resources.files(__package__).joinpath("randconv_constants.json").read_text(encoding="utf-8")
    constants = json.loads(text)
    return np.array(constants["centre"], dtype=np.float32), np.array(constants["scale"], dtype=np.float32)


def digest_of(arrays: list[NDArray[np.float32]]) -> str:
    """Return a SHA-256 over arrays as little-endian float32."""
    return hashlib.sha256(b"".join(array.astype("<f4").tobytes() for array in arrays)).hexdigest()
