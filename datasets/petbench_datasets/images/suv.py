"""From stored activity to the body-weight standardised uptake value (SUVbw, g/mL)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from petbench_datasets.images.decay import mean_over_frame, remaining

if TYPE_CHECKING:
    from petbench_datasets.images.windows import Frame


@dataclass(frozen=True, slots=True)
class Calibration:
    """All that turns Bq/mL into SUV.

    Attributes:
        injected_bq: activity at the time of injection.
        weight_kilograms: of the participant.
        half_life_seconds: of the nuclide.
        reference_seconds: the time, after the injection, to which the voxels are decay-corrected; None when they
            are not corrected at all.
        bq_per_ml: what one stored unit is.
    """

    injected_bq: float
    weight_kilograms: float
    half_life_seconds: float
    reference_seconds: float | None
    bq_per_ml: float = 1.0

    def suv_per_unit(self, frame: Frame) -> float:
        """Return the SUV of one stored unit in `frame`.

        Corrected images: `C W / (A 2^(-t_ref / T))`. Uncorrected ones are first brought back to the injection by
        `l d / (1 - exp(-l d)) exp(l t_start)`, so that every frame has one decay reference (QIBA FDG-PET profile).
        """
        grams_per_bq = self.weight_kilograms * 1000.0 / self.injected_bq * self.bq_per_ml
        if self.reference_seconds is not None:
            return grams_per_bq / remaining(self.reference_seconds, self.half_life_seconds)
        mean = mean_over_frame(frame.duration_seconds, self.half_life_seconds)
        return grams_per_bq / (mean * remaining(frame.start_seconds, self.half_life_seconds))
