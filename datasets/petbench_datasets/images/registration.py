"""Rigid registration of one PET image of a body to another, with SimpleITK (`pip install petbench[registration]`).

Early and delayed uptake differ from organ to organ, so that no difference of values can be minimised. What is maximised
is Mattes' mutual information (Mattes et al. 2003, IEEE Trans Med Imaging 22:120), from coarse to fine. A registration
is a new place for an image whose voxels stay as they are: it is interpolated once, when it is carried to a grid.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from petbench_datasets.errors import DataError
from petbench_datasets.images.grid import Grid, resample

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType

    from numpy.typing import NDArray

    from petbench_datasets.images.grid import Volume

LEVELS_MILLIMETRES = (24.0, 12.0, 6.0)
"""Voxel sizes of the pyramid; no level is finer than the images are."""

CLIP_SUV = 6.0
"""Urine and brain would otherwise fill the histogram."""

LARGEST_ROTATION_DEGREES = 30.0
LEAST_OVERLAP = 0.25
"""The part of the smaller image's field that must lie in the other's after registration."""

BODY_SUV = 0.3
CHANCE = 1e-6
"""How often a gain that counts as one would come about by chance."""

_BINS, _STEPS, _SAMPLES, _SEED = 32, 100, 60_000, 1
_FLIP = np.diag([-1.0, -1.0, 1.0, 1.0])
"""From NIfTI's world (right, anterior, superior) to ITK's (left, posterior, superior), and back."""


@dataclass(frozen=True, eq=False)
class Rigid:
    """Where a body that was scanned again lies in the coordinates of its first scan.

    Attributes:
        matrix: 4x4, takes millimetres of the second scan's world (right, anterior, superior) to the first one's.
        centre: the point of the first scan that the rotation leaves in place, in millimetres.
        similarity: mutual information of both images, in nats, before and after.
    """

    matrix: NDArray[np.float64]
    centre: NDArray[np.float64]
    similarity: tuple[float, float]

    def place(self, grid: Grid) -> Grid:
        """Return where the voxels of a grid in the second scan's world lie in the first one's."""
        return Grid(grid.shape, self.matrix @ grid.affine)

    @property
    def rotation_degrees(self) -> float:
        """The angle of the rotation."""
        cosine = (np.trace(self.matrix[:3, :3]) - 1.0) / 2.0
        return float(np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0))))

    @property
    def shift_millimetres(self) -> NDArray[np.float64]:
        """How far the body at `centre` is moved, (right, anterior, superior)."""
        there = np.linalg.inv(self.matrix) @ np.append(self.centre, 1.0)
        return np.asarray(self.centre - there[:3])


def rigid_registration(fixed: Volume, fixed_grid: Grid, moving: Volume, moving_grid: Grid, subject: str) -> Rigid:
    """Find the rotation and shift that lay `moving` on `fixed`.

    It starts from the coordinates as they are, from both centres and from both centres of activity, and goes on with
    what fits best. One thread: the result is the same on every machine with the same SimpleITK.

    Args:
        fixed: in SUV, shape (z, y, x).
        fixed_grid: of `fixed`.
        moving: in SUV, shape (z, y, x).
        moving_grid: of `moving`.
        subject: how messages name the pair.

    Raises:
        DataError: SimpleITK is not installed, or what fits best cannot be one body on a table.
    """
    sitk = _simpleitk()
    levels = _levels(fixed_grid, moving_grid)
    pyramid = [(_image(sitk, fixed, fixed_grid, size), _image(sitk, moving, moving_grid, size)) for size in levels]
    coarse = pyramid[0]
    starts = [_start(sitk, coarse, kind) for kind in ("coordinates", "geometry", "moments")]
    found = [_refine(sitk, *coarse, start, size=levels[0]) for start in starts]
    best = min(found, key=lambda transform: _metric(sitk, *coarse, transform))
    for (first, second), size in zip(pyramid[1:], levels[1:], strict=True):
        best = _refine(sitk, first, second, best, size=size)
    before, after = (-_metric(sitk, *pyramid[-1], transform) for transform in (starts[0], best))
    shared = [_shared_body(sitk, *pyramid[-1], transform) for transform in (starts[0], best)]
    if after - before <= chance_gain(*shared):
        if before <= 0.0:
            raise DataError(f"{subject}: {_too_little(sitk, pyramid[-1][0], shared)}")
        best, after = starts[0], before
    matrix = np.round(np.linalg.inv(_FLIP @ _as_matrix(best) @ _FLIP), 6)  # below it, the order of sums decides
    centre = np.array(best.GetCenter()) * np.diag(_FLIP)[:3]
    result = Rigid(matrix, centre, (before, after))
    _require_plausible(result, fixed_grid, moving_grid, subject)
    return result


def chance_gain(before: int, after: int) -> float:
    """Return the gain in mutual information, in nats, that a movement which is none would reach by chance.

    Twice the number of voxels times the gain of six parameters is a chi-squared of six degrees of freedom (Wilks 1938),
    and the mutual information of independent images is on average a half of the histogram's degrees of freedom over the
    number of voxels, so that a smaller overlap fits better for nothing. Air tells nothing: voxels of the body count.

    Args:
        before: voxels of the body that both images hold where their coordinates put them.
        after: the same, once moved.
    """
    from scipy.stats import chi2

    if after == 0:
        return np.inf
    bias = (_BINS - 1) ** 2 / 2.0 * (1.0 / after - (1.0 / before if before else 0.0))
    return float(max(bias, 0.0) + chi2.isf(CHANCE, 6) / (2.0 * after))


def _too_little(sitk: Any, fixed: Any, shared: Sequence[int]) -> str:
    """Say how much of the body two images share: where their coordinates put them, and where they fit best."""
    body = int((sitk.GetArrayFromImage(fixed) > BODY_SUV).sum())
    by_coordinates, at_best = (
        f"{voxels * float(np.prod(fixed.GetSpacing())) / 1000.0:.0f} mL ({voxels / max(body, 1):.0%})"
        for voxels in shared
    )
    return (
        f"of the body in the early image, the delayed one shares {by_coordinates} where their coordinates put them and "
        f"{at_best} where they fit best, too little to tell a fit from chance; look whether both show one part of the "
        "body (petbench datasets info --sheet), and align them with another program, or leave the participant out"
    )


def _shared_body(sitk: Any, fixed: Any, moving: Any, transform: Any) -> int:
    """Return how many voxels of the body in `fixed` lie in the field of `moving`."""
    laid = sitk.GetArrayFromImage(sitk.Resample(moving, fixed, transform, sitk.sitkLinear, -1.0))
    return int(((laid >= 0.0) & (sitk.GetArrayFromImage(fixed) > BODY_SUV)).sum())


def _simpleitk() -> ModuleType:
    try:
        import SimpleITK as sitk  # noqa: N813
    except ImportError as error:
        raise DataError("registration needs SimpleITK; install it with pip install 'petbench[registration]'") from error
    module: ModuleType = sitk
    return module


def _levels(*grids: Grid) -> list[float]:
    """Return the voxel sizes of the pyramid for these grids, at least one."""
    finest = max(float(np.prod(grid.spacing_millimetres)) ** (1 / 3) for grid in grids)
    return [*(size for size in LEVELS_MILLIMETRES if size > 1.2 * finest), max(finest, LEVELS_MILLIMETRES[-1])]


def _image(sitk: Any, volume: Volume, grid: Grid, size: float) -> Any:
    """Return a smoothed image of voxels of `size` mm, or of the grid's own where those are larger."""
    steps = np.maximum(grid.spacing_millimetres, size)
    extent = np.array(grid.shape) * np.array(grid.spacing_millimetres)
    shape = np.maximum(4, np.ceil(extent / steps - 1e-6)).astype(int)
    affine = np.eye(4)
    directions = grid.affine[:3, :3] / np.array(grid.spacing_millimetres[::-1])
    affine[:3, :3] = directions * steps[::-1]
    middle = grid.affine[:3, :3] @ ((np.array(grid.shape[::-1]) - 1) / 2) + grid.affine[:3, 3]
    affine[:3, 3] = middle - affine[:3, :3] @ ((shape[::-1] - 1) / 2)
    level = Grid((int(shape[0]), int(shape[1]), int(shape[2])), affine)
    image = sitk.GetImageFromArray(np.clip(resample(volume, grid, level), 0.0, CLIP_SUV).astype(np.float32))
    image.SetSpacing([float(step) for step in steps[::-1]])
    image.SetOrigin([float(value) for value in affine[:3, 3] * np.diag(_FLIP)[:3]])
    image.SetDirection((np.diag(np.diag(_FLIP)[:3]) @ directions).ravel().tolist())
    return image


