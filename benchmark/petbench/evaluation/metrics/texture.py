"""Does the prediction look like PET? Consistency from slice to slice, and the strength of its noise.

Each is a ratio of prediction to truth, 1 where they are alike: below 1 smoother than the real image, above 1 rougher.
None has a direction; a network that blurs gains PSNR and shows here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from petbench.evaluation.metrics.typing import Image, Mask

# In-plane frequencies above this part of the Nyquist frequency are taken for noise.
_NOISE_BAND = 0.5


def z_gradient_ratio(predicted: Image, real: Image, body: Mask) -> float:
    """Return mean |p(z+1) − p(z)| / mean |r(z+1) − r(z)| over neighbouring body voxels.

    Slices that are drawn one by one differ more from their neighbours than a body does.
    """
    both = body[1:] & body[:-1]
    return _ratio(*(float(np.abs(np.diff(_float64(image), axis=0))[both].mean()) for image in (predicted, real)))


def z_flicker_ratio(predicted: Image, real: Image, body: Mask) -> float:
    """Return the same ratio for the mean of each slice over the body: brightness that jumps from slice to slice.

    The mean is taken over the voxels that are body in both of two neighbouring slices, so that the outline of the
    body does not count.
    """
    both = body[1:] & body[:-1]
    kept = both.any(axis=(1, 2))
    voxels = both[kept].sum(axis=(1, 2))

    def flicker(image: Image) -> float:
        jumps = np.where(both, np.diff(_float64(image), axis=0), 0.0)[kept].sum(axis=(1, 2)) / voxels
        return float(np.abs(jumps).mean())

    return _ratio(flicker(predicted), flicker(real))


def noise_power_ratio(predicted: Image, real: Image, body: Mask) -> float:
    """Return the power of the prediction over that of the truth at in-plane frequencies above half of Nyquist.

    The two-dimensional spectra of all body slices, in the body and with the slice's mean over the body taken off, are
    summed over the ring; white noise of k times the amplitude gives k².
    """
    inside = body.any(axis=(1, 2))
    return _ratio(*(_ring_power(_float64(image)[inside], body[inside]) for image in (predicted, real)))


def variation_ratio(predicted: Image, real: Image, region: Mask) -> float:
    """Return the coefficient of variation (SD/mean) in a region, prediction over truth: noise in the liver."""
    return _ratio(
        *(float(_float64(image)[region].std() / _float64(image)[region].mean()) for image in (predicted, real))
    )


def _ring_power(slices: NDArray[np.float64], body: Mask) -> float:
    counts = body.sum(axis=(1, 2))
    means = np.where(body, slices, 0.0).sum(axis=(1, 2)) / counts
    flat = np.where(body, slices - means[:, None, None], 0.0)
    power = np.square(np.abs(np.fft.rfft2(flat)))
    y = np.fft.fftfreq(flat.shape[1])[:, None]
    x = np.fft.rfftfreq(flat.shape[2])[None, :]
    ring = np.hypot(y, x) >= 0.5 * _NOISE_BAND
    # A real transform keeps one of each pair of conjugate frequencies: all but the first column (and, for an even
    # number of columns, the last) stand for two.
    twice = np.full(x.shape[1], 2.0)
    twice[0] = 1.0
    if flat.shape[2] % 2 == 0:
        twice[-1] = 1.0
    return float((power * ring * twice[None, :]).sum())


def _ratio(predicted: float, real: float) -> float:
    if not real > 0.0:
        msg = "the real image does not vary here"
        raise ValueError(msg)
    return predicted / real


def _float64(image: Image) -> NDArray[np.float64]:
    return np.asarray(image, dtype=np.float64)
