"""The Fréchet and the kernel distance against pytorch-fid, torchmetrics' estimator and closed forms."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import scipy

from petbench.evaluation.frechet import frechet_distance, frechet_from_statistics
from petbench.evaluation.kid import kernel_distance, matched_kernel_distance, participant_bootstrap
from petbench.torchvision_shim import import_torchvision

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Matrix = NDArray[np.float64]


def features(seed: int, count: int, dimension: int = 48) -> Matrix:
    """Return correlated features with a spectrum that falls, as those of a network."""
    generator = np.random.default_rng(seed)
    mixing = np.random.default_rng(0).standard_normal((dimension, dimension)) / np.arange(1, dimension + 1)
    return np.asarray(generator.standard_normal((count, dimension)) @ mixing + 0.05 * seed)


def statistics(rows: Matrix) -> tuple[Matrix, Matrix]:
    return rows.mean(axis=0), np.cov(rows, rowvar=False)


@pytest.mark.skipif(
    tuple(int(part) for part in scipy.__version__.split(".")[:2]) >= (1, 18),
    reason="pytorch-fid 0.3.0 calls sqrtm with an argument that SciPy 1.18 no longer takes",
)
@pytest.mark.parametrize("counts", [(400, 300), (49, 200)])
def test_it_equals_pytorch_fid_where_there_are_more_samples_than_features(counts: tuple[int, int]) -> None:
    import_torchvision()
    from pytorch_fid import fid_score

    first, second = features(1, counts[0]), features(2, counts[1])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        theirs = fid_score.calculate_frechet_distance(*statistics(first), *statistics(second))
    assert frechet_distance(first, second) == pytest.approx(theirs, rel=1e-6)


@pytest.mark.parametrize("counts", [(10, 12), (10, 200), (200, 10), (48, 49), (300, 300)])
def test_it_equals_the_form_from_statistics_for_any_number_of_samples(counts: tuple[int, int]) -> None:
    first, second = features(3, counts[0]), features(4, counts[1])
    expected = frechet_from_statistics(*statistics(first), *statistics(second))
    assert frechet_distance(first, second) == pytest.approx(expected, rel=1e-7)


def test_few_samples_agree_with_sixty_digits() -> None:
    mpmath: Any = pytest.importorskip("mpmath")
    first, second = features(5, 6, 8), features(6, 7, 8)
    with mpmath.workdps(60):

        def factor(rows: Matrix) -> Any:
            matrix = mpmath.matrix(rows.tolist())
            count = matrix.rows
            means = [sum(matrix[i, j] for i in range(count)) / count for j in range(matrix.cols)]
            centred = mpmath.matrix(count, matrix.cols)
            for i in range(count):
                for j in range(matrix.cols):
                    centred[i, j] = (matrix[i, j] - means[j]) / mpmath.sqrt(count - 1)
            return centred, means

        (a, first_means), (b, second_means) = factor(first), factor(second)
        product = a * b.T
        values = mpmath.eigsy(product.T * product if product.rows > product.cols else product * product.T)[0]
        nuclear = sum(mpmath.sqrt(abs(value)) for value in values)
        shift = sum((p - q) ** 2 for p, q in zip(first_means, second_means, strict=True))
        expected = float(shift + sum(v**2 for v in a) + sum(v**2 for v in b) - 2 * nuclear)
    assert frechet_distance(first, second) == pytest.approx(expected, rel=1e-13)


def test_identical_sets_are_exactly_zero_apart_in_any_order() -> None:
    for count in (12, 200):
        rows = features(1, count)
        assert frechet_distance(rows, rows.copy()) == 0.0
        assert frechet_distance(rows, rows[::-1]) == 0.0


def test_a_pure_shift_is_its_squared_length() -> None:
    rows = features(1, 30)
    shift = np.linspace(-1, 1, rows.shape[1])
    assert frechet_distance(rows, rows + shift) == pytest.approx(float(shift @ shift), rel=1e-9)


def test_a_scaled_spread_has_its_closed_form() -> None:
    rows = features(1, 90)
    rows -= rows.mean(axis=0)
    expected = (3.0 - 1.0) ** 2 * float(np.trace(np.cov(rows, rowvar=False)))
    assert frechet_distance(rows, 3.0 * rows) == pytest.approx(expected, rel=1e-9)


def test_it_is_symmetric_and_survives_a_constant_and_a_collapsed_set() -> None:
    first, second = features(1, 20), features(2, 90)
    assert frechet_distance(first, second) == pytest.approx(frechet_distance(second, first), rel=1e-12)
    constant = np.ones((90, 48))
    expected = float(np.square(second.mean(axis=0) - 1.0).sum()) + float(np.trace(np.cov(second, rowvar=False)))
    assert frechet_distance(constant, second) == pytest.approx(expected, rel=1e-9)
    collapsed = np.repeat(first[:3], 30, axis=0)
    assert np.isfinite(frechet_distance(collapsed, second))


def test_one_sample_or_unlike_features_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 2 samples, not 1"):
        frechet_distance(features(1, 1), features(2, 9))
    with pytest.raises(ValueError, match="same number of columns"):
        frechet_distance(features(1, 9, 48), features(2, 9, 40))


def test_the_kernel_distance_equals_torchmetrics_on_one_subset_of_all() -> None:
    import_torchvision()
    import torch
    from torchmetrics.image import kid

    theirs: Any = kid
    first, second = features(1, 25), features(2, 25)
    expected = float(theirs.poly_mmd(torch.from_numpy(first), torch.from_numpy(second), 3, None, 1.0))
    assert kernel_distance(first, second) == pytest.approx(expected, rel=1e-9)


def test_the_kernel_distance_is_unbiased_where_the_frechet_distance_is_not() -> None:
    rows = features(1, 4000, 24)
    small = [rows[start : start + 10] for start in range(0, 4000, 10)]
    kernel = [kernel_distance(a, b) for a, b in zip(small[::2], small[1::2], strict=True)]
    assert abs(np.mean(kernel)) < 3.0 * np.std(kernel) / np.sqrt(len(kernel))
    assert np.mean([frechet_distance(a, b) for a, b in zip(small[::2], small[1::2], strict=True)]) > 1.0


def test_without_matched_pairs_identical_tables_are_at_zero_and_others_follow_the_definition() -> None:
    first, second = features(1, 9, 6), features(2, 9, 6)
    assert matched_kernel_distance(first, first) == 0.0
    assert kernel_distance(first, first) < 0.0

    def kernel(a: Matrix, b: Matrix) -> float:
        return float((a @ b / 6 + 1.0) ** 3)

    terms = [
        kernel(first[i], first[j])
        + kernel(second[i], second[j])
        - kernel(first[i], second[j])
        - kernel(first[j], second[i])
        for i in range(9)
        for j in range(9)
        if i != j
    ]
    assert matched_kernel_distance(first, second) == pytest.approx(float(np.mean(terms)), rel=1e-9)
    with pytest.raises(ValueError, match="one shape"):
        matched_kernel_distance(first, second[:8])


def test_the_participant_bootstrap_matches_a_plain_one_and_needs_two_participants() -> None:
    real = [features(seed, 7) for seed in range(1, 6)]
    predicted = [rows + 0.2 * features(9 + index, 7) for index, rows in enumerate(real)]
    assert participant_bootstrap(real[:1], predicted[:1]) is None
    interval = participant_bootstrap(real, predicted)
    assert interval is not None

    def kernel(a: Matrix, b: Matrix) -> Matrix:
        return np.asarray((a @ b.T / a.shape[1] + 1.0) ** 3)

    def within(side: list[Matrix], drawn: NDArray[np.int64]) -> float:
        rows = np.concatenate([side[index] for index in drawn])
        names = np.concatenate([index * 100 + np.arange(len(side[index])) for index in drawn])
        different = names[:, None] != names[None, :]
        return float(kernel(rows, rows)[different].sum() / different.sum())

    generator = np.random.Generator(np.random.Philox(20180801))
    values = []
    for _ in range(1000):
        drawn = generator.integers(5, size=5)
        cross = kernel(*(np.concatenate([side[index] for index in drawn]) for side in (real, predicted))).mean()
        values.append(within(real, drawn) + within(predicted, drawn) - 2 * float(cross))
    assert interval.standard_error == pytest.approx(float(np.std(values, ddof=1)), rel=1e-9)
    assert (interval.low, interval.high) == pytest.approx(tuple(np.quantile(values, [0.025, 0.975])), rel=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("participants", [3, 8, 16])
def test_the_kernel_distances_standard_error_is_no_smaller_than_its_spread_over_datasets(participants: int) -> None:
    """Few participants have one that is too large: resampled people resemble themselves."""
    random = np.random.default_rng(31)
    distances, errors = [], []
    for _ in range(150):
        people = 0.5 * random.standard_normal((participants, 1, 6))
        real = people + random.standard_normal((participants, 12, 6))
        predicted = people + 0.4 + random.standard_normal((participants, 12, 6))
        distances.append(kernel_distance(real.reshape(-1, 6), predicted.reshape(-1, 6)))
        spread = participant_bootstrap(list(real), list(predicted))
        assert spread is not None
        errors.append(spread.standard_error)
    ratio = np.sqrt(np.mean(np.square(errors))) / np.std(distances, ddof=1)
    assert 0.9 < ratio < 3.0
