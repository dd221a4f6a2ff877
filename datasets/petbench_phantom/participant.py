"""One participant's scans, from the person to the images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from petbench_phantom.acquisition import expected_coincidences, slice_times, survival
from petbench_phantom.fields import FWHM_PER_SIGMA, filter_axis, generator, half_kernel, smooth_noise
from petbench_phantom.lesions import lesions
from petbench_phantom.organs import ORGANS
from petbench_phantom.pose import posed_body
from petbench_phantom.projector import Projector
from petbench_phantom.raster import rasterise
from petbench_phantom.reconstruction import osem, sensitivities

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from petbench_phantom.acquisition import Coincidences, SliceTimes
    from petbench_phantom.lesions import Lesions
    from petbench_phantom.population import Participant
    from petbench_phantom.raster import Tissues
    from petbench_phantom.spec import PhantomSpec

    Field = NDArray[np.float64]
    MakeProjector = Callable[[PhantomSpec], Projector]

_TEXTURE_FWHM_MILLIMETRES = 15.0
_TEXTURE_CORRELATION = 0.85  # correlation of early and delayed texture
_BREATHING_MILLIMETRES, _BREATHING_REACH_MILLIMETRES = 3.5, 100.0
_DIAPHRAGM_CENTIMETRES = 43.5 - 7.0  # template height above the field's centre


@dataclass(frozen=True, slots=True)
class Images:
    """What is kept of one participant; volumes are SUV decay-corrected to injection, shape (z, y, x).

    Attributes:
        early, delayed: reconstructed.
        repeat: the delayed frame again, with other noise.
        early_truth, delayed_truth: what was in the body, without blur or noise.
        labels: organs at the delayed frame.
        early_labels: organs at the early frame, a few millimetres away, with the bladder as full as it was then.
        body: voxels that the body touches in either frame.
        trues: expected true coincidences of (early, delayed).
        lesions: where the profile has them.
    """

    early: Field
    delayed: Field
    repeat: Field
    early_truth: Field
    delayed_truth: Field
    labels: NDArray[np.int16]
    early_labels: NDArray[np.int16]
    body: NDArray[np.bool_]
    trues: tuple[float, float]
    lesions: Lesions | None


def simulate(
    spec: PhantomSpec, person: Participant, progress: Callable[[float], None], make_projector: MakeProjector = Projector
) -> Images:
    """Simulate one participant; `progress` is called with the part that is done, 0 to 1."""
    early_times, delayed_times = (
        slice_times(spec, spec.asks.early_seconds),
        slice_times(spec, spec.asks.delayed_seconds),
    )
    grain = _grain(spec, person)
    tissues = _still(spec, person, delayed_times, 1)
    progress(0.1)
    found, labels = lesions(spec, person, tissues.labels), tissues.labels
    delayed_truth = _alive(spec, person, tissues, grain[1], found, delayed_times)
    projector = make_projector(spec)
    leaving = survival(spec, projector, tissues.attenuation)
    del tissues
    delayed_scan = expected_coincidences(spec, projector, delayed_truth, leaving, delayed_times)
    progress(0.2)
    delayed, repeat = _reconstruct(spec, person, projector, delayed_scan, delayed_times, (4, 5))
    progress(0.6)
    scale, delayed_trues = delayed_scan.scale, delayed_scan.trues
    del delayed_scan
    tissues = _still(spec, person, early_times, 0)
    early_truth = _alive(spec, person, tissues, grain[0], found, early_times)
    early_labels = tissues.labels
    inside = (early_labels > 0) | (labels > 0)
    leaving = survival(spec, projector, tissues.attenuation)
    del tissues, grain
    early_scan = expected_coincidences(spec, projector, early_truth, leaving, early_times, scale)
    progress(0.8)
    (early,) = _reconstruct(spec, person, projector, early_scan, early_times, (6,))
    progress(1.0)
    trues = (early_scan.trues, delayed_trues)
    return Images(early, delayed, repeat, early_truth, delayed_truth, labels, early_labels, inside, trues, found)


def early_labels(spec: PhantomSpec, person: Participant) -> NDArray[np.int16]:
    """Return the organs of a participant at the early frame, without simulating a scan."""
    return _still(spec, person, slice_times(spec, spec.asks.early_seconds), 0).labels


def _still(spec: PhantomSpec, person: Participant, times: SliceTimes, which: int) -> Tissues:
    """Return the body of one frame, each slice at its own time."""
    parts, pose = posed_body(spec, person, which)
    columns: dict[tuple[float, float], list[float]] = {}
    for window in zip(times.start, times.stop, strict=True):
        if window not in columns:
            minutes = (window[0] / 60, window[1] / 60)
            columns[window] = [0.0, *(person.curves[organ.name].mean(*minutes) for organ in ORGANS)]
    suv = np.array([columns[window] for window in zip(times.start, times.stop, strict=True)])
    return rasterise(spec, parts, pose, suv)


def _alive(
    spec: PhantomSpec, person: Participant, tissues: Tissues, grain: Field, found: Lesions | None, times: SliceTimes
) -> Field:
    """Return the activity with texture and lesions in the organs, blurred by breathing about the diaphragm."""
    activity = np.maximum(tissues.activity + tissues.roughness * grain, 0.0)
    if found is not None:
        activity = found.added_to(activity, person, times)
    spacing = spec.spacing_millimetres[0]
    kernel = half_kernel(_BREATHING_MILLIMETRES / spacing)
    heights = (np.arange(spec.shape[0]) + 0.5 - spec.shape[0] / 2) * spacing
    middle = 10 * _DIAPHRAGM_CENTIMETRES * person.upright
    share = np.clip(1.5 - abs(heights - middle) * (1 / _BREATHING_REACH_MILLIMETRES), 0.0, 1.0)[:, None, None]
    return np.asarray(activity + share * (filter_axis(activity, kernel, 0) - activity))


def _grain(spec: PhantomSpec, person: Participant) -> tuple[Field, Field]:
    """Return the texture of the early and of the delayed frame: smooth, variance 1, correlated with each other."""
    random = generator(spec.seed, 7, person.index)
    sigma = [_TEXTURE_FWHM_MILLIMETRES / FWHM_PER_SIGMA / step for step in spec.spacing_millimetres]
    first, second = (smooth_noise(random, spec.shape, (sigma[0], sigma[1], sigma[2])) for _ in range(2))
    rest = 0.5267826876426369  # sqrt(1 - _TEXTURE_CORRELATION ** 2)
    return first.clip(-2.5, 2.5), (_TEXTURE_CORRELATION * first + rest * second).clip(-2.5, 2.5)


def _reconstruct(
    spec: PhantomSpec,
    person: Participant,
    projector: Projector,
    data: Coincidences,
    times: SliceTimes,
    streams: tuple[int, ...],
) -> list[Field]:
    """Return one image a noise realisation."""
    inverse = sensitivities(projector, data)
    realisations = (data.counts(generator(spec.seed, stream, person.index)) for stream in streams)
    return [osem(spec, projector, data, times, counts, inverse) for counts in realisations]
