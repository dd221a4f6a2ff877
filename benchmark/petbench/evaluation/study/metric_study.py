"""Score degraded predictions of known order by every metric, and see which metrics find the order, and how surely."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from petbench.evaluation.catalogue import column_of_spec
from petbench.evaluation.protocol import PROTOCOL
from petbench.evaluation.scoring import measure
from petbench.evaluation.study.degradations import FAMILIES, with_lottery
from petbench.evaluation.study.scene import read_scene
from petbench.evaluation.study.separation import separation_rate
from petbench.evaluation.task_metrics import metrics_for
from petbench_datasets.errors import DataError
from petbench_datasets.progress import silent
from petbench_leaderboard.run_groups import REGIONS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from petbench.evaluation.study.degradations import Family
    from petbench.evaluation.study.scene import Scene
    from petbench.metric_spec import MetricSpec
    from petbench_datasets.dataset.reader import Dataset
    from petbench_datasets.progress import Progress

    Array = NDArray[np.float64]

SIZES = (6, 8, 12, 16, 24, 32)
"""Numbers of participants for which separation is asked."""

Badness = dict[tuple[str, str], dict[str, list[float]]]
"""By metric and region, then by family: how bad the best copy and each step after it are; NaN where it has no value."""


@dataclass(frozen=True, slots=True)
class MetricResult:
    """What the study found of one metric.

    Attributes:
        metric: its name.
        convention_id: its convention.
        region: where it is taken.
        tau: Kendall's τ-b of the metric's order with the known one, by family, the mean over participants; 1 is right.
        separation: by family and number of participants, the part of subsets in which two neighbouring steps are
            separated in the right order, the mean over the family's pairs.
        mean_tau: over the families that are no lottery.
        mean_separation: by number of participants, over the same.
        reason: why there is nothing; empty where there is.
    """

    metric: str
    convention_id: str
    region: str
    tau: Mapping[str, float]
    separation: Mapping[str, Mapping[int, float]]
    mean_tau: float | None
    mean_separation: Mapping[int, float]
    reason: str = ""


@dataclass(frozen=True, slots=True)
class MetricStudy:
    """The study on one dataset.

    Attributes:
        dataset: its name.
        fingerprint: of its images.
        protocol: that the metrics are of.
        participants: whom it is over.
        simulated: whether copies were made of the noise-free truth; else of the real delayed images.
        families: name, words, levels and lottery of each family that everybody fits.
        sizes: numbers of participants, none larger than there are.
        metrics: best separation first, those without a result last.
    """

    dataset: str
    fingerprint: str
    protocol: int
    participants: tuple[str, ...]
    simulated: bool
    families: tuple[Mapping[str, Any], ...]
    sizes: tuple[int, ...]
    metrics: tuple[MetricResult, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the study as JSON values."""
        return asdict(self)


def study_metrics(
    dataset: Dataset, participants: Sequence[str], specs: Sequence[MetricSpec], progress: Progress = silent
) -> MetricStudy:
    """Return the study of some metrics on a dataset.

    Args:
        dataset: simulated, best of all: then the degraded copies are made of the noise-free truth.
        participants: whom it is over.
        specs: the metrics, each as the dataset's task has it; those without a direction and a best value are left out.
        progress: called after each participant.

    Raises:
        DataError: fewer than two participants, or an image cannot be read.
    """
    if len(participants) < 2:
        raise DataError(f"{dataset.root}: a study of metrics takes at least 2 participants, not {len(participants)}")
    specs = metrics_for(dataset.task, specs)
    scored: dict[str, Badness] = {}
    simulated = True
    for done, participant in enumerate(participants):
        progress("scoring degraded copies", done, len(participants))
        scene = read_scene(dataset, participant)
        simulated = simulated and scene.simulated
        scored[participant] = study_scene(scene, specs)
    progress("scoring degraded copies", len(participants), len(participants))
    return summarise(dataset, specs, scored, simulated=simulated)


