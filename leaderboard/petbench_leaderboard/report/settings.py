"""What stands on every row, in every output, beside its scores: budget, track, changed parameters, seeds, variants.

A score that does not say what it was allowed to cost, and how many tries it took, is half a score.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from petbench_leaderboard.records import FILE_CONTENT
from petbench_leaderboard.report import columns as written
from petbench_leaderboard.report import formatting
from petbench_leaderboard.tracks import TRACKS, has_known_budget, tracks_of
from petbench_leaderboard.tuning import Tuning

if TYPE_CHECKING:
    from petbench_leaderboard.board import Board, Column, Row
    from petbench_leaderboard.records import RunRow

_CHOSEN = {
    "only": "the only row of the method that covers all participants and seeds",
    "validation": "chosen on validation",
    "planned": "planned first, since validation does not tell the method's rows apart",
}


def place(row: Row) -> str:
    """Return what stands in front of a row: its rank, or why it has none."""
    if row.rank is not None:
        return str(row.rank)
    if row.role in written.ROLE_MARKS:
        return written.ROLE_MARKS[row.role]
    if not row.coverage.complete:
        return str(row.coverage)
    if not row.seed_coverage.complete:
        return f"{row.seed_coverage} seeds"
    return formatting.MISSING if row.competes else "variant"


def origin(row: Row) -> str:
    """Return whose row it is and what was checked of it: `self-reported, of rival-lab`; empty for one's own."""
    return origin_of(row.run)


def origin_of(run: RunRow) -> str:
    """Return the same of the runs of one row; of code that was trained again here also what kept it in."""
    if run.verification == "own":
        return ""
    isolation = run.isolation if run.verification == "reproduced" else None
    return ", ".join(filter(None, (run.verification, isolation, run.submitter and f"of {run.submitter}")))


def settings(row: Row) -> list[str]:
    """Return origin, preset, changed parameters, budget and track: `rescored, of mi-lab`, `small`, `width=8`, …."""
    return run_settings(row.run)


def run_settings(run: RunRow) -> list[str]:
    """Return the same of the runs of one row."""
    preset = run.preset if run.role == "competitor" or run.preset != "default" else ""
    stated = (
        origin_of(run),
        preset,
        *changed_parameters(run),
        inputs(run),
        views(run),
        budget(run),
        track(run),
        untested(run),
        tuning(run),
    )
    return [part for part in stated if part]


def tuning(run: RunRow) -> str:
    """Return how a search found its settings and what that cost: `tuned: 20 trials, …`; empty where none did."""
    found = Tuning.of(run.tuning)
    return "" if found is None else str(found)


def untested(run: RunRow) -> str:
    """Return that a run has no scores of test participants: `not tested`, `trial, not tested`; empty where it has."""
    return {"no-test": "not tested", "trial": "trial, not tested"}.get(run.purpose, "")


def validation(run: RunRow) -> str:
    """Return what a run scored on its validation participants, such as `psnr_body_suv20 31.421`; empty without."""
    return "" if run.validation_score is None else f"{run.validation_metric} {run.validation_score:.5g}"


def changed_parameters(run: RunRow) -> list[str]:
    """Return the parameters that differ from the preset's, such as `width=8`."""
    if run.changed_parameters is None:
        return ["changes not noted"] if run.parameters else []
    return [f"{name}={value(of_run)}" for name, of_run in run.changed_parameters.items()]


def inputs(run: RunRow) -> str:
    """Return what a method was given beside the early image, such as `with labels, weight`; empty for nothing."""
    return f"with {', '.join(sorted(run.inputs))}" if run.inputs else ""


def views(run: RunRow) -> str:
    """Return how many views of each scan a run averages: `4 views`; empty for the scan alone."""
    return f"{run.views} views" if run.views > 1 else ""


def budget(run: RunRow) -> str:
    """Return what a run could train: `40,000 images`; of another program nobody here knows."""
    return formatting.budget(run.budget) if has_known_budget(run) else "unknown budget"


def track(run: RunRow) -> str:
    """Return the track of the protocol that a run is within: `equal images`, `every track`, `no track`."""
    found = tracks_of(run)
    if len(found) == len(TRACKS):
        return "every track"
    return found[0].replace("-", " ") if found else "no track"


def seeds(row: Row, column: Column | None = None) -> str:
    """Return the seeds of a row's means, those that failed, and in a column how the seeds spread.

    Such as `one seed: 0`, or `seeds 0, 1 ± 0.12 (2 failed)`. References hardly depend on a seed: `seed 0`.
    """
    single = "one seed:" if row.role == "competitor" else "seed"
    text = f"{single if len(row.seeds) == 1 else 'seeds'} {', '.join(str(seed) for seed in row.seeds)}"
    spread = row.cells[column].seed_standard_deviation if column in row.cells and column else None
    if spread is not None and column is not None:
        text += f" ± {written.value(column, spread)}"
    return f"{text} ({', '.join(str(seed) for seed in row.failed_seeds)} failed)" if row.failed_seeds else text


