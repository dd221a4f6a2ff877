"""The results as one page that people read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from petbench.reproduce import differences, runs_table
from petbench.reproduce.paper import BETTER, OTHER, REPORTED, REPORTED_GAP_DECIBELS
from petbench.reproduce.results import FRECHET_DISTANCES, PSNR_CONVENTIONS
from petbench.runs import reference_rows
from petbench_datasets.files import write_text
from petbench_leaderboard.report.columns import direction, heading, value
from petbench_leaderboard.report.formatting import MISSING, budget, counted, number
from petbench_leaderboard.statistics.intervals import FEWEST_PARTICIPANTS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from petbench.reproduce.experiment import Experiment
    from petbench.reproduce.results import Gap, Results
    from petbench_leaderboard.board import Cell, Column

FILE_NAME = "reproduction.md"
FIGURE_NAME = "figures/reproduction-figure-2.webp"

_COLUMNS = (*PSNR_CONVENTIONS, *FRECHET_DISTANCES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """What is on the page beside the results.

    Attributes:
        experiment: what was asked for.
        command: what was typed, in full.
        seconds: what each run took from its first phase to its last, by its number.
        slices: foreground training slices of a fold; None where no log has their number.
        missing: why references that the harness makes itself have no rows, by their names.
        participant: whom the figure shows; None where there is no figure.
        shown: the figure in words, or why there is none.
    """

    experiment: Experiment
    command: str
    seconds: Mapping[int, float]
    slices: int | None
    missing: Mapping[str, str]
    participant: str | None
    shown: str


def write_page(results: Results, circumstances: Circumstances, folder: Path) -> Path:
    """Write the page into `folder` and return its path."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("petbench.reproduce"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 - the page is Markdown
    )
    path = folder / FILE_NAME
    words = _words(results, circumstances)
    settings = differences.values(results, circumstances.experiment, circumstances.slices)
    words["differences"] = environment.get_template("differences.md.jinja").render(settings).strip()
    write_text(path, environment.get_template("reproduction.md.jinja").render(words))
    return path


def markdown_table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table."""
    cells = [[cell.replace("|", "\\|") for cell in row] for row in (heads, *rows)]
    return "\n".join("| " + " | ".join(row) + " |" for row in (cells[0], ["---"] * len(heads), *cells[1:]))


def _words(results: Results, circumstances: Circumstances) -> dict[str, Any]:
    """Return everything that the template asks for."""
    line = results.line(BETTER)
    run = line.runs[0]
    table_2, notes = _table_2(results)
    runs = sorted((run for each in results.lines for run in each.runs), key=lambda run: run.id)
    return {
        "dataset": run.dataset,
        "split": run.split,
        "full": circumstances.experiment.profile.name == "full",
        "cuda": str(run.device).startswith("cuda"),
        "budget": budget(run.budget),
        "seeds": counted(len(line.seeds), "seed"),
        "participants": counted(len(results.participants), "test participant"),
        "gaps": ", ".join(number(gap.mean, 2, sign=True) for gap in results.gaps),
        "reported_gap": number(REPORTED_GAP_DECIBELS, 1, sign=True),
        "distinguished": all(gap.distinguished for gap in results.gaps),
        "gain_better": _gain(results, BETTER),
        "gain_other": _gain(results, OTHER),
        "command": circumstances.command,
        "table_2": table_2,
        "columns": _columns(results),
        "predictable": reference_rows.PREDICTABLE,
        "repeat_scan": reference_rows.REPEAT_SCAN,
        "missing": circumstances.missing,
        "notes": notes,
        "gap_table": _gap_table(results),
        "few": len(results.participants) < FEWEST_PARTICIPANTS,
        "fewest": FEWEST_PARTICIPANTS,
        "least_p": f"{2.0 ** (1 - len(results.participants)):.2g}",
        "participant_table": _participant_table(results),
        "participant": circumstances.participant,
        "shown": circumstances.shown,
        "figure": FIGURE_NAME,
        "first_seed": line.seeds[0],
        "run_table": markdown_table(runs_table.HEADS, [runs_table.cells(run, circumstances.seconds) for run in runs]),
        **runs_table.facts(runs, circumstances.seconds),
    }


def _gain(results: Results, name: str) -> str:
    """Write a method's mean PSNR in the body over that of the early image, in dB."""
    ours, theirs = (results.line(each).cells[PSNR_CONVENTIONS[0]].mean for each in (name, "identity"))
    return MISSING if ours is None or theirs is None else number(ours - theirs, 2, sign=True)


