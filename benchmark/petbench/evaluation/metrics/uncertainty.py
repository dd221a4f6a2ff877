"""Does a method that predicts several samples know how wrong it is? Coverage of its interval, and the CRPS.

A method that predicts one image has no row here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from petbench.evaluation.protocol import SAMPLE_INTERVAL
from petbench.metric_spec import Measurement, MetricSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from petbench.metric_spec import Case

    Values = NDArray[np.float64]

LEAST_SAMPLES = round((1.0 + SAMPLE_INTERVAL) / (1.0 - SAMPLE_INTERVAL))
"""19: their smallest and largest hold a further draw of the same distribution with a probability of 18/20."""


def interval_coverage_percent(samples: Values, real: Values) -> float:
    """Return the part of `real`, shape (n,), within the central 90 % interval of `samples`, shape (k, n), in percent.

    The ends are the quantiles of order 0.05 and 0.95 at positions p (k + 1) (Hyndman & Fan's type 6): a further draw of
    the samples' own distribution in the place of `real` lies between them with a probability of 90 %.

    Raises:
        ValueError: fewer than 19 samples, which hold no such interval.
    """
    if len(samples) < LEAST_SAMPLES:
        raise ValueError(
            f"{len(samples)} samples hold no {100 * SAMPLE_INTERVAL:g} % interval; it takes {LEAST_SAMPLES}"
        )
    tail = (1.0 - SAMPLE_INTERVAL) / 2.0
    low, high = np.quantile(samples, [tail, 1.0 - tail], axis=0, method="weibull")
    return 100.0 * float(np.mean((low <= real) & (real <= high)))


def fair_crps(samples: Values, real: Values) -> float:
    """Return the mean over n of mean|xᵢ − y| − Σᵢⱼ|xᵢ − xⱼ| / (2 k (k − 1)), samples of shape (k, n), real (n,).

    The continuous ranked probability score, fair to few samples (Ferro, Q J R Meteorol Soc 2014;140:1917). For a method
    whose samples are all alike it is the mean absolute error.

    Raises:
        ValueError: fewer than two samples.
    """
    count = len(samples)
    if count < 2:
        raise ValueError("a spread takes at least 2 samples")
    error = float(np.mean(np.abs(samples - real)))
    # Σᵢⱼ|xᵢ − xⱼ| = 2 Σᵢ (2 i − k − 1) x₍ᵢ₎ of the ordered samples, i from 1
    weights = 2.0 * np.arange(1, count + 1) - count - 1
    pairs = 2.0 * np.mean(weights @ np.sort(samples, axis=0))
    return error - float(pairs) / (2.0 * count * (count - 1))


def sample_coverage(case: Case) -> Iterator[Measurement]:
    """Measure the part of the body's voxels whose real value the predicted interval holds."""
    yield from _of_samples(case, interval_coverage_percent)


def sample_crps(case: Case) -> Iterator[Measurement]:
    """Measure the mean CRPS of the body's voxels, in SUV."""
    yield from _of_samples(case, fair_crps)


def _of_samples(case: Case, function: Callable[[Values, Values], float]) -> Iterator[Measurement]:
    if case.samples is None:
        return
    extra = {"samples": len(case.samples)}
    try:
        value = function(case.samples.astype(np.float64), case.delayed[case.body].astype(np.float64))
    except ValueError as error:
        yield Measurement("body", None, str(error), extra)
        return
    yield Measurement("body", value, extra=extra)


UNCERTAINTY_METRICS: tuple[MetricSpec, ...] = (
    MetricSpec(
        name="interval90_coverage",
        convention_id="interval-coverage/body/central-90%/type-6@1",
        unit="%",
        higher_is_better=None,
        label="Coverage",
        detail="90 % interval",
        decimals=1,
        best_value=100.0 * SAMPLE_INTERVAL,
        shown=False,
        summary="part of the body's voxels whose real value lies in the central 90 % interval of the predicted samples",
        formula="mean over body of q0.05(samples) <= r <= q0.95(samples), quantiles at p (k + 1)",
        source="the definition; quantiles of type 6 in Hyndman & Fan, Am Stat 1996;50:361",
        hides="how wide the interval is, and that r is noisy itself: samples without noise cover too little",
        measure=sample_coverage,
    ),
    MetricSpec(
        name="crps_body_suv",
        convention_id="crps/body/suv/fair@1",
        unit="SUV",
        higher_is_better=False,
        label="CRPS",
        detail="body",
        decimals=3,
        shown=False,
        summary="continuous ranked probability score of the predicted samples inside the body; MAE where all are alike",
        formula="mean over body of mean |x − r| − Σ |x − x'| / (2 k (k − 1)) over the k samples",
        source="Ferro, Q J R Meteorol Soc 2014;140:1917",
        hides="whether neighbouring voxels err together",
        measure=sample_crps,
    ),
)
