"""How validation went while the converged runs trained: from their logs, as numbers and as a figure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from petbench.runs.site_sources import files_of
from petbench.runs.time_to_target import ERROR
from petbench_datasets.files import atomic_path
from petbench_leaderboard.report.formatting import line_labels

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from matplotlib.axes import Axes

    from petbench.home import Home
    from petbench.reproduce.results import Line
    from petbench_leaderboard.records import RunRow

_INCHES = (7.2, 3.4)
_COLOURS = ("#1f5f99", "#a8431c")
_QUIET = "#6b7078"
_DECADES = 4.0
"""Errors that differ by more are drawn on a logarithmic axis."""


@dataclass(frozen=True, slots=True)
class Curve:
    """One run's validation.

    Attributes:
        run: whose.
        images: seen before each validation.
        errors: mean absolute error in the body, SUV, of the mean validation participant.
        ended_by: `patience` or `budget`; empty where the log does not say.
    """

    run: RunRow
    images: tuple[int, ...]
    errors: tuple[float, ...]
    ended_by: str

    @property
    def best(self) -> int:
        """The place of the smallest error, whose weights predict."""
        return min(range(len(self.errors)), key=self.errors.__getitem__)


def read_curves(lines: Mapping[str, Line], home: Home) -> list[Curve]:
    """Return the validation of every run that ended well and whose log is here: method by method, seed by seed."""
    found = (_curve(run, home) for line in lines.values() for run in sorted(line.finished, key=lambda run: run.seed))
    return [curve for curve in found if curve.errors]


def final_errors(lines: Sequence[Line], home: Home) -> dict[str, float]:
    """Return the validation error of references, by their names, as far as their logs are here; of the first fold."""
    found = {}
    for line in lines:
        for run in line.finished[:1]:
            errors = [event[ERROR] for event in files_of(run, home).events if event.get("event") == "validated"]
            if errors:
                found[line.name] = float(errors[-1])
    return found


def write_curves(curves: Sequence[Curve], references: Mapping[str, float], path: Path) -> str:
    """Draw one line a run, methods in two colours, references as dashes, as SVG; return what is shown in words."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    from petbench_leaderboard.report.log_axis import set_log_axis
    from petbench_leaderboard.report.publication.figures import STYLE

    methods = list(dict.fromkeys(curve.run.method for curve in curves))
    with mpl.rc_context(STYLE), atomic_path(path) as temporary:
        figure = Figure(figsize=_INCHES, layout="constrained")
        axes = figure.subplots()
        for curve in curves:
            _draw(axes, curve, _COLOURS[methods.index(curve.run.method) % len(_COLOURS)])
        heights = [*references.values(), *(error for curve in curves for error in curve.errors)]
        if max(heights) > _DECADES * min(heights):
            set_log_axis(axes, "y", heights)
        for error in references.values():
            axes.axhline(error, color=_QUIET, linewidth=0.8, linestyle=(0, (4, 3)))
        for name, error in line_labels(references, max(heights) - min(heights)):
            axes.annotate(name, (1.0, error), xycoords=("axes fraction", "data"), ha="right", va="bottom", color=_QUIET)
        for place, method in enumerate(methods):
            axes.plot([], [], color=_COLOURS[place % len(_COLOURS)], label=method)
        axes.legend(frameon=False, loc="upper right")
        axes.set_xlabel("images seen in training")
        axes.set_ylabel("validation: mean absolute error, SUV")
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
        metadata: Any = {"Date": None}
        figure.savefig(temporary, format="svg", metadata=metadata)
    seeds = ", ".join(f"{method} {_seeds(curves, method)}" for method in methods)
    dashes = f"; dashed: {', '.join(references)}" if references else ""
    return f"Validation error against images seen, one line a run, a dot at the weights that predict: {seeds}{dashes}"


def _draw(axes: Axes, curve: Curve, colour: str) -> None:
    axes.plot(curve.images, curve.errors, color=colour, linewidth=0.9, alpha=0.75)
    best = curve.best
    axes.plot([curve.images[best]], [curve.errors[best]], "o", color=colour, markersize=3.5, markeredgewidth=0)


def _seeds(curves: Sequence[Curve], method: str) -> str:
    seeds = sorted({curve.run.seed for curve in curves if curve.run.method == method})
    return f"seed{'s' if len(seeds) > 1 else ''} {', '.join(map(str, seeds))}"


def _curve(run: RunRow, home: Home) -> Curve:
    events = files_of(run, home).events
    validations = [event for event in events if event.get("event") == "validation" and ERROR in event]
    ended = [str(event["ended_by"]) for event in events if event.get("event") == "selection" and "ended_by" in event]
    return Curve(
        run,
        tuple(int(event["images"]) for event in validations),
        tuple(float(event[ERROR]) for event in validations),
        ended[-1] if ended else "",
    )
