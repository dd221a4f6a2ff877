"""What a method's process says of how its training went, or of what ended it."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING

from petbench.authors_line import authors_line
from petbench.methods.program.protocol import ClockReading
from petbench.processes.ending import ending_of
from petbench.runs.method_process import messages
from petbench.training.clock import synchronize

if TYPE_CHECKING:
    from petbench.runs.method_process.messages import Task
    from petbench.training.clock import TrainingClock
    from petbench.training.context import TrainingContext


def cost(run: TrainingContext, clock: TrainingClock, *, failed: bool = False) -> messages.Trained:
    """Return what a training has cost, once the device has done all that was asked of it."""
    synchronize()
    return messages.Trained(
        images_seen=run.images_seen,
        images_at_start=run.images_at_start,
        interrupted=run.interrupted,
        failed=failed,
        clock=ClockReading(
            before=clock.before,
            wall_before=clock.wall_before,
            steps=max(0.0, clock.seconds - clock.warm_up),
            stood_still=clock.stood_still,
            warm_up_images=clock.warm_up_images,
        ),
    )


def failure(error: BaseException, task: Task) -> messages.Failed:
    """Return what is said of an exception that ended the method of a task."""
    line = authors_line(error, {name.partition("/")[0].removesuffix(".py") for name in task.source_files})
    if isinstance(error, MemoryError):
        # What filled the memory hangs on the frames that the exception holds; the rest still has to be said.
        traceback.clear_frames(error.__traceback__)
    ending = ending_of(error, "method")
    message = ending.get("error_message") or ""
    try:
        trace = "".join(traceback.format_exception(error)).encode("utf-8", "backslashreplace").decode()[-100_000:]
    except Exception:  # it may hold objects that cannot be printed
        trace = "the traceback cannot be printed"
    return messages.Failed(
        status=ending["status"],
        error_class=ending.get("error_class") or type(error).__name__,
        message=f"{message} ({line})" if line and line not in message else message,
        fault=ending.get("fault") or "method",
        trace=trace,
    )