def _start(sitk: Any, images: tuple[Any, Any], kind: str) -> Any:
    modes = sitk.CenteredTransformInitializerFilter
    mode = modes.MOMENTS if kind == "moments" else modes.GEOMETRY
    try:
        start = sitk.Euler3DTransform(sitk.CenteredTransformInitializer(*images, sitk.Euler3DTransform(), mode))
    except RuntimeError:  # an image without activity has no centre of it
        return _start(sitk, images, "geometry")
    if kind == "coordinates":
        start.SetTranslation((0.0, 0.0, 0.0))
    return start


def _method(sitk: Any, fixed: Any, transform: Any) -> Any:
    method = sitk.ImageRegistrationMethod()
    method.SetNumberOfThreads(1)
    method.SetMetricAsMattesMutualInformation(_BINS)
    method.SetMetricSamplingStrategy(method.REGULAR)
    method.SetMetricSamplingPercentage(min(1.0, _SAMPLES / float(np.prod(fixed.GetSize()))), _SEED)
    method.SetInterpolator(sitk.sitkLinear)
    method.SetInitialTransform(transform, inPlace=True)
    return method


def _refine(sitk: Any, fixed: Any, moving: Any, start: Any, *, size: float) -> Any:
    transform = sitk.Euler3DTransform(start)
    method = _method(sitk, fixed, transform)
    method.SetOptimizerAsRegularStepGradientDescent(
        learningRate=size / 2.0,
        minStep=size / 200.0,
        numberOfIterations=_STEPS,
        relaxationFactor=0.5,
        gradientMagnitudeTolerance=1e-8,
    )
    method.SetOptimizerScalesFromPhysicalShift()
    try:
        method.Execute(fixed, moving)
    except RuntimeError:  # the images left each other; another start may do better
        return start
    return transform


