"""What the harness keeps for one training: budget, stop, log, progress and checkpoints."""

from __future__ import annotations

import time
from collections.abc import Mapping
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any

from petbench.errors import PluginError, plain_line
from petbench.training.checkpoint import CheckpointFolder
from petbench.training.clock import TrainingClock
from petbench.training.kept_values import refuse_unreadable
from petbench.training.training_log import HARNESS_EVENTS, TrainingLog, gan_shares
from petbench_datasets.progress import Progress, silent

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import torch

    from petbench.contract import Budget
    from petbench.engine_settings import EngineSettings

CHECKPOINT_SECONDS = 60.0
"""A checkpoint is due this long after the last."""

LARGEST_COUNT = 2**62
"""Of images: the leaderboard holds no more."""

LOG_SECONDS = 2.0
PROGRESS_SECONDS = 0.2


def _never() -> bool:
    return False


def _count(images: object) -> int:
    """Return a number of images as Python's own, whichever library counted it."""
    if isinstance(images, Integral) and not isinstance(images, bool) and 0 <= int(images) <= LARGEST_COUNT:
        return int(images)
    raise PluginError(f"{plain_line(repr(images), 60)} is no number of images; count whole ones, 0 to 2**62")


def read_losses(losses: object) -> dict[str, float]:
    """Return what a method gives as its losses.

    Raises:
        PluginError: they are not given by a function, or it does not return numbers by name.
    """
    if not callable(losses):
        raise PluginError(
            f"advance(images, losses) was given {type(losses).__name__} for losses; give a function that returns them, "
            'such as lambda: {"l1": loss.item()}'
        )
    values = losses()
    if not isinstance(values, Mapping):
        raise PluginError(f"losses() returned {type(values).__name__}; it returns a dictionary of numbers by name")
    for name, value in values.items():
        if isinstance(value, bool) or not isinstance(value, Real):
            raise PluginError(f"the loss {plain_line(str(name), 60)!r} is {type(value).__name__}; it is a number")
    return {str(name): float(value) for name, value in values.items()}


