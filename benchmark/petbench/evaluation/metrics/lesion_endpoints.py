"""What a reader decides by: are the lesions there, is anything there that is none, and what do SUVmax and TLG say.

A lesion is found where the prediction has a focal region (`focal`) that touches it; a false positive is a focal region
of the prediction that touches no lesion and no focal voxel of the real image. The same rule on the real image says what
could be found at all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from petbench.evaluation.metrics.case_uptake import lesion_uptakes
from petbench.evaluation.metrics.focal import focal_of, unmatched_regions
from petbench.evaluation.metrics.lesions import background_shell, lesions_of
from petbench.evaluation.metrics.of_task import number_text
from petbench.evaluation.metrics.organs import uptake_bias
from petbench.metric_spec import Measurement, MetricSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from petbench.evaluation.metrics.measures import Image, Mask
    from petbench.metric_spec import Case
    from petbench_datasets.tasks.task import Task


def peak_contrast(image: Image, region: Mask, surroundings: Mask) -> float | None:
    """Return the region's maximum over the mean of its surroundings; None where these are empty."""
    level = float(image[surroundings].mean(dtype=np.float64)) if surroundings.any() else 0.0
    return float(image[region].max()) / level if level > 0.0 else None


def lesion_found(*, without_urine: bool) -> Callable[[Case], Iterable[Measurement]]:
    """Return what measures whether the prediction shows each lesion as focal uptake: 1 or 0."""

    def measure(case: Case) -> Iterator[Measurement]:
        for name, lesion in lesions_of(case):
            try:
                focal = focal_of(case, without_urine=without_urine)
            except ValueError as error:
                yield Measurement(name, None, str(error))
                continue
            shell = background_shell(lesion, case.body & (case.lesions == 0), case.grid.spacing_millimetres)
            extra = {
                "contrast": peak_contrast(case.delayed, lesion, shell),
                "predicted_contrast": peak_contrast(case.predicted, lesion, shell),
                "found_in_real": bool(focal.real.numbers[lesion].any()),
            }
            yield Measurement(name, float(focal.predicted.numbers[lesion].any()), extra=extra)

    return measure


def lesion_sensitivity(*, without_urine: bool) -> Callable[[Case], Iterable[Measurement]]:
    """Return what measures the part of the participant's lesions that the prediction shows, in percent."""

    def measure(case: Case) -> Iterator[Measurement]:
        if case.lesions is None:
            return
        lesions = [lesion for _, lesion in lesions_of(case)]
        if not lesions:
            yield Measurement("body", None, "no lesion is labelled")
            return
        try:
            focal = focal_of(case, without_urine=without_urine)
        except ValueError as error:
            yield Measurement("body", None, str(error))
            return
        found, in_real = (
            100.0 * float(np.mean([regions.numbers[lesion].any() for lesion in lesions]))
            for regions in (focal.predicted, focal.real)
        )
        yield Measurement("body", found, extra={"lesions": len(lesions), "real_percent": in_real})

    return measure


def false_positives(*, without_urine: bool) -> Callable[[Case], Iterable[Measurement]]:
    """Return what counts focal regions of the prediction that touch no lesion and nothing focal in the real image."""

    def measure(case: Case) -> Iterator[Measurement]:
        if case.lesions is None:
            return
        try:
            focal = focal_of(case, without_urine=without_urine)
        except ValueError as error:
            yield Measurement("body", None, str(error))
            return
        lesions = case.lesions > 0
        false = np.where(unmatched_regions(focal.predicted, focal.real), focal.predicted.numbers, 0)
        numbers = sorted(set(np.unique(false)) - {0} - set(np.unique(focal.predicted.numbers[lesions])))
        contrasts = []
        for number in numbers:
            region = false == number
            shell = background_shell(region, case.body & ~lesions & ~region, case.grid.spacing_millimetres)
            contrasts.append(peak_contrast(case.predicted, region, shell))
        yield Measurement("body", float(len(numbers)), extra={"contrasts": contrasts})

    return measure


