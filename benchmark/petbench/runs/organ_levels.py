"""What an organ's early uptake says of its delayed uptake: a regression an organ, learnt from other participants.

The level of an organ is its mean SUV: early as it was measured, for that is what a method sees; delayed as it truly
was. In natural logarithms, with the mean over the training participants taken off both predictors::

    ratio            ln delayed = level + ln early
    line             ln delayed = level + slope x ln early
    line with blood  ln delayed = level + slope x ln early + blood slope x ln early blood

Of the models that the number of training participants allows, ten of them for each predictor, the one with the
least leave-one-out error over them is taken; with fewer than ten that is the ratio, their geometric mean.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from petbench.runs.organ_regions import AIR, REST
from petbench_datasets.specs import OrganPrediction

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    Array = NDArray[np.float64]

Kind = Literal["ratio", "line", "line with blood"]

FEWEST: dict[Kind, int] = {"ratio": 1, "line": 10, "line with blood": 20}
"""Training participants that a model needs."""

BLOOD = "aorta"
"""The organ whose early level is that of the blood."""

Levels = dict[str, tuple[float, float]]
"""One participant's mean SUV of each organ: early as measured, delayed as it truly was."""


@dataclass(frozen=True, slots=True)
class LevelModel:
    """The delayed level of one organ as a function of early levels.

    Attributes:
        kind: which of the models.
        level: ln of the delayed SUV at the means of the predictors.
        slope, blood_slope: of the predictors.
        early, blood: means of ln early SUV over the training participants, in the organ and in the blood.
    """

    kind: Kind
    level: float
    slope: float
    blood_slope: float
    early: float
    blood: float

    def delayed(self, levels: Levels, organ: str) -> float:
        """Return the predicted delayed SUV of a participant's organ; without early uptake none is predicted."""
        early, blood = levels[organ][0], levels.get(BLOOD, (0.0, 0.0))[0]
        if early <= 0.0:
            return 0.0
        predicted = self.level + self.slope * (math.log(early) - self.early)
        if blood > 0.0:
            predicted += self.blood_slope * (math.log(blood) - self.blood)
        return math.exp(predicted)


def mean_levels(early: Array, delayed: Array, regions: NDArray[np.intp], names: Sequence[str]) -> Levels:
    """Return the mean of two images in each region that has voxels; the air is none."""
    counts, *sums = (np.bincount(regions.ravel(), weights, len(names)) for weights in (None, early, delayed))
    return {
        name: (float(sums[0][index] / counts[index]), float(sums[1][index] / counts[index]))
        for index, name in enumerate(names)
        if name != AIR and counts[index] > 0
    }


def fit_levels(training: Sequence[Levels]) -> dict[str, LevelModel]:
    """Return the model of every organ that a training participant has with uptake in both images."""
    organs = dict.fromkeys(organ for levels in training for organ in levels)
    models = {}
    for organ in organs:
        having = [levels for levels in training if organ in levels and min(levels[organ]) > 0.0]
        if having:
            models[organ] = _fit(having, organ)
    return models


def predicted_levels(levels: Levels, models: Mapping[str, LevelModel]) -> dict[str, float]:
    """Return the delayed SUV of each of a participant's organs; an organ without a model has that of the rest."""
    return {
        organ: models[organ if organ in models else REST].delayed(levels, organ)
        for organ in levels
        if organ in models or REST in models
    }


def leave_one_out(levels: Mapping[str, Levels]) -> tuple[OrganPrediction, ...]:
    """Return how well each organ of each participant is predicted by models fitted on all others."""
    names = list(levels)
    models = {name: fit_levels([levels[other] for other in names if other != name]) for name in names}
    found = []
    for organ in dict.fromkeys(organ for of_one in levels.values() for organ in of_one):
        having = [name for name in names if min(levels[name].get(organ, (0.0, 0.0))) > 0.0]
        if len(having) > 1:
            used = [models[name][organ] for name in having]
            pairs = zip(used, having, strict=True)
            predicted = np.log([model.delayed(levels[name], organ) for model, name in pairs])
            true = np.log([levels[name][organ][1] for name in having])
            found.append(_prediction(organ, used, predicted, true))
    return tuple(found)


def _prediction(organ: str, used: Sequence[LevelModel], predicted: Array, true: Array) -> OrganPrediction:
    count, error = len(true), float(np.sum((predicted - true) ** 2))
    spread = float(np.sum((true - true.mean()) ** 2)) * (count / (count - 1)) ** 2  # from the mean of the others
    ((kind, _),) = Counter(model.kind for model in used).most_common(1)
    return OrganPrediction(
        organ=organ,
        participants=count,
        model=kind,
        r_squared=1.0 - error / spread if spread > 0.0 else None,
        residual_percent=100.0 * math.sqrt(error / count),
    )


def _fit(having: Sequence[Levels], organ: str) -> LevelModel:
    early, delayed = np.log([levels[organ] for levels in having]).T
    has_blood = organ != BLOOD and all(levels.get(BLOOD, (0.0, 0.0))[0] > 0.0 for levels in having)
    blood = np.log([levels[BLOOD][0] for levels in having]) if has_blood else np.zeros(len(having))
    centred = [column - column.mean() for column in (early, blood)]
    ones = np.ones(len(having))
    designs: dict[Kind, list[Array]] = {"ratio": [ones], "line": [ones, centred[0]]}
    if has_blood:
        designs["line with blood"] = [ones, *centred]
    best: tuple[float, LevelModel] | None = None
    for kind, columns in designs.items():
        if len(having) >= FEWEST[kind]:
            target = delayed - centred[0] if kind == "ratio" else delayed
            error, (level, slope, blood_slope) = _least_squares(np.stack(columns, axis=1), target)
            model = LevelModel(
                kind,
                level,
                1.0 if kind == "ratio" else slope,
                blood_slope,
                early=float(early.mean()),
                blood=float(blood.mean()),
            )
            if best is None or error < best[0]:
                best = error, model
    assert best is not None  # one participant is enough for a ratio
    return best[1]


def _least_squares(design: Array, target: Array) -> tuple[float, tuple[float, float, float]]:
    """Return the sum of squared leave-one-out residuals, and up to three coefficients, those missing being 0."""
    inverse = np.linalg.pinv(design)
    coefficients = inverse @ target
    freedom = 1.0 - np.einsum("ij,ji->i", design, inverse)  # 1 - h: what is left of a residual that was fitted along
    left_out = (target - design @ coefficients) / np.maximum(freedom, 1e-9)
    level, slope, blood_slope = (*map(float, coefficients), 0.0, 0.0)[:3]
    return float(np.sum(left_out**2)), (level, slope, blood_slope)
