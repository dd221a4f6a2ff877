"""One PET series of DICOM slices, all rules of SUV applied, its voxels still on disk."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from petbench_datasets.errors import DataError
from petbench_datasets.evidence.body import require_activity, require_body
from petbench_datasets.evidence.rules import require_attenuation_correction, require_tracer
from petbench_datasets.evidence.witnesses import Finding
from petbench_datasets.images.decay import mean_over_frame, remaining
from petbench_datasets.images.windows import Frame
from petbench_datasets.importers import dicom_units as units
from petbench_datasets.importers.dicom_slices import require_all_slices
from petbench_datasets.importers.dicom_timing import Timing, timing_of
from petbench_datasets.importers.dicom_volume import arrange, frame_voxels, grid_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from petbench_datasets.bids.scan import Given
    from petbench_datasets.images.grid import Volume
    from petbench_datasets.importers.dicom_headers import SliceHeader
    from petbench_datasets.tasks.task import Task

_DOSE_FIELD = "RadionuclideTotalDose (0018,1074)"
_UNIFORM = (
    "units", "suv_type", "decay_correction", "corrections", "participant", "tracer", "weight", "frame_of_reference",
)  # fmt: skip


@dataclass(frozen=True)
class Series:
    """One PET series, understood but for its voxels.

    Attributes:
        slices: in the order of their files.
        subject: how messages name it.
        order: one list of slice indices a frame.
        timing: of all slices.
        factors: by slice, what turns rescaled values into SUVbw or Bq/mL.
        is_suv: which of the two.
        facts: of the participant.
        radionuclide: as `F18`.
        half_life_seconds: of it.
        dose_bq: injected; None where the values are SUV and it is not said.
        dose_field: which field or option says so.
        findings: what its numbers rest on.
        notes: doubts, for people to read.
    """

    slices: Sequence[SliceHeader]
    subject: str
    order: Sequence[Sequence[int]]
    timing: Timing
    factors: Sequence[float]
    is_suv: bool
    facts: units.ParticipantFacts
    radionuclide: str
    half_life_seconds: float
    dose_bq: float | None
    dose_field: str
    findings: tuple[Finding, ...]
    notes: tuple[str, ...]

    @property
    def first(self) -> SliceHeader:
        """The slice whose header speaks for the series."""
        return self.slices[0]

    def frames(self) -> list[Frame]:
        """Return when each frame was measured: from its first bed's start to its last bed's end."""
        result = []
        for indices in self.order:
            starts = [self.timing.seconds(self.timing.starts[index]) for index in indices]
            stops = [start + self.timing.durations_seconds[index] for start, index in zip(starts, indices, strict=True)]
            result.append(Frame(min(starts), max(stops) - min(starts)))
        return result

    def voxels(self) -> Iterator[Volume]:
        """Read the frames one after the other.

        Raises:
            DataError: pixels that cannot be decoded, or more activity in a frame than was injected.
        """
        grid = grid_of(self.slices, self.order[0])
        for indices in self.order:
            volume = frame_voxels(self.slices, indices, lambda index: self.factors[index])
            self._require_activity(float(volume.sum(dtype=np.float64)) * grid.voxel_millilitres)
            yield volume

    def _require_activity(self, total: float) -> None:
        """Weigh the dose against the activity in a frame, `total` in Bq at the decay reference."""
        if self.is_suv or self.dose_bq is None:
            return
        elapsed = 0.0 if self.first.decay_correction == "NONE" else self.timing.seconds(self.timing.reference)
        left = self.dose_bq * remaining(elapsed, self.half_life_seconds)
        shown = f"{self.dose_bq / 1e6:.4g} MBq"
        require_activity(self.subject, total / left, self.dose_field, shown)


def read_series(
    slices: Sequence[SliceHeader],
    subject: str,
    task: Task,
    radionuclide: str | None,
    given: Given,
    unreadable: Sequence[Path] = (),
) -> Series:
    """Apply the rules of DICOM PET to one series.

    Args:
        slices: of the series.
        subject: how messages name it.
        task: what the series is for.
        radionuclide: the only one allowed, with its tracer alone where it is the task's; None allows every one.
        given: weight and dose that go before what the headers say.
        unreadable: files that may have been slices of it.

    Raises:
        DataError: in one line, why it cannot be used.
    """
    first = slices[0]
    if "GATED" in first.series_type:
        raise DataError(f"{subject}: a gated series; export the ungated one")
    _require_uniform(slices, given, subject)
    require_attenuation_correction(subject, first.attenuation, "AttenuationCorrectionMethod (0054,1101)")
    facts = units.participant_facts(first, given.weight_kilograms, subject)
    height = None if facts.height_centimetres is None else facts.height_centimetres / 100.0
    said = "" if first.height_metres is None else f"{first.height_metres:g}"
    require_body(subject, facts.weight_kilograms, height, first.age_years, said)
    notes = list(facts.notes)
    suv = units.suv_per_value(first, facts, subject)
    units.require_corrections(first, subject, already_suv=suv is not None)
    name, half_life = units.radionuclide_of(first, radionuclide, subject)
    if radionuclide == task.radionuclide:
        remedy = "allow every tracer with --radionuclide any"
        require_tracer(subject, task, first.tracer_name, "", "Radiopharmaceutical (0018,0031)", remedy)
    order = arrange(slices, subject)
    notes += require_all_slices(slices, order, subject, unreadable)
    timing = timing_of(slices, half_life, dynamic=len(order) > 1, subject=subject)
    if suv is not None:
        factors = [float(units.suv_per_value(header, facts, subject) or 0.0) for header in slices]
        known = given.injected_bq or (first.tracer is not None and first.tracer.dose)
        dose = units.injected_bq(first, given.injected_bq, subject, notes) if known else None
    else:
        factors = [units.bq_per_ml_per_value(header, subject) for header in slices]
        dose = units.injected_bq(first, given.injected_bq, subject, notes)
        units.needed_weight(facts, subject)
        if timing.injection is None:
            raise DataError(f"{subject}: has no injection time (0018,1078) or (0018,1072); export the series with it")
        if first.decay_correction == "NONE":
            factors = [factor * _to_injection(timing, index, half_life) for index, factor in enumerate(factors)]
    dose_field = _DOSE_FIELD if given.injected_bq is None else "--dose"
    findings = (*timing.findings, *_numbers(first, facts, dose, given, name, half_life))
    return Series(
        slices, subject, order, timing, factors, suv is not None, facts, name, half_life, dose, dose_field, findings,
        (*notes, *timing.notes),
    )  # fmt: skip


def _numbers(
    first: SliceHeader, facts: units.ParticipantFacts, dose: float | None, given: Given, nuclide: str, half_life: float
) -> list[Finding]:
    """Return the numbers that rest on one field each."""
    found = []
    if facts.weight_kilograms is not None:
        shown = f"{facts.weight_kilograms:g} kg"
        found.append(Finding("the weight", facts.weight_kilograms, shown, (facts.weight_said,)))
    if dose is not None:
        said = f"{_DOSE_FIELD} {first.tracer.dose:g}" if first.tracer is not None and first.tracer.dose else ""
        said = said if given.injected_bq is None else f"--dose {given.injected_bq / 1e6:g}"
        found.append(Finding("the injected dose", dose, f"{dose / 1e6:.4g} MBq", (said,)))
    said = "" if first.tracer is None else first.tracer.radionuclide or first.tracer.name
    found.append(Finding("the radionuclide", half_life, f"{nuclide}, {half_life:g} s", (said,)))
    return found


def _to_injection(timing: Timing, index: int, half_life: float) -> float:
    """Return what brings an uncorrected slice to the time of the injection: each bed has its own."""
    start = timing.seconds(timing.starts[index])
    return 1.0 / (mean_over_frame(timing.durations_seconds[index], half_life) * remaining(start, half_life))


def _require_uniform(slices: Sequence[SliceHeader], given: Given, subject: str) -> None:
    """Raise where slices differ in what holds for a whole series; what is given instead of it may differ."""
    for attribute in _UNIFORM:
        values = {getattr(header, attribute) for header in slices}
        if attribute == "weight" and given.weight_kilograms is not None:
            continue
        if attribute == "tracer" and given.injected_bq is not None:
            values = {None if tracer is None else dataclasses.replace(tracer, dose=None) for tracer in values}
        if len(values) > 1:
            raise DataError(f"{subject}: its slices differ in {attribute.replace('_', ' ')}; they are of two series")
