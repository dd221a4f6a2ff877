"""Ordered-subsets expectation maximisation (Hudson and Larkin 1994, IEEE TMI 13:601)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from petbench_phantom.acquisition import IMAGE_BITS, IMAGE_MAXIMUM
from petbench_phantom.fields import gaussian, on_lattice
from petbench_phantom.input_function import stable

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from petbench_phantom.acquisition import Coincidences, SliceTimes
    from petbench_phantom.projector import Array, Projector
    from petbench_phantom.spec import PhantomSpec

    Field = NDArray[np.float64]

_RATIO_BITS, _RATIO_MAXIMUM = 24, 64.0


def sensitivities(projector: Projector, scan: Coincidences) -> list[Array]:
    """Return, subset by subset, 1 over the back projection of the efficiencies; 0 where a subset sees nothing."""
    result = []
    for subset, share in enumerate(scan.efficiency):
        seen = projector.back(subset, projector.place(share.astype(np.float64)))
        some = seen > 0
        seen[some] = 1.0 / seen[some]
        result.append(seen)
    return result


def osem(
    spec: PhantomSpec,
    projector: Projector,
    scan: Coincidences,
    times: SliceTimes,
    counts: list[NDArray[np.float32]],
    inverse: list[Array],
) -> Field:
    """Reconstruct one frame in SUV, shape (z, y, x), smoothed by the profile's filter.

    Attenuation, sensitivity, scatter and randoms are known to it; the resolution of the scanner is not modelled.

    Args:
        spec: iterations and filter.
        projector: the scanner.
        scan: what is known of the frame.
        times: when each slice was seen.
        counts: the measured coincidences, by subset.
        inverse: from `sensitivities`.
    """
    factor = stable(scan.scale * float(times.sensitivity().max()))
    image = projector.place(np.ones((len(projector.pixels), spec.shape[0])))
    for _ in range(spec.iterations):
        for subset in range(projector.subsets):
            rays = projector.forward(subset, image)
            share = projector.place(scan.efficiency[subset])
            rays *= share
            rays *= factor
            rays += projector.place(scan.background[subset])
            rays = projector.place(counts[subset]) / rays
            rays *= share
            image *= projector.back(subset, on_lattice(rays, _RATIO_BITS, _RATIO_MAXIMUM))
            image *= inverse[subset]
            on_lattice(image, IMAGE_BITS, IMAGE_MAXIMUM)
    return gaussian(projector.unflatten(projector.fetch(image)), spec.filter_millimetres, spec.spacing_millimetres)