SEED_SPREAD = "± behind seeds is the standard deviation of their means in the ranking metric"
"""For the notes of every output that has rows of several seeds."""


def seed_spread_note(board: Board) -> str:
    """Return what stands behind seeds; empty where no row has a spread of seeds."""
    column = board.ranked_by
    cells = [row.cells[column] for row in board.rows if column and column in row.cells]
    return SEED_SPREAD if any(cell.seed_standard_deviation is not None for cell in cells) else ""


def best_of(row: Row, column: Column | None) -> str:
    """Return what all rows of a method come to: `best of 8 rows 33.10`; empty where the method has but one."""
    if row.best_of is None:
        return ""
    mean = "" if column is None or row.best_of.mean is None else f" {written.value(column, row.best_of.mean)}"
    return f"best of {row.best_of.rows} rows{mean}"


def chosen(row: Row) -> str:
    """Return why a row competes, of a method with several rows; empty where there was no choice."""
    return _CHOSEN[row.chosen_by] if row.chosen_by and row.best_of else ""


ORIGINS = {
    "rescored": "rescored: sent by somebody else, scored here from the predictions",
    "reproduced": "reproduced: sent by somebody else, trained and scored here",
    "self-reported": "self-reported: nothing was checked here",
}
"""What the origins of rows mean; a row that names none is one's own."""


def origins_note(board: Board) -> str:
    """Return what the origins on a board mean; empty where every row is one's own."""
    there = {row.run.verification for row in board.rows}
    meant = [meaning for word, meaning in ORIGINS.items() if word in there]
    return f"{'; '.join(meant)}; rows that name no origin were made here" if meant else ""


def flagged_note(board: Board) -> str:
    """Return which rows of others score at or above the repeat scan; empty where none does."""
    found = ", ".join(
        dict.fromkeys(f"{row.run.method} ({origin(row)})" for row in board.rows if row.reaches_repeat_scan)
    )
    return found and f"scores at or above the repeat scan, as no prediction should: look at its images: {found}"


def named(row: Row) -> str:
    """Return the method with its origin, where a table has no settings: `pix2pix (self-reported, of rival-lab)`."""
    return named_run(row.run)


def named_run(run: RunRow) -> str:
    """Return the same of the runs of one row."""
    found = origin_of(run)
    return f"{run.method} ({found})" if found else run.method


def unranked(board: Board) -> str:
    """Return why no row of a board has a rank; empty where one can have."""
    if board.ranked_by is not None or not board.rows:
        return ""
    return "no rank: nothing here was scored by the metric that ranks; --metric names another"


def lost_seeds(board: Board) -> str:
    """Return which rows lost seeds, and so have no mean and no rank; empty where none did."""
    rows = [row for row in board.rows if row.failed_seeds]
    found = "; ".join(
        f"{row.run.method} {row.seed_coverage} seeds, failed {', '.join(map(str, row.failed_seeds))}" for row in rows
    )
    return found and f"a row that lost a seed has no mean and no rank: {found}"


def differing(board: Board) -> str:
    """Return in which rows runs differ that make one mean, and in what; empty where none do."""
    rows = [f"{row.run.method} ({'; '.join(row.differing)})" for row in board.rows if row.differing]
    return f"runs of one row differ in what is no part of their identity: {', '.join(rows)}" if rows else ""


def variants_note(board: Board) -> str:
    """Return what is to be said of variants, and which row of each method competes and why; empty without variants."""
    several = [row for row in board.rows if row.best_of]
    if not several:
        return ""
    why = "; ".join(f"{row.run.method}: {chosen(row)}" for row in several)
    return (
        "one row of a method competes; variants, its other rows, take no rank and enter no test. “Best of” is the best "
        f"mean of all the method's rows, chosen on the test participants. {why}"
    )


def value(value: object) -> str:
    """Write the value of a parameter; of a file the beginning of its hash."""
    if isinstance(value, str) and value.startswith(FILE_CONTENT):
        return f"file {value.removeprefix(FILE_CONTENT)[:8]}"
    return value if isinstance(value, str) else json.dumps(value)


def notes_on_rows(board: Board) -> list[str]:
    """Return what every output says under a board's rows, in order: empty where there is nothing to say."""
    notes = (origins_note, flagged_note, seed_spread_note, lost_seeds, differing, variants_note)
    return [note(board) or "" for note in notes]
