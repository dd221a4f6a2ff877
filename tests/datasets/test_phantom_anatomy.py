"""Solids against their volumes, bodies against the organs that people have."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from scipy.interpolate import CubicHermiteSpline

from petbench_phantom.anatomy import body
from petbench_phantom.bowel import bowel
from petbench_phantom.fields import generator
from petbench_phantom.organs import BY_NAME, ORGANS
from petbench_phantom.paths import spline, tubes
from petbench_phantom.population import population
from petbench_phantom.pose import Pose
from petbench_phantom.raster import Tissues, rasterise
from petbench_phantom.shapes import (
    Column,
    Common,
    Ellipsoid,
    Folded,
    Half,
    Shape,
    Spheroid,
    Together,
    Tube,
    mirrored,
)
from petbench_phantom.spec import PROFILES
from petbench_phantom.volumes import TEMPLATE_MILLILITRES

SPEC = dataclasses.replace(PROFILES["fdg-phantom-mini"], balanced_activity=False)  # uptake is of no matter here
_SUV = np.ones((SPEC.shape[0], 1)) * np.array([0.0, *(organ.delayed for organ in ORGANS)])
_LITRES = math.prod(SPEC.spacing_millimetres) * 1e-6

SOLIDS: list[tuple[Shape, float]] = [
    (Ellipsoid((0.3, 0, 0), (2, 3, 4)), 4 / 3 * math.pi * 24),
    (Spheroid((0, 0, 0), (0.6, 0.0, 0.8), 4, 2), 4 / 3 * math.pi * 16),
    (Spheroid((0, 0, 0), (0.0, 0.0, 1.0), 4, 2, 0.0), 2 / 3 * math.pi * 16),
    (Column((0, 0, -3), (1, 0, 3), (2, 1), (2, 1)), math.pi * 2 * 6),
    (Column((0, 0, -3), (0, 0, 3), (1, 1), (3, 3)), math.pi * 6 / 3 * (1 + 3 + 9)),
    (Tube((-2, 0, 0), (2, 0, 0), 1), math.pi * 4 + 4 / 3 * math.pi),
    (Common(Ellipsoid((0, 0, 0), (3, 3, 3)), (Half((1, 0, 0), 0.0),)), 2 / 3 * math.pi * 27),
    (Common(Ellipsoid((0, 0, 0), (3, 3, 3)), (), (Ellipsoid((0, 0, 0), (2, 2, 2)),)), 4 / 3 * math.pi * 19),
    (mirrored(Ellipsoid((2.5, 0, 0), (1, 1, 1))), 8 / 3 * math.pi),
    (Together((Ellipsoid((2, 0, 0), (1, 1, 1)), Ellipsoid((-2, 0, 0), (1, 1, 1)))), 8 / 3 * math.pi),
    (Folded((0, 0, 0), (3, 3, 3), 0.1, 1.5), 4 / 3 * math.pi * 27),
]


@pytest.mark.parametrize(("shape", "volume"), SOLIDS, ids=lambda value: type(value).__name__)
def test_a_solid_has_its_volume_and_lies_in_its_box(shape: Shape, volume: float) -> None:
    axis = (np.arange(100) + 0.5) * 0.1 - 5
    z, y, x = np.meshgrid(axis, axis, axis, indexing="ij")
    inside = shape.contains(x, y, z)
    assert inside.sum() * 1e-3 == pytest.approx(volume, rel=0.04)
    box = shape.bounds()
    for values, low, high in ((x, box[0], box[1]), (y, box[2], box[3]), (z, box[4], box[5])):
        assert low <= values[inside].min()
        assert values[inside].max() <= high


def _tissues(index: int, *, moved: bool = False) -> Tissues:
    person = population(SPEC)[index]
    parts = body(person.sex, person.organ_scales, 120.0, generator(SPEC.seed, 8, index))
    return rasterise(SPEC, parts, Pose(SPEC, person, moved=moved), _SUV)


@pytest.fixture(scope="module")
def woman() -> Tissues:
    return _tissues(0)


@pytest.fixture(scope="module")
def man() -> Tissues:
    return _tissues(1)


@pytest.mark.slow
def test_a_body_has_more_than_thirty_organs_and_those_of_its_sex(woman: Tissues, man: Tissues) -> None:
    names = {organ.label: organ.name for organ in ORGANS}
    found = [{names[code] for code in np.unique(tissues.labels) if code} for tissues in (woman, man)]
    assert min(len(organs) for organs in found) >= 38
    assert found[0] - found[1] >= {"uterus"}
    assert found[1] - found[0] >= {"prostate", "testes"}


def test_organs_are_as_large_as_was_sampled(man: Tissues) -> None:
    person = population(SPEC)[1]
    frame = person.lean**2 * person.upright / 1000
    for organ in ("liver", "spleen", "stomach"):
        litres = TEMPLATE_MILLILITRES[organ] * person.organ_scales[organ] ** 3 * frame
        found = float((man.labels == BY_NAME[organ].label).sum()) * _LITRES
        assert found == pytest.approx(litres, rel=0.25), organ
    density = np.array([0.0, *(organ.density for organ in ORGANS)])
    assert float(density[man.labels].sum()) * _LITRES == pytest.approx(person.weight_kilograms, rel=0.08)


def test_left_is_left_and_the_head_is_up(man: Tissues) -> None:
    def centre(organ: str) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
        return np.asarray(np.argwhere(man.labels == BY_NAME[organ].label).mean(axis=0))

    assert centre("spleen")[2] > centre("liver")[2]
    assert centre("vertebrae")[1] > centre("sternum")[1]
    assert centre("grey_matter")[0] > centre("liver")[0] > centre("bladder")[0] > centre("tibia")[0]


@pytest.mark.slow
def test_boxes_around_parts_lose_no_voxel(man: Tissues, monkeypatch: pytest.MonkeyPatch) -> None:
    everywhere = (slice(None), slice(None), slice(None))
    monkeypatch.setattr(Pose, "box", lambda *_: everywhere)
    np.testing.assert_array_equal(_tissues(1).labels, man.labels)


def test_between_the_frames_the_body_moves_by_millimetres(man: Tissues) -> None:
    moved = _tissues(1, moved=True)
    changed = float((moved.labels != man.labels).sum() / (man.labels > 0).sum())
    assert 0.01 < changed < 0.25
    assert int((moved.labels > 0).sum()) == pytest.approx(int((man.labels > 0).sum()), rel=0.01)


def test_a_voxel_on_an_edge_holds_its_share_of_both_sides(man: Tissues) -> None:
    assert float(man.activity[man.labels == 0].max()) > 0  # part of a voxel whose most is air
    delayed = BY_NAME["lungs"].delayed
    inside = man.activity[man.labels == BY_NAME["lungs"].label]
    assert float(np.median(inside)) == pytest.approx(delayed, rel=1e-9)
    assert len(np.unique(inside)) > 30


def test_a_curved_organ_follows_the_catmull_rom_spline_through_its_points() -> None:
    points = [(0.0, 0.0, 0.0), (2.0, 1.0, -1.0), (3.0, 4.0, 0.5), (0.0, 6.0, 2.0)]
    line = np.array(spline(points, 4))
    slopes = np.gradient(np.array(points), axis=0)  # half the way from the point before to the one after
    slopes[[0, -1]] *= 0.5  # at the ends the point itself stands for its missing neighbour
    expected = CubicHermiteSpline(np.arange(4), points, slopes)(np.linspace(0, 3, 13))
    np.testing.assert_allclose(line, expected, atol=1e-12)


def test_a_curved_organ_is_as_thick_as_its_points_say_in_between() -> None:
    pieces = tubes([(0, 0, 0), (4, 0, 0), (8, 0, 0)], (1.0, 2.0, 1.0), steps=2, waist=0.5)
    assert [piece.radius for piece in pieces] == pytest.approx([1.25, 0.5 * 1.75, 1.75, 0.5 * 1.25])


def test_the_bowel_of_two_people_has_other_loops_and_that_of_one_the_same_in_both_frames() -> None:
    first, again, other = (bowel(generator(7, 8, index)) for index in (0, 0, 1))
    assert first == again
    assert first != other


def test_loops_of_small_bowel_stay_in_the_belly_and_do_not_run_over_each_other() -> None:
    for index in range(20):
        parts = [part for part in bowel(generator(9, 8, index)) if part.organ == "small_bowel"]
        middles = np.array([part.shape.stop for part in parts if isinstance(part.shape, Tube)])
        assert np.abs(middles[:, 0]).max() < 10
        assert 8 < middles[:, 2].min() < middles[:, 2].max() < 28
        turns = middles[2::3]  # every third piece ends at a turn of the walk
        apart = np.linalg.norm(turns[:, None] - turns[None], axis=2) + np.eye(len(turns)) * 99
        assert np.median(apart.min(axis=1)) > 2.0


def test_ureters_hold_urine_in_some_stretches_only_and_in_others_in_somebody_else() -> None:
    lengths = {
        sum(part.organ == "ureters" for part in body("F", {}, 120.0, generator(3, 8, index))) for index in range(12)
    }
    assert 0 < min(lengths) < max(lengths) < 30


def test_the_cortex_is_folded() -> None:
    """Along a circle of the brain's surface white and grey matter take turns many times."""
    parts = [part for part in body("F", {}, 120.0, generator(3, 8, 0)) if part.organ == "white_matter"]
    angle = np.linspace(0, 2 * np.pi, 720)
    x, y, z = 2.75 + 2.5 * np.cos(angle), -0.2 + 7.3 * np.sin(angle), np.full_like(angle, 87.0)
    inside = np.any([part.shape.contains(x, y, z) for part in parts], axis=0)
    assert np.count_nonzero(np.diff(inside.astype(int))) >= 12
