"""Copies of the best prediction, made worse step by step: within a family, every step is worse than the one before."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from petbench.evaluation.metrics.lesions import background_shell, lesions_of
from petbench.evaluation.metrics.of_task import left_out
from petbench.evaluation.metrics.urinary import urinary_zone
from petbench.evaluation.protocol import URINARY_TRACT
from petbench.evaluation.study.scene import FWHM_PER_SIGMA, blurred

if TYPE_CHECKING:
    from petbench.evaluation.study.scene import Image, Scene

Degrade = Callable[["Scene", float], "Image"]

_SPOT_FWHM_MILLIMETRES = 20.0
_SPOT_ORGANS = ("liver", "muscle", "lungs", "vertebrae", "spleen", "visceral_fat")
_LESION_REACH_MILLIMETRES = 8.0
_URINE_FWHM_MILLIMETRES = 8.0

LOTTERY_COMMON, LOTTERY_OWN = 0.4, 0.2
"""Log-normal errors of the bladder: what nobody can foretell (the residual of its late on its early level over sixty
simulated people is 0.43), the same in all copies of a participant, and what differs from method to method."""


@dataclass(frozen=True, slots=True)
class Family:
    """One way of making a prediction worse.

    Attributes:
        name: a slug.
        what: in words, with the unit of the levels.
        levels: of the steps after the best prediction itself, each worse than the one before.
        degrade: the copy at a level.
        needs: `labels` or `lesions`, where the participants must have them.
        lottery: whether no method can be expected to get this right, so that a metric should not follow it.
    """

    name: str
    what: str
    levels: tuple[float, ...]
    degrade: Degrade
    needs: str = ""
    lottery: bool = False

    def fits(self, scene: Scene) -> bool:
        """Return whether a participant has what the family needs; without urine there is no lottery."""
        if self.lottery and not scene.task.excreted_by_urine:
            return False
        return not self.needs or getattr(scene.case, self.needs) is not None


def gain(scene: Scene, percent: float) -> Image:
    """Return everything too hot by some percent."""
    return scene.best * (1.0 + percent / 100.0)


def organ_levels(scene: Scene, percent: float) -> Image:
    """Return every organ at a level of its own, wrong by a log-normal factor of some percent; what clears stays."""
    labels = scene.case.labels
    assert labels is not None
    factors = np.ones(int(labels.max(initial=0)) + 1)
    draws = _random(scene, "organs").standard_normal(len(factors))
    without = left_out(scene.task)
    for index, name in scene.case.names.items():
        if 0 < index < len(factors) and name not in without:
            factors[index] = np.exp(draws[index] * percent / 100.0)
    return np.asarray(scene.best * factors[np.maximum(labels, 0)])


def blur(scene: Scene, fwhm_millimetres: float) -> Image:
    """Return the image filtered once more."""
    return blurred(scene.best, (fwhm_millimetres,) * 3, scene.case.grid.spacing_millimetres)


def noise(scene: Scene, times: float) -> Image:
    """Return the image with noise, that of one scan times a number."""
    return np.maximum(scene.best + times * scene.noise, 0.0)


def bladder(scene: Scene, percent: float) -> Image:
    """Return the urinary tract too hot by some percent."""
    return scene.best + percent / 100.0 * urine(scene)


def urine(scene: Scene) -> Image:
    """Return what the urinary tract adds to the image, its blur into the organs around it included.

    Raises:
        ValueError: no bladder is labelled.
    """
    zone, labels = urinary_zone(scene.case), scene.case.labels
    assert labels is not None  # the zone comes from them
    tract = np.isin(labels, [index for index, name in scene.case.names.items() if name in URINARY_TRACT])
    spread = blurred(scene.best * tract, (_URINE_FWHM_MILLIMETRES,) * 3, scene.case.grid.spacing_millimetres)
    return np.where(zone, spread, 0.0)


def shift(scene: Scene, millimetres: float) -> Image:
    """Return the image moved towards the head."""
    from scipy import ndimage

    steps = (millimetres / scene.case.grid.spacing_millimetres[0], 0.0, 0.0)
    return np.asarray(ndimage.shift(scene.best, steps, order=1, mode="nearest"))


def false_spots(scene: Scene, count: float) -> Image:
    """Return the image with spots of 20 mm FWHM that are not there, each twice its organ's level above it."""
    case, random = scene.case, _random(scene, "spots")
    labels = case.labels
    assert labels is not None
    indices = {name: index for index, name in case.names.items()}
    organs = [indices[name] for name in _SPOT_ORGANS if (labels == indices.get(name, -1)).any()]
    image = scene.best.copy()
    axes = [np.arange(size) * step for size, step in zip(image.shape, case.grid.spacing_millimetres, strict=True)]
    for number in range(int(count) if organs else 0):
        places = np.argwhere(labels == organs[number % len(organs)])
        centre = places[int(random.integers(len(places)))]
        squares = [np.square(axis - axis[place]) for axis, place in zip(axes, centre, strict=True)]
        distance = squares[0][:, None, None] + squares[1][None, :, None] + squares[2][None, None, :]
        level = float(np.median(scene.best[labels == organs[number % len(organs)]]))
        sigma = _SPOT_FWHM_MILLIMETRES / FWHM_PER_SIGMA
        image += max(2.0 * level, 1.0) * np.exp(-distance / (2.0 * sigma**2))
    return image


