"""Tracer kinetics without a network: Patlak's equation with a population's blood curve.

A voxel's activity is C(t) = Ki x integral of Cp from 0 to t + V x Cp(t): net influx times what the blood has delivered,
plus a part that follows the blood. The two window means of a training voxel give its Ki and V exactly. What a single
early image cannot give is how it divides into the two; that is learnt as the median Ki of voxels of the same early
SUV. The delayed image of a new participant then follows from the equation.

Patlak, Blasberg, Fenstermacher: J Cereb Blood Flow Metab 1983;3(1):1-7. Blood curve: three exponentials fitted to 80
image-derived curves of healthy adults (hedyPET, doi 10.57967/hf/9560), in SUV. Deviation: Patlak's plot needs several
frames and holds only after equilibration; here it is a two-parameter model of two windows, nothing more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from petbench import PetbenchError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from petbench import RunContext, Scan, TrainingData, Volume
    from petbench_baselines.parameters import KineticParameters

BODY_SUV = 0.1


def blood_suv(minutes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the population's whole-blood activity in SUV, minutes after injection."""
    since = np.maximum(minutes - 0.30, 0.0)
    fast = (3209.0 * since - 3.989 - 4.152) * np.exp(-18.02 * since)
    return np.where(since > 0, fast + 3.989 * np.exp(-0.2155 * since) + 4.152 * np.exp(-0.01329 * since), 0.0)


def window_means(start: float, end: float) -> tuple[float, float]:
    """Return the mean over a window, in minutes, of the blood curve (SUV) and of its integral (SUV x min)."""
    minutes = np.arange(0.0, end + 1e-9, 0.005)
    blood = blood_suv(minutes)
    integral = np.concatenate([[0.0], np.cumsum((blood[1:] + blood[:-1]) * 0.5 * np.diff(minutes))])
    inside = minutes >= start
    return float(blood[inside].mean()), float(integral[inside].mean())


class Kinetic:
    """Predicts the delayed image from the early one by population kinetics."""

    def __init__(self, parameters: KineticParameters) -> None:
        self._bins = parameters.bins
        self._early = window_means(parameters.early_start_minutes, parameters.early_end_minutes)
        self._delayed = window_means(parameters.delayed_start_minutes, parameters.delayed_end_minutes)
        self.levels = np.array([0.0, 1.0])
        self.influx = np.zeros(2)

    def fit(self, data: TrainingData, run: RunContext) -> None:  # noqa: ARG002 - the contract hands it over
        """Learn the median net influx rate of each level of early SUV.

        Raises:
            PetbenchError: no training voxel lies in a body.
        """
        early, influx = [], []
        for scan, delayed_volume in data.pairs():
            body = scan.early > BODY_SUV
            early.append(scan.early[body].astype(np.float64))
            influx.append(self._influx_of(early[-1], delayed_volume[body].astype(np.float64)))
        all_early, all_influx = np.concatenate(early), np.concatenate(influx)
        if len(all_early) == 0:
            raise PetbenchError(f"kinetic: no training voxel reaches SUV {BODY_SUV:g}; check the unit of the dataset")
        # Levels of equal count, so that each median rests on as many voxels.
        edges = np.unique(np.quantile(all_early, np.linspace(0.0, 1.0, self._bins + 1)))
        bin_of = np.clip(np.searchsorted(edges, all_early, side="right") - 1, 0, max(len(edges) - 2, 0))
        filled = np.unique(bin_of)
        self.levels = np.array([np.median(all_early[bin_of == number]) for number in filled])
        self.influx = np.array([np.median(all_influx[bin_of == number]) for number in filled])

    def predict(self, scan: Scan) -> Volume:
        """Return the delayed volume in SUV, shape (z, y, x)."""
        early = scan.early
        influx = np.interp(early, self.levels, self.influx)
        blood, delayed_blood = self._early[0], self._delayed[0]
        volume = (early - influx * self._early[1]) / blood
        delayed = np.maximum(influx * self._delayed[1] + volume * delayed_blood, 0.0)
        result: Volume = np.where(early > BODY_SUV, delayed, early).astype(np.float32)
        return result

    def state_dict(self) -> dict[str, Any]:
        """Return the learnt curve."""
        return {"levels_suv": self.levels.tolist(), "influx_per_minute": self.influx.tolist()}

    def load_state_dict(self, state: Mapping[str, Any], /) -> None:
        """Take back the learnt curve."""
        self.levels, self.influx = np.array(state["levels_suv"]), np.array(state["influx_per_minute"])

    def _influx_of(self, early: NDArray[np.float64], delayed: NDArray[np.float64]) -> NDArray[np.float64]:
        """Solve the two windows' equations for Ki, per minute."""
        (early_blood, early_integral), (delayed_blood, delayed_integral) = self._early, self._delayed
        ratio = delayed_blood / early_blood
        return (delayed - ratio * early) / (delayed_integral - ratio * early_integral)
