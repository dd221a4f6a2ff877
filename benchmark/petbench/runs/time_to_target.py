"""How long a run trained until it was as good, on the validation participants, as another run's final model."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from petbench.training.training_log import number_in, read_events
from petbench_leaderboard.statistics.time_to_target import seconds_to_target
from petbench_leaderboard.timing.outcomes import FIRST_PROTOCOL
from petbench_leaderboard.validation_history import ValidationHistory

if TYPE_CHECKING:
    from pathlib import Path

    from petbench.runs.folder import RunFolder
    from petbench_leaderboard.store import Leaderboard

_LOG = logging.getLogger("petbench")

ERROR = "mae_suv"
"""What both are compared by: the mean absolute error in the body, in SUV, of the mean validation participant."""


def validation_history(log: Path) -> list[tuple[float, float]]:
    """Return (seconds of training, mean absolute error in SUV) of each validation of a run's log, in their order."""
    found = [
        (number_in(line, "seconds"), number_in(line, ERROR))
        for line in read_events(log)
        if line["event"] == "validation"
    ]
    return [(seconds, error) for seconds, error in found if seconds is not None and error is not None]


def final_error(log: Path) -> float | None:
    """Return the mean absolute error in SUV of a run's final model; None where nobody validated."""
    found = [number_in(line, ERROR) for line in read_events(log) if line["event"] == "validated"]
    return next((error for error in reversed(found) if error is not None), None)


def record_history(leaderboard: Leaderboard, run_id: int, folder: RunFolder) -> None:
    """Store in a run's row what its log says of its validations.

    Nothing is stored of a run whose training was not seen here, since its log is somebody else's, of one that was
    clocked by the rules of an earlier protocol, or of one whose log tells no history, as a method can write it.

    Args:
        leaderboard: where the row is.
        run_id: the row's number.
        folder: of the run.
    """
    row = leaderboard.run(run_id)
    if row.protocol < FIRST_PROTOCOL or not row.trained_here:
        return
    points = validation_history(folder.losses)
    history = ValidationHistory(
        seconds=tuple(seconds for seconds, _ in points),
        mae_suv=tuple(error for _, error in points),
        final_mae_suv=final_error(folder.losses),
    )
    facts = history.to_json()
    try:
        ValidationHistory.from_json(facts)
    except ValueError as error:
        _LOG.warning("no validation history: %s", error)
        return
    leaderboard.update(run_id, validation_history=facts)


def seconds_to_reference(run: RunFolder, reference: RunFolder) -> float | None:
    """Return the seconds that a run trained until its validation error was first that of a reference's final model.

    Args:
        run: of a method that the harness validates while it trains.
        reference: of a method such as `kinetic`, on the same dataset, split and fold.

    Returns:
        None where it never was, or where one of the two has no validation.
    """
    target = final_error(reference.losses)
    return None if target is None else seconds_to_target(validation_history(run.losses), target)
