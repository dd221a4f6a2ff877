"""Contours become the voxels whose centres they enclose: against other routes to the same voxels, and known volumes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from skimage import draw

from petbench_datasets.errors import DataError
from petbench_datasets.images.contours import draw_contours
from petbench_datasets.images.grid import Grid

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

POLYGON_MASK: Any = draw.polygon2mask  # shipped without types
GRID = Grid.regular((9, 20, 24), (4.0, 3.0, 2.5))


def world(index: Any, grid: Grid = GRID) -> NDArray[np.float64]:
    """Return where voxel indices (z, y, x) lie."""
    points = np.asarray(index, dtype=np.float64)[..., ::-1]
    return np.asarray(points @ grid.affine[:3, :3].T + grid.affine[:3, 3])


def flat(polygon: Any, z: float) -> NDArray[np.float64]:
    """Return a polygon of (y, x) indices as points in the world."""
    polygon = np.asarray(polygon, dtype=np.float64)
    return world(np.column_stack([np.full(len(polygon), z), polygon]))


def square(low: float, high: float) -> list[tuple[float, float]]:
    return [(low, low), (low, high), (high, high), (high, low)]


def plane(contours: Sequence[Any], z: int = 4) -> NDArray[np.bool_]:
    inside = draw_contours(contours, GRID, "it").inside
    assert not np.delete(inside, z, axis=0).any()
    return np.asarray(inside[z])


def winding(polygon: NDArray[np.float64], shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Return which pixels a polygon winds around, by the sum of the angles that its sides are seen under."""
    centres = np.moveaxis(np.indices(shape), 0, -1)[:, :, None] - polygon
    angles = np.arctan2(centres[..., 0], centres[..., 1])
    steps = np.diff(np.concatenate([angles, angles[..., :1]], axis=-1), axis=-1)
    return np.asarray(np.abs(((steps + np.pi) % (2 * np.pi) - np.pi).sum(axis=-1)) > np.pi)


@pytest.mark.parametrize("seed", range(20))
def test_a_polygon_encloses_what_two_other_routes_say(seed: int) -> None:
    random = np.random.default_rng(seed)
    angles = np.sort(random.uniform(0, 2 * np.pi, random.integers(3, 40)))
    radii = random.uniform(2, 9, len(angles))
    star = np.column_stack([10 + radii * np.sin(angles), 12 + radii * np.cos(angles)]) + 0.0123
    star = np.clip(star, -0.4, [19.4, 23.4])
    found = plane([flat(star, 4.0)])
    assert np.array_equal(found, POLYGON_MASK((20, 24), star))
    assert np.array_equal(found, winding(star, (20, 24)))


def test_a_contour_through_the_centres_of_the_outermost_voxels_gives_these_voxels() -> None:
    expected = np.zeros((20, 24), dtype=bool)
    expected[3:8, 3:8] = True
    assert np.array_equal(plane([flat(square(3, 7), 4.0)]), expected)
    line = plane([flat([(3, 3), (3, 9), (3, 3)], 4.0)])  # a structure one voxel wide
    assert np.flatnonzero(line).tolist() == [3 * 24 + x for x in range(3, 10)]
    assert np.flatnonzero(plane([flat([(5, 6)], 4.0)])).tolist() == [5 * 24 + 6]


def test_a_contour_in_another_is_a_hole_and_one_in_the_hole_an_island() -> None:
    found = plane([flat(square(7.6, 8.4), 4.0), flat(square(2.6, 13.4), 4.0), flat(square(5.6, 10.4), 4.0)])
    expected = np.zeros((20, 24), dtype=bool)
    expected[3:14, 3:14] = True
    expected[6:11, 6:11] = False
    expected[8, 8] = True
    assert np.array_equal(found, expected)


def test_the_line_of_a_hole_belongs_to_what_surrounds_it() -> None:
    found = plane([flat(square(2, 12), 4.0), flat(square(5, 9), 4.0)])
    assert found[5, 5:10].all()
    assert not found[6:9, 6:9].any()


def test_contours_beside_or_across_each_other_and_twice_the_same_are_all_of_the_structure() -> None:
    one, other = square(1.5, 6.5), [(y, x + 3) for y, x in square(1.5, 6.5)]
    expected = plane([flat(one, 4.0)]) | plane([flat(other, 4.0)])
    assert np.array_equal(plane([flat(one, 4.0), flat(other, 4.0), flat(one, 4.0)]), expected)
    far = [(y + 9, x + 9) for y, x in one]
    both = plane([flat(one, 4.0)]) | plane([flat(far, 4.0)])
    assert np.array_equal(plane([flat(one, 4.0), flat(far, 4.0)]), both)


@pytest.mark.parametrize("step", [0.21, 0.5, 0.75, 1.0])
@pytest.mark.parametrize("start", [1.0, 1.1, 1.37, 1.5])
def test_contours_of_other_slices_fill_each_slice_by_the_nearest_plane(step: float, start: float) -> None:
    heights = start + step * np.arange(6)
    polygons = {height: square(4.6, 8.4 + number) for number, height in enumerate(heights)}
    found = draw_contours([flat(polygon, z) for z, polygon in polygons.items()], GRID, "it").inside
    for z in range(9):
        distances = np.round(np.abs(heights - z), 4)
        nearest = heights[distances == distances.min()]
        if distances.min() < step / 2 - 1e-3:
            assert np.array_equal(found[z], plane([flat(polygons[nearest[0]], z)], z))
        elif distances.min() > step / 2 + 1e-3:
            assert not found[z].any()
    width = float(heights[-1] - heights[0] + step)
    assert abs(found[:, 5, 5].sum() - width) < 1.0  # as thick as what was drawn, to a slice


