"""Interactive charts, as JSON that Bokeh's script draws: no number is computed here."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from bokeh.embed import json_item
from bokeh.models import (
    BasicTickFormatter,
    ColumnDataSource,
    DataRange1d,
    FixedTicker,
    HoverTool,
    NumeralTickFormatter,
    Range1d,
)
from bokeh.models.annotations import Label, Legend, LegendItem, Span
from bokeh.plotting import figure

from petbench_leaderboard.report.formatting import line_labels, number
from petbench_leaderboard.report.log_axis import log_ends, log_ticks
from petbench_leaderboard.report.site.chart_forms import (
    ChartForm,
    list_place,
    number_place,
    numbers_place,
    text_place,
)
from petbench_leaderboard.report.training_series import is_wide

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bokeh.plotting import figure as Figure

    from petbench_leaderboard.report.site.chart_forms import Content

PALETTE = ("#1f77b4", "#d1651a", "#2a9d6e", "#b4458f", "#8a6fc4", "#9a7b1f", "#4d9fb0", "#c2504a")
"""Distinct for colour-blind readers, on light and on dark pages (after Okabe and Ito)."""

QUIET = "#80868e"
_NAMED_POINTS = 12
_SMALL = 0.01  # seconds of which two decimals say nothing
_UPRIGHT_NAMES = 8
_TOOLS = "pan,wheel_zoom,box_zoom,reset,save"
_FORMS = 256
"""Layouts that are kept: one for each kind of chart and metric."""


def new_chart(x: str, y: str, description: str, *, height: int = 320, **settings: Any) -> Figure:
    """Return an empty chart in the site's style; colours of axes and text are set by the page, light or dark."""
    chart = figure(
        height=height,
        sizing_mode="stretch_width",
        tools=_TOOLS,
        active_drag=None,
        toolbar_location="above",
        x_axis_label=x,
        y_axis_label=y,
        background_fill_color=None,
        border_fill_color=None,
        outline_line_color=None,
        name=description,
        **settings,
    )
    chart.toolbar.logo = None
    chart.toolbar.autohide = True
    chart.grid.grid_line_alpha = 0.25
    chart.axis.axis_label_text_font_style = "normal"
    chart.axis.minor_tick_line_color = None
    return chart


def pareto(
    points: Sequence[Mapping[str, Any]], lines: Mapping[str, float], x: str, y: str, decimals: int
) -> dict[str, Any]:
    """Return quality against time: points with `x`, `y`, `name`, `detail`, `front`; references as dashed lines."""
    logarithmic = all(point["x"] > 0 for point in points)
    ends = log_ends([point["x"] for point in points], margin=0.2) if points and logarithmic else None  # for the names
    x_range = Range1d(start=ends[0], end=ends[1]) if ends else DataRange1d(range_padding=0.2)
    kind = "log" if ends else "linear"
    chart = new_chart(x, y, "quality against time", height=380, x_axis_type=kind, x_range=x_range)
    for on_front, label in ((True, "on the front"), (False, "dominated")):
        some = [point for point in points if point["front"] is on_front]
        if some:
            source = ColumnDataSource({key: [point[key] for point in some] for key in ("x", "y", "name", "detail")})
            drawn = chart.scatter(
                "x", "y", source=source, size=11, legend_label=label, line_color=PALETTE[0], line_width=1.5,
                fill_color=PALETTE[0] if on_front else None, fill_alpha=0.85,
            )  # fmt: skip
            chart.add_tools(
                _hover(drawn, [("", "@name"), (y, _rounded("y", decimals)), (x, "@x{0.0}"), ("", "@detail")])
            )
    front = sorted((point for point in points if point["front"]), key=lambda point: point["x"])
    if len(front) > 1:
        chart.step(
            [p["x"] for p in front], [p["y"] for p in front], mode="after", line_color=PALETTE[0], line_alpha=0.4
        )
    for value in lines.values():
        chart.add_layout(Span(location=value, dimension="width", line_dash="dashed", line_color=PALETTE[1]))
    values = [*(point["y"] for point in points), *lines.values()]
    for text, value in line_labels(lines, max(values) - min(values)):
        chart.add_layout(
            Label(x=8, y=value, x_units="screen", text=text, text_color=PALETTE[1], text_font_size="12px", y_offset=2)
        )
    low, high = _all_shown(values)
    chart.y_range = Range1d(start=low, end=high)
    chart.xaxis.formatter = NumeralTickFormatter(format="0,0.[00]")
    if ends:
        chart.xaxis.ticker = FixedTicker(ticks=log_ticks(*ends))
        if ends[0] < _SMALL:
            chart.xaxis.formatter = BasicTickFormatter()
    if 0 < len(points) <= _NAMED_POINTS:
        source = ColumnDataSource({key: [point[key] for point in points] for key in ("x", "y", "name")})
        chart.text(
            "x", "y", text="name", source=source, x_offset=9, y_offset=-5, text_font_size="12px", text_color=QUIET
        )
    if points:
        chart.add_layout(chart.legend[0], "above")
        chart.legend.orientation = "horizontal"
        chart.legend.margin = 0
    return dict(json_item(chart))


