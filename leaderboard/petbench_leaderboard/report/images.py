"""The images of one participant that the report shows: arrays in SUV, on the participant's own axes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from petbench_leaderboard.errors import LeaderboardError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

Volume: TypeAlias = "NDArray[np.floating[Any]]"

_BODY_SUV = 0.1  # below this there is air, as in the rule for body masks
_MARGIN_MILLIMETRES = 25.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ParticipantImages:
    """One participant's images, all on one grid, in SUV, shape (z, y, x): x to the left, y to the back, z to the head.

    Attributes:
        participant: such as `sub-06`.
        spacing_millimetres: of the voxels, (z, y, x).
        early: the real early image.
        delayed: the real delayed image.
        predictions: by the label to show, in the order to show them.
        dataset: the dataset's name, shown in the title.
    """

    participant: str
    spacing_millimetres: tuple[float, float, float]
    early: Volume
    delayed: Volume
    predictions: Mapping[str, Volume] = field(default_factory=dict)
    dataset: str = ""

    def __post_init__(self) -> None:
        """Refuse images that do not lie on one grid."""
        for name, volume in {"delayed": self.delayed, **self.predictions}.items():
            if volume.shape != self.early.shape or volume.ndim != 3:
                raise LeaderboardError(
                    f"the image {name!r} of {self.participant} has the shape {volume.shape}, the early one "
                    f"{self.early.shape}: give images on one three-dimensional grid"
                )


def shown_name(method: str, preset: str) -> str:
    """Return what a prediction is called: the method, with a preset that is none of the usual ones."""
    return method if preset in ("", "default", "mini") else f"{method} ({preset})"


def body_box(images: ParticipantImages) -> tuple[slice, slice, slice]:
    """Return the part of the grid that holds the participant, with a margin, found from the real images only."""
    body = np.maximum(images.early, images.delayed) > _BODY_SUV
    return (
        _extent(body, 0, images.spacing_millimetres[0]),
        _extent(body, 1, images.spacing_millimetres[1]),
        _extent(body, 2, images.spacing_millimetres[2]),
    )


def most_changed_slice(images: ParticipantImages) -> int:
    """Return the axial slice in which the real images change most: where there is most to predict.

    Chosen from the real images only, so that no method can choose which slice is shown. A voxel counts for no more
    than a change of 1 SUV, so that a bladder does not outweigh the trunk.
    """
    change = np.minimum(np.abs(images.delayed.astype(np.float64) - images.early), 1.0)
    return int(np.argmax(change.sum(axis=(1, 2))))


def _extent(body: NDArray[np.bool_], axis: int, spacing_millimetres: float) -> slice:
    others = tuple(other for other in range(3) if other != axis)
    inside = np.flatnonzero(body.any(axis=others))
    if inside.size == 0:
        return slice(0, body.shape[axis])
    margin = round(_MARGIN_MILLIMETRES / spacing_millimetres)
    return slice(max(int(inside[0]) - margin, 0), min(int(inside[-1]) + margin + 1, body.shape[axis]))
