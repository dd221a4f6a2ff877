"""`ridge` and `kinetic` against independent references."""

from __future__ import annotations

from typing import cast

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.ndimage import correlate

from petbench import PetbenchError, RunContext, Scan, TrainingData, Volume
from petbench_baselines.kinetic import Kinetic, blood_suv, window_means
from petbench_baselines.parameters import KineticParameters, RidgeParameters
from petbench_baselines.ridge import Ridge

RUN = cast("RunContext", None)


class Pairs:
    def __init__(self, *pairs: tuple[Volume, Volume]) -> None:
        self._pairs = list(pairs)

    def pairs(self) -> list[tuple[Scan, Volume]]:
        return [(Scan(early), delayed) for early, delayed in self._pairs]


def data(*pairs: tuple[Volume, Volume]) -> TrainingData:
    return cast("TrainingData", Pairs(*pairs))


def random_volume(seed: int) -> Volume:
    return np.random.default_rng(seed).random((6, 9, 8), dtype=np.float32) + np.float32(0.2)


def test_ridge_finds_the_filter_that_made_the_delayed_images() -> None:
    kernel = np.random.default_rng(9).random((3, 3, 3))
    early = [random_volume(seed) for seed in range(2)]
    delayed = [correlate(image, kernel.astype(np.float32), mode="constant") for image in early]
    method = Ridge(RidgeParameters(radius_z=1, radius_yx=1, penalty=0.0))
    method.fit(data(*zip(early, delayed, strict=True)), RUN)
    assert np.allclose(method.kernel, kernel, atol=1e-4)
    other = Ridge(RidgeParameters(radius_z=1, radius_yx=1))
    other.load_state_dict(method.state_dict())
    new = random_volume(5)
    expected = correlate(new, kernel.astype(np.float32), mode="constant")
    assert np.allclose(other.predict(Scan(new)), expected, rtol=1e-4)


def test_ridge_shrinks_the_filter_as_its_formula_says() -> None:
    early = random_volume(0)
    method = Ridge(RidgeParameters(radius_z=0, radius_yx=0, penalty=0.5))
    method.fit(data((early, 3 * early)), RUN)
    assert method.kernel.item() == pytest.approx(3.0 / 1.5)


def test_ridge_keeps_air_empty_and_refuses_a_dataset_of_air() -> None:
    empty = np.zeros((4, 5, 5), dtype=np.float32)
    method = Ridge(RidgeParameters())
    assert not method.predict(Scan(empty)).any()
    with pytest.raises(PetbenchError, match="no training voxel"):
        method.fit(data((empty, empty)), RUN)


def test_an_unfitted_ridge_is_the_identity() -> None:
    assert np.array_equal(Ridge(RidgeParameters()).predict(Scan(random_volume(0))), random_volume(0))


def test_the_blood_curve_has_the_published_window_means() -> None:
    # Means of the fitted curve over 7-21 and 42-63 min, integrated here by adaptive quadrature.
    for start, end in ((7.0, 21.0), (42.0, 63.0)):
        expected = quad(lambda minute: float(blood_suv(np.array([minute]))[0]), start, end)[0] / (end - start)
        assert window_means(start, end)[0] == pytest.approx(expected, rel=1e-3)
    assert window_means(7.0, 21.0)[0] == pytest.approx(3.76, rel=0.02)
    assert window_means(42.0, 63.0)[0] == pytest.approx(2.08, rel=0.02)


def test_kinetic_predicts_tissue_that_obeys_its_equation() -> None:
    (early_blood, early_integral), (delayed_blood, delayed_integral) = window_means(7, 21), window_means(42, 63)
    influx = np.linspace(0.001, 0.05, 500)
    volume = 0.2 + 5 * influx  # tissue that takes up more also holds more blood
    early = (influx * early_integral + volume * early_blood).astype(np.float32).reshape(5, 10, 10)
    delayed = (influx * delayed_integral + volume * delayed_blood).astype(np.float32).reshape(5, 10, 10)
    method, other = Kinetic(KineticParameters()), Kinetic(KineticParameters())
    method.fit(data((early, delayed)), RUN)
    other.load_state_dict(method.state_dict())
    inner = slice(10, -10)  # beyond the outermost levels the rate is held constant
    assert np.allclose(other.predict(Scan(early)).ravel()[inner], delayed.ravel()[inner], rtol=0.01)


def test_kinetic_follows_the_blood_where_nothing_is_taken_up() -> None:
    early = np.full((2, 3, 3), 2.0, dtype=np.float32)
    ratio = window_means(42, 63)[0] / window_means(7, 21)[0]
    method = Kinetic(KineticParameters())
    method.fit(data((early, early * np.float32(ratio))), RUN)
    assert np.allclose(method.predict(Scan(early)), early * ratio, rtol=1e-5)