def curves(series: Mapping[str, tuple[Sequence[float], Sequence[float]]], y: str, description: str) -> dict[str, Any]:
    """Return curves over images seen, one a name; a click on the legend hides one."""
    everything = [value for _, values in series.values() for value in values]
    wide = is_wide(everything)
    content: dict[str, Content] = {}
    if wide:
        low, high = log_ends(everything)
        content |= {"low": low, "high": high, "ticks": log_ticks(low, high)}
    for place, (images, values) in enumerate(series.values()):
        content |= {f"images {place}": images, f"values {place}": values}
    return _curves(tuple(series), y, description, wide).filled(**content)


@lru_cache(maxsize=_FORMS)
def _curves(names: tuple[str, ...], y: str, description: str, wide: bool) -> ChartForm:
    ends: dict[str, Any] = {"y_range": Range1d(start=number_place("low"), end=number_place("high"))} if wide else {}
    chart = new_chart("images seen", y, description, y_axis_type="log" if wide else "linear", **ends)
    if wide:
        chart.yaxis.ticker = FixedTicker(ticks=numbers_place("ticks"))
        chart.yaxis.formatter = BasicTickFormatter()
    chart.xaxis.formatter = NumeralTickFormatter(format="0,0")
    items: list[LegendItem] = []
    for place, name in enumerate(names):
        colour = PALETTE[place % len(PALETTE)]
        source = ColumnDataSource({"x": list_place(f"images {place}"), "y": list_place(f"values {place}")})
        line = chart.line("x", "y", source=source, line_color=colour, line_width=1.8)
        dots = chart.scatter("x", "y", source=source, size=4, color=colour)
        chart.add_tools(_hover(dots, [("", name), ("images", "@x{0,0}"), (y, "@y{0.0000}")]))
        renderers: list[Any] = [line, dots]
        items.append(LegendItem(label=name, renderers=renderers))
    chart.add_layout(Legend(items=items, click_policy="hide", orientation="vertical"), "right")
    return ChartForm(chart)


def dots(
    names: Sequence[str], values: Sequence[float], others: Sequence[float | None], y: str, decimals: int
) -> dict[str, Any]:
    """Return one dot a participant, and the value of `identity` where it is known."""
    known = {name: value for name, value in zip(names, others, strict=True) if value is not None}
    form = _dots(y, decimals, bool(known), len(names) > _UPRIGHT_NAMES)
    return form.filled(names=names, values=values, known_names=list(known), known_values=list(known.values()))


@lru_cache(maxsize=_FORMS)
def _dots(y: str, decimals: int, known: bool, slanted: bool) -> ChartForm:
    chart = new_chart("", y, "every participant", x_range=list_place("names"), height=300)
    if known:
        source = ColumnDataSource({"x": list_place("known_names"), "y": list_place("known_values")})
        drawn = chart.scatter(
            "x", "y", source=source, size=9, line_color=QUIET, fill_color=None, legend_label="identity"
        )
        chart.add_tools(_hover(drawn, [("", "@x, identity"), (y, _rounded("y", decimals))]))
    source = ColumnDataSource({"x": list_place("names"), "y": list_place("values")})
    drawn = chart.scatter("x", "y", source=source, size=9, color=PALETTE[0], legend_label="this run")
    chart.add_tools(_hover(drawn, [("", "@x"), (y, _rounded("y", decimals))]))
    if slanted:
        chart.xaxis.major_label_orientation = 0.9
    return ChartForm(chart)