def missing_lesions(scene: Scene, count: float) -> Image:
    """Return the image with the most visible lesions replaced by the mean of their surroundings."""
    from scipy import ndimage

    case, image = scene.case, scene.best.copy()
    spacing = case.grid.spacing_millimetres
    assert case.lesions is not None
    found = []
    for _, lesion in lesions_of(case):
        shell = background_shell(lesion, case.body & (case.lesions == 0), spacing)
        level = float(scene.best[shell].mean()) if shell.any() else 0.0
        found.append((float(scene.best[lesion].max()) - level, level, lesion))
    for _, level, lesion in sorted(found, key=lambda each: -each[0])[: int(count)]:
        near = ndimage.distance_transform_edt(~lesion, sampling=spacing) <= _LESION_REACH_MILLIMETRES
        image[near] = np.minimum(image[near], level)
    return image


def mixture(scene: Scene, percent: float) -> Image:
    """Return the image with some percent of the early image in its place."""
    part = percent / 100.0
    return np.asarray((1.0 - part) * scene.best + part * scene.case.early)


def with_lottery(scene: Scene, image: Image, copy: str) -> Image:
    """Return a copy with the bladder at a level that no method can foretell; without labels or urine it stays."""
    if not scene.task.excreted_by_urine:
        return image
    try:
        added = urine(scene)
    except ValueError:
        return image
    common, own = (_random(scene, f"bladder{name}").standard_normal() for name in ("", f"/{copy}"))
    factor = float(np.exp(LOTTERY_COMMON * common + LOTTERY_OWN * own))
    return np.maximum(image + (factor - 1.0) * added, 0.0)


FAMILIES: tuple[Family, ...] = (
    Family("gain", "everything too hot, %", (2.0, 5.0, 10.0, 20.0), gain),
    Family("organs", "every organ at a wrong level, SD in %", (5.0, 10.0, 20.0, 40.0), organ_levels, needs="labels"),
    Family("blur", "blurred once more, mm FWHM", (8.0, 12.0, 16.0), blur),
    Family("noise", "noise of a scan, times", (1.0, 2.0, 4.0), noise),
    Family("spots", "false spots", (1.0, 2.0, 4.0), false_spots, needs="labels"),
    Family("lesions", "lesions missing", (1.0, 2.0, 3.0), missing_lesions, needs="lesions"),
    Family("shift", "moved, mm", (5.0, 10.0, 20.0), shift),
    Family("mixture", "early image in the mixture, %", tuple(10.0 * tenth for tenth in range(1, 10)), mixture),
    Family("bladder", "urinary tract too hot, %", (25.0, 50.0, 100.0), bladder, needs="labels", lottery=True),
)


def _random(scene: Scene, what: str) -> np.random.Generator:
    digest = hashlib.sha256(f"{what}/{scene.case.participant}".encode()).digest()
    return np.random.Generator(np.random.Philox(int.from_bytes(digest[:8], "big")))
