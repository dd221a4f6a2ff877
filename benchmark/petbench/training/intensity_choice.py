"""The intensity map of a run: as its parameters say, or wide enough for its training and validation images."""

from __future__ import annotations

from typing import TYPE_CHECKING

from petbench.intensity import IntensityMap, clip_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from petbench.contract import TrainingData, Volume
    from petbench.step_parameters import StepParameters
    from petbench.training.runnable_method import Pairs


def choose_intensity(chosen: StepParameters, data: TrainingData, validation: Pairs) -> IntensityMap:
    """Return the intensity map of a training; see `petbench.intensity.clip_for`.

    It depends on parameters and images alone, and so is the same for every seed, and when a run resumes.

    Args:
        chosen: the method's parameters.
        data: what the method may see; where its supervision gives it no delayed image, none is looked at.
        validation: the pairs of the validation participants.
    """
    if chosen.suv_clip != "auto":
        return IntensityMap(chosen.suv_clip)
    maximum = max((float(volume.max()) for volume in _volumes(data, validation)), default=0.0)
    return IntensityMap(clip_for(maximum, chosen.intensity_jitter))


def _volumes(data: TrainingData, validation: Pairs) -> Iterator[Volume]:
    targets = data.supervision != "no-target"
    yield from (scan.early for scan in data.scans())
    if targets:
        yield from data.delayed()
    for scan, delayed in validation:
        yield scan.early
        if targets:
            yield delayed