def test_a_gap_between_contours_stays_empty_and_is_noted() -> None:
    drawn = draw_contours([flat(square(3.5, 8.5), z) for z in (1, 2, 5, 6)], GRID, "it")
    assert drawn.inside[:, 5, 5].nonzero()[0].tolist() == [1, 2, 5, 6]
    assert drawn.notes == ("1 gap(s) between its contours are left empty",)


def test_a_single_contour_is_as_thick_as_it_says_or_one_slice() -> None:
    assert draw_contours([flat(square(3.5, 8.5), 4.2)], GRID, "it").inside[:, 5, 5].nonzero()[0].tolist() == [4]
    thick = draw_contours([flat(square(3.5, 8.5), 4.2)], GRID, "it", slab_millimetres=12.0)
    assert thick.inside[:, 5, 5].nonzero()[0].tolist() == [3, 4, 5]


def test_two_lesions_of_one_contour_each_are_not_drawn_out_to_each_other() -> None:
    apart = [flat(square(3.5, 8.5), z) for z in (1, 6)]
    with pytest.raises(DataError, match="its contours lie 20 mm apart or more, and nothing says how thick"):
        draw_contours(apart, GRID, "it")
    drawn = draw_contours(apart, GRID, "it", slab_millimetres=4.0)
    assert drawn.inside[:, 5, 5].nonzero()[0].tolist() == [1, 6]
    assert drawn.notes


def test_contours_of_thicker_slices_fill_all_of_the_image_between_them() -> None:
    """Every 8 mm, again and again: slices of 8 mm, where those of the image have 4."""
    drawn = draw_contours([flat(square(3.5, 8.5), z) for z in (1, 3, 5, 7)], GRID, "it")
    assert drawn.inside[:, 5, 5].sum() == 8
    assert not drawn.notes
    with pytest.raises(DataError, match="its contours lie 12 mm apart or more"):  # no slices are so thick
        draw_contours([flat(square(3.5, 8.5), z) for z in (1, 4, 7)], GRID, "it")


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("turn", [None, (10, -25, 40), (0, 3, 0)])
def test_contours_across_every_axis_of_every_grid_are_drawn(axis: int, turn: tuple[int, int, int] | None) -> None:
    affine = GRID.affine.copy()
    if turn:
        affine[:3] = Rotation.from_euler("xyz", turn, degrees=True).as_matrix() @ affine[:3]
    grid = Grid(GRID.shape, affine)
    others = [other for other in range(3) if other != axis]
    index = np.zeros((4, 3))
    index[:, others] = square(2.6, 6.4)
    index[:, axis] = 5.0
    found = draw_contours([np.round(world(index, grid), 3)], grid, "it").inside
    expected = np.zeros(GRID.shape, dtype=bool)
    expected[tuple(5 if other == axis else slice(3, 7) for other in range(3))] = True
    assert np.array_equal(found, expected)


@pytest.mark.parametrize(("radius", "step", "within"), [(30.0, 1.0, 0.01), (30.0, 2.5, 0.02), (15.0, 1.0, 0.02)])
def test_a_ball_has_its_volume(radius: float, step: float, within: float) -> None:
    grid = Grid.regular((70, 70, 70), (1.0, 1.0, 1.0))
    angles = np.arange(90) * 2 * np.pi / 90
    contours = []
    for z in np.arange(-np.floor(radius / step), np.floor(radius / step) + 1) * step + 0.3:
        at = np.sqrt(max(radius**2 - (z - 0.3) ** 2, 0.01))
        contours.append(np.column_stack([at * np.cos(angles), at * np.sin(angles) + 1.7, np.full(90, z)]))
    inside = draw_contours(contours, grid, "it").inside
    assert inside.sum() == pytest.approx(4 / 3 * np.pi * radius**3, rel=within)
    z, y, x = inside.nonzero()
    centre = world(np.array([z.mean(), y.mean(), x.mean()]), grid)
    assert centre == pytest.approx([0.0, 1.7, 0.3], abs=0.5)  # by the nearest plane: to half a voxel


def bent() -> NDArray[np.float64]:
    contour = flat(square(3.5, 8.5), 4.0)
    contour[0, 2] += 1.5
    return contour


def oblique() -> NDArray[np.float64]:
    contour = flat(square(3.5, 8.5), 4.0)
    contour[:, 2] += 0.2 * (contour[:, 0] + contour[:, 1])
    return contour


@pytest.mark.parametrize(
    ("contour", "words"),
    [
        (bent(), "from one plane"),
        (oblique(), "oblique to the slices"),
        (flat(square(3.5, 30.0), 4.0), "outside the image"),
        (flat(square(-9.0, 5.0), 4.0), "outside the image"),
        (flat(square(3.5, 8.5), 12.0), "outside the image"),
    ],
)
def test_what_cannot_be_drawn_is_refused(contour: NDArray[np.float64], words: str) -> None:
    with pytest.raises(DataError, match=words) as caught:
        draw_contours([flat(square(3.5, 8.5), 4.0), contour], GRID, "a lesion")
    assert str(caught.value).startswith("a lesion: ")
    assert "\n" not in str(caught.value)