class TrainingContext:
    """Implements `petbench.contract.RunContext` for one `fit`, over any number of kills and resumes.

    Args:
        seed: of the run.
        budget: images or seconds; counted over all resumed parts.
        device: to train on.
        folder: the method's own; holds `log.jsonl` and `checkpoints/`.
        engine: how the engine runs.
        progress: shows the images (or seconds) done.
        checkpoint_seconds: a checkpoint is due this long after the last.
        asked_to_stop: whether somebody asks to stop, who cannot call `request_stop`.
        clock: the harness's, which stands still where it validates; None for one of its own.
        harness_validates: whether it is the harness that trains and validates; nobody else logs a validation.

    Attributes:
        images_seen: over all resumed parts.
        images_at_start: seen before this part.
    """

    def __init__(
        self,
        *,
        seed: int,
        budget: Budget,
        device: torch.device,
        folder: Path,
        engine: EngineSettings,
        progress: Progress = silent,
        checkpoint_seconds: float = CHECKPOINT_SECONDS,
        clock: TrainingClock | None = None,
        harness_validates: bool = True,
        asked_to_stop: Callable[[], bool] = _never,
    ) -> None:
        self.seed = seed
        self.budget = budget
        self.device = device
        self.folder = folder
        self.engine = engine
        self.images_seen = 0
        self.checkpoints = CheckpointFolder(folder / "checkpoints")
        self._log = TrainingLog(folder)
        self._progress = progress
        self._checkpoint_seconds = checkpoint_seconds
        self._stop_requested = False
        self._reserved = frozenset[str]() if harness_validates else HARNESS_EVENTS
        self._asked_to_stop = asked_to_stop
        self._clock = clock or TrainingClock()
        self._last_progress = self._last_checkpoint = time.monotonic()
        self._last_log = self._clock.seconds
        self._images_logged = 0
        self.images_at_start = 0
        self._description = "train"

    @property
    def seconds_spent(self) -> float:
        """Seconds of training, over all resumed parts; validation and checkpoints are not counted."""
        return self._clock.total

    @property
    def fraction(self) -> float:
        """The part of the budget that is spent, 0 to 1; stays 0 for a method that has none."""
        if self.budget.is_none:
            return 0.0
        if self.budget.images is not None:
            return min(1.0, self.images_seen / self.budget.images)
        assert self.budget.seconds is not None, "a budget is images or seconds"
        return min(1.0, self.seconds_spent / self.budget.seconds)

    @property
    def interrupted(self) -> bool:
        """Whether the user asked to stop before the budget was spent."""
        return self._stopping() and self.fraction < 1.0

    def request_stop(self) -> None:
        """Ask training to end after the step under way; safe in a signal handler."""
        self._stop_requested = True

    def should_stop(self) -> bool:
        """Return whether the budget is spent or the user asked to stop."""
        return self._stopping() or self.fraction >= 1.0

    def _stopping(self) -> bool:
        self._stop_requested = self._stop_requested or self._asked_to_stop()
        return self._stop_requested

    def advance(self, images: int, losses: Callable[[], Mapping[str, float]]) -> None:
        """Count `images` more; read, log and show the losses when that is due.

        Raises:
            PluginError: it is no number of images.
        """
        images = _count(self.images_seen + _count(images)) - self.images_seen
        if self.images_seen == self.images_at_start:
            self._clock.warmed_up(images)
        self.images_seen += images
        trained, now = self._clock.seconds, time.monotonic()
        if trained - self._last_log >= LOG_SECONDS or self.fraction >= 1.0:
            values = read_losses(losses)
            rate = (self.images_seen - self._images_logged) / max(trained - self._last_log, 1e-9)
            self.log("step", {"images_per_second": rate, "losses": values, "gan_share": gan_shares(values)})
            shown = " ".join(f"{name.rpartition('/')[2]} {value:.3g}" for name, value in list(values.items())[:3])
            self._description = f"train · {rate:.0f} images/s · {shown}"
            self._last_log, self._images_logged = trained, self.images_seen
        if not self.budget.is_none and (now - self._last_progress >= PROGRESS_SECONDS or self.fraction >= 1.0):
            total = self.budget.images if self.budget.images is not None else self.budget.seconds
            assert total is not None, "a budget is images or seconds"
            self._progress(self._description, self.fraction * total, total)
            self._last_progress = now

    def set_images_seen(self, images: int, *, at_start: int = 0) -> None:
        """Record how many images were seen, by a method that counts them elsewhere.

        Raises:
            PluginError: it is no number of images.
        """
        self.images_seen, self.images_at_start = _count(images), _count(at_start)

    def log(self, event: str, values: Mapping[str, object]) -> None:
        """Append one line of JSON to `log.jsonl`.

        Raises:
            PluginError: a method that the harness does not validate says that it was validated.
        """
        if not isinstance(values, Mapping):
            raise PluginError(f"log({event!r}, ...) was given {type(values).__name__}; it takes a dictionary")
        if event in self._reserved:
            raise PluginError(f"a method logged {event!r}, which only the harness does; give the event another name")
        times = {"seconds": round(self._clock.total, 3), "wall_seconds": round(self._clock.wall, 3)}
        self._log.append(event, {"images": self.images_seen, **times, **values})

    def checkpoint(self, state: Callable[[], Mapping[str, object]], *, force: bool = False) -> None:
        """Write a checkpoint of `state()` if one is due; with `force`, now, and wait until it is on disk.

        Raises:
            PluginError: it is no function, or what it returns could not be read back.
        """
        if force or time.monotonic() - self._last_checkpoint >= self._checkpoint_seconds:
            if not callable(state):
                raise PluginError(
                    f"checkpoint() was given {type(state).__name__}; give a function that returns the state"
                )
            kept = state()  # the method's own work: the clock goes on
            refuse_unreadable(kept, "the state given to checkpoint", bytes_too=True)  # not first when it is resumed
            with self._clock.standing_still("checkpoint"):
                whole = {"images": self.images_seen, "seconds": self._clock.total, "wall": self._clock.wall}
                self.checkpoints.save(self.images_seen, whole | {"method": kept})
                if force:
                    self.checkpoints.wait()
            self._last_checkpoint = time.monotonic()

    def resume_state(self) -> Mapping[str, Any] | None:
        """Return the state of the newest whole checkpoint, and count on from where it was written."""
        whole = self.checkpoints.newest()
        if whole is None:
            self._log.delete()
            return None
        self.images_seen = self._images_logged = self.images_at_start = int(whole["images"])
        self._clock.before = float(whole["seconds"])
        self._clock.wall_before = float(whole["wall"])
        self._log.cut(self.images_seen)
        state: Mapping[str, Any] = whole["method"]
        return state
