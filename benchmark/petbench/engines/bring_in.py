"""Bring in what a node has made of a run: its row, under its uid, as often as one likes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from petbench.engines.row_file import parse_row, read_row
from petbench.engines.scored import Scored
from petbench.errors import DataError
from petbench.evaluation.protocol import PROTOCOL

if TYPE_CHECKING:
    from petbench.engines.cells import Cell
    from petbench_leaderboard.exported_run import ExportedRun
    from petbench_leaderboard.records import RunRow
    from petbench_leaderboard.run_changes import RunChanges
    from petbench_leaderboard.store import Leaderboard


def bring_in(cell: Cell, leaderboard: Leaderboard, ending: RunChanges | None = None, *, read: bool = True) -> RunRow:
    """Take a run over from its folder, and note that no job makes it any more; return its row.

    Args:
        cell: the run.
        leaderboard: that has planned it.
        ending: what became of it, where its node could not say so.
        read: whether what the node left can be read.

    Raises:
        DataError: the file in the folder is damaged, or another run's.
    """
    run = read_row(cell.folder.row_file) if read else None
    if run is not None:
        leaderboard.adopt_run(_of(cell, run, leaderboard))
    if ending:
        leaderboard.update(cell.run_id, **ending)
    if cell.folder.plan() != cell.plan:  # a node that has the dataset elsewhere noted where
        cell.plan.save(cell.folder.plan_file)
    cell.renote(is_active=False)
    return leaderboard.run(cell.run_id)


def bring_in_scores(cell: Cell, leaderboard: Leaderboard) -> RunRow:
    """Store the new scores of a run, as if it was scored here, and note that no job scores it; return its row.

    Raises:
        PetbenchError: there are none, and why; or the run is not there any more. The run keeps the scores it has.
    """
    cell.renote(is_active=False)
    scored = Scored.load(cell.folder, cell.note.order)
    if scored is None or scored.refused:
        raise DataError("its job has left no scores" if scored is None else scored.refused)
    run = _of(cell, parse_row(scored.row.encode(), cell.folder.row_file), leaderboard)
    # What a job scores, it scores by the protocol of the machine that submits.
    scores, validation = (
        [score for score in all_of_them if score.protocol == PROTOCOL] for all_of_them in (run.scores, run.validation)
    )
    leaderboard.record_scores(cell.run_id, scores, protocol=PROTOCOL)
    leaderboard.record_validation_scores(cell.run_id, validation, protocol=PROTOCOL)
    changes: RunChanges = {
        "subgroups": run.run.subgroups,
        "validation_score": run.run.validation_score,
        "validation_metric": run.run.validation_metric,
        "validation_convention": run.run.validation_convention,
        "validation_history": run.run.validation_history,
        "error_message": None,
    }
    leaderboard.update(cell.run_id, **changes)
    return leaderboard.run(cell.run_id)


def _of(cell: Cell, run: ExportedRun, leaderboard: Leaderboard) -> ExportedRun:
    """Return what a node has left of a run.

    Raises:
        DataError: it is another run's.
    """
    row = leaderboard.run(cell.run_id)
    if (run.run.uid, run.run.identity) != (row.uid, row.identity):
        raise DataError(f"{cell.folder.row_file} is of another run: remove it, and repeat the command")
    return run
