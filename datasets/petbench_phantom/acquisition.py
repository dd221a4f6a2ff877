"""The scan: which time each slice is seen, attenuation, scatter, randoms, and Poisson counts."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from petbench_datasets.images.decay import HALF_LIFE_SECONDS
from petbench_phantom.fields import (
    FWHM_PER_SIGMA,
    decaying,
    filter_axis,
    gaussian,
    half_kernel,
    on_lattice,
    running_mean,
)
from petbench_phantom.input_function import stable

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from petbench_phantom.projector import Projector
    from petbench_phantom.spec import PhantomSpec

    Field = NDArray[np.float64]

DECAY_PER_SECOND = math.log(2) / HALF_LIFE_SECONDS["F18"]
IMAGE_BITS, IMAGE_MAXIMUM = 16, 4096.0  # SUV; 28 bits with 11 of a weight and 8 of a sum fit into 53
_SHARE_BITS = 24
_SCATTER_RADIAL, _SCATTER_AXIAL = 85.0, 40.0  # mm, sigma of the scattered over the true coincidences


@dataclass(frozen=True, slots=True)
class SliceTimes:
    """When each slice is seen: start and stop in seconds after injection, shape (slices,)."""

    start: tuple[float, ...]
    stop: tuple[float, ...]

    def sensitivity(self) -> Field:
        """Return the seconds of injected-activity equivalents of each slice: length times mean decay."""
        rate = DECAY_PER_SECOND
        pairs = zip(self.start, self.stop, strict=True)
        return np.array([stable((math.exp(-rate * a) - math.exp(-rate * b)) / rate) for a, b in pairs])


def slice_times(spec: PhantomSpec, window_seconds: tuple[float, float]) -> SliceTimes:
    """Return when each slice is seen in a window: all the time, or while its bed is in the scanner."""
    start, stop = window_seconds
    slices = spec.shape[0]
    if spec.acquisition == "simultaneous":
        return SliceTimes((start,) * slices, (stop,) * slices)
    step = (stop - start) / spec.beds
    order = [index * spec.beds // slices for index in range(slices)]
    if not spec.feet_first:
        order = [spec.beds - 1 - bed for bed in order]
    return SliceTimes(tuple(start + bed * step for bed in order), tuple(start + (bed + 1) * step for bed in order))


@dataclass(frozen=True, slots=True)
class Coincidences:
    """What the reconstruction is given, by subset: shape (segments, rays, slices), float32.

    Attributes:
        efficiency: attenuation times relative sensitivity of a slice; a multiple of 2**-24.
        background: expected scattered and random coincidences.
        expected: all expected coincidences.
        scale: counts for one SUV along one pixel at efficiency 1.
        trues: expected true coincidences in all.
        rebinning: what a plane's counts become in it and its neighbours, from the plane itself outwards; sums to 1.
    """

    efficiency: list[NDArray[np.float32]]
    background: list[NDArray[np.float32]]
    expected: list[NDArray[np.float32]]
    scale: float
    trues: float
    rebinning: tuple[float, ...] = (1.0,)

    def counts(self, random: np.random.Generator) -> list[NDArray[np.float32]]:
        """Sample one realisation of the measured coincidences.

        Rebinning oblique lines of response gives neighbouring planes a share of each other's counts (Daube-Witherspoon
        and Muehllehner 1987, J Nucl Med 28:1717; Defrise et al. 1997, IEEE TMI 16:145), so that noise is correlated
        along z.
        """
        found = []
        for mean in self.expected:
            counts = random.poisson(mean.astype(np.float64)).astype(np.float64)
            found.append((filter_axis(counts, self.rebinning, counts.ndim - 1)).astype(np.float32))
        return found


def survival(spec: PhantomSpec, projector: Projector, attenuation: Field) -> list[NDArray[np.float32]]:
    """Return the part of the photon pairs that leaves the body on each ray, by subset.

    Args:
        spec: gives the pixel's size.
        projector: the scanner.
        attenuation: 1/cm, shape (z, y, x).
    """
    image = projector.place(on_lattice(projector.flatten(attenuation), IMAGE_BITS, 1.0))
    pixel_centimetres = 0.1 * spec.spacing_millimetres[1]
    result = []
    for subset in range(projector.subsets):
        depth = projector.fetch(projector.forward(subset, image)) * pixel_centimetres
        result.append(on_lattice(decaying(np.minimum(depth, 30.0)), _SHARE_BITS, 1.0).astype(np.float32))
    return result


def expected_coincidences(
    spec: PhantomSpec,
    projector: Projector,
    activity: Field,
    leaving: list[NDArray[np.float32]],
    times: SliceTimes,
    scale: float | None = None,
) -> Coincidences:
    """Expect the coincidences of one frame.

    Args:
        spec: resolution, scatter, randoms, and the trues wanted when no scale is given.
        projector: the scanner.
        activity: SUV decay-corrected to injection, shape (z, y, x).
        leaving: from `survival`.
        times: when each slice is seen.
        scale: counts for one SUV, one pixel and one second of injected activity; None finds the one that gives
            `spec.delayed_trues`.
    """
    blurred = gaussian(activity, spec.resolution_millimetres, spec.spacing_millimetres)
    image = projector.place(on_lattice(projector.flatten(blurred), IMAGE_BITS, IMAGE_MAXIMUM))
    seconds = times.sensitivity()
    longest = float(seconds.max())
    relative = seconds * stable(1 / longest)
    efficiency, trues = [], []
    for subset in range(projector.subsets):
        share = on_lattice(leaving[subset] * relative, _SHARE_BITS, 1.0)
        efficiency.append(share.astype(np.float32))
        trues.append(projector.fetch(projector.forward(subset, image)) * share)
    total = stable(sum(float(part.sum()) for part in trues))
    if scale is None:
        scale = stable(spec.delayed_trues / total / longest)
    factor = stable(scale * longest)
    scattered = _scatter(spec, trues)
    wanted = spec.scatter_fraction / (1 - spec.scatter_fraction)
    portion = stable(wanted * total / sum(float(part.sum()) for part in scattered))
    rays = sum(part.size for part in trues)
    flat = stable(spec.randoms_fraction * total / rays / (sum(relative.tolist()) / len(relative)))
    background, expected = [], []
    for true, spread in zip(trues, scattered, strict=True):
        behind = ((spread * portion + flat * relative) * factor).astype(np.float32)
        background.append(behind)
        expected.append((true * factor + behind).astype(np.float32))
    rebinning = half_kernel(spec.rebinning_millimetres / FWHM_PER_SIGMA / spec.spacing_millimetres[0])
    return Coincidences(efficiency, background, expected, scale, stable(total * factor), rebinning)


def _scatter(spec: PhantomSpec, trues: list[Field]) -> list[Field]:
    """Return the trues smeared widely over bins and slices: two running means, close to a Gaussian."""
    radial = max(1, round(_SCATTER_RADIAL / spec.spacing_millimetres[1] * math.sqrt(1.5)))
    axial = max(1, round(_SCATTER_AXIAL / spec.spacing_millimetres[0] * math.sqrt(1.5)))
    result = []
    for part in trues:
        segments, rays, slices = part.shape
        cube = part.reshape(segments, rays // spec.shape[1], spec.shape[1], slices)
        for _ in range(2):
            cube = running_mean(running_mean(cube, radial, 2), axial, 3)
        result.append(cube.reshape(part.shape))
    return result
