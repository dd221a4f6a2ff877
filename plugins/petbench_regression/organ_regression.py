"""The delayed level of each organ from its early one, by a linear relation that is shrunk to that of the whole body.

In a labelled organ with the mean early SUV m, a voxel of early SUV v is predicted as a + b m + c (v - m): the organ's
delayed level follows from its early level, and its texture is kept by the part c. Each organ has its own a, b and c,
fitted by least squares over the training participants with a penalty that draws them to the whole body's:

    argmin_w  sum over the organ's voxels of (delayed - w . x)^2  +  k x mean over the body of ((w - w_body) . x)^2

with x = (1, m, v - m), so that an organ counts as if k voxels of the whole body had been seen beside its own. An organ
of few voxels, or of few participants, stays near the whole body's relation; one that nobody has trained takes it. So
does what carries no label. Lindley, Smith: Bayes Estimates for the Linear Model. J R Stat Soc B 1972;34(1):1-41, with a
fixed k in place of one that is estimated.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from petbench import PetbenchError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from petbench import RunContext, Scan, TrainingData, Volume
    from petbench_regression.parameters import OrganRegressionParameters

    Bools = NDArray[np.bool_]

BODY_SUV = 0.1
"""Below it, what carries no label is air, and stays as it is."""


class OrganRegression:
    """Predicts organ by organ; what is learnt goes by the organ's name."""

    def __init__(self, parameters: OrganRegressionParameters) -> None:
        self._shrinkage = parameters.shrinkage
        self.body = np.array([0.0, 1.0, 1.0])  # unfitted, it is the identity
        self.organs: dict[str, NDArray[np.float64]] = {}

    def fit(self, data: TrainingData, run: RunContext) -> None:  # noqa: ARG002 - the contract hands it over
        """Solve the normal equations of the body and of each organ, summed over the training participants.

        Raises:
            PetbenchError: no training voxel lies in a body.
        """
        self.organs = {}
        squares: dict[str, NDArray[np.float64]] = {}
        products: dict[str, NDArray[np.float64]] = {}
        whole, whole_products, count = np.zeros((3, 3)), np.zeros(3), 0
        for scan, delayed in data.pairs():
            for name, where in _parts(scan):
                x, target = _features(scan.early[where]), delayed[where].astype(np.float64)
                if name:
                    squares[name] = squares.get(name, 0.0) + x.T @ x
                    products[name] = products.get(name, 0.0) + x.T @ target
            body = _body(scan)
            x, target = _features(scan.early[body]), delayed[body].astype(np.float64)
            whole += x.T @ x
            whole_products += x.T @ target
            count += len(target)
        if count == 0:
            raise PetbenchError(f"organ-regression: no training voxel reaches SUV {BODY_SUV:g}; check the unit")
        self.body = np.linalg.lstsq(whole, whole_products, rcond=None)[0]
        prior = self._shrinkage * whole / count
        for name, square in squares.items():
            pulled = products[name] + prior @ self.body
            self.organs[name] = np.asarray(np.linalg.lstsq(square + prior, pulled, rcond=None)[0], dtype=np.float64)

    def predict(self, scan: Scan) -> Volume:
        """Return the delayed volume in SUV, shape (z, y, x); a negative result is 0."""
        predicted = scan.early.astype(np.float32, copy=True)
        body = _body(scan)
        level = float(scan.early[body].mean()) if body.any() else 0.0
        for name, where in _parts(scan):
            weights = self.organs.get(name, self.body)
            x = _features(scan.early[where], None if name in self.organs else level)
            predicted[where] = np.maximum(x @ weights, 0.0)
        return predicted

    def state_dict(self) -> dict[str, Any]:
        """Return the relations: of the body, and of each organ by its name."""
        relations = np.stack([self.body, *self.organs.values()])
        return {"relations": torch.from_numpy(relations), "names": list(self.organs)}

    def load_state_dict(self, state: Mapping[str, Any], /) -> None:
        """Take back the relations."""
        self.body, *organs = state["relations"].cpu().numpy()
        self.organs = dict(zip(map(str, state["names"]), organs, strict=True))


def _parts(scan: Scan) -> Iterator[tuple[str, Bools]]:
    """Yield where each organ lies, by its name, and last, without a name, where the rest of the body does."""
    assert scan.labels is not None, "it is one of the method's needs"
    assert scan.label_names is not None, "it comes with the labels"
    named = {name: number for number, name in scan.label_names.items() if number}
    for name, number in named.items():
        where = scan.labels == number
        if where.any():
            yield name, where
    yield "", _body(scan) & ~np.isin(scan.labels, list(named.values()))


def _body(scan: Scan) -> Bools:
    found: Bools = (scan.early > BODY_SUV) | (np.asarray(scan.labels) > 0)
    return found


def _features(suv: NDArray[np.float32], level: float | None = None) -> NDArray[np.float64]:
    """Return (voxels, 3): 1, the level, and what each voxel has beyond it; None: the mean of the voxels."""
    values = suv.astype(np.float64)
    mean = (values.mean() if values.size else 0.0) if level is None else level
    return np.stack([np.ones_like(values), np.full_like(values, mean), values - mean], axis=1)
