"""Does the prediction look like PET? Consistency from slice to slice, and the strength of its noise.

Each is a ratio of prediction to truth, 1 where they are alike: below 1 smoother than the real image, above 1 rougher.
None has a direction; a network that blurs gains PSNR and shows here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from petbench.evaluation.metrics.measures import in_body
from petbench.metric_spec import Measurement, MetricSpec

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from petbench.evaluation.metrics.measures import Image, Mask
    from petbench.metric_spec import Case

# In-plane frequencies above this part of the Nyquist frequency are taken for noise.
_NOISE_BAND = 0.5


def z_gradient_ratio(predicted: Image, real: Image, body: Mask) -> float:
    """Return mean |p(z+1) − p(z)| / mean |r(z+1) − r(z)| over neighbouring body voxels.

    Slices that are predicted one by one differ more from their neighbours than a body does.
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
        raise ValueError("the real image does not vary here")
    return predicted / real


def _float64(image: Image) -> NDArray[np.float64]:
    return np.asarray(image, dtype=np.float64)


def liver_variation(case: Case) -> Iterator[Measurement]:
    """Measure the noise in the liver's interior, prediction over truth."""
    from scipy import ndimage

    index = next((label for label, name in case.names.items() if name == "liver"), None)
    if case.labels is None or index is None:
        yield Measurement("liver", None, "the dataset has no label called liver")
        return
    interior = ndimage.binary_erosion(case.labels == index)
    if interior.sum() < 2:
        yield Measurement("liver", None, "the liver has no interior on this grid")
        return
    yield Measurement("liver", variation_ratio(case.predicted, case.delayed, interior))


TEXTURE_METRICS: tuple[MetricSpec, ...] = (
    MetricSpec(
        name="z_gradient_ratio",
        convention_id="z-gradient-ratio/body@1",
        unit="",
        higher_is_better=None,
        label="z change",
        detail="body",
        decimals=3,
        best_value=1.0,
        shown=False,
        summary="change from slice to slice over the real image's",
        formula="mean |Δz p| / mean |Δz r| over body",
        source="the flicker of slice-wise networks that DDPET reports",
        hides="smoothness and wrong structure can cancel",
        measure=in_body(z_gradient_ratio),
    ),
    MetricSpec(
        name="z_flicker_ratio",
        convention_id="z-flicker-ratio/body-slice-mean@1",
        unit="",
        higher_is_better=None,
        label="z flicker",
        detail="body",
        decimals=3,
        best_value=1.0,
        shown=False,
        summary="jumps of a slice's brightness over those of the real image",
        formula="mean over slices of |mean over body of Δz p| / the same of r",
        source="the flicker of slice-wise networks that DDPET reports",
        hides="flicker that leaves the slice's mean as it is",
        measure=in_body(z_flicker_ratio),
    ),
    MetricSpec(
        name="noise_power_ratio",
        convention_id="noise-power-ratio/body-slices/above-half-nyquist@1",
        unit="",
        higher_is_better=None,
        label="Noise power",
        detail="above half of Nyquist",
        decimals=3,
        best_value=1.0,
        shown=False,
        summary="fine in-plane structure over that of the real image",
        formula="Σ|FFT p|² / Σ|FFT r|² over the ring, body slices",
        source="the noise power spectrum of ICRU 54, as a ratio",
        hides="whether the fine structure is noise or anatomy",
        measure=in_body(noise_power_ratio),
    ),
)

LIVER_METRICS: tuple[MetricSpec, ...] = (
    MetricSpec(
        name="liver_variation_ratio",
        convention_id="variation-ratio/liver/eroded1@1",
        unit="",
        higher_is_better=None,
        label="Liver noise",
        decimals=3,
        best_value=1.0,
        shown=False,
        summary="coefficient of variation inside the liver over that of the real image",
        formula="(SD/mean of p) / (SD/mean of r) in the liver, one voxel eroded",
        source="liver noise as in PMC10240003",
        hides="everything outside the liver",
        of_regions=True,
        measure=liver_variation,
    ),
)
