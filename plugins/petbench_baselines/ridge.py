"""One linear filter, fitted by ridge regression: the strongest test of whether a network learns anything more.

Each delayed voxel is predicted from the early voxels around it, with the same weights everywhere, without offset (air
stays air): argmin_w sum (delayed - w . neighbourhood)^2 + penalty x m x |w|^2, with m the summed mean square of the
features. Hoerl and Kennard, Technometrics 1970;12(1):55-67.
"""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.nn import functional

from petbench import PetbenchError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from petbench import RunContext, Scan, TrainingData, Volume
    from petbench_baselines.parameters import RidgeParameters

BODY_SUV = 0.1
"""Voxels above it, early or delayed, are fitted: the much larger air would drown the body."""


class Ridge:
    """Predicts the delayed image by one small filter."""

    def __init__(self, parameters: RidgeParameters) -> None:
        self.parameters = parameters
        self.kernel = np.zeros(tuple(2 * radius + 1 for radius in self._radii), dtype=np.float64)
        self.kernel[self._radii] = 1.0  # unfitted, it is the identity

    @property
    def _radii(self) -> tuple[int, int, int]:
        return self.parameters.radius_z, self.parameters.radius_yx, self.parameters.radius_yx

    def fit(self, data: TrainingData, run: RunContext) -> None:  # noqa: ARG002 - the contract hands it over
        """Solve the normal equations, summed slice by slice over all training participants.

        Raises:
            PetbenchError: no training voxel lies in a body.
        """
        size = self.kernel.size
        squares, products, count = np.zeros((size, size)), np.zeros(size), 0
        for scan, delayed in data.pairs():
            for features, target in self._slices(scan.early, delayed):
                squares += features.T @ features
                products += features.T @ target
                count += len(target)
        if count == 0:
            raise PetbenchError(f"ridge: no training voxel reaches SUV {BODY_SUV:g}; check the unit of the dataset")
        penalty = self.parameters.penalty * np.trace(squares) / size
        self.kernel = np.linalg.solve(squares + penalty * np.eye(size), products).reshape(self.kernel.shape)

    def predict(self, scan: Scan) -> Volume:
        """Return the filtered volume in SUV, shape (z, y, x); a negative result is 0."""
        image = torch.from_numpy(np.ascontiguousarray(scan.early, dtype=np.float32))[None, None]
        kernel = torch.from_numpy(self.kernel.astype(np.float32))[None, None]
        filtered = functional.conv3d(image, kernel, padding=self._radii)[0, 0]
        result: Volume = filtered.clamp(min=0.0).numpy()
        return result

    def state_dict(self) -> dict[str, Any]:
        """Return the filter."""
        return {"kernel": torch.from_numpy(self.kernel)}

    def load_state_dict(self, state: Mapping[str, Any], /) -> None:
        """Take back the filter."""
        self.kernel = state["kernel"].cpu().numpy()

    def _slices(self, early: Volume, delayed: Volume) -> Iterator[tuple[NDArray[np.float64], NDArray[np.float64]]]:
        """Yield the neighbourhoods (voxel, neighbour) and targets (voxel,) of each slice's body."""
        padded = np.pad(early.astype(np.float64), [(radius, radius) for radius in self._radii])
        _, height, width = early.shape
        for z, target in enumerate(delayed):
            body = np.maximum(early[z], target) > BODY_SUV
            if body.any():
                offsets = product(*(range(size) for size in self.kernel.shape))
                columns = [padded[z + dz, dy : dy + height, dx : dx + width][body] for dz, dy, dx in offsets]
                yield np.stack(columns, axis=1), target[body].astype(np.float64)
