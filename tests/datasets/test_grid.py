from __future__ import annotations

import numpy as np
import pytest
from scipy.interpolate import RegularGridInterpolator

from petbench_datasets.images.grid import Grid, Volume, resample, resample_labels

FINE = Grid.regular((30, 24, 20), (4.0, 3.0, 3.0))


def blob(grid: Grid, centre: tuple[float, float, float], width: float) -> Volume:
    """Draw a Gaussian around a world position (right, anterior, superior)."""
    z, y, x = np.indices(grid.shape, dtype=float)
    index = np.stack([x, y, z, np.ones_like(x)], axis=-1)
    world = (index @ grid.affine.T)[..., :3]
    distance = ((world - np.array(centre)) ** 2).sum(axis=-1)
    return np.asarray(np.exp(-distance / (2 * width**2)), dtype=np.float32)


def test_a_regular_grid_runs_left_posterior_superior_around_the_origin() -> None:
    assert np.sign(np.diag(FINE.affine)[:3]).tolist() == [-1, -1, 1]
    assert FINE.spacing_millimetres == pytest.approx((4.0, 3.0, 3.0))
    assert FINE.corners_millimetres().mean(axis=0) == pytest.approx([0, 0, 0])
    assert FINE.voxel_millilitres == pytest.approx(0.036)
    assert str(FINE) == "20x24x30 voxels of 3x3x4 mm"


def test_grids_match_within_the_jitter_of_scanners_and_no_further() -> None:
    near, far = FINE.affine.copy(), FINE.affine.copy()
    near[2, 3] += 0.05
    far[2, 3] += 0.5
    assert FINE.matches(Grid(FINE.shape, near))
    assert not FINE.matches(Grid(FINE.shape, far))
    assert not FINE.matches(Grid((30, 24, 21), FINE.affine))


def test_a_slightly_wrong_voxel_size_adds_up_to_another_grid() -> None:
    stretched = FINE.affine.copy()
    stretched[2, 2] = 4.05
    assert not FINE.matches(Grid(FINE.shape, stretched))


def test_resampling_to_the_same_grid_changes_nothing() -> None:
    volume = blob(FINE, (0, 0, 0), 10)
    assert np.array_equal(resample(volume, FINE, Grid(FINE.shape, FINE.affine.copy())), volume)


def test_resampling_to_a_finer_grid_is_linear_interpolation() -> None:
    volume = np.random.default_rng(0).random(FINE.shape, dtype=np.float32)
    target = Grid.regular((20, 20, 20), (3.0, 2.0, 2.0))
    axes = [np.arange(n) * s - (n - 1) * s / 2 for n, s in zip(FINE.shape, (4.0, 3.0, 3.0), strict=True)]
    wanted = [np.arange(n) * s - (n - 1) * s / 2 for n, s in zip(target.shape, (3.0, 2.0, 2.0), strict=True)]
    points = np.stack(np.meshgrid(*wanted, indexing="ij"), axis=-1)
    expected = RegularGridInterpolator(axes, volume, bounds_error=False, fill_value=-1.0)(points)
    between = expected >= 0
    assert between.mean() > 0.2
    assert resample(volume, FINE, target)[between] == pytest.approx(expected[between], abs=1e-5)


def test_a_voxel_reaches_half_a_step_from_its_centre_and_no_further() -> None:
    source = Grid.regular((2, 2, 2), (8.0, 8.0, 8.0))
    target = Grid.regular((12, 12, 12), (2.0, 2.0, 2.0))
    result = resample(np.ones(source.shape, np.float32), source, target)
    expected = np.zeros(target.shape)
    expected[2:10, 2:10, 2:10] = 1.0
    assert np.array_equal(result, expected)


def test_outside_the_source_there_is_nothing() -> None:
    shifted = FINE.affine.copy()
    shifted[0, 3] += 1000.0
    assert not resample(np.ones(FINE.shape, np.float32), FINE, Grid(FINE.shape, shifted)).any()


def test_coarsening_keeps_the_activity_of_a_structure_smaller_than_a_voxel() -> None:
    volume = np.zeros(FINE.shape, np.float32)
    volume[15, 12, 10] = 1000.0
    coarse = Grid.regular((10, 8, 7), (12.0, 9.0, 9.0))
    total = resample(volume, FINE, coarse).sum() * coarse.voxel_millilitres
    assert total == pytest.approx(1000.0 * FINE.voxel_millilitres, rel=0.15)


def test_an_oblique_grid_finds_the_blob_where_it_is_in_the_world() -> None:
    angle = np.deg2rad(20)
    turn = np.eye(4)
    turn[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    oblique = Grid(FINE.shape, turn @ FINE.affine)
    expected = blob(oblique, (6, -4, 8), 9)
    found = resample(blob(FINE, (6, -4, 8), 9), FINE, oblique)
    inside = expected > 0.05
    assert np.abs(found - expected)[inside].max() < 0.05


def test_labels_are_resampled_by_the_nearest_voxel() -> None:
    labels = np.zeros(FINE.shape, np.int16)
    labels[10:20] = 7
    target = Grid.regular((60, 24, 20), (2.0, 3.0, 3.0))
    resampled = resample_labels(labels, FINE, target)
    assert set(np.unique(resampled)) == {0, 7}
    assert resampled.mean() == pytest.approx(labels.mean())