def organs(
    names: Sequence[str], values: Sequence[float], participants: Sequence[str], unit: str, decimals: int
) -> dict[str, Any]:
    """Return the error of each organ, one dot a participant, organs below each other."""
    order = list(dict.fromkeys(names))
    form = _organs(len(order), unit, decimals)
    return form.filled(order=order[::-1], names=names, values=values, participants=participants)


@lru_cache(maxsize=_FORMS)
def _organs(count: int, unit: str, decimals: int) -> ChartForm:
    chart = new_chart(f"difference, {unit}", "", "every organ", y_range=list_place("order"), height=90 + 19 * count)
    source = ColumnDataSource({"x": list_place("values"), "y": list_place("names"), "who": list_place("participants")})
    drawn = chart.scatter("x", "y", source=source, size=8, color=PALETTE[0], fill_alpha=0.6)
    chart.add_tools(_hover(drawn, [("", "@y, @who"), ("difference", f"{_rounded('x', decimals)} {unit}")]))
    chart.add_layout(Span(location=0.0, dimension="height", line_color=QUIET))
    chart.ygrid.grid_line_color = None
    return ChartForm(chart)


def bland_altman(
    points: Sequence[Mapping[str, Any]], mean: float, limits: tuple[float, float] | None, unit: str
) -> dict[str, Any]:
    """Return differences against means of real and predicted uptake, with the mean and the limits of agreement."""
    columns = {key: [point[key] for point in points] for key in ("x", "y", "organ", "who")}
    levels = [mean, *(limits or ())]
    low, high = _all_shown([*columns["y"], *levels])
    content: dict[str, Content] = {"right": float(max(columns["x"])), "low": low, "high": high}
    for place, (level, (name, _)) in enumerate(zip(levels, _LEVELS, strict=False)):
        content |= {f"l{place}": level, f"t{place}": f"{name} {number(level, 2)}"}
    return _bland_altman(len(levels), unit).filled(**columns, **content)


_LEVELS = (("mean", "solid"), ("1.96 standard deviations", "dashed"), ("1.96 standard deviations", "dashed"))


@lru_cache(maxsize=_FORMS)
def _bland_altman(levels: int, unit: str) -> ChartForm:
    chart = new_chart(f"mean of real and predicted, {unit}", f"predicted − real, {unit}", "agreement", height=360)
    source = ColumnDataSource({key: list_place(key) for key in ("x", "y", "organ", "who")})
    drawn = chart.scatter("x", "y", source=source, size=7, color=PALETTE[0], fill_alpha=0.55)
    chart.add_tools(_hover(drawn, [("", "@organ, @who"), ("mean", "@x{0.00}"), ("difference", "@y{0.00}")]))
    chart.y_range = Range1d(start=number_place("low"), end=number_place("high"))
    for place, (_, dash) in enumerate(_LEVELS[:levels]):
        level = number_place(f"l{place}")
        chart.add_layout(Span(location=level, dimension="width", line_dash=dash, line_color=PALETTE[1]))
        chart.add_layout(
            Label(x=number_place("right"), y=level, y_offset=2, text=text_place(f"t{place}"), text_align="right",
                  text_color=PALETTE[1], text_font_size="12px")
        )  # fmt: skip
    return ChartForm(chart)


def _all_shown(values: Sequence[float]) -> tuple[float, float]:
    """Return the ends of an axis that holds lines too: a library's own range minds only points."""
    margin = 0.08 * (max(values) - min(values) or 1.0)
    return min(values) - margin, max(values) + margin


def _rounded(field: str, decimals: int) -> str:
    """Return a field of a tip with so many decimals."""
    return f"@{field}{{0.{'0' * decimals}}}" if decimals else f"@{field}{{0}}"


def _hover(renderer: Any, tips: list[tuple[str, str]]) -> HoverTool:
    """Return a tip that shows texts as texts: Bokeh escapes what comes from a column."""
    return HoverTool(renderers=[renderer], tooltips=tips, visible=False)
