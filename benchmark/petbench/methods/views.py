"""Test-time augmentation of any method: it predicts several views of a scan, and what it predicts is averaged.

A view is the scan shifted by whole voxels along y and x, with all its images, so that nothing is interpolated; the
prediction is shifted back. There are no flips: a mirrored participant has the liver on the left. What a view has lost
at the border of the image, it has no part in there.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np

from petbench.errors import PluginError
from petbench.methods.predicted_file import check_prediction
from petbench.training.runnable_method import NOTHING
from petbench_datasets.images.grid import AIR_HU
from petbench_leaderboard.records import MOST_VIEWS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    import torch
    from numpy.typing import NDArray

    from petbench.contract import RunContext, TrainingData, Volume
    from petbench.scan import Scan
    from petbench.training.runnable_method import HarnessOnly, Keep, RunnableMethod

SHIFTS = ((0, 0), (1, 3), (-1, -3), (3, -1), (-3, 1), (2, 5), (-2, -5), (5, -2), (-5, 2))
"""Voxels along y and x of each view, the first of which is the scan as it is.

None is further than the 8 voxels of the usual augmentation, and no two lie alike in the blocks of a network that halves
its images.
"""
assert len(SHIFTS) == MOST_VIEWS, "what may be asked for is there"


class Views:
    """Implements `petbench.training.runnable_method.RunnableMethod` over another, which trains as it would alone.

    Args:
        method: what predicts each view.
        number: of views, 1 to `MOST_VIEWS`.
    """

    def __init__(self, method: RunnableMethod, number: int) -> None:
        self._method = method
        self._shifts = SHIFTS[:number]

    @property
    def validates(self) -> bool:
        """Whether the harness scores the validation participants while the method trains."""
        return self._method.validates

    def why_not_shared(self, device: torch.device) -> str:
        """Return why several processes cannot share the method's training; empty where they can."""
        return self._method.why_not_shared(device)

    def fit(self, data: TrainingData, run: RunContext, own: HarnessOnly = NOTHING) -> None:
        """Train the method; views are of predictions alone."""
        self._method.fit(data, run, own)

    def predict(self, scan: Scan) -> Volume:
        """Return the mean over the views, in SUV, shape (z, y, x)."""
        return next(iter(self.predict_all([scan])))

    def predict_all(self, scans: Iterable[Scan], keep: Keep | None = None) -> Iterator[Volume]:
        """Yield the mean over the views of each scan, in their order.

        Raises:
            PluginError: the method predicts no volume of a view; or samples are to be kept.
        """
        if keep is not None:
            raise PluginError("samples are kept of one view alone: their spread over means of views says nothing")
        shapes: list[tuple[int, ...]] = []

        def views() -> Iterator[Scan]:
            for scan in scans:
                shapes.append(scan.early.shape)
                for shift in self._shifts:
                    yield shifted_scan(scan, *shift)

        predicted = self._method.predict_all(views())
        for number, first in enumerate(predicted):
            total = np.zeros(shapes[number], dtype=np.float64)
            seen = np.zeros(shapes[number][1:], dtype=np.float64)
            for view, (rows, columns) in enumerate(self._shifts):
                volume = np.asarray(first if view == 0 else next(predicted))
                check_prediction(f"the prediction of view {view + 1}", volume.shape, volume.dtype, expected=total.shape)
                total += shifted(volume, -rows, -columns, 0.0)
                seen += shifted(np.ones_like(seen), -rows, -columns, 0.0)
            mean: Volume = (total / seen).astype(np.float32)
            yield mean

    def state_dict(self) -> dict[str, Any]:
        """Return the method's state."""
        return self._method.state_dict()

    def load_state_dict(self, state: Mapping[str, Any], /) -> object:
        """Take back the method's state."""
        return self._method.load_state_dict(state)

    def to(self, device: torch.device) -> object:
        """Move what predicts to a device."""
        return self._method.to(device)

    def parameter_count(self) -> int:
        """Return how many numbers were learnt."""
        return self._method.parameter_count()


def shifted_scan(scan: Scan, rows: int, columns: int) -> Scan:
    """Return a scan whose images lie some voxels further along y and x; what comes in at the border is air."""
    images: dict[str, Any] = {
        name: shifted(image, rows, columns, AIR_HU if name == "ct" else 0) for name, image in scan.images.items()
    }
    return dataclasses.replace(scan, early=shifted(scan.early, rows, columns, 0), **images)


def shifted(image: NDArray[Any], rows: int, columns: int, air: float) -> NDArray[Any]:
    """Return a copy of an image (…, y, x), its voxels moved along y and x, and `air` where none came to lie."""
    result = np.full_like(image, air)
    high, wide = image.shape[-2:]
    result[..., _to(rows, high), _to(columns, wide)] = image[..., _to(-rows, high), _to(-columns, wide)]
    return result


def _to(shift: int, size: int) -> slice:
    """Return where, along an axis, the voxels lie that a shift has brought from within the image."""
    return slice(min(size, max(0, shift)), max(0, size + min(0, shift)))
