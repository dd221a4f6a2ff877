"""A logarithmic axis has labels where its values lie, whatever they are, on the site and in figures."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from bokeh.document import Document
from bokeh.models import FixedTicker, LogAxis, Range1d
from matplotlib.figure import Figure

from petbench_leaderboard.report.log_axis import FEWEST, MOST, log_ends, log_ticks, set_log_axis
from petbench_leaderboard.report.site import charts
from petbench_leaderboard.report.training_figure import draw_training

if TYPE_CHECKING:
    from collections.abc import Sequence

RANDOM = np.random.default_rng(7)
RANGES = [
    (low, low * ratio)
    for ratio in (1.0, 1.0001, 1.003, 1.02, 1.1, 1.3, 1.9, 2.0, 3.0, 5.0, 8.0, 9.99, 10.0, 30.0, 1e2, 1e3, 1e5, 1e12)
    for low in (*RANDOM.uniform(-6.0, 5.0, 6), -3.0, 0.0, 2.0)
    for low in (10.0**low,)
]


@pytest.mark.parametrize(("low", "high"), RANGES)
def test_every_axis_has_at_least_three_labels_within_it_and_not_too_many(low: float, high: float) -> None:
    ends = log_ends([low, high])
    assert ends[0] < low
    assert ends[1] > high
    ticks = log_ticks(*ends)
    assert FEWEST <= len(ticks) <= MOST
    assert ticks == sorted(set(ticks))
    assert ends[0] * (1 - 1e-9) <= ticks[0]
    assert ticks[-1] <= ends[1] * (1 + 1e-9)
    written = [f"{tick:,.12g}" for tick in ticks]
    assert len(set(written)) == len(ticks)  # told apart by what is written


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (1.0, 1000.0, [1.0, 10.0, 100.0, 1000.0]),
        (0.2, 5.0, [0.3, 1.0, 3.0]),
        (12.0, 90.0, [15.0, 20.0, 30.0, 40.0, 50.0, 70.0]),
        (30.0, 32.0, [30.0, 31.0, 32.0]),
    ],
)
def test_labels_are_the_roundest_numbers_that_there_are(low: float, high: float, expected: list[float]) -> None:
    assert log_ticks(low, high) == expected


def read(item: dict[str, Any], kind: type) -> list[Any]:
    document = Document.from_json(json.loads(json.dumps(item["doc"], allow_nan=False)))
    return list(document.select({"type": kind}))


def shown_on_the_site(item: dict[str, Any]) -> tuple[Sequence[float], float, float]:
    """Return the labels of the one logarithmic axis of a chart, and where it ends."""
    (axis,) = read(item, LogAxis)
    assert isinstance(axis.ticker, FixedTicker)
    ends = [(each.start, each.end) for each in read(item, Range1d)]
    low, high = next(pair for pair in ends if all(pair[0] <= tick <= pair[1] for tick in axis.ticker.ticks))
    return list(axis.ticker.ticks), low, high


@pytest.mark.parametrize("seconds", [(58.0, 61.0), (12.0, 90.0), (0.004, 0.006), (30.0,), (1.0, 40_000.0)])
def test_the_chart_of_quality_against_time_has_them(seconds: tuple[float, ...]) -> None:
    points = [{"x": x, "y": 30.0 + place, "name": "m", "detail": "", "front": True} for place, x in enumerate(seconds)]
    ticks, low, high = shown_on_the_site(charts.pareto(points, {}, "training, seconds", "PSNR", 2))
    assert len(ticks) >= FEWEST
    assert low < min(seconds) <= max(seconds) < high


@pytest.mark.parametrize("values", [(0.2, 5.0), (3.0, 90.0), (1e-4, 40.0)])
def test_curves_have_them_filled_anew_for_each_run(values: tuple[float, ...]) -> None:
    item = charts.curves({"loss": ([1.0, 2.0], list(values))}, "value", "Losses")
    ticks, low, high = shown_on_the_site(item)
    assert ticks == log_ticks(*log_ends(values))
    assert (low, high) == pytest.approx(log_ends(values))


@pytest.mark.parametrize("which", ["x", "y"])
@pytest.mark.parametrize("values", [(30.0, 32.0), (0.2, 5.0), (7.0,), (1.0, 5e6)])
def test_a_figure_has_them(which: Any, values: tuple[float, ...]) -> None:
    axes = Figure().subplots()
    axes.plot(*((values, [1.0] * len(values)) if which == "x" else ([1.0] * len(values), values)))
    set_log_axis(axes, which, values)
    axis = axes.xaxis if which == "x" else axes.yaxis
    low, high = axes.get_xlim() if which == "x" else axes.get_ylim()
    labels = [label.get_text() for label in axis.get_ticklabels()]
    assert len(set(filter(None, labels))) >= FEWEST
    assert all(low <= tick <= high for tick in axis.get_ticklocs())
    assert low < min(values) <= max(values) < high
    assert not axis.get_minor_locator()()  # a label in between would be none of these


def test_the_curves_of_a_training_are_on_a_logarithmic_axis_only_where_they_differ_much() -> None:
    far = draw_training({"l1": ([1.0, 2.0], [30.0, 0.5])}, "losses", "run 1")
    near = draw_training({"l1": ([1.0, 2.0], [3.0, 2.5]), "gan": ([1.0, 2.0], [2.0, 2.1])}, "losses", "run 1")
    assert [figure.axes[0].get_yscale() for figure in (far, near)] == ["log", "linear"]
    (line,) = far.axes[0].get_lines()
    assert np.asarray(line.get_xydata()).tolist() == [[1.0, 30.0], [2.0, 0.5]]
    assert [line.get_label() for line in near.axes[0].get_lines()] == ["l1", "gan"]
    assert np.asarray(near.axes[0].get_lines()[1].get_xydata())[1, 1] == 2.1