def _metric(sitk: Any, fixed: Any, moving: Any, transform: Any) -> float:
    """Return minus the mutual information; 0 where the images do not meet."""
    try:
        return float(_method(sitk, fixed, sitk.Euler3DTransform(transform)).MetricEvaluate(fixed, moving))
    except RuntimeError:
        return 0.0


def _as_matrix(transform: Any) -> NDArray[np.float64]:
    """Return an ITK rigid transform as 4x4: it takes a point of the fixed image to one of the moving image."""
    matrix, centre = np.eye(4), np.array(transform.GetCenter())
    matrix[:3, :3] = np.array(transform.GetMatrix()).reshape(3, 3)
    matrix[:3, 3] = centre + np.array(transform.GetTranslation()) - matrix[:3, :3] @ centre
    return matrix


def _require_plausible(found: Rigid, fixed: Grid, moving: Grid, subject: str) -> None:
    from petbench_datasets.images.grid import measured

    shares = measured(found.place(moving), fixed).mean(), measured(fixed, found.place(moving)).mean()
    if found.rotation_degrees > LARGEST_ROTATION_DEGREES or max(shares) < LEAST_OVERLAP:
        raise DataError(
            f"{subject}: what fits best is a turn by {found.rotation_degrees:.0f} degrees (at most "
            f"{LARGEST_ROTATION_DEGREES:.0f}) with {max(shares):.0%} of a field of view shared (at least "
            f"{LEAST_OVERLAP:.0%}), which no second position on the table is; look at both, and align them with "
            "another program, or leave the participant out"
        )
