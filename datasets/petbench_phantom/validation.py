"""Is the simulated dataset like people? Measured from the images that it gives, organ by organ.

Regions are read out as they were in people: the mean of the reconstructed image in one fixed label image (here that
of the delayed frame). Pass marks: means within 15 %, log standard deviation and correlation within 20 %.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from petbench_datasets.errors import DataError
from petbench_datasets.progress import Progress, silent
from petbench_phantom.noise import Noise, mean_noise, noise_in
from petbench_phantom.organs import BY_NAME, ORGANS
from petbench_phantom.regions import REGIONS
from petbench_phantom.targets import TARGETS
from petbench_phantom.volumes import VOLUMES_MILLILITRES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from petbench_datasets.dataset.reader import Dataset
    from petbench_phantom.targets import Target

MEAN_MARK, SPREAD_MARK = 0.15, 0.20
MARKS = f"means within {100 * MEAN_MARK:.0f} %, log SD and correlation within {100 * SPREAD_MARK:.0f} %"
"""What a dataset passes by, for people to read."""

IDENTITY_ERROR_IN_PEOPLE, ONE_CONSTANT_ERROR_IN_PEOPLE = "25 %", "8.6 %"
"""What `identity_error` and `one_constant_error` of `Measurements` are in people."""

_FEWEST = 3  # participants from which a spread is taken

_GROUPS: dict[str, tuple[str, ...]] = {
    **{organ: (organ,) for organ in VOLUMES_MILLILITRES if organ in BY_NAME},
    "brain": REGIONS["Brain"],
    "heart": REGIONS["Heart"],
    "kidneys": REGIONS["Kidneys"],
}


@dataclass(frozen=True, slots=True)
class RegionCheck:
    """One region, simulated and measured.

    Attributes:
        name: of the region, as in `targets`.
        people: participants that have it.
        early, early_sd, delayed, delayed_sd: SUV, mean and standard deviation over people.
        ratio, ratio_sd: delayed/early.
        correlation: of early with delayed SUV.
        early_log_sd, delayed_log_sd: standard deviation of log SUV.
        recovery: reconstructed over true mean, (early, delayed).
        measured: the same in people.
        failures: which pass marks it misses, in words.
    """

    name: str
    people: int
    early: float
    early_sd: float
    delayed: float
    delayed_sd: float
    ratio: float
    ratio_sd: float
    correlation: float
    early_log_sd: float
    delayed_log_sd: float
    recovery: tuple[float, float]
    measured: Target
    failures: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class VolumeCheck:
    """One organ's volume in mL: median and standard deviation, simulated and measured."""

    organ: str
    sex: str
    simulated: tuple[float, float]
    measured: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Measurements:
    """What a simulated dataset looks like beside people.

    Attributes:
        dataset: its name.
        fingerprint: of its images.
        participants: how many.
        regions, volumes: the tables.
        balance: activity in the body over activity injected, (early, delayed) mean over participants.
        balance_range: the same, least and most, (early, delayed).
        liver_noise: of the delayed frame, mean over participants.
        spacing_millimetres: voxel size, (z, y, x).
        sampling: how the participants were drawn.
        one_constant_error: mean absolute error, over regions and participants, of `delayed = constant x early` with one
            constant a region, as a fraction.
        identity_error: the same of `delayed = early`.
    """

    dataset: str
    fingerprint: str
    participants: int
    regions: tuple[RegionCheck, ...]
    volumes: tuple[VolumeCheck, ...]
    balance: tuple[float, float]
    balance_range: tuple[tuple[float, float], tuple[float, float]]
    liver_noise: Noise
    spacing_millimetres: tuple[float, float, float]
    sampling: str | None
    one_constant_error: float
    identity_error: float

    @property
    def passed(self) -> bool:
        """Whether every region meets the pass marks."""
        return not any(region.failures for region in self.regions)

    def balance_in_words(self) -> str:
        """Say what the bodies hold of the injected activity, on average and from the least to the most."""
        means = zip(("early", "delayed"), self.balance, self.balance_range, strict=True)
        return ", ".join(f"{frame} {mean:.2f} ({least:.2f} to {most:.2f})" for frame, mean, (least, most) in means)


@dataclass(frozen=True, slots=True)
class _Readout:
    """One participant: label means of four images and label volumes, indexed by label."""

    sex: str
    early: NDArray[np.float64]
    delayed: NDArray[np.float64]
    early_truth: NDArray[np.float64]
    delayed_truth: NDArray[np.float64]
    millilitres: NDArray[np.float64]
    balance: tuple[float, float]
    liver_noise: Noise


def measure(dataset: Dataset, progress: Progress = silent) -> Measurements:
    """Measure a simulated dataset.

    Raises:
        DataError: the dataset has no labels, truth or repeat scan, so was not simulated.
    """
    readouts = []
    for number, name in enumerate(dataset.participants):
        progress("comparing with people", number, len(dataset.participants))
        readouts.append(_read(dataset, name))
    progress("comparing with people", len(readouts), len(readouts))
    having = {name: [r for r in readouts if _volume(r, organs) > 0] for name, organs in REGIONS.items()}
    having = {name: people for name, people in having.items() if len(people) >= _FEWEST}
    regions = tuple(_check(name, people, REGIONS[name]) for name, people in having.items())
    pairs = [
        (_region(people, REGIONS[name], "early"), _region(people, REGIONS[name], "delayed"))
        for name, people in having.items()
    ]
    early_balance, delayed_balance = ([r.balance[frame] for r in readouts] for frame in (0, 1))
    return Measurements(
        dataset=dataset.name,
        fingerprint=dataset.fingerprint,
        participants=len(readouts),
        regions=regions,
        volumes=tuple(_volumes(readouts)),
        balance=(_mean(early_balance), _mean(delayed_balance)),
        balance_range=((min(early_balance), max(early_balance)), (min(delayed_balance), max(delayed_balance))),
        liver_noise=mean_noise([r.liver_noise for r in readouts]),
        spacing_millimetres=dataset.grid(dataset.participants[0]).spacing_millimetres,
        sampling=dataset.sampling,
        one_constant_error=_mean([_relative_error(e * float(np.median(delayed / e)), delayed) for e, delayed in pairs]),
        identity_error=_mean([_relative_error(e, delayed) for e, delayed in pairs]),
    )


