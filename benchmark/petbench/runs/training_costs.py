"""What a training cost, by the clock of the run's own process."""

from __future__ import annotations

from typing import TYPE_CHECKING

from petbench.errors import PluginError

if TYPE_CHECKING:
    from petbench.runs.method_process.messages import Trained
    from petbench.training.clock import TrainingClock
    from petbench_leaderboard.run_changes import RunChanges

TOLERANCE_SECONDS = 0.5
"""For two clocks of one machine that are not read at one moment."""


def take_over(clock: TrainingClock, trained: Trained, *, validates: bool) -> None:
    """Take into the run's clock when that in the method's process stood still, and no more than can be.

    Args:
        clock: of the run's process; it went on all the time.
        trained: what the method's process says.
        validates: whether the harness's loop trains, so that the clock stands still while it validates.

    Raises:
        PluginError: the clock there stood still longer than the training took.
    """
    reading = trained.clock
    stood_still = {part: seconds for part, seconds in reading.stood_still.items() if validates or part == "checkpoint"}
    passed = clock.seconds
    if sum(stood_still.values()) > passed + TOLERANCE_SECONDS:
        raise PluginError(
            f"the clock in the method's process stood still for {sum(stood_still.values()):.1f} s of "
            f"{passed:.1f} s: something there has changed it"
        )
    resumed = trained.images_at_start > 0 or reading.before > 0
    clock.take_over(
        before=reading.before if resumed else 0.0,
        wall_before=reading.wall_before if resumed else 0.0,
        steps=min(reading.steps, passed),
        stood_still=stood_still,
        warm_up_images=reading.warm_up_images,
    )


def training_costs(trained: Trained, clock: TrainingClock) -> RunChanges:
    """Return what training has cost so far. The rate is that of the steps after the first one of this part."""
    images = trained.images_seen - trained.images_at_start - clock.warm_up_images
    seconds = clock.seconds - clock.warm_up
    return {
        "images_seen": trained.images_seen,
        "train_seconds": clock.total,
        "images_per_second": images / seconds if images > 0 and seconds > 0 else None,
    }
