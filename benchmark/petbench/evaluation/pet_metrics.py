"""The built-in metrics of organs, lesions and texture: what a reader of PET asks, by name."""

from __future__ import annotations

from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import numpy as np

from petbench.evaluation.metrics import lesions, texture
from petbench.evaluation.metrics.organs import Uptake, bias_percent, organ_uptake
from petbench.evaluation.protocol import TEST_RETEST_PERCENT
from petbench.metric_spec import Case, Measurement, MetricSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from petbench.evaluation.metrics.typing import Image, Mask

NO_LABELS = "the dataset has no organ labels"
NO_LESIONS = "the dataset has no lesion labels"

# Organs that excrete the tracer: what they hold depends on when the participant drank and voided, which no early image
# tells, so they are scored one by one and left out of the mean over organs.
CLEARANCE_ORGANS = frozenset({"bladder", "kidneys", "kidney_left", "kidney_right", "renal_pelvis", "ureters"})

_uptakes: WeakKeyDictionary[Case, dict[str, tuple[Uptake, Uptake]]] = WeakKeyDictionary()


def uptakes(case: Case) -> dict[str, tuple[Uptake, Uptake]]:
    """Return (predicted, real) uptake of every organ of a case, computed once while the case lives."""
    if case not in _uptakes:
        if case.labels is None:
            return {}
        both = [
            organ_uptake(image, case.labels, case.names, case.grid.spacing_millimetres)
            for image in (case.predicted, case.delayed)
        ]
        _uptakes[case] = {name: (both[0][name], both[1][name]) for name in both[0]}
    return _uptakes[case]


def organ_bias(quantity: Callable[[Uptake], float]) -> Callable[[Case], Iterable[Measurement]]:
    """Return what measures the bias of one quantity, organ by organ, in percent."""

    def measure(case: Case) -> Iterator[Measurement]:
        for organ, (predicted, real) in uptakes(case).items():
            pair = quantity(predicted), quantity(real)
            if not pair[1] > 0.0:
                yield Measurement(organ, None, "the real image has no uptake there")
                continue
            bias = bias_percent(*pair)
            within = abs(bias) < TEST_RETEST_PERCENT
            yield Measurement(organ, bias, extra={"predicted": pair[0], "real": pair[1], "within_test_retest": within})

    return measure


