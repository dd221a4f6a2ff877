"""The uptake of the organs and lesions of a case, in its predicted, its real and its early image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import numpy as np

from petbench.evaluation.by_array import ByArrays
from petbench.evaluation.metrics.uptake import Uptake, organ_uptake, regions, sphere_means
from petbench_datasets.tasks.built_in import DEFAULT_TASK

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


_Kept = WeakKeyDictionary["Case", dict[float, "dict[str, Uptakes]"]]
_organs: _Kept = WeakKeyDictionary()
_lesions: _Kept = WeakKeyDictionary()
_peaks: ByArrays[NDArray[np.float64]] = ByArrays()


def organ_uptakes(case: Case, core_percent: float = DEFAULT_TASK.core_percent) -> Mapping[str, Uptakes]:
    """Return the uptakes of every labelled organ, computed once while the case lives; none without labels.

    Args:
        case: with labels.
        core_percent: of an organ's maximum, from which on a voxel counts for TLG; it decides nothing else.
    """
    return _kept(_organs, case, core_percent, case.labels, case.names)


def lesion_uptakes(case: Case, core_percent: float = DEFAULT_TASK.core_percent) -> Mapping[str, Uptakes]:
    """Return the uptakes of every labelled lesion, as `organ_uptakes` does; none without lesions."""
    return _kept(_lesions, case, core_percent, case.lesions, case.lesion_names)


def _kept(
    kept: _Kept, case: Case, core_percent: float, labels: NDArray[np.int16] | None, names: Mapping[int, str]
) -> Mapping[str, Uptakes]:
    found = kept.setdefault(case, {})
    if core_percent not in found:
        found[core_percent] = _uptakes(case, labels, names, core_percent)
    return found[core_percent]


def _uptakes(
    case: Case, labels: NDArray[np.int16] | None, names: Mapping[int, str], core_percent: float
) -> dict[str, Uptakes]:
    if labels is None:
        return {}
    spacing = case.grid.spacing_millimetres
    predicted, real = (
        organ_uptake(image, labels, names, spacing, _sphere_means(image, spacing), core_percent=core_percent)
        for image in (case.predicted, case.delayed)
    )
    early = {name: case.early[box][inside].astype(np.float64) for name, box, inside in regions(labels, names)}
    return {
        name: Uptakes(predicted[name], real[name], float(values.mean()), float(values.max()))
        for name, values in early.items()
    }


def _sphere_means(image: Image, spacing: tuple[float, float, float]) -> NDArray[np.float64]:
    return _peaks.get(lambda: sphere_means(np.asarray(image, dtype=np.float64), spacing), image)
