"""How a metric is described, and what it is given. Plain data: nothing heavy is imported here.

A metric is described once, beside its formula. The terminal, the site, tables, figures and model cards read what they
show of it from there, or from the leaderboard, which stores it with the scores.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from petbench_leaderboard.metric_facts import MetricFacts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    import numpy as np
    from numpy.typing import NDArray

    from petbench_datasets.images.grid import Grid
    from petbench_datasets.tasks.task import Task

API_VERSION = 1


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Case:
    """One participant's prediction beside the truth: all that a metric may look at.

    Two cases are equal only when they are one object, so that what is costly can be kept for as long as a case lives.

    Attributes:
        participant: such as `sub-01`.
        predicted: the prediction as it was stored, SUV, float32, shape (z, y, x).
        delayed: the real delayed image, SUV, float32, shape (z, y, x).
        early: the real early image, SUV, float32, shape (z, y, x).
        body: where the body is, shape (z, y, x); made from real images only.
        grid: the grid of all of them.
        labels: an integer per voxel for the organs, shape (z, y, x), or None where the dataset has no labels.
        names: what the integers mean.
        lesions: the same for lesions.
        lesion_names: what its integers mean.
        samples: where a method predicts several samples: their values in the body, shape (samples, body voxels), in the
            order of `predicted[body]`; None where there are none.
    """

    participant: str
    predicted: NDArray[np.float32]
    delayed: NDArray[np.float32]
    early: NDArray[np.float32]
    body: NDArray[np.bool_]
    grid: Grid
    labels: NDArray[np.int16] | None = None
    names: Mapping[int, str] = field(default_factory=dict)
    lesions: NDArray[np.int16] | None = None
    lesion_names: Mapping[int, str] = field(default_factory=dict)
    samples: NDArray[np.float32] | None = None


@dataclass(frozen=True, slots=True)
class Measurement:
    """One number of one metric, in one region of one participant.

    Attributes:
        region: `body`, `volume`, the same without the urinary tract (`body-no-urinary`), or the name of an organ or
            lesion.
        value: the number; None where there is none.
        reason: why there is none.
        extra: numbers and names that explain the value, for JSON.
    """

    region: str
    value: float | None
    reason: str | None = None
    extra: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricSpec(MetricFacts):
    """One metric in one convention: what computes it, and what people are shown of it, which `MetricFacts` describes.

    Only what has no sensible default must be given. A metric that says nothing of how it is shown has a column of its
    own in every table, headed by its name, with three decimals, behind the built-in ones.

    Attributes:
        name: a slug, the metric's name in `--metric`, `--where`, JSON and CSV.
        convention_id: `what/where/how@version`; numbers with unlike ids are never compared.
        unit: such as `dB`, `SUV`, `%`, `mL`; empty for a plain number.
        higher_is_better: the direction; None for a number that has none, such as a ratio, which is best at 1: give its
            `best_value` instead. A number that only describes has neither, and ranks nothing.
        formula: as text.
        source: where the convention comes from.
        measure: the numbers of one participant.
        region: where a number of the whole image is taken, `body` or `volume`: that of the row which says why a metric
            could not be computed.
        of_regions: whether it measures organs or lesions, each by itself, and never the whole image. Such numbers order
            no rows of a board, and no task ranks by them.
        hides: what the convention cannot see, in one line.
        for_task: the metric as a task has it, where organs that clear or thresholds of the task are part of it: of the
            same name, and with a `convention_id` of its own wherever it measures something else. It returns None where
            the task has no such metric. None: the metric is the same for every task.
        api: the version of this contract the plugin was written for.
    """

    name: str
    convention_id: str
    unit: str
    higher_is_better: bool | None
    formula: str
    source: str
    measure: Callable[[Case], Iterable[Measurement]]
    region: str = "body"
    of_regions: bool = False
    hides: str = ""
    for_task: Callable[[Task], MetricSpec | None] | None = None
    api: int = API_VERSION