def _table_2(results: Results) -> tuple[str, list[str]]:
    """Return the table, and why cells are empty."""
    metrics = [metric for metric in _COLUMNS if metric in results.columns]
    heads = ["", *(heading(results.columns[metric]) for metric in metrics), "the paper's PSNR, dB", "the paper's FID"]
    marks: dict[str, str] = {}
    rows = []
    for line in results.lines:
        cells = [_cell(line.cells.get(metric), results.columns[metric], marks) for metric in metrics]
        reported = REPORTED.get(line.name)
        printed = [f"{reported.psnr_decibels:.2f}", f"{reported.fid:g}"] if reported else [MISSING, MISSING]
        rows.append([f"`{line.name}`", *cells, *printed])
    return markdown_table(heads, rows), [f"{mark} {reason}" for reason, mark in marks.items()]


def _cell(cell: Cell | None, column: Column, marks: dict[str, str]) -> str:
    if cell is None or cell.mean is None:
        reason = cell.reason if cell and cell.reason else "was not scored"
        return f"{MISSING} {marks.setdefault(reason, f'({len(marks) + 1})')}"
    text = value(column, cell.mean)
    if cell.standard_deviation is not None:
        text += f" ± {value(column, cell.standard_deviation)}"
    if cell.seed_standard_deviation is not None:
        text += f" (± {value(column, cell.seed_standard_deviation)})"
    return text


def _columns(results: Results) -> list[str]:
    """Say what each column is; of a distance, what it is between real slices of other participants: its scale."""
    found = []
    for metric in _COLUMNS:
        if metric in results.columns:
            column = results.columns[metric]
            line = f"{heading(column)}: {column.facts.summary}; {direction(column)}"
            cell = results.line(BETTER).cells[metric]
            floor = cell.extra.get("floor")
            if cell.mean is not None and isinstance(floor, (int, float)):
                line += f"; between real slices of these and of other participants it is {value(column, floor)}"
            found.append(line)
    return found


def _gap_table(results: Results) -> str:
    gaps = results.gaps
    heads = ["dB", *(heading(results.columns[gap.metric]) for gap in gaps), "the paper"]
    paper, its_ratio = number(REPORTED_GAP_DECIBELS, 2, sign=True), f"{10 ** (REPORTED_GAP_DECIBELS / 20):.2f}"
    rows = [
        ["mean ± SD over participants", *map(_mean, gaps), paper],
        ["SD over seeds", *(number(gap.seed_standard_deviation, 2) for gap in gaps), MISSING],
        ["95 % interval", *map(_interval, gaps), MISSING],
        ["RMSE of CycleGAN over that of pix2pix", *(f"{gap.error_ratio:.2f}" for gap in gaps), its_ratio],
        ["participants with pix2pix ahead", *(f"{gap.ahead}/{len(gap.by_participant)}" for gap in gaps), MISSING],
        ["Wilcoxon's p", *(f"{gap.wilcoxon_p:.2g}" for gap in gaps), MISSING],
    ]
    return markdown_table(heads, rows)


def _participant_table(results: Results) -> str:
    heads = ["", *(heading(results.columns[gap.metric]) for gap in results.gaps)]
    gaps = results.gaps
    return markdown_table(
        heads,
        [[who, *(number(gap.by_participant[who], 2, sign=True) for gap in gaps)] for who in results.participants],
    )


def _mean(gap: Gap) -> str:
    text = number(gap.mean, 2, sign=True)
    return text if gap.standard_deviation is None else f"{text} ± {number(gap.standard_deviation, 2)}"


def _interval(gap: Gap) -> str:
    if gap.interval is None:
        return MISSING
    return f"{number(gap.interval.low, 2, sign=True)} to {number(gap.interval.high, 2, sign=True)}"
