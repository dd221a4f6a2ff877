"""The uptake of the organs and lesions of a case, in its predicted, its real and its early image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import numpy as np

from petbench.evaluation.by_array import ByArrays
from petbench.evaluation.metrics.uptake import Uptake, organ_uptake, regions, sphere_means

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from petbench.evaluation.metrics.measures import Image
    from petbench.metric_spec import Case


@dataclass(frozen=True, slots=True)
class Uptakes:
    """One organ or lesion: its uptake in the predicted and the real image, and the early image's mean and maximum."""

    predicted: Uptake
    real: Uptake
    early_mean: float
    early_maximum: float


_organs: WeakKeyDictionary[Case, dict[str, Uptakes]] = WeakKeyDictionary()
_lesions: WeakKeyDictionary[Case, dict[str, Uptakes]] = WeakKeyDictionary()
_peaks: ByArrays[NDArray[np.float64]] = ByArrays()


def organ_uptakes(case: Case) -> Mapping[str, Uptakes]:
    """Return the uptakes of every labelled organ, computed once while the case lives; none without labels."""
    if case not in _organs:
        _organs[case] = _uptakes(case, case.labels, case.names)
    return _organs[case]


def lesion_uptakes(case: Case) -> Mapping[str, Uptakes]:
    """Return the uptakes of every labelled lesion, computed once while the case lives; none without lesions."""
    if case not in _lesions:
        _lesions[case] = _uptakes(case, case.lesions, case.lesion_names)
    return _lesions[case]


def _uptakes(case: Case, labels: NDArray[np.int16] | None, names: Mapping[int, str]) -> dict[str, Uptakes]:
    if labels is None:
        return {}
    spacing = case.grid.spacing_millimetres
    predicted, real = (
        organ_uptake(image, labels, names, spacing, _sphere_means(image, spacing))
        for image in (case.predicted, case.delayed)
    )
    early = {name: case.early[box][inside].astype(np.float64) for name, box, inside in regions(labels, names)}
    return {
        name: Uptakes(predicted[name], real[name], float(values.mean()), float(values.max()))
        for name, values in early.items()
    }


def _sphere_means(image: Image, spacing: tuple[float, float, float]) -> NDArray[np.float64]:
    return _peaks.get(lambda: sphere_means(np.asarray(image, dtype=np.float64), spacing), image)
