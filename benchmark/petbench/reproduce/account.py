"""The finished comparison: its numbers, its page, and what a script may want of both."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from petbench.errors import UsageError
from petbench.reproduce import figure
from petbench.reproduce.page import FIGURE_NAME, Circumstances, write_page
from petbench.reproduce.paper import BETTER, OTHER, REFERENCES, REPORTED, REPORTED_GAP_DECIBELS
from petbench.reproduce.results import gather
from petbench.runs.reference_rows import PREDICTABLE, REPEAT_SCAN
from petbench.runs.site_sources import files_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from petbench.home import Home
    from petbench.reproduce.experiment import Experiment
    from petbench.reproduce.results import Line, Results
    from petbench_leaderboard.records import RunRow
    from petbench_leaderboard.store import Leaderboard

MADE = (PREDICTABLE, REPEAT_SCAN)
"""The references that the harness makes itself."""

ORDER = (*REFERENCES, OTHER, BETTER, *MADE)
"""The lines of Table 2."""


def give_account(
    experiment: Experiment,
    rows: Sequence[RunRow],
    missing: Mapping[str, str],
    command: str,
    home: Home,
    leaderboard: Leaderboard,
    folder: Path,
) -> dict[str, Any]:
    """Write page and figure into `folder` and return the results as JSON values.

    Args:
        experiment: what was asked for.
        rows: all runs, those of the references that the harness makes included.
        missing: why there are no rows of some of `MADE`, by their names.
        command: what was typed.
        home: where run folders are.
        leaderboard: where scores and phases are.
        folder: of the page.
    """
    results = gather(rows, ORDER, leaderboard)
    participant: str | None
    try:
        participant, shown = figure.write_figure(results, home, folder / FIGURE_NAME)
    except UsageError as elsewhere:  # rows that were merged from another leaderboard have no images here
        participant, shown = None, str(elsewhere)
    circumstances = Circumstances(
        experiment=experiment,
        command=command,
        seconds={row.id: sum(phase.seconds for phase in leaderboard.phases(row.id)) for row in rows},
        slices=_training_slices(results.line(BETTER).runs[0], home),
        missing=missing,
        participant=participant,
        shown=shown,
    )
    page = write_page(results, circumstances, folder)
    return _facts(results, circumstances) | {"page": str(page)}


def _training_slices(run: RunRow, home: Home) -> int | None:
    """Return how many foreground slices a run was trained on, as its log says."""
    events = files_of(run, home).events
    return next((int(event["slices"]) for event in events if event.get("event") == "data"), None)


def _facts(results: Results, circumstances: Circumstances) -> dict[str, Any]:
    experiment = circumstances.experiment
    run = results.line(BETTER).runs[0]
    return {
        "dataset": run.dataset,
        "fingerprint": run.fingerprint,
        "split": run.split,
        "participants": list(results.participants),
        "profile": experiment.profile.name,
        "budget": run.budget,
        "device": run.device,
        "seeds": list(results.line(BETTER).seeds),
        "table": {line.name: _line(line) for line in results.lines},
        "gaps": [
            dataclasses.asdict(gap) | {"error_ratio": gap.error_ratio, "participants_ahead": gap.ahead}
            for gap in results.gaps
        ],
        "paper": {
            "methods": {name: dataclasses.asdict(reported) for name, reported in REPORTED.items()},
            "gap_decibels": REPORTED_GAP_DECIBELS,
        },
        **{name.replace("-", "_"): circumstances.missing.get(name, "scored") for name in MADE},
        "figure_participant": circumstances.participant,
        "seconds": sum(circumstances.seconds.values()),
    }


def _line(line: Line) -> dict[str, Any]:
    return {
        "runs": [run.id for run in line.runs],
        "scores": {
            metric: {
                "mean": cell.mean,
                "standard_deviation": cell.standard_deviation,
                "seed_standard_deviation": cell.seed_standard_deviation,
                "by_participant": dict(cell.values),
                "reason": cell.reason,
            }
            for metric, cell in line.cells.items()
        },
    }
