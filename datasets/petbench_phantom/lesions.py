"""Lesions: where they sit, how they take up, and their masks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from petbench_phantom.curves import Tissue
from petbench_phantom.fields import generator
from petbench_phantom.input_function import stable
from petbench_phantom.kinetics import Rates
from petbench_phantom.organs import BY_NAME

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from petbench_phantom.acquisition import SliceTimes
    from petbench_phantom.population import Participant
    from petbench_phantom.spec import PhantomSpec

    Field = NDArray[np.float64]

KINDS: dict[str, Rates] = {
    "low": Rates(0.08, 0.25, 0.035, 0.0, 0.06),
    "mid": Rates(0.12, 0.30, 0.080, 0.0, 0.08),
    "high": Rates(0.20, 0.40, 0.160, 0.0, 0.10),
    "inflammation": Rates(0.12, 0.30, 0.035, 0.030, 0.12),
}
"""Delayed/early about 1.2, 1.6, 1.9, and below 1: rates of `reference` lesions, the last one with release."""

_SITES = {"liver": 3, "lungs": 3, "vertebrae": 2, "hip": 1, "visceral_fat": 2, "muscle": 2, "spleen": 1}
"""Organs that lesions grow in, and how often."""

_RADIUS_MILLIMETRES = (6.0, 17.0)


@dataclass(frozen=True, slots=True)
class Lesions:
    """The lesions of one participant.

    Attributes:
        labels: their numbers from 1 where most of a voxel is lesion, int16, shape (z, y, x).
        share: how much of each voxel each lesion fills: lesion -> (its box, shares within it).
        rates: of each lesion.
        columns, rows: the table that says what each is.
    """

    labels: NDArray[np.int16]
    share: list[tuple[tuple[slice, slice, slice], Field]]
    rates: list[Rates]
    columns: Sequence[str]
    rows: list[dict[str, object]]

    def added_to(self, activity: Field, person: Participant, times: SliceTimes) -> Field:
        """Return the activity with the lesions in the place of what was there."""
        result = activity.copy()
        for (box, share), rates in zip(self.share, self.rates, strict=True):
            curve = Tissue(rates, person.blood)
            windows = zip(times.start[box[0]], times.stop[box[0]], strict=True)
            suv = np.array([curve.mean(start / 60, stop / 60) for start, stop in windows])[:, None, None]
            result[box] += share * (suv - result[box])
        return result


def lesions(spec: PhantomSpec, person: Participant, labels: NDArray[np.int16]) -> Lesions | None:
    """Place a participant's lesions into the organs of `labels`; None where the profile has none."""
    if spec.lesions[1] == 0:
        return None
    random = generator(spec.seed, 8, person.index)
    count = int(random.integers(spec.lesions[0], spec.lesions[1] + 1))
    sites = [site for site, weight in _SITES.items() for _ in range(weight)]
    marks = np.zeros(labels.shape, np.int16)
    shares: list[tuple[tuple[slice, slice, slice], Field]] = []
    rates: list[Rates] = []
    rows: list[dict[str, object]] = []
    kinds = list(KINDS)
    while len(rows) < count:
        site = sites[int(random.integers(len(sites)))]
        places = np.argwhere((labels == BY_NAME[site].label) & (marks == 0))
        if len(places) == 0:
            continue
        centre = places[int(random.integers(len(places)))] + random.random(3) - 0.5
        low, high = _RADIUS_MILLIMETRES
        size = low + (high - low) * float(random.random()) ** 2
        radii = [size * (0.8 + 0.4 * float(random.random())) for _ in range(3)]
        kind = kinds[len(rows) % len(kinds)]
        box, share = _ellipsoid(labels.shape, spec.spacing_millimetres, centre, radii)
        inside = (labels[box] > 0) & (marks[box] == 0)
        share = share * inside
        number = len(rows) + 1
        if not (share >= 0.5).any():
            continue
        marks[box][share >= 0.5] = number
        gain = 0.8 + 0.4 * float(random.random())
        own = KINDS[kind]
        shares.append((box, share))
        rates.append(Rates(stable(own.k1 * gain), own.k2, own.k3, own.k4, own.blood))
        millilitres = float(share.sum()) * float(np.prod(spec.spacing_millimetres)) / 1000
        rows.append({"index": number, "name": f"{kind}_{site}", "kind": kind, "millilitres": round(millilitres, 2)})
    return Lesions(marks, shares, rates, ["index", "name", "kind", "millilitres"], rows)


def _ellipsoid(
    shape: tuple[int, ...], spacing: tuple[float, float, float], centre: Field, radii: list[float]
) -> tuple[tuple[slice, slice, slice], Field]:
    """Return the box of an ellipsoid and how much of each of its voxels it fills, by 4x4x4 samples."""
    slices, squares = [], []
    for axis in range(3):
        reach = radii[axis] / spacing[axis] + 1
        first, last = max(int(centre[axis] - reach), 0), min(int(centre[axis] + reach) + 1, shape[axis])
        points = first + (np.arange(4 * (last - first)) + 0.5) * 0.25 - 0.5
        away = (points - centre[axis]) * (spacing[axis] / radii[axis])
        slices.append(slice(first, last))
        squares.append(away * away)
    fine = squares[0][:, None, None] + squares[1][None, :, None] + squares[2][None, None, :] <= 1.0
    z, y, x = (size // 4 for size in fine.shape)
    share = fine.reshape(z, 4, y, 4, x, 4).sum(axis=(1, 3, 5)) * (1 / 64)
    return (slices[0], slices[1], slices[2]), share
