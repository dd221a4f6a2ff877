"""Volume above SUV 4 that touches none in the other image: what protocol 1 called hallucinated and missed.

Nothing but a threshold: normal liver and blood pool count as soon as they cross it. `focal` measures against the
organs' own levels.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from petbench.evaluation.protocol import HOT_SUV
from petbench.metric_spec import Measurement, MetricSpec

if TYPE_CHECKING:
    from collections.abc import Iterator

    from petbench.evaluation.metrics.measures import Image, Mask
    from petbench.metric_spec import Case


def unmatched_hot_millilitres(image: Image, other: Image, body: Mask, voxel_millilitres: float) -> float:
    """Return the volume of hot regions of `image` that touch nothing hot in `other`.

    Hot is SUV >= 4 in the body; regions are connected over faces and edges (18 neighbours), as autoPET counts false
    positive volume.
    """
    from scipy import ndimage

    regions, count = ndimage.label((image >= HOT_SUV) & body, structure=ndimage.generate_binary_structure(3, 2))
    touched = np.zeros(count + 1, dtype=bool)
    touched[np.unique(regions[(other >= HOT_SUV) & body])] = True
    touched[0] = True
    return float((~touched[regions]).sum()) * voxel_millilitres


def unmatched_hot_volume(case: Case) -> Iterator[Measurement]:
    """Measure hot volume of the prediction that touches nothing hot in the real image, in mL."""
    yield Measurement("body", _unmatched(case, case.predicted, case.delayed))


def lost_hot_volume(case: Case) -> Iterator[Measurement]:
    """Measure hot volume of the real image that touches nothing hot in the prediction, in mL."""
    yield Measurement("body", _unmatched(case, case.delayed, case.predicted))


def _unmatched(case: Case, image: Image, other: Image) -> float:
    return unmatched_hot_millilitres(image, other, case.body, case.grid.voxel_millilitres)


HOT_VOLUME_METRICS: tuple[MetricSpec, ...] = (
    MetricSpec(
        name="unmatched_hot_volume",
        convention_id="unmatched-volume/body/suv4/predicted-only@1",
        unit="mL",
        higher_is_better=False,
        label="Unmatched hot",
        detail="SUV ≥ 4",
        decimals=2,
        shown=False,
        summary="hot volume of the prediction that touches nothing hot in the real image",
        formula="volume of 18-connected regions of p >= 4 SUV without a voxel of r >= 4 SUV",
        source="autoPET's false positive volume",
        hides="false uptake that touches a hot organ, or stays below 4 SUV; normal organs near 4 SUV drown the rest",
        measure=unmatched_hot_volume,
    ),
    MetricSpec(
        name="lost_hot_volume",
        convention_id="unmatched-volume/body/suv4/real-only@1",
        unit="mL",
        higher_is_better=False,
        label="Lost hot",
        detail="SUV ≥ 4",
        decimals=2,
        shown=False,
        summary="hot volume of the real image that touches nothing hot in the prediction",
        formula="volume of 18-connected regions of r >= 4 SUV without a voxel of p >= 4 SUV",
        source="autoPET's false negative volume",
        hides="hot regions of which a single voxel is left; normal organs near 4 SUV drown the rest",
        measure=lost_hot_volume,
    ),
)
