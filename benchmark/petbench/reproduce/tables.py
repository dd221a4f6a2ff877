"""The tables of the page, as Markdown; nothing is computed here."""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import fmean
from typing import TYPE_CHECKING

from petbench.reproduce.made_references import MADE
from petbench.reproduce.paper import METHODS, REPORTED, REPORTED_GAP_DECIBELS
from petbench.reproduce.profiles import RATES
from petbench.reproduce.results import FRECHET_DISTANCES, PSNR_CONVENTIONS
from petbench.reproduce.words import (
    NAMES,
    PAGE_ORDER,
    TITLES,
    between,
    markdown_table,
    seed_count,
    seeds_of,
    telling_decimals,
)
from petbench_leaderboard.report.columns import direction, heading, value
from petbench_leaderboard.report.formatting import MISSING, number

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from petbench.reproduce.contrast import Difference
    from petbench.reproduce.curves import Curve
    from petbench.reproduce.departure import Departure
    from petbench.reproduce.profiles import RunSet
    from petbench.reproduce.rates import Choice, Trial
    from petbench.reproduce.results import Line, Results
    from petbench_leaderboard.board import Cell, Column


@dataclass(slots=True)
class Notes:
    """Why cells are empty, each reason once, with the mark that stands in the cells."""

    marks: dict[str, str] = field(default_factory=dict)

    def mark(self, reason: str) -> str:
        """Return the mark of a reason."""
        return self.marks.setdefault(reason, f"({len(self.marks) + 1})")

    @property
    def lines(self) -> list[str]:
        """The notes below the table."""
        return [f"{mark} {reason}" for reason, mark in self.marks.items()]


def table_2(results: Results) -> tuple[str, list[str]]:
    """Return every line with its scores, and the notes below."""
    notes, columns = Notes(), [results.columns[metric] for metric in results.metrics]
    rows = []
    for title, line in _lines(results):
        rows.append([title, *(_cell(line.cells.get(column.metric), column, notes) for column in columns)])
    reasons = [f"No {heading(results.columns[metric])}: {reason}" for metric, reason in results.unscored.items()]
    return markdown_table(["", *map(heading, columns)], rows), [*notes.lines, *reasons]


def about_columns(results: Results) -> list[str]:
    """Say what each column of Table 2 is; of a distance, what it is between real slices: its scale."""
    found = []
    for metric in results.metrics:
        column = results.columns[metric]
        floors = [line.cells[metric].floor for _, line in _lines(results) if metric in line.cells]
        floor = next((one for one in floors if one is not None), None)
        line = f"{heading(column)}: {column.facts.summary}; {direction(column)}"
        if floor is not None:
            line += f"; between real slices of these and of other participants it is {value(column, floor)}"
        found.append(line)
    return found


def reported() -> str:
    """Return what the paper prints."""
    rows = [[f"`{name}`", f"{REPORTED[name].psnr_decibels:.2f}", f"{REPORTED[name].fid:g}"] for name in METHODS]
    return markdown_table(["the paper's Table 2", "PSNR, dB", "FID"], rows)


def differences(
    by_set: Mapping[RunSet, Sequence[Difference]], titles: Mapping[RunSet, str], *, paper: bool = True
) -> tuple[str, list[str]]:
    """Return first minus second with 95 % intervals, a column for each set of runs, and the notes below.

    Args:
        by_set: the differences.
        titles: what heads each column.
        paper: whether the paper's gap has a column.
    """
    notes = Notes()
    metrics = list(dict.fromkeys(one.column for of_set in by_set.values() for one in of_set if one.mean is not None))
    heads = ["", *(titles[name] for name in by_set), *(["the paper"] if paper else [])]
    rows = []
    for column in metrics:
        cells = [_difference(next(one for one in of_set if one.column == column), notes) for of_set in by_set.values()]
        gap = number(REPORTED_GAP_DECIBELS, 2, sign=True) if column.metric in PSNR_CONVENTIONS else MISSING
        rows.append([f"{heading(column)}; {direction(column)}", *cells, *([gap] if paper else [])])
    return markdown_table(heads, rows), notes.lines


def by_participant(
    metric: str | None,
    by_set: Mapping[RunSet, Sequence[Difference]],
    titles: Mapping[RunSet, str],
    participants: Sequence[str],
) -> str:
    """Return each participant's difference in one metric, a column for each set of runs; empty where there is none."""
    found = {
        name: next((one for one in of_set if one.column.metric == metric), None) for name, of_set in by_set.items()
    }
    shown = {name: one for name, one in found.items() if one is not None and one.by_participant}
    rows = [[who, *(number(one.by_participant[who], 2, sign=True) for one in shown.values())] for who in participants]
    ahead = ["pix2pix ahead", *(f"{one.ahead} of {len(participants)}" for one in shown.values())]
    return markdown_table(["", *(titles[name] for name in shown)], [*rows, ahead]) if shown else ""