def study_scene(scene: Scene, specs: Sequence[MetricSpec]) -> Badness:
    """Score the copies of one participant by every metric of the whole image that has a direction or a best value."""
    found: Badness = {}
    drawn = _badness(scene, with_lottery(scene, scene.best, "best"), specs)
    for family in FAMILIES:
        if not family.fits(scene):
            continue
        steps = [_badness(scene, scene.best, specs) if family.lottery else drawn]
        for level in family.levels:
            copy = family.degrade(scene, level)
            if not family.lottery:
                copy = with_lottery(scene, copy, f"{family.name}/{level:g}")
            steps.append(_badness(scene, copy, specs))
        for key in drawn:
            found.setdefault(key, {})[family.name] = [step.get(key, np.nan) for step in steps]
    return found


def _badness(scene: Scene, copy: Array, specs: Sequence[MetricSpec]) -> dict[tuple[str, str], float]:
    """Return how bad a copy is as a prediction: larger is worse, whatever the metric's direction."""
    found = {}
    case = replace(scene.case, predicted=copy.astype(np.float32))
    for spec in specs:
        if spec.higher_is_better is None and spec.best_value is None:
            continue
        for record in measure(spec, case):
            if record.region not in REGIONS:
                continue
            value = np.nan if record.value is None else record.value
            if spec.higher_is_better is None:
                value = abs(value - float(spec.best_value or 0.0))
            found[spec.name, record.region] = -value if spec.higher_is_better else value
    return found


def summarise(
    dataset: Dataset, specs: Sequence[MetricSpec], scored: Mapping[str, Badness], *, simulated: bool
) -> MetricStudy:
    """Return the study of what was scored, by participant."""
    people = list(scored)
    families = [
        family for family in FAMILIES if all(any(family.name in of for of in scored[who].values()) for who in people)
    ]
    sizes = tuple(size for size in SIZES if size <= len(people))
    conventions = {spec.name: column_of_spec(spec).convention_id for spec in specs}
    keys = sorted({key for badness in scored.values() for key in badness})
    results = [_result(key, conventions[key[0]], families, scored, sizes) for key in keys]
    largest = sizes[-1] if sizes else 0
    results.sort(key=lambda found: (bool(found.reason), -found.mean_separation.get(largest, 0.0), found.metric))
    told = tuple(
        {"name": family.name, "what": family.what, "levels": family.levels, "lottery": family.lottery}
        for family in families
    )
    return MetricStudy(
        dataset.name, dataset.fingerprint, PROTOCOL, tuple(people), simulated, told, sizes, tuple(results)
    )


def _result(
    key: tuple[str, str],
    convention_id: str,
    families: Sequence[Family],
    scored: Mapping[str, Badness],
    sizes: Sequence[int],
) -> MetricResult:
    metric, region = key
    tables: dict[str, Array] = {}
    for family in families:
        steps = [badness.get(key, {}).get(family.name, [np.nan]) for badness in scored.values()]
        missing = [who for who, of_steps in zip(scored, steps, strict=True) if not np.isfinite(of_steps).all()]
        if missing:
            return MetricResult(metric, convention_id, region, {}, {}, None, {}, f"no value for {missing[0]}")
        tables[family.name] = np.array(steps)
    tau = {name: mean_tau(table) for name, table in tables.items()}
    separation = {
        name: {size: _mean([separation_rate(step, size) for step in np.diff(table, axis=1).T]) for size in sizes}
        for name, table in tables.items()
    }
    counted = [family.name for family in families if not family.lottery]
    return MetricResult(
        metric,
        convention_id,
        region,
        tau,
        separation,
        _mean([tau[name] for name in counted]),
        {size: _mean([separation[name][size] for name in counted]) for size in sizes},
    )


def mean_tau(table: Array) -> float:
    """Return the mean over participants of Kendall's τ-b between step and badness, shape (participants, steps).

    A participant for whom the metric does not change at all counts as 0: it finds no order there.
    """
    from scipy import stats

    order = np.arange(table.shape[1])
    found = [0.0 if np.ptp(row) == 0.0 else float(stats.kendalltau(order, row).statistic) for row in table]
    return _mean(found)


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values))
