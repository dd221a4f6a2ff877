"""What runs score on their validation participants: stored, read and averaged here, by the metrics of the test scores.

They lie in a table of their own, which is named in this module, in `row_cells`' caller and in what is merged, and by
nothing that ranks, tests or draws: a test holds that. A run is chosen on them, and never praised for them.
"""

from __future__ import annotations

from collections import defaultdict
from statistics import fmean
from typing import TYPE_CHECKING

import sqlalchemy as sa

from petbench_leaderboard.board import Cell
from petbench_leaderboard.cells import make_cell
from petbench_leaderboard.records import FAILURES
from petbench_leaderboard.rows import in_batches
from petbench_leaderboard.run_groups import REGIONS, column_of
from petbench_leaderboard.schema import Run, ValidationMean, ValidationScore
from petbench_leaderboard.score_tables import add_missing_scores, read_scores, replace_scores

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from sqlalchemy.orm import Session

    from petbench_leaderboard.board import Column
    from petbench_leaderboard.records import RunRow
    from petbench_leaderboard.score_records import ScoreRecord, ScoreRow


def replace_validation(session: Session, run: Run, scores: Iterable[ScoreRecord], protocol: int | None) -> None:
    """Store a run's scores on validation in place of earlier ones; see `score_tables.replace_scores`."""
    replace_scores(session, ValidationScore, run, scores, protocol)


def add_validation(session: Session, run_id: int, scores: Sequence[ScoreRow]) -> bool:
    """Store what a run of another leaderboard scored on validation and is not here; return whether there was any."""
    return add_missing_scores(session, ValidationScore, run_id, scores)


def forget_validation(session: Session, run_id: int) -> None:
    """Remove a run's scores on validation."""
    session.execute(sa.delete(ValidationScore).where(ValidationScore.run_id == run_id))


def validation_of_runs(
    session: Session, run_ids: Iterable[int], *, regions: Sequence[str] | None = None, protocol: int | None = None
) -> Iterator[ScoreRow]:
    """Yield what some runs scored on validation, in a fixed order; of all regions and protocols, or of some."""
    wanted: list[sa.ColumnElement[bool]] = [] if regions is None else [ValidationScore.region.in_(regions)]
    wanted += [] if protocol is None else [ValidationScore.protocol == protocol]
    return read_scores(session, ValidationScore, run_ids, *wanted)


def participants_of(scores: Iterable[ScoreRecord]) -> tuple[str, ...]:
    """Return the participants that a run validated on: each has a score by every metric, or a reason why not."""
    return tuple(sorted({score.participant for score in scores if score.participant}))


def run_cells(scores: Iterable[ScoreRecord]) -> dict[Column, Cell]:
    """Return the means of one run on validation, by column, of the whole image; no participant is left out."""
    scores = list(scores)
    everyone = participants_of(scores)
    grouped: dict[Column, dict[str, ScoreRecord]] = defaultdict(dict)
    for score in scores:
        if score.region in REGIONS:
            grouped[column_of(score)][score.participant or "all"] = score
    return {column: make_cell({0: of_column}, (0,), everyone) for column, of_column in grouped.items()}


def row_cells(runs: Iterable[RunRow], scores: Iterable[ScoreRow]) -> dict[Column, Cell]:
    """Return the means of one row on validation, by column: each the mean over its runs, of which none is left out.

    Folds have validation participants of their own, so it is a mean over runs and not over participants.

    Args:
        runs: all of one row. The newest that ended well of each seed and fold counts, as on a board.
        scores: of these runs on validation, by one protocol.
    """
    runs = sorted(runs, key=lambda run: run.id)
    newest = {(run.seed, run.fold): run for run in runs if run.status == "ok"}
    failed = [run for run in runs if run.status in FAILURES and (run.seed, run.fold) not in newest]
    of_run: dict[int, list[ScoreRow]] = defaultdict(list)
    for score in scores:
        of_run[score.run_id].append(score)
    cells = {run.id: run_cells(of_run[run.id]) for run in newest.values()}
    columns = dict.fromkeys(column for of_one in cells.values() for column in of_one)
    if failed:
        why = f"seed {failed[-1].seed} {failed[-1].status}"
        return {column: Cell(mean=None, reason=why) for column in columns}
    return {column: _mean_over_runs(column, cells) for column in columns}


def _mean_over_runs(column: Column, cells: Mapping[int, Mapping[Column, Cell]]) -> Cell:
    means = []
    for run_id, of_run in cells.items():
        cell = of_run.get(column)
        if cell is None or cell.mean is None:
            why = "it has no such score" if cell is None else cell.reason
            return Cell(mean=None, reason=f"run {run_id}: {why}")
        means.append(cell.mean)
    return Cell(mean=fmean(means))


def refresh_validation_means(session: Session, run_groups: Sequence[str], runs: Iterable[RunRow]) -> None:
    """Compute again what conditions compare of some run groups, from all of their runs."""
    session.execute(sa.delete(ValidationMean).where(ValidationMean.run_group.in_(run_groups)))
    members: dict[str, list[RunRow]] = defaultdict(list)
    for run in runs:
        members[run.run_group].append(run)
    group_of = {run.id: group for group, of_group in members.items() for run in of_group}
    scores: dict[tuple[str, int], list[ScoreRow]] = defaultdict(list)
    for score in validation_of_runs(session, group_of, regions=REGIONS):
        scores[group_of[score.run_id], score.protocol].append(score)
    means = [
        {
            "run_group": group,
            "protocol": protocol,
            "metric": column.metric,
            "region": column.region,
            "convention_id": column.convention_id,
            "mean": cell.mean,
        }
        for (group, protocol), of_group in scores.items()
        for column, cell in row_cells(members[group], of_group).items()
    ]
    for some in in_batches(means):
        session.execute(sa.insert(ValidationMean), some)