_SOURCE = "autoPET's matching of regions, as in free-response ROC analysis (Chakraborty, Med Phys 1989;16:561)"


def lesion_biases(task: Task) -> tuple[MetricSpec, ...]:
    """Return the biases of every lesion."""
    core = number_text(task.core_percent)
    return (
        MetricSpec(
            name="lesion_suvmax_bias",
            convention_id="suvmax-bias/lesion@1",
            unit="%",
            higher_is_better=None,
            label="Bias",
            detail="lesion SUVmax",
            decimals=1,
            best_value=0.0,
            shown=False,
            summary="bias of a lesion's SUVmax, which is also that of its late/early ratio; above 0 is too hot",
            formula="100 (predicted − real) / real",
            source="Lodge, J Nucl Med 2017;58:523 for the 10 % test–retest yardstick",
            hides="all voxels but one, a noisy one",
            of_regions=True,
            measure=uptake_bias(lambda uptake: uptake.maximum, lesion_uptakes),
        ),
        MetricSpec(
            name="lesion_tlg_bias",
            convention_id=f"tlg-bias/lesion/own-{core}%-isocontour@1",
            unit="%",
            higher_is_better=None,
            label="Bias",
            detail="lesion TLG",
            decimals=1,
            best_value=0.0,
            shown=False,
            summary=f"bias of a lesion's TLG, SUVmean × volume within {core} % of each image's own maximum; "
            "above 0 is too much",
            formula="100 (predicted − real) / real",
            source="Lodge, J Nucl Med 2017;58:523 for the 10 % test–retest yardstick",
            hides="a wrong maximum moves the contour and can cancel a wrong mean",
            of_regions=True,
            measure=uptake_bias(lambda uptake: uptake.lesion_glycolysis, lesion_uptakes, task.core_percent),
        ),
    )


def lesion_endpoints(task: Task) -> tuple[MetricSpec, ...]:
    """Return the endpoints; focal uptake is looked for in the urinary tract where urine does not excrete the tracer."""
    without = task.excreted_by_urine
    rule = "focal@1" if without else "focal-with-urinary@1"
    return (
        MetricSpec(
            name="lesion_sensitivity",
            convention_id=f"sensitivity/lesions/{rule}@1",
            unit="%",
            higher_is_better=True,
            label="Sensitivity",
            detail="lesions",
            decimals=0,
            place=42,
            shown=False,
            summary="part of a participant's labelled lesions that the prediction shows as focal uptake",
            formula="100 · lesions that a focal region of p touches / lesions; focal as in hallucinated_volume",
            source=_SOURCE,
            hides="how hot the lesion is, once it is focal; what the real image does not show either counts as missed",
            measure=lesion_sensitivity(without_urine=without),
        ),
        MetricSpec(
            name="lesion_false_positives",
            convention_id=f"false-positives/lesions/{rule}@1",
            unit="",
            higher_is_better=False,
            label="False positives",
            detail="lesions",
            decimals=1,
            place=43,
            shown=False,
            summary="focal regions of a participant's prediction that are no lesion and not in the real image",
            formula="focal regions of p that touch no lesion and no focal voxel of r; focal as in hallucinated_volume",
            source=_SOURCE,
            hides="how large they are",
            measure=false_positives(without_urine=without),
        ),
        MetricSpec(
            name="lesion_found",
            convention_id=f"found/lesion/{rule}@1",
            unit="",
            higher_is_better=True,
            label="Found",
            detail="lesion",
            decimals=0,
            shown=False,
            summary="whether the prediction shows a labelled lesion as focal uptake: 1 or 0",
            formula="1 where a focal region of p touches the lesion; focal as in hallucinated_volume",
            source=_SOURCE,
            hides="how hot the lesion is, once it is focal",
            of_regions=True,
            measure=lesion_found(without_urine=without),
        ),
        *lesion_biases(task),
    )
