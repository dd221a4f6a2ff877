"""Bias of the uptake of labelled organs, in percent: positive where the prediction is too hot.

The organs' outlines come from the dataset's labels and are the same for prediction and truth. The yardstick is the
test–retest variation of SUV, about 10 % (Lodge, J Nucl Med 2017;58:523).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from petbench.evaluation.metrics.case_uptake import organ_uptakes
from petbench.evaluation.metrics.of_task import left_out, left_out_id, left_out_words, number_text
from petbench.evaluation.protocol import TEST_RETEST_PERCENT
from petbench.metric_spec import Case, Measurement, MetricSpec
from petbench_datasets.tasks.built_in import DEFAULT_TASK

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

    from petbench.evaluation.metrics.case_uptake import Uptakes
    from petbench.evaluation.metrics.uptake import Uptake
    from petbench_datasets.tasks.task import Task


def bias_percent(predicted: float, real: float) -> float:
    """Return 100·(predicted − real)/real.

    Raises:
        ValueError: the real value is not above 0.
    """
    if not real > 0.0:
        raise ValueError(f"a bias in percent needs a real value above 0, not {real:g}")
    return 100.0 * (predicted - real) / real


def uptake_bias(
    quantity: Callable[[Uptake], float],
    uptakes: Callable[[Case, float], Mapping[str, Uptakes]] = organ_uptakes,
    core_percent: float = DEFAULT_TASK.core_percent,
) -> Callable[[Case], Iterable[Measurement]]:
    """Return what measures the bias of one quantity, organ by organ or lesion by lesion, in percent.

    Args:
        quantity: of what is compared.
        uptakes: of organs or lesions.
        core_percent: of the maximum, from which on a voxel counts for TLG.
    """

    def measure(case: Case) -> Iterator[Measurement]:
        for region, both in uptakes(case, core_percent).items():
            pair = quantity(both.predicted), quantity(both.real)
            if not pair[1] > 0.0:
                yield Measurement(region, None, "the real image has no uptake there")
                continue
            bias = bias_percent(*pair)
            within = abs(bias) < TEST_RETEST_PERCENT
            yield Measurement(region, bias, extra={"predicted": pair[0], "real": pair[1], "within_test_retest": within})

    return measure


def mean_organ_error(without: Collection[str]) -> Callable[[Case], Iterable[Measurement]]:
    """Return what measures the mean over organs of |SUVmean bias|, those `without` left out."""

    def measure(case: Case) -> Iterator[Measurement]:
        if case.labels is None:
            yield Measurement("body", None, "the dataset has no organ labels")
            return
        biases = {
            organ: bias_percent(both.predicted.mean, both.real.mean)
            for organ, both in organ_uptakes(case).items()
            if organ not in without and both.real.mean > 0.0
        }
        if not biases:
            yield Measurement("body", None, "no labelled organ has uptake")
            return
        worst = max(biases, key=lambda organ: abs(biases[organ]))
        yield Measurement(
            "body",
            float(np.mean(np.abs(list(biases.values())))),
            extra={"organs": len(biases), "worst": worst, "worst_bias_percent": biases[worst]},
        )

    return measure


def _bias(
    name: str,
    quantity: Callable[[Uptake], float],
    detail: str,
    what: str,
    convention: str,
    hides: str,
    core_percent: float = DEFAULT_TASK.core_percent,
) -> MetricSpec:
    return MetricSpec(
        name=name,
        convention_id=convention,
        unit="%",
        higher_is_better=None,
        label="Bias",
        detail=detail,
        decimals=1,
        best_value=0.0,
        shown=False,
        summary=f"bias of {what}, organ by organ; above 0 is too hot",
        formula="100 (predicted − real) / real",
        source="Lodge, J Nucl Med 2017;58:523 for the 10 % test–retest yardstick",
        hides=hides,
        of_regions=True,
        measure=uptake_bias(quantity, core_percent=core_percent),
    )


_BIASES: tuple[MetricSpec, ...] = (
    _bias(
        "organ_suvmean_bias",
        lambda u: u.mean,
        "SUVmean",
        "SUVmean, which is also that of the late/early ratio",
        "suvmean-bias/organ@1",
        "what happens within the organ",
    ),
    _bias(
        "organ_suvmax_bias",
        lambda u: u.maximum,
        "SUVmax",
        "SUVmax",
        "suvmax-bias/organ@1",
        "all voxels but one, a noisy one",
    ),
    _bias(
        "organ_suvpeak_bias",
        lambda u: u.peak,
        "SUVpeak",
        "SUVpeak, the largest mean over 1 mL",
        "suvpeak-bias/organ/1mL-sphere@1",
        "on voxels larger than 1 mL it is SUVmax",
    ),
)


def organ_biases(task: Task) -> tuple[MetricSpec, ...]:
    """Return the biases of every organ."""
    core = number_text(task.core_percent)
    of_glycolysis = _bias(
        "organ_tlg_bias",
        lambda u: u.lesion_glycolysis,
        "TLG",
        f"TLG, SUVmean × volume within {core} % of each image's own maximum",
        f"tlg-bias/organ/own-{core}%-isocontour@1",
        "a wrong maximum moves the contour and can cancel a wrong mean",
        task.core_percent,
    )
    return (*_BIASES, of_glycolysis)


def organ_metrics(task: Task) -> tuple[MetricSpec, ...]:
    """Return the biases of every organ, and their mean over the organs that do not clear the task's tracer."""
    return (
        *organ_biases(task),
        MetricSpec(
            name="organ_suvmean_error",
            convention_id=f"suvmean-error/mean-over-organs/{left_out_id(task)}@1",
            unit="%",
            higher_is_better=False,
            label="Organ error",
            detail="SUVmean",
            decimals=1,
            place=40,
            summary=f"mean over organs of the absolute bias of SUVmean, {left_out_words(task)}",
            formula="mean over organs of 100 |predicted − real| / real",
            source="BIC-MAC 2026's organ bias",
            hides="which organ is wrong, and in which direction",
            measure=mean_organ_error(left_out(task)),
        ),
    )
