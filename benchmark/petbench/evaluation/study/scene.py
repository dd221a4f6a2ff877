"""One participant of the study: the images that degraded predictions are made of and scored with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from petbench.evaluation.label_names import merged, numbered
from petbench.evaluation.metrics.urinary import urinary_zone
from petbench.metric_spec import Case
from petbench_datasets.bids.scan import scan_of
from petbench_datasets.dataset.derivatives import REPEAT_ENDING, TRUTH_ENDING, find_derivative
from petbench_datasets.tasks.built_in import DEFAULT_TASK

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from petbench_datasets.dataset.reader import Dataset
    from petbench_datasets.tasks.task import Task

    Image = NDArray[np.float64]
    Mask = NDArray[np.bool_]

FWHM_PER_SIGMA = 2.0 * (2.0 * np.log(2.0)) ** 0.5
_RESOLUTIONS_MILLIMETRES = tuple(2.0 * step for step in range(11))


@dataclass(frozen=True)
class Scene:
    """One participant.

    Attributes:
        case: with the real images and labels; its prediction is the real delayed image.
        best: what the copies are made of, SUV, shape (z, y, x): the noise-free truth at the resolution that comes
            closest to the real image (without the bladder), or the real delayed image itself.
        noise: one realisation of the delayed image's noise, independent of the real image's.
        simulated: whether `best` is the truth.
        task: what is asked: its organs that clear stay as they are, and its urine is no method's fault.
    """

    case: Case
    best: Image
    noise: Image
    simulated: bool
    task: Task = DEFAULT_TASK


def read_scene(dataset: Dataset, participant: str) -> Scene:
    """Read a participant."""
    pair, body = dataset.pair(participant), dataset.body_mask(participant)
    organs, lesions = dataset.labels(participant), dataset.labels(participant, "lesions")
    labels, names = merged(*organs) if organs else (None, {})
    real = pair.delayed.astype(np.float64)
    truth, repeat = (_suv(dataset, participant, ending) for ending in (TRUTH_ENDING, REPEAT_ENDING))
    case = Case(
        participant=participant,
        predicted=pair.delayed,
        delayed=pair.delayed,
        early=pair.early,
        body=body,
        grid=pair.grid,
        labels=labels,
        names=names,
        lesions=lesions[0] if lesions else None,
        lesion_names=numbered(lesions[1]) if lesions else {},
    )
    best = real
    if truth is not None:
        inside = body if labels is None or not dataset.task.excreted_by_urine else body & ~urinary_zone(case)
        best = as_scanned(truth, real, inside, pair.grid.spacing_millimetres)
    return Scene(case, best, _noise(real, repeat, body), truth is not None, dataset.task)


def blurred(image: Image, fwhm_millimetres: Sequence[float], spacing_millimetres: tuple[float, float, float]) -> Image:
    """Return an image after a Gaussian filter, its FWHM along (z, y, x)."""
    from scipy import ndimage

    sigma = np.asarray(fwhm_millimetres) / FWHM_PER_SIGMA / np.asarray(spacing_millimetres)
    return np.asarray(ndimage.gaussian_filter(image, sigma, mode="nearest"))


def as_scanned(truth: Image, real: Image, inside: Mask, spacing_millimetres: tuple[float, float, float]) -> Image:
    """Return the truth at the resolution, 0 to 20 mm FWHM, at which its squared error inside is smallest.

    In the plane and along the axis, where thick slices may need no blur at all, in turns until neither changes.
    """

    def error(axis: float, plane: float) -> float:
        return float(np.square((blurred(truth, (axis, plane, plane), spacing_millimetres) - real)[inside]).sum())

    axis = plane = _RESOLUTIONS_MILLIMETRES[0]
    while True:
        before = axis, plane
        plane = min(_RESOLUTIONS_MILLIMETRES, key=lambda fwhm: error(axis, fwhm))
        axis = min(_RESOLUTIONS_MILLIMETRES, key=lambda fwhm: error(fwhm, plane))
        if (axis, plane) == before:
            return blurred(truth, (axis, plane, plane), spacing_millimetres)


def _suv(dataset: Dataset, participant: str, ending: str) -> Image | None:
    path = find_derivative(dataset.root, participant, ending)
    if path is None:
        return None
    return scan_of(path, dataset.root, dict(dataset.table), dataset.task).suv().astype(np.float64)


def _noise(real: Image, repeat: Image | None, body: Mask) -> Image:
    """Return the noise of one scan.

    It is the difference of two scans over √2, moved by two slices so that it is independent of the real image's own
    noise; without a second scan, white noise of 10 % at the body's mean that grows with the root of the uptake.
    """
    if repeat is not None:
        return np.roll((repeat - real) / 2.0**0.5, 2, axis=0)
    white = np.random.Generator(np.random.Philox(20261101)).standard_normal(real.shape)
    return np.asarray(0.1 * np.sqrt(real * real[body].mean()) * white)
