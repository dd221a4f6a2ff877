"""Line integrals against analytic ones, the transpose against its definition, oblique rays against geometry."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING

import numpy as np
import pytest

from petbench_phantom.acquisition import IMAGE_BITS, IMAGE_MAXIMUM
from petbench_phantom.fields import on_lattice
from petbench_phantom.projector import Projector
from petbench_phantom.spec import PROFILES

if TYPE_CHECKING:
    from typing import Literal

    from numpy.typing import NDArray

    from petbench_phantom.spec import PhantomSpec


def _spec(reconstruction: Literal["2d", "3d"] = "2d", size: int = 48, slices: int = 9) -> PhantomSpec:
    mini = PROFILES["fdg-phantom-mini"]
    return dataclasses.replace(
        mini,
        shape=(slices, size, size),
        spacing_millimetres=(5.0, 5.0, 5.0),
        angles=24,
        subsets=4,
        reconstruction=reconstruction,
    )


def _image(projector: Projector, slices: int, seed: int = 0) -> NDArray[np.float64]:
    return on_lattice(
        np.random.default_rng(seed).random((len(projector.pixels), slices)) * 9, IMAGE_BITS, IMAGE_MAXIMUM
    )


def test_a_disc_projects_to_its_chords() -> None:
    spec = _spec(size=96, slices=1)
    projector = Projector(spec)
    middle = np.arange(96) - 47.5
    radius = 30.0
    # A disc with soft edges from 5x5 samples a pixel, so that only the projector's own error is left.
    fine = (np.arange(96 * 5) + 0.5) / 5 - 48
    disc = (fine[:, None] ** 2 + fine[None, :] ** 2 <= radius**2).reshape(96, 5, 96, 5).mean(axis=(1, 3))
    image = projector.flatten(disc[None])
    chords = 2 * np.sqrt(np.maximum(radius**2 - middle**2, 0))
    inner = np.abs(middle) < 27
    for subset in range(projector.subsets):
        rays = projector.forward(subset, image)[0, :, 0].reshape(-1, 96)
        assert np.abs(rays - chords)[:, inner].max() < 1.0
        assert np.abs((rays - chords)[:, inner].mean()) < 0.15


@pytest.mark.parametrize("reconstruction", ["2d", "3d"])
def test_back_projection_is_the_exact_transpose(reconstruction: Literal["2d", "3d"]) -> None:
    spec = _spec(reconstruction)
    projector = Projector(spec)
    image = _image(projector, 9)
    for subset in range(projector.subsets):
        rays = projector.forward(subset, image)
        other = np.rint(np.random.default_rng(subset).random(rays.shape) * 64)
        # All terms are multiples of 2**-26 well below 2**53 of them: both sums are exact, so equal to the bit.
        assert math.fsum((rays * other).ravel()) == math.fsum((image * projector.back(subset, other)).ravel())


def test_products_do_not_depend_on_the_order_of_their_sums() -> None:
    spec = _spec()
    projector = Projector(spec)
    image = _image(projector, 9)
    matrix = projector._direct[0][0]
    shuffled = matrix.copy()
    for row in range(matrix.shape[0]):
        piece = slice(matrix.indptr[row], matrix.indptr[row + 1])
        shuffled.indices[piece] = matrix.indices[piece][::-1]
        shuffled.data[piece] = matrix.data[piece][::-1]
    np.testing.assert_array_equal(matrix @ image, shuffled @ image)


def test_the_direct_segment_of_3d_is_the_2d_projection() -> None:
    flat, full = Projector(_spec("2d")), Projector(_spec("3d"))
    image = _image(flat, 9)
    np.testing.assert_array_equal(flat.forward(1, image)[0], full.forward(1, image)[0])
    assert (flat.segments, full.segments) == (1, 5)


def test_an_oblique_ray_meets_a_point_in_the_slice_that_geometry_says() -> None:
    spec = _spec("3d", size=48, slices=31)
    projector = Projector(spec)
    volume = np.zeros(spec.shape)
    volume[15, 24, 40] = 1.0  # 16.5 pixels right of the middle, half a pixel behind it
    image = projector.flatten(volume)
    for segment, tangent in ((1, 0.1), (2, -0.1), (3, 0.2), (4, -0.2)):
        for subset in range(projector.subsets):
            rays = projector.forward(subset, image)[segment].reshape(-1, 48, 31)
            for number, profile in enumerate(rays):
                angle = math.pi * (subset + number * spec.subsets) / spec.angles
                depth = -16.5 * math.sin(angle) + 0.5 * math.cos(angle)
                weights = profile.sum(axis=0)
                centre = float((weights * np.arange(31)).sum() / weights.sum())
                assert centre == pytest.approx(15 - tangent * depth, abs=0.15)


def test_flattening_and_back_keeps_the_field_of_view() -> None:
    spec = _spec()
    projector = Projector(spec)
    volume = np.random.default_rng(0).random(spec.shape)
    again = projector.unflatten(projector.flatten(volume))
    inside = again > 0
    np.testing.assert_array_equal(again[inside], volume[inside])
    assert inside.mean() == pytest.approx(math.pi / 4, abs=0.06)
