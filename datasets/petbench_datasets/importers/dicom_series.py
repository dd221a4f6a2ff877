"""One PET series of DICOM slices, all rules of SUV applied, its voxels still on disk."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from petbench_datasets.errors import DataError
from petbench_datasets.images.decay import mean_over_frame, remaining
from petbench_datasets.images.windows import Frame
from petbench_datasets.importers import dicom_units as units
from petbench_datasets.importers.dicom_timing import Timing, timing_of
from petbench_datasets.importers.dicom_volume import arrange, frame_voxels

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from petbench_datasets.images.grid import Volume
    from petbench_datasets.importers.dicom_headers import SliceHeader


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
        """Read the frames one after the other."""
        for indices in self.order:
            yield frame_voxels(self.slices, indices, lambda index: self.factors[index])


def read_series(
    slices: Sequence[SliceHeader], subject: str, radionuclide: str | None, weights: Mapping[str, float]
) -> Series:
    """Apply the rules of DICOM PET to one series.

    Raises:
        DataError: in one line, why it cannot be used.
    """
    first = slices[0]
    if "GATED" in first.series_type:
        raise DataError(f"{subject}: a gated series; export the ungated one")
    _require_uniform(slices, subject)
    facts = units.participant_facts(first, weights.get(first.participant), subject)
    suv = units.suv_per_value(first, facts, subject)
    units.require_corrections(first, subject, already_suv=suv is not None)
    name, half_life = units.radionuclide_of(first, radionuclide, subject)
    order = arrange(slices, subject)
    timing = timing_of(slices, half_life, dynamic=len(order) > 1, subject=subject)
    if suv is not None:
        factors = [float(units.suv_per_value(header, facts, subject) or 0.0) for header in slices]
        dose = None if first.tracer is None or not first.tracer.dose else units.injected_bq(first, subject)
    else:
        factors = [units.bq_per_ml_per_value(header, subject) for header in slices]
        dose = units.injected_bq(first, subject)
        units.needed_weight(facts, subject)
        if timing.injection is None:
            raise DataError(f"{subject}: has no injection time (0018,1078) or (0018,1072); export the series with it")
        if first.decay_correction == "NONE":
            factors = [factor * _to_injection(timing, index, half_life) for index, factor in enumerate(factors)]
    return Series(slices, subject, order, timing, factors, suv is not None, facts, name, half_life, dose)


def _to_injection(timing: Timing, index: int, half_life: float) -> float:
    """Return what brings an uncorrected slice to the time of the injection: each bed has its own."""
    start = timing.seconds(timing.starts[index])
    return 1.0 / (mean_over_frame(timing.durations_seconds[index], half_life) * remaining(start, half_life))


def _require_uniform(slices: Sequence[SliceHeader], subject: str) -> None:
    for attribute in ("units", "suv_type", "decay_correction", "corrections", "participant", "tracer", "weight"):
        if len({getattr(header, attribute) for header in slices}) > 1:
            raise DataError(f"{subject}: its slices differ in {attribute.replace('_', ' ')}; they are of two series")