def mean_organ_error(case: Case) -> Iterator[Measurement]:
    """Measure the mean over organs of |SUVmean bias|, clearance organs left out."""
    if case.labels is None:
        yield Measurement("body", None, NO_LABELS)
        return
    biases = {
        organ: bias_percent(predicted.mean, real.mean)
        for organ, (predicted, real) in uptakes(case).items()
        if organ not in CLEARANCE_ORGANS and real.mean > 0.0
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


def lesion_contrast(case: Case) -> Iterator[Measurement]:
    """Measure the contrast recovery of each lesion."""
    for name, lesion in _lesions(case):
        shell = lesions.background_shell(lesion, case.body & (case.lesions == 0), case.grid.spacing_millimetres)
        try:
            value = lesions.contrast_recovery_percent(case.predicted, case.delayed, lesion, shell)
        except ValueError as error:
            yield Measurement(name, None, str(error))
            continue
        yield Measurement(name, value)


def lesion_detection(case: Case) -> Iterator[Measurement]:
    """Measure how many millilitres of each lesion's core the prediction shows."""
    for name, lesion in _lesions(case):
        found, there = lesions.detected_millilitres(case.predicted, case.delayed, lesion, case.grid.voxel_millilitres)
        yield Measurement(name, found, extra={"real_millilitres": there, "share": found / there})


def hallucinated_volume(case: Case) -> Iterator[Measurement]:
    """Measure hot volume of the prediction that touches nothing hot in the real image."""
    yield Measurement("body", _unmatched(case, case.predicted, case.delayed))


def missed_volume(case: Case) -> Iterator[Measurement]:
    """Measure hot volume of the real image that touches nothing hot in the prediction."""
    yield Measurement("body", _unmatched(case, case.delayed, case.predicted))


def liver_variation(case: Case) -> Iterator[Measurement]:
    """Measure the noise in the liver's interior, prediction over truth."""
    from scipy import ndimage

    index = next((label for label, name in case.names.items() if name == "liver"), None)
    if case.labels is None or index is None:
        yield Measurement("liver", None, "the dataset has no label called liver")
        return
    interior = ndimage.binary_erosion(case.labels == index)
    if interior.sum() < 2:
        yield Measurement("liver", None, "the liver has no interior on this grid")
        return
    yield Measurement("liver", texture.variation_ratio(case.predicted, case.delayed, interior))


def _in_body(function: Callable[[Image, Image, Mask], float]) -> Callable[[Case], Iterable[Measurement]]:
    return lambda case: [Measurement("body", function(case.predicted, case.delayed, case.body))]


def _lesions(case: Case) -> Iterator[tuple[str, Mask]]:
    if case.lesions is None:
        return
    for index, name in case.lesion_names.items():
        lesion = case.lesions == index
        if index != 0 and lesion.any():
            yield name, lesion


def _unmatched(case: Case, image: Image, other: Image) -> float:
    return lesions.unmatched_hot_millilitres(image, other, case.body, case.grid.voxel_millilitres)


def _bias(name: str, quantity: Callable[[Uptake], float], what: str, convention: str, hides: str) -> MetricSpec:
    return MetricSpec(
        name=name,
        convention_id=convention,
        unit="%",
        higher_is_better=None,
        summary=f"bias of {what}, organ by organ; 0 is best, above 0 is too hot",
        formula="100 (predicted − real) / real",
        source="Lodge, J Nucl Med 2017;58:523 for the 10 % test–retest yardstick",
        hides=hides,
        measure=organ_bias(quantity),
    )


ORGAN_BIASES: tuple[MetricSpec, ...] = (
    _bias("organ_suvmean_bias", lambda u: u.mean, "SUVmean", "suvmean-bias/organ@1", "what happens within the organ"),
    _bias("organ_suvmax_bias", lambda u: u.maximum, "SUVmax", "suvmax-bias/organ@1", "all voxels but one, a noisy one"),
    _bias(
        "organ_suvpeak_bias",
        lambda u: u.peak,
        "SUVpeak",
        "suvpeak-bias/organ/1mL-sphere@1",
        "on voxels larger than 1 mL it is SUVmax",
    ),
    _bias(
        "organ_tlg_bias",
        lambda u: u.lesion_glycolysis,
        "TLG within 41 % of each image's own maximum",
        "tlg-bias/organ/own-41%-isocontour@1",
        "a wrong maximum moves the contour and can cancel a wrong mean",
    ),
)


PET_METRICS: tuple[MetricSpec, ...] = (
    *ORGAN_BIASES,
    MetricSpec(
        name="organ_suvmean_error",
        convention_id="suvmean-error/mean-over-organs/no-clearance@1",
        unit="%",
        higher_is_better=False,
        summary="mean over organs of |SUVmean bias|, bladder and kidneys left out",
        formula="mean over organs of 100 |predicted − real| / real",
        source="BIC-MAC 2026's organ bias",
        hides="which organ is wrong, and in which direction",
        measure=mean_organ_error,
    ),
    MetricSpec(
        name="lesion_contrast_recovery",
        convention_id="contrast-recovery/lesion/shell-20mm@1",
        unit="%",
        higher_is_better=None,
        summary="contrast of each lesion against its surroundings, as a part of the real one; 100 is best",
        formula="100 (Lp/Bp − 1) / (Lr/Br − 1)",
        source="NEMA NU 2, the real image in the place of the known activity",
        hides="a common factor on lesion and surroundings",
        measure=lesion_contrast,
    ),
    MetricSpec(
        name="lesion_detected_volume",
        convention_id="detected-volume/lesion/real-41%-isocontour@1",
        unit="mL",
        higher_is_better=True,
        summary="millilitres of each lesion's core that the prediction shows as hot",
        formula="volume of core where p >= 0.41 max of r in the lesion",
        source="autoPET, turned from counting to measuring",
        hides="uptake above the threshold that is too high",
        measure=lesion_detection,
    ),
    MetricSpec(
        name="hallucinated_volume",
        convention_id="unmatched-volume/body/suv4/predicted-only@1",
        unit="mL",
        higher_is_better=False,
        summary="hot volume of the prediction that touches nothing hot in the real image",
        formula="volume of 18-connected regions of p >= 4 SUV without a voxel of r >= 4 SUV",
        source="autoPET's false positive volume",
        hides="false uptake that touches a hot organ, or stays below 4 SUV",
        measure=hallucinated_volume,
    ),
    MetricSpec(
        name="missed_volume",
        convention_id="unmatched-volume/body/suv4/real-only@1",
        unit="mL",
        higher_is_better=False,
        summary="hot volume of the real image that touches nothing hot in the prediction",
        formula="volume of 18-connected regions of r >= 4 SUV without a voxel of p >= 4 SUV",
        source="autoPET's false negative volume",
        hides="hot regions of which a single voxel is left",
        measure=missed_volume,
    ),
    MetricSpec(
        name="z_gradient_ratio",
        convention_id="z-gradient-ratio/body@1",
        unit="",
        higher_is_better=None,
        summary="change from slice to slice, prediction over truth; 1 is best",
        formula="mean |Δz p| / mean |Δz r| over body",
        source="the flicker of slice-wise networks that DDPET reports",
        hides="smoothness and wrong structure can cancel",
        measure=_in_body(texture.z_gradient_ratio),
    ),
    MetricSpec(
        name="z_flicker_ratio",
        convention_id="z-flicker-ratio/body-slice-mean@1",
        unit="",
        higher_is_better=None,
        summary="jumps of brightness from slice to slice, prediction over truth; 1 is best",
        formula="mean over slices of |mean over body of Δz p| / the same of r",
        source="the flicker of slice-wise networks that DDPET reports",
        hides="flicker that leaves the slice's mean as it is",
        measure=_in_body(texture.z_flicker_ratio),
    ),
    MetricSpec(
        name="noise_power_ratio",
        convention_id="noise-power-ratio/body-slices/above-half-nyquist@1",
        unit="",
        higher_is_better=None,
        summary="in-plane power above half of Nyquist, prediction over truth; 1 is best",
        formula="Σ|FFT p|² / Σ|FFT r|² over the ring, body slices",
        source="the noise power spectrum of ICRU 54, as a ratio",
        hides="whether the fine structure is noise or anatomy",
        measure=_in_body(texture.noise_power_ratio),
    ),
    MetricSpec(
        name="liver_variation_ratio",
        convention_id="variation-ratio/liver/eroded1@1",
        unit="",
        higher_is_better=None,
        summary="coefficient of variation in the liver, prediction over truth; 1 is best",
        formula="(SD/mean of p) / (SD/mean of r) in the liver, one voxel eroded",
        source="liver noise as in PMC10240003",
        hides="everything outside the liver",
        measure=liver_variation,
    ),
)
