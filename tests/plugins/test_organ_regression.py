"""A linear relation an organ, drawn to the whole body's: against least squares by itself, and at both its limits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pytest

from petbench import PetbenchError, RunContext, Scan, TrainingData
from petbench_regression.organ_regression import OrganRegression
from petbench_regression.parameters import OrganRegressionParameters

if TYPE_CHECKING:
    from petbench import Volume

RUN = cast("RunContext", None)
NAMES = {1: "liver", 2: "brain"}
SHAPE = (6, 10, 10)


class Pairs:
    def __init__(self, pairs: list[tuple[Scan, Volume]]) -> None:
        self._pairs = pairs

    def pairs(self) -> list[tuple[Scan, Volume]]:
        return self._pairs


def participant(number: int, relations: dict[int, tuple[float, float, float]], noise: float = 0.0) -> Any:
    """Return a scan and its delayed volume: organs follow their relation, the rest is 0.9 of the early image."""
    random = np.random.default_rng(number)
    labels = np.zeros(SHAPE, dtype=np.int16)
    labels[:2, 2:8, 2:8], labels[4:, 2:8, 2:8] = 1, 2
    early = random.uniform(0.5, 1.0, SHAPE) + labels * random.uniform(1.0, 2.0)
    delayed = 0.9 * early
    for label, (a, b, c) in relations.items():
        where = labels == label
        level = early[where].mean()
        delayed[where] = a + b * level + c * (early[where] - level)
    delayed += noise * random.normal(size=SHAPE)
    scan = Scan(early.astype(np.float32), labels=labels, label_names=NAMES)
    return scan, delayed.astype(np.float32)


def fitted(pairs: list[Any], shrinkage: float) -> OrganRegression:
    method = OrganRegression(OrganRegressionParameters(shrinkage=shrinkage))
    method.fit(cast("TrainingData", Pairs(pairs)), RUN)
    return method


def test_without_shrinkage_each_organ_s_own_relation_is_found() -> None:
    relations = {1: (0.3, 0.5, 0.4), 2: (-0.2, 1.8, 1.1)}
    method = fitted([participant(number, relations) for number in range(5)], 0.0)
    for label, name in NAMES.items():
        np.testing.assert_allclose(method.organs[name], relations[label], atol=1e-3)
    scan, delayed = participant(9, relations)
    inside = np.asarray(scan.labels) > 0
    np.testing.assert_allclose(method.predict(scan)[inside], delayed[inside], atol=1e-3)


def test_with_shrinkage_it_is_ridge_regression_to_the_body_s_relation() -> None:
    pairs = [participant(number, {1: (0.0, 0.5, 0.5), 2: (0.0, 2.0, 1.0)}, noise=0.1) for number in range(4)]
    method = fitted(pairs, 40.0)
    rows: list[Any] = []
    targets: list[Any] = []
    body: list[Any] = []
    all_targets: list[Any] = []
    for scan, delayed in pairs:
        for where, into, values in (
            (scan.labels == 1, rows, targets),
            (scan.early > 0.1, body, all_targets),
        ):
            suv = scan.early[where].astype(np.float64)
            into.append(np.stack([np.ones_like(suv), np.full_like(suv, suv.mean()), suv - suv.mean()], axis=1))
            values.append(delayed[where].astype(np.float64))
    whole = np.concatenate(body)
    relation = np.linalg.lstsq(whole, np.concatenate(all_targets), rcond=None)[0]
    np.testing.assert_allclose(method.body, relation, rtol=1e-6)
    # As if 40 voxels of the body lay on its relation: their rows, each with the weight 40 / voxels.
    share = np.sqrt(40.0 / len(whole))
    x = np.concatenate([*rows, share * whole])
    y = np.concatenate([*targets, share * whole @ relation])
    np.testing.assert_allclose(method.organs["liver"], np.linalg.lstsq(x, y, rcond=None)[0], rtol=1e-6)


def test_with_very_much_of_it_every_organ_takes_the_body_s_relation() -> None:
    pairs = [participant(number, {1: (0.0, 0.5, 0.5), 2: (0.0, 2.0, 1.0)}) for number in range(4)]
    method = fitted(pairs, 1e9)
    for weights in method.organs.values():
        np.testing.assert_allclose(weights, method.body, atol=1e-3)


def test_an_organ_that_nobody_has_trained_and_the_rest_take_the_body_s_relation_and_air_stays() -> None:
    method = fitted([participant(number, {1: (0.0, 0.5, 0.5)}) for number in range(3)], 10.0)
    scan, _ = participant(7, {})
    early = scan.early.copy()
    early[:, 0, :] = 0.05
    other = Scan(early, labels=np.where(scan.labels == 1, 9, 0).astype(np.int16), label_names={9: "spleen"})
    predicted = method.predict(other)
    assert np.array_equal(predicted[:, 0, :], early[:, 0, :])
    body = early > 0.1
    level = early[body].astype(np.float64).mean()
    x = np.stack([np.ones(body.sum()), np.full(body.sum(), level), early[body] - level], axis=1)
    np.testing.assert_allclose(predicted[body], np.maximum(x @ method.body, 0), rtol=1e-5)


def test_organs_go_by_name_and_the_state_comes_back() -> None:
    relations = {1: (0.3, 0.5, 0.4), 2: (-0.2, 1.8, 1.1)}
    method = fitted([participant(number, relations) for number in range(3)], 5.0)
    scan, _ = participant(9, relations)
    renumbered = Scan(
        scan.early, labels=(5 * np.asarray(scan.labels)).astype(np.int16), label_names={5: "liver", 10: "brain"}
    )
    other = OrganRegression(OrganRegressionParameters())
    other.load_state_dict(method.state_dict())
    assert np.array_equal(other.predict(renumbered), method.predict(scan))


def test_a_dataset_of_air_is_refused_in_one_line() -> None:
    empty = Scan(np.zeros(SHAPE, np.float32), labels=np.zeros(SHAPE, np.int16), label_names=NAMES)
    with pytest.raises(PetbenchError, match=r"no training voxel reaches SUV 0\.1"):
        fitted([(empty, np.zeros(SHAPE, np.float32))], 1.0)
