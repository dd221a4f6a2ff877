from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from scipy.integrate import quad

from petbench_datasets.bids.scan import read_scan
from petbench_datasets.dataset.framing import plan_window
from petbench_datasets.errors import DataError
from petbench_datasets.tasks.built_in import DEFAULT_TASK

if TYPE_CHECKING:
    from tests.datasets.conftest import DatasetWriter

HALF_LIFE = 6586.2
# Frame edges of a total-body protocol, in minutes: 21 and 42 and 63 min fall inside frames.
EDGES = np.array([4, 5, 6, 7, 8, 9, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30, 35, 40, 45, 50, 55, 60, 65, 70]) * 60.0


def uptake(seconds: float) -> float:
    """A slow decay-corrected SUV curve, as liver or blood has after the first minutes."""
    return float(1.8 * np.exp(-seconds / 900.0) + 2.4 * np.exp(-seconds / 6000.0))


def movie_of(writer: DatasetWriter, *, corrected: bool, reference: float = 0.0) -> dict[str, Any]:
    """Write what a scanner would store for `uptake` in every voxel, with a known pattern over the voxels."""
    per_suv = 250e6 / 70000.0
    pattern = writer.voxels(5) / 4000.0
    frames = []
    for start, stop in itertools.pairwise(EDGES):
        if corrected:
            mean = quad(uptake, start, stop)[0] / (stop - start) * 2 ** (-reference / HALF_LIFE)
        else:
            mean = quad(lambda t: uptake(t) * 2 ** (-t / HALF_LIFE), start, stop)[0] / (stop - start)
        frames.append(pattern * per_suv * mean)
    durations = np.diff(EDGES)
    writer.participants({"sub-01": 70})
    path = writer.image(
        "sub-01",
        "early",
        np.stack(frames),
        FrameTimesStart=EDGES[:-1].tolist(),
        FrameDuration=durations.tolist(),
        ImageDecayCorrected=corrected,
        ImageDecayCorrectionTime=reference,
    )
    return {"scan": read_scan(path), "pattern": pattern}


@pytest.mark.parametrize(("name", "start", "stop"), [("early", 420.0, 1260.0), ("delayed", 2520.0, 3780.0)])
@pytest.mark.parametrize("corrected", [True, False], ids=["corrected", "uncorrected"])
def test_frames_that_straddle_a_window_give_the_analytic_mean(
    writer: DatasetWriter, name: str, start: float, stop: float, corrected: bool
) -> None:
    made = movie_of(writer, corrected=corrected)
    plan = plan_window(name, [made["scan"]], "sub-01", DEFAULT_TASK)
    analytic = quad(uptake, start, stop)[0] / (stop - start)
    assert np.allclose(plan.image(), made["pattern"] * analytic, rtol=1e-3)
    assert plan.coverage == pytest.approx(1.0)


def test_a_constant_uptake_comes_back_exactly_whatever_the_frames(writer: DatasetWriter) -> None:
    per_suv = 250e6 / 70000.0
    writer.participants({"sub-01": 70})
    starts, durations = [400.0, 700.0, 1100.0], [300.0, 400.0, 500.0]
    decayed = [
        3.0 * per_suv * quad(lambda t: 2 ** (-t / HALF_LIFE), s, s + d)[0] / d
        for s, d in zip(starts, durations, strict=True)
    ]
    movie = np.stack([np.full(writer.grid.shape, value) for value in decayed])
    path = writer.image(
        "sub-01", "early", movie, FrameTimesStart=starts, FrameDuration=durations, ImageDecayCorrected=False
    )
    image = plan_window("early", [read_scan(path)], "sub-01", DEFAULT_TASK).image()
    assert np.allclose(image, 3.0, rtol=1e-6)


def test_frames_weigh_as_many_seconds_as_they_share_with_the_window(writer: DatasetWriter) -> None:
    writer.participants({"sub-01": 70})
    first, second = writer.voxels(1), writer.voxels(2)
    path = writer.image(
        "sub-01", "early", np.stack([first, second]), FrameTimesStart=[300, 900], FrameDuration=[600, 600]
    )
    plan = plan_window("early", [read_scan(path)], "sub-01", DEFAULT_TASK)
    expected = (first * 480 + second * 360) / 840 * 70000.0 / 250e6
    assert [use.seconds for use in plan.uses] == [480, 360]
    assert plan.effective_seconds == (300, 1500)
    assert np.allclose(plan.image(), expected, rtol=1e-6)


def test_static_images_that_follow_each_other_are_joined(writer: DatasetWriter) -> None:
    writer.participants({"sub-01": 70})
    first, second = writer.voxels(1), writer.voxels(2)
    one = writer.image("sub-01", "a", first, **timed(420, 420))
    # The second is corrected to its own start: SUV, not activity, is averaged.
    two = writer.image("sub-01", "b", second, **timed(840, 420), ImageDecayCorrectionTime=840)
    plan = plan_window("early", [read_scan(one), read_scan(two)], "sub-01", DEFAULT_TASK)
    expected = (first + second * 2 ** (840 / HALF_LIFE)) / 2 * 70000.0 / 250e6
    assert np.allclose(plan.image(), expected, rtol=1e-6)


def timed(start: float, duration: float) -> dict[str, Any]:
    return {"FrameTimesStart": [start], "FrameDuration": [duration]}


def test_four_fifths_of_a_window_are_enough_and_less_is_not(writer: DatasetWriter) -> None:
    writer.participants({"sub-01": 70})
    enough = read_scan(writer.image("sub-01", "a", writer.voxels(1), **timed(420, 680)))
    less = read_scan(writer.image("sub-01", "b", writer.voxels(1), **timed(420, 660)))
    assert plan_window("early", [enough], "sub-01", DEFAULT_TASK).coverage == pytest.approx(680 / 840)
    with pytest.raises(DataError, match=r"sub-01_trc-18FFDG_rec-b_pet\.nii\.gz covers 79% of the early window"):
        plan_window("early", [less], "sub-01", DEFAULT_TASK)


def test_an_image_far_longer_than_the_window_is_refused(writer: DatasetWriter) -> None:
    writer.participants({"sub-01": 70})
    scan = read_scan(writer.image("sub-01", "a", writer.voxels(1), **timed(0, 3600)))
    with pytest.raises(DataError, match="shorter frames"):
        plan_window("early", [scan], "sub-01", DEFAULT_TASK)


def test_a_window_that_nobody_measured_is_refused_with_what_there_is(writer: DatasetWriter) -> None:
    writer.participants({"sub-01": 70})
    scan = read_scan(writer.image("sub-01", "early", writer.voxels(1)))
    with pytest.raises(DataError, match=r"no delayed image .*rec-early_pet\.nii\.gz"):
        plan_window("delayed", [scan], "sub-01", DEFAULT_TASK)


def test_two_reconstructions_of_one_window_are_refused(writer: DatasetWriter) -> None:
    writer.participants({"sub-01": 70})
    scans = [read_scan(writer.image("sub-01", name, writer.voxels(1), **timed(420, 840))) for name in ("a", "b")]
    with pytest.raises(DataError, match="keep one"):
        plan_window("early", scans, "sub-01", DEFAULT_TASK)


def test_a_dynamic_scan_goes_before_a_static_image_of_part_of_the_window(writer: DatasetWriter) -> None:
    made = movie_of(writer, corrected=True)
    static = read_scan(writer.image("sub-01", "static", writer.voxels(1), **timed(3000, 1200)))
    plan = plan_window("delayed", [static, made["scan"]], "sub-01", DEFAULT_TASK)
    assert {use.scan for use in plan.uses} == {made["scan"]}
