"""Labelled lesions: how much of their contrast and of their volume the prediction shows.

A translated image can lose a lesion or invent one and hardly change its PSNR (Cohen et al., arXiv 1805.08841).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from petbench.evaluation.metrics.of_task import number_text
from petbench.evaluation.protocol import LESION_BACKGROUND_MILLIMETRES
from petbench.metric_spec import Measurement, MetricSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from numpy.typing import NDArray

    from petbench.evaluation.metrics.measures import Image, Mask
    from petbench.metric_spec import Case
    from petbench_datasets.tasks.task import Task

# Below this contrast the real lesion hardly stands out, and a ratio to it would be noise.
_LEAST_CONTRAST = 0.2


def contrast_recovery_percent(predicted: Image, real: Image, lesion: Mask, background: Mask) -> float:
    """Return 100·(Lp/Bp − 1)/(Lr/Br − 1) of the means L in the lesion and B in its background; 100 is best.

    The contrast recovery of NEMA NU 2, with the real image in the place of the known activity.

    Raises:
        ValueError: no background, or the real lesion does not stand out by 20 %.
    """
    if not background.any():
        raise ValueError("the lesion has no background within the body")
    contrast = _contrast(real, lesion, background)
    if abs(contrast) < _LEAST_CONTRAST:
        raise ValueError(f"the real lesion's contrast is {contrast:.2f}, too small to be recovered")
    return 100.0 * _contrast(predicted, lesion, background) / contrast


def detected_millilitres(
    predicted: Image, real: Image, lesion: Mask, voxel_millilitres: float, core_percent: float
) -> tuple[float, float]:
    """Return how many millilitres of the lesion's core are found, and how many there are.

    The core is where the real image has at least `core_percent` of the lesion's real maximum; found is where the
    prediction has as much, too. The threshold comes from the real image for both.
    """
    threshold = core_percent / 100.0 * float(real[lesion].max())
    core = lesion & (real >= threshold)
    return float((core & (predicted >= threshold)).sum()) * voxel_millilitres, float(core.sum()) * voxel_millilitres


def background_shell(lesion: Mask, allowed: Mask, spacing_millimetres: tuple[float, float, float]) -> NDArray[np.bool_]:
    """Return the voxels of `allowed` within 20 mm of the lesion and outside it, shape (z, y, x)."""
    from scipy import ndimage

    margin = [int(np.ceil(LESION_BACKGROUND_MILLIMETRES / spacing)) + 1 for spacing in spacing_millimetres]
    box = tuple(
        slice(max(int(where.min()) - extra, 0), int(where.max()) + extra + 1)
        for where, extra in zip(np.nonzero(lesion), margin, strict=True)
    )
    distance = ndimage.distance_transform_edt(~lesion[box], sampling=spacing_millimetres)
    shell = np.zeros(lesion.shape, dtype=bool)
    shell[box] = (distance > 0) & (distance <= LESION_BACKGROUND_MILLIMETRES)
    return shell & allowed


def _contrast(image: Image, lesion: Mask, background: Mask) -> float:
    level = float(image[background].mean(dtype=np.float64))
    if not level > 0.0:
        raise ValueError("the lesion's background is empty")
    return float(image[lesion].mean(dtype=np.float64)) / level - 1.0


def lesion_contrast(case: Case) -> Iterator[Measurement]:
    """Measure the contrast recovery of each lesion."""
    for name, lesion in lesions_of(case):
        shell = background_shell(lesion, case.body & (case.lesions == 0), case.grid.spacing_millimetres)
        try:
            value = contrast_recovery_percent(case.predicted, case.delayed, lesion, shell)
        except ValueError as error:
            yield Measurement(name, None, str(error))
            continue
        yield Measurement(name, value)


def lesion_detection(core_percent: float) -> Callable[[Case], Iterable[Measurement]]:
    """Return what measures how many millilitres of each lesion's core the prediction shows."""

    def measure(case: Case) -> Iterator[Measurement]:
        for name, lesion in lesions_of(case):
            found, there = detected_millilitres(
                case.predicted, case.delayed, lesion, case.grid.voxel_millilitres, core_percent
            )
            yield Measurement(name, found, extra={"real_millilitres": there, "share": found / there})

    return measure


def lesions_of(case: Case) -> Iterator[tuple[str, Mask]]:
    """Yield the name and the voxels, shape (z, y, x), of each lesion that has a voxel."""
    if case.lesions is None:
        return
    for index, name in case.lesion_names.items():
        lesion = case.lesions == index
        if index != 0 and lesion.any():
            yield name, lesion


def lesion_metrics(task: Task) -> tuple[MetricSpec, ...]:
    """Return how much of a lesion's contrast and of its core a prediction shows."""
    core = number_text(task.core_percent)
    return (
        MetricSpec(
            name="lesion_contrast_recovery",
            convention_id="contrast-recovery/lesion/shell-20mm@1",
            unit="%",
            higher_is_better=None,
            label="Contrast recovery",
            detail="lesion",
            decimals=1,
            best_value=100.0,
            shown=False,
            summary="a lesion's contrast against its surroundings over the real one",
            formula="100 (Lp/Bp − 1) / (Lr/Br − 1)",
            source="NEMA NU 2, the real image in the place of the known activity",
            hides="a common factor on lesion and surroundings",
            of_regions=True,
            measure=lesion_contrast,
        ),
        MetricSpec(
            name="lesion_detected_volume",
            convention_id=f"detected-volume/lesion/real-{core}%-isocontour@1",
            unit="mL",
            higher_is_better=True,
            label="Detected",
            detail="lesion",
            decimals=2,
            shown=False,
            summary="volume of a lesion's real core that the prediction shows as hot",
            formula=f"volume of core where p >= {number_text(task.core_percent / 100.0)} max of r in the lesion",
            source="autoPET, turned from counting to measuring",
            hides="uptake above the threshold that is too high",
            of_regions=True,
            measure=lesion_detection(task.core_percent),
        ),
    )