def _read(dataset: Dataset, name: str) -> _Readout:
    pair = dataset.pair(name)
    found = dataset.labels(name)
    endings = ("rec-early_desc-truth_pet", "rec-delayed_desc-truth_pet", "desc-repeat_pet")
    beside = [dataset.derivative(name, ending) for ending in endings]
    if found is None or any(volume is None for volume in beside):
        raise DataError(f"{dataset.root}: {name} has no labels, truth or repeat scan; build the dataset by its name")
    labels, calibration = found[0], dataset.plans[name].delayed.uses[0].scan.suv_per_unit(0)
    early_truth, delayed_truth, repeat = (volume * calibration for volume in beside if volume is not None)
    counts = np.bincount(labels.ravel(), minlength=len(ORGANS) + 1).astype(np.float64)

    def means(volume: NDArray[np.float32]) -> NDArray[np.float64]:
        return np.bincount(labels.ravel(), volume.ravel(), len(ORGANS) + 1) / np.maximum(counts, 1)

    voxel = pair.grid.voxel_millilitres
    grams = 1000 * float(dataset.table[name]["body_weight"])
    balance = (float(early_truth.sum(dtype=np.float64)), float(delayed_truth.sum(dtype=np.float64)))
    liver = ndimage.binary_erosion(labels == BY_NAME["liver"].label, iterations=2)
    return _Readout(
        sex=dataset.table[name]["sex"],
        early=means(pair.early),
        delayed=means(pair.delayed),
        early_truth=means(early_truth),
        delayed_truth=means(delayed_truth),
        millilitres=counts * voxel,
        balance=(balance[0] * voxel / grams, balance[1] * voxel / grams),
        liver_noise=noise_in(pair.delayed, repeat, liver),
    )


def _check(name: str, readouts: Sequence[_Readout], organs: tuple[str, ...]) -> RegionCheck:
    early, delayed = _region(readouts, organs, "early"), _region(readouts, organs, "delayed")
    true_early, true_delayed = _region(readouts, organs, "early_truth"), _region(readouts, organs, "delayed_truth")
    target, ratio = TARGETS[name], delayed / early
    result = {
        "early mean": (float(early.mean()), target.early, MEAN_MARK),
        "delayed mean": (float(delayed.mean()), target.delayed, MEAN_MARK),
        "early log SD": (float(np.log(early).std(ddof=1)), target.early_log_sd, SPREAD_MARK),
        "delayed log SD": (float(np.log(delayed).std(ddof=1)), target.delayed_log_sd, SPREAD_MARK),
        "correlation": (float(np.corrcoef(early, delayed)[0, 1]), target.correlation, SPREAD_MARK),
    }
    failures = tuple(
        f"{what} {value:.3g}, measured {wanted:.3g}"
        for what, (value, wanted, mark) in result.items()
        if not abs(value / wanted - 1) <= mark
    )
    return RegionCheck(
        name=name,
        people=len(readouts),
        early=result["early mean"][0],
        early_sd=float(early.std(ddof=1)),
        delayed=result["delayed mean"][0],
        delayed_sd=float(delayed.std(ddof=1)),
        ratio=float(ratio.mean()),
        ratio_sd=float(ratio.std(ddof=1)),
        correlation=result["correlation"][0],
        early_log_sd=result["early log SD"][0],
        delayed_log_sd=result["delayed log SD"][0],
        recovery=(float(np.mean(early / true_early)), float(np.mean(delayed / true_delayed))),
        measured=target,
        failures=failures,
    )


def _volumes(readouts: Sequence[_Readout]) -> list[VolumeCheck]:
    checks = []
    for organ, measured in VOLUMES_MILLILITRES.items():
        for sex, expected in zip("FM", measured, strict=True):
            found = np.array([_volume(r, _GROUPS[organ]) for r in readouts if r.sex == sex])
            if len(found) > 1:
                checks.append(VolumeCheck(organ, sex, (float(np.median(found)), float(found.std(ddof=1))), expected))
    return checks


def _region(readouts: Sequence[_Readout], organs: tuple[str, ...], what: str) -> NDArray[np.float64]:
    """Return the volume-weighted mean of a region of several labels, one a participant."""
    index = [BY_NAME[organ].label for organ in organs]
    return np.array([np.average(getattr(r, what)[index], weights=r.millilitres[index]) for r in readouts])


def _volume(readout: _Readout, organs: tuple[str, ...]) -> float:
    return float(sum(readout.millilitres[BY_NAME[organ].label] for organ in organs))


def _relative_error(predicted: NDArray[np.float64], real: NDArray[np.float64]) -> float:
    return float(np.mean(np.abs(predicted - real) / real))


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values))
