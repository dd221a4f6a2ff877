"""How long the exact Fréchet distance takes, and how many times longer a matrix square root does.

Run with `pytest tests/benchmarks/test_bench_frechet.py --benchmark-only`.
"""

from __future__ import annotations

import time
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from petbench.evaluation.frechet import frechet_distance
from petbench.evaluation.kid import kernel_distance
from petbench.torchvision_shim import import_torchvision

if TYPE_CHECKING:
    from numpy.typing import NDArray

SLICES, FEATURES = 389, 2048


def features(seed: int, count: int = SLICES) -> NDArray[np.float64]:
    """Return features with the falling spectrum of a network's."""
    generator = np.random.default_rng(seed)
    return np.asarray(generator.standard_normal((count, FEATURES)) / np.arange(1, FEATURES + 1) ** 0.5)


def test_bench_frechet_of_one_participant(benchmark: Any) -> None:
    first, second = features(1), features(2)
    value = benchmark(frechet_distance, first, second)
    import_torchvision()
    from pytorch_fid.fid_score import calculate_frechet_distance

    start = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        statistics = [(rows.mean(axis=0), np.cov(rows, rowvar=False)) for rows in (first, second)]
        theirs = calculate_frechet_distance(*statistics[0], *statistics[1])
    plain = time.perf_counter() - start
    ratio = plain / benchmark.stats["median"]
    benchmark.extra_info.update(
        what=f"Fréchet distance, N = {SLICES}",
        settings=f"{FEATURES:,} features",
        plain_seconds=plain,
        against="the matrix square root of pytorch-fid",
        ratio=ratio,
        wanted=50.0,
        floor=f"{2 * SLICES**2 * FEATURES / 1e9:.1f} GFLOP for one product of the two sets",
    )
    assert value == pytest.approx(theirs, rel=1e-4)
    assert ratio > 50.0


def test_bench_frechet_of_eighteen_participants(benchmark: Any) -> None:
    benchmark.pedantic(frechet_distance, args=(features(1, 7002), features(2, 7002)), rounds=1)
    benchmark.extra_info.update(what="Fréchet distance, N = 7,002", settings=f"{FEATURES:,} features")


def test_bench_kernel_distance_of_one_participant(benchmark: Any) -> None:
    benchmark(kernel_distance, features(1), features(2))
    benchmark.extra_info.update(what=f"kernel distance, N = {SLICES}", settings=f"{FEATURES:,} features")
