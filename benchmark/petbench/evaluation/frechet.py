"""The exact Fréchet distance between two Gaussians, without a matrix square root.

d² = |μ₁ − μ₂|² + tr Σ₁ + tr Σ₂ − 2 tr (Σ₁Σ₂)^½, and with Σᵢ = FᵢᵀFᵢ the last trace is the nuclear norm of F₁F₂ᵀ:
a sum of singular values. No small number on the diagonal, no complex numbers, no failure for few samples, and never a
d×d matrix where there are fewer samples than features. (Dowson & Landau, J. Multivar. Anal. 1982;12:450; FID:
Heusel et al., arXiv 1706.08500.)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import linalg

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Matrix = NDArray[np.float64]


def frechet_distance(first: Matrix, second: Matrix) -> float:
    """Return d² between Gaussians fitted to two sets of features, shapes (n₁, d) and (n₂, d); covariances over n − 1.

    Lower is better; the unit is that of the features squared. Identical sets, in any order, give exactly 0.

    Raises:
        ValueError: fewer than two rows, or unlike numbers of features.
    """
    first = np.asarray(first, dtype=np.float64)
    second = np.asarray(second, dtype=np.float64)
    if first.ndim != 2 or second.ndim != 2 or first.shape[1] != second.shape[1]:
        raise ValueError(
            f"features must be two tables with the same number of columns, not {first.shape} and {second.shape}"
        )
    if min(len(first), len(second)) < 2:
        raise ValueError(f"a covariance needs at least 2 samples, not {min(len(first), len(second))}")
    if _same_rows(first, second):
        return 0.0
    shift = first.mean(axis=0) - second.mean(axis=0)
    factors = _factor(first), _factor(second)
    traces = sum(float(np.square(factor).sum()) for factor in factors)
    return max(0.0, float(shift @ shift) + traces - 2.0 * _nuclear_norm(factors[0] @ factors[1].T))


def frechet_from_statistics(
    first_mean: Matrix, first_covariance: Matrix, second_mean: Matrix, second_covariance: Matrix
) -> float:
    """Return d² from means (d,) and covariances (d, d), for sets of which only these are known."""
    shift = np.asarray(first_mean, dtype=np.float64) - np.asarray(second_mean, dtype=np.float64)
    factors = _symmetric_factor(first_covariance), _symmetric_factor(second_covariance)
    traces = float(np.trace(first_covariance) + np.trace(second_covariance))
    return max(0.0, float(shift @ shift) + traces - 2.0 * _nuclear_norm(factors[0] @ factors[1].T))


def _factor(features: Matrix) -> Matrix:
    """Return F with FᵀF = covariance: centred rows for few samples, a Cholesky factor for many."""
    count, dimension = features.shape
    rows: Matrix = (features - features.mean(axis=0)) / np.sqrt(count - 1)
    if count <= dimension:
        return rows
    covariance = rows.T @ rows
    try:
        return np.asarray(linalg.cholesky(covariance, lower=False), dtype=np.float64)
    except linalg.LinAlgError:  # a constant or repeated feature
        return _symmetric_factor(covariance)


def _symmetric_factor(covariance: Matrix) -> Matrix:
    values, vectors = linalg.eigh(np.asarray(covariance, dtype=np.float64))
    return np.asarray(np.sqrt(np.maximum(values, 0.0))[:, None] * vectors.T, dtype=np.float64)


def _nuclear_norm(matrix: Matrix) -> float:
    return float(linalg.svdvals(matrix).sum())


def _same_rows(first: Matrix, second: Matrix) -> bool:
    if first.shape != second.shape or not np.array_equal(np.sort(first[:, 0]), np.sort(second[:, 0])):
        return False
    return sorted(row.tobytes() for row in first) == sorted(row.tobytes() for row in second)