def by_seed(results: Results) -> str:
    """Return each seed's mean in the metric that ranks, or what became of it, set by method; empty where nothing is."""
    metric = results.ranking
    lines = [(name, method, results.sets[name][method]) for name in PAGE_ORDER for method in METHODS]
    lines = [entry for entry in lines if entry[2].seeds or entry[2].failures]
    if not lines or metric is None:
        return ""
    seeds = sorted({seed for *_, line in lines for seed in (*line.seeds, *line.failures, *line.missing)})
    rows = []
    for name, method, line in lines:
        cell, cells = line.cells.get(metric), []
        for seed in seeds:
            scores = list(cell.by_seed.get(seed, {}).values()) if cell else []
            cells.append(number(fmean(scores), 2) if scores else line.failures.get(seed, MISSING))
        spread = (
            number(cell.seed_standard_deviation, 2) if cell and cell.seed_standard_deviation is not None else MISSING
        )
        rows.append([f"`{method}`, {TITLES[name]}", *cells, spread])
    return markdown_table(["", *(f"seed {seed}" for seed in seeds), "SD over seeds"], rows)


def rates(choices: Mapping[str, Choice]) -> str:
    """Return the validation score of each rate and method, the chosen ones in bold."""
    names = [trial.rate for trial in next(iter(choices.values())).trials]
    rows = [
        [f"{rate:g}", *(_trial(choice.trials[place], choice) for choice in choices.values())]
        for place, rate in enumerate(names)
    ]
    return markdown_table(["learning rate", *(NAMES[method] for method in choices)], rows)


def by_rate(results: Results) -> tuple[str, list[str]]:
    """Return what each rate scores on test participants, and on validation, and the notes below."""
    notes = Notes()
    wanted = [name for name in (results.ranking, "psnr_body_suv20", *FRECHET_DISTANCES) if name in results.metrics]
    columns = [results.columns[name] for name in dict.fromkeys(wanted)]
    rows = [
        [
            f"{rate:g}" if rate in RATES else f"*{rate:g}*",
            f"`{method}`",
            _validated(line),
            *(_cell(line.cells.get(column.metric), column, notes) for column in columns),
        ]
        for (rate, method), line in results.rates.items()
    ]
    return markdown_table(["learning rate", "", "validation", *map(heading, columns)], rows), notes.lines


def _validated(line: Line) -> str:
    scores = [run.validation_score for run in line.finished if run.validation_score is not None]
    return f"{fmean(scores):.3f}" if line.seeds and scores else MISSING


def convergence(curves: Sequence[Curve]) -> str:
    """Return how each converged run ended."""
    rows = [
        [
            f"`{curve.run.method}`",
            str(curve.run.fold),
            str(curve.run.seed),
            f"{curve.run.images_seen or 0:,}",
            f"{curve.images[curve.best]:,}",
            number(curve.errors[curve.best], 4),
            {"patience": "no more improvement", "budget": "**the budget was spent**"}.get(curve.ended_by, MISSING),
        ]
        for curve in curves
    ]
    heads = ["", "fold", "seed", "images seen", "images at the best", "its validation MAE, SUV", "ended by"]
    return markdown_table(heads, rows)


def departures(found: Mapping[tuple[RunSet, str], Departure]) -> str:
    """Return how far each method's images have left the early ones, set by set."""
    rows = [
        [
            f"`{method}`, {TITLES[name]}",
            seed_count(one.seeds),
            number(one.moved, 3),
            between(one.moved_interval, 3, sign=False),
            number(one.gain, 3, sign=True),
            between(one.gain_interval, 3),
        ]
        for (name, method), one in found.items()
    ]
    return markdown_table(["", "", "moved", "95 % interval", "gain of the fit", "95 % interval"], rows)


def _lines(results: Results) -> list[tuple[str, Line]]:
    """Return the lines of Table 2 with their titles, in its order."""
    references = [(f"`{line.name}`", line) for line in results.references]
    last = [entry for entry in references if entry[1].name in MADE]
    compared = [
        (f"`{method}`, {TITLES[name]}; {seeds_of(line)}", line)
        for name in PAGE_ORDER
        for method in reversed(METHODS)
        if (line := results.sets[name][method]).runs
    ]
    return [*(entry for entry in references if entry not in last), *compared, *last]


def _cell(cell: Cell | None, column: Column, notes: Notes) -> str:
    if cell is None or cell.mean is None:
        reason = cell.reason if cell and cell.reason else "not scored yet"
        return f"{MISSING} {notes.mark(reason)}"
    text = value(column, cell.mean)
    if cell.standard_deviation is not None:
        text += f" ± {value(column, cell.standard_deviation)}"
    elif cell.seed_standard_deviation is not None:
        text += f" (± {value(column, cell.seed_standard_deviation)} over seeds)"
    return f"{text} {notes.mark(UNDER_FLOOR)}" if cell.under_floor else text


UNDER_FLOOR = "under the distance between real slices of these and of other participants: such a value orders nothing"


def _difference(one: Difference, notes: Notes) -> str:
    if one.mean is None:
        return f"{MISSING} {notes.mark(one.reason)}"
    decimals = telling_decimals(one.interval, one.column.facts.decimals)
    text = number(one.mean, decimals, sign=True)
    text += f" ({between(one.interval, decimals)})" if one.interval else ""
    if one.verdict in ("ahead", "behind"):
        text = f"**{text}**"
    if one.reason:
        text += f" {notes.mark(one.reason)}"
    elif one.under_floor:
        text += f" {notes.mark(f'{one.under_floor[0]}: {UNDER_FLOOR}')}"
    return text


def _trial(trial: Trial, choice: Choice) -> str:
    if trial.score is None or choice.metric is None:
        return trial.state if trial.state != "missing" else "not run yet"
    text = number(trial.score, choice.metric.decimals + 1)
    return f"**{text}**" if trial.rate == choice.rate else text
