"""How a plugin describes a metric, and what a metric is given. Plain data: nothing heavy is imported here."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    import numpy as np
    from numpy.typing import NDArray

    from petbench_datasets.images.grid import Grid

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


@dataclass(frozen=True, slots=True)
class Measurement:
    """One number of one metric, in one region of one participant.

    Attributes:
        region: `body`, `volume`, or the name of an organ or lesion.
        value: the number; None where there is none.
        reason: why there is none.
        extra: numbers and names that explain the value, for JSON.
    """

    region: str
    value: float | None
    reason: str | None = None
    extra: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class MetricSpec:
    """One metric in one convention.

    Attributes:
        name: a slug, the name of the leaderboard's column.
        convention_id: `what/where/how@version`; numbers with unlike ids are never compared.
        unit: such as `dB`, `SUV`, `%`, `mL`; empty for a plain number.
        higher_is_better: the direction; None for a number that has none, such as a signed bias, which is best at 0.
        summary: one line.
        hides: what the convention cannot see, in one line.
        formula: as text.
        source: where the convention comes from.
        measure: the numbers of one participant.
        api: the version of this contract the plugin was written for.
    """

    name: str
    convention_id: str
    unit: str
    higher_is_better: bool | None
    summary: str
    formula: str
    source: str
    measure: Callable[[Case], Iterable[Measurement]]
    hides: str = ""
    api: int = API_VERSION
