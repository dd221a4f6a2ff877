from __future__ import annotations

import io
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image
from skimage.color import rgb2lab

from petbench_leaderboard.errors import LeaderboardError
from petbench_leaderboard.report import formatting
from petbench_leaderboard.report.figure_parts import error_colours
from petbench_leaderboard.report.images import ParticipantImages, body_box, most_changed_slice
from petbench_leaderboard.report.participant_figure import draw_participant

if TYPE_CHECKING:
    from tests.leaderboard.conftest import MakeImages


def test_the_box_and_the_slice_are_chosen_from_the_real_images_alone(make_images: MakeImages) -> None:
    without = make_images(predictions=())
    with_wild = make_images(predictions=("wild",))
    with_wild = replace(with_wild, predictions={"wild": np.full_like(without.early, 100.0)})
    assert body_box(without) == body_box(with_wild)
    assert most_changed_slice(without) == most_changed_slice(with_wild)


def test_the_slice_shown_is_where_the_real_images_differ_over_the_largest_part_of_the_body() -> None:
    early = np.ones((10, 8, 8), np.float32)
    delayed = early.copy()
    delayed[3, 2:6, 2:6] = 2.0
    delayed[7, 4, 4] = 60.0  # a bladder
    images = ParticipantImages(
        participant="sub-01", spacing_millimetres=(20.0, 10.0, 10.0), early=early, delayed=delayed
    )
    assert most_changed_slice(images) == 3


def test_images_of_another_grid_are_refused_by_name(make_images: MakeImages) -> None:
    good = make_images()
    with pytest.raises(LeaderboardError, match=r"image 'odd' of sub-06 has the shape \(2, 2, 2\)"):
        ParticipantImages(
            participant="sub-06",
            spacing_millimetres=good.spacing_millimetres,
            early=good.early,
            delayed=good.delayed,
            predictions={"odd": np.zeros((2, 2, 2), np.float32)},
        )


def test_an_empty_image_is_drawn_too(make_images: MakeImages) -> None:
    zeros = np.zeros((6, 5, 4), np.float32)
    images = ParticipantImages(participant="sub-01", spacing_millimetres=(5.0, 5.0, 5.0), early=zeros, delayed=zeros)
    assert body_box(images) == (slice(0, 6), slice(0, 5), slice(0, 4))
    assert len(draw_participant(images)) == 1


def test_the_figure_shows_the_head_above_and_the_participants_left_on_the_right() -> None:
    early = np.zeros((40, 20, 20), np.float32)
    early[2:38, 4:16, 2:18] = 0.5
    early[34:37, 8:12, 8:12] = 10.0  # a brain
    early[20:24, 8:12, 14:17] = 10.0  # something on the participant's left
    images = ParticipantImages(participant="sub-01", spacing_millimetres=(10.0, 10.0, 10.0), early=early, delayed=early)
    (figure,) = draw_participant(images)
    with Image.open(io.BytesIO(figure.webp)) as picture:
        pixels = np.asarray(picture.convert("L"), dtype=float)
    assert (figure.height, figure.width) == pixels.shape
    first = pixels[90:, : figure.width // 4]
    rows, columns = np.nonzero(first < 30)
    top = columns[rows < rows.min() + 20]
    below = columns[rows > rows.min() + 120]
    assert below.min() > top.max() - 15


def test_a_prediction_that_is_the_early_image_is_not_drawn_twice(make_images: MakeImages) -> None:
    images = make_images(predictions=("identity", "pix2pix"))
    images = replace(images, predictions=dict(images.predictions) | {"identity": images.early.copy()})
    (figure,) = draw_participant(images)
    assert "pix2pix" in figure.description
    assert "identity" not in figure.description


def test_the_error_scale_goes_from_white_and_only_gets_darker() -> None:
    lightness = rgb2lab(error_colours()(np.linspace(0, 1, 256))[None, :, :3])[0, :, 0]
    assert lightness[0] > 99.9
    assert np.all(np.diff(lightness) < 1e-6)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (formatting.number(-0.104, 2), "−0.10"),
        (formatting.number(0.0, 2, sign=True), "0.00"),
        (formatting.number(-0.0004, 3, sign=True), "0.000"),
        (formatting.number(1234.5, 1, sign=True), "+1,234.5"),
        (formatting.number(float("inf"), 2), "∞"),
        (formatting.number(None, 2), "–"),
        (formatting.duration(0.0042), "4 ms"),
        (formatting.duration(0.4123), "0.41 s"),
        (formatting.duration(9.97), "10 s"),
        (formatting.duration(59.7), "1 min"),
        (formatting.duration(125), "2 min 5 s"),
        (formatting.duration(12_000), "3 h 20 min"),
        (formatting.count(41_820_000), "41.8 M"),
        (formatting.count(3_412_000), "3.41 M"),
        (formatting.count(0), "0"),
        (formatting.budget("images=48000"), "48,000 images"),
        (formatting.budget("seconds=120"), "2 min"),
        (formatting.budget("images=0"), "no training budget"),
        (formatting.budget("whatever"), "whatever"),
        (formatting.rate(412.3), "412"),
    ],
)
def test_numbers_are_written_as_people_write_them(written: str, expected: str) -> None:
    assert written == expected
