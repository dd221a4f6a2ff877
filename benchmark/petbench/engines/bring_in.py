"""Bring in what a node has made of a run: its row, under its uid, as often as one likes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from petbench.engines.row_file import read_row
from petbench.errors import DataError

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
    run = _left(cell, leaderboard) if read else None
    if run is not None:
        leaderboard.adopt_run(run)
    if ending:
        leaderboard.update(cell.run_id, **ending)
    if cell.folder.plan() != cell.plan:  # a node that has the dataset elsewhere noted where
        cell.plan.save(cell.folder.plan_file)
    cell.renote(is_active=False)
    return leaderboard.run(cell.run_id)


def bring_in_scores(cell: Cell, leaderboard: Leaderboard) -> RunRow:
    """Take over the scores of a run that was scored again, and note that no job scores it any more; return its row.

    Raises:
        PetbenchError: there are none, and why; or the run is not there any more. The run keeps the scores it has.
    """
    cell.renote(is_active=False)
    run = _left(cell, leaderboard)
    if run is None:
        raise DataError("its job has left no scores")
    if run.run.status != "ok":
        raise DataError(run.run.error_message or "it could not be scored")
    leaderboard.adopt_run(run)
    return leaderboard.run(cell.run_id)


def _left(cell: Cell, leaderboard: Leaderboard) -> ExportedRun | None:
    """Return what a node has left of a run; None where it has left nothing.

    Raises:
        DataError: it is damaged, or another run's.
    """
    run = read_row(cell.folder.row_file)
    if run is not None:
        row = leaderboard.run(cell.run_id)
        if (run.run.uid, run.run.identity) != (row.uid, row.identity):
            raise DataError(f"{cell.folder.row_file} is of another run: remove it, and repeat the command")
    return run
