"""Charts are laid out once a kind and filled for every run; Bokeh itself reads back what a page is handed."""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING, Any

import pytest
from bokeh.document import Document
from bokeh.models import ColumnDataSource, FactorRange, Range1d
from bokeh.models.annotations import Label, Span

from petbench_leaderboard.report.site import charts
from petbench_leaderboard.report.site.chart_forms import ChartForm, list_place

if TYPE_CHECKING:
    from collections.abc import Callable

POINTS = [{"x": 1.0 + n, "y": 0.1 * n - 0.3, "organ": f"organ {n}", "who": f"sub-{n}"} for n in range(5)]


def _read(item: dict[str, Any], kind: type) -> list[Any]:
    document = Document.from_json(json.loads(json.dumps(item["doc"], allow_nan=False)))
    return list(document.select({"type": kind}))


def _columns(item: dict[str, Any]) -> list[dict[str, list[Any]]]:
    found = [dict(source.data) for source in _read(item, ColumnDataSource)]
    return sorted(({key: list(value) for key, value in data.items()} for data in found), key=repr)


def _dots(count: int) -> dict[str, Any]:
    names = [f"sub-{n}" for n in range(count)]
    return charts.dots(names, [30.0 + n for n in range(count)], [None, *(28.0 + n for n in range(1, count))], "PSNR", 2)


def test_dots_are_the_participants_and_those_of_identity_that_are_known() -> None:
    for count in (2, 3, 12, 3):  # the last as the second: a layout that was filled before holds nothing of that
        item = _dots(count)
        names = [f"sub-{n}" for n in range(count)]
        assert _columns(item) == [
            {"x": names, "y": [30.0 + n for n in range(count)]},
            {"x": names[1:], "y": [28.0 + n for n in range(1, count)]},
        ]
        (axis,) = _read(item, FactorRange)
        assert axis.factors == names


def test_without_identity_only_the_runs_own_dots_are_drawn() -> None:
    assert _columns(charts.dots(["sub-1"], [30.0], [None], "PSNR", 2)) == [{"x": ["sub-1"], "y": [30.0]}]


@pytest.mark.parametrize("names", [("generator",), ("generator", "critic"), ("x", "y", "z")])
def test_curves_are_the_series_of_the_log(names: tuple[str, ...]) -> None:
    series = {name: ([1.0, 2.0], [place + 0.5, place + 0.25]) for place, name in enumerate(names)}
    wanted = [{"x": images, "y": values} for images, values in series.values()]
    assert _columns(charts.curves(series, "value", "Losses")) == sorted(wanted, key=repr)


def test_organs_stand_below_each_other_with_every_participant() -> None:
    names, who = ["liver", "brain", "liver"], ["sub-1", "sub-1", "sub-2"]
    item = charts.organs(names, [0.1, -0.2, 0.3], who, "SUV", 2)
    assert _columns(item) == [{"x": [0.1, -0.2, 0.3], "y": names, "who": who}]
    (axis,) = _read(item, FactorRange)
    assert axis.factors == ["brain", "liver"]


@pytest.mark.parametrize("limits", [None, (-0.5, 0.25)])
def test_agreement_shows_its_points_the_mean_and_the_limits(limits: tuple[float, float] | None) -> None:
    item = charts.bland_altman(POINTS, -0.1, limits, "SUV")
    (columns,) = _columns(item)
    assert columns == {key: [point[key] for point in POINTS] for key in ("x", "y", "organ", "who")}
    levels = [-0.1, *(limits or ())]
    assert sorted(span.location for span in _read(item, Span)) == sorted(levels)
    labels = {(label.x, label.y, label.text) for label in _read(item, Label)}
    names = ["mean −0.10", "1.96 standard deviations −0.50", "1.96 standard deviations 0.25"]
    assert labels == {(5.0, level, name) for level, name in zip(levels, names, strict=False)}
    ends = [(axis.start, axis.end) for axis in _read(item, Range1d)]
    low, high = min(-0.3, *levels), max(0.1, *levels)
    assert ends == [pytest.approx((low - 0.08 * (high - low), high + 0.08 * (high - low)))]


@pytest.mark.parametrize(
    "draw",
    [
        lambda: _dots(3),
        lambda: charts.curves({"loss": ([1.0], [2.0])}, "value", "Losses"),
        lambda: charts.organs(["liver"], [0.1], ["sub-1"], "SUV", 2),
        lambda: charts.bland_altman(POINTS, 0.0, (-1.0, 1.0), "SUV"),
    ],
)
def test_two_charts_of_one_layout_on_a_page_share_no_part(draw: Callable[[], dict[str, Any]]) -> None:
    first, second = (set(_ids(draw())) for _ in range(2))
    assert first.isdisjoint(second)


def _ids(node: Any) -> list[str]:
    children = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    own = [node["id"]] if isinstance(node, dict) and "id" in node else []
    return own + list(itertools.chain.from_iterable(_ids(child) for child in children))


def test_a_place_that_is_given_nothing_is_an_error_and_not_a_chart() -> None:
    form = ChartForm(charts.new_chart("", "", "a chart", x_range=list_place("names")))
    with pytest.raises(KeyError, match="names"):
        form.filled(values=[1.0])
