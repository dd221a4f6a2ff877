"""The training loop: knows batches, budget and checkpoints, and nothing of any method."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Any

from petbench.training.example_image import forget_after, save_predicted
from petbench.training.optimizers import Optimizers
from petbench.training.randomness import capture_random_state, restore_random_state
from petbench.training.sampler import Sampler
from petbench.training.validation import Validator

if TYPE_CHECKING:
    from collections.abc import Mapping

    from petbench.contract import RunContext
    from petbench.step_method import StepMethod
    from petbench.training.data import DatasetTensors
    from petbench.training.network_execution import NetworkExecution
    from petbench.training.own_terms import OwnTerms
    from petbench.training.runnable_method import HarnessOnly


class TrainingLoop:
    """One training from its first step, or from a checkpoint, to the end of its budget."""

    def __init__(
        self,
        method: StepMethod,
        tensors: DatasetTensors,
        own: HarnessOnly,
        run: RunContext,
        execution: NetworkExecution,
        terms: OwnTerms,
    ) -> None:
        chosen = method.parameters_chosen
        self._method = method
        self._execution = execution
        self._run = run
        self._own = own
        self._terms = terms
        self._batch_size = chosen.batch_size
        self._images_of_a_step = chosen.batch_size * method.delayed_slices  # a slab counts its slices
        self._optimizers = Optimizers(method, run.device, captured=execution.captured)
        self._validator = Validator(method, execution, own.validation, chosen)
        self._sampler = Sampler(
            tensors,
            run.device,
            batch_size=chosen.batch_size,
            shift_voxels=chosen.shift_voxels,
            seed=run.seed,
            early_slices=method.early_slices,
            delayed_slices=method.delayed_slices,
            intensity=method.intensity,
            intensity_jitter=chosen.intensity_jitter,
        )
        self._position = 0

    @property
    def captured(self) -> bool:
        """Whether steps are recorded once and replayed as a CUDA graph."""
        return self._optimizers.captured

    def run(self) -> None:
        """Step until the context says stop or validation no longer improves; leave the chosen weights in the method."""
        run, method = self._run, self._method
        forget_after(run.folder, run.images_seen)
        method.train()
        while not (run.should_stop() or self._validator.no_longer_improves):
            self._optimizers.step(self._sampler.batch(self._position), run.fraction)
            self._position += self._batch_size
            run.advance(self._images_of_a_step, self._optimizers.losses)
            if self._validator.due(run.fraction):
                self._validate()
            run.checkpoint(self.state)
        run.checkpoint(self.state, force=True)
        ended_by = "patience" if self._validator.no_longer_improves else "budget"
        if run.fraction >= 1.0 or ended_by == "patience":
            self._optimizers.swap_averages()
            run.log("selection", {**self._validator.select(), "ended_by": ended_by})
        method.eval()

    def _validate(self) -> None:
        """Validate, and log what it gave and how long it took; the clock of the training stands still meanwhile."""
        started = time.monotonic()
        with self._own.while_validating(), self._optimizers.averaged():
            values = self._validator.validate()
            with self._execution.predicting():
                values |= self._terms.measure()
            if self._validator.example is not None:
                with contextlib.suppress(OSError):  # only to look at: no training ends because a picture has no room
                    save_predicted(self._run.folder, self._run.images_seen, self._validator.example)
        self._run.log("validation", {**values, "validation_seconds": round(time.monotonic() - started, 3)})

    def state(self) -> dict[str, Any]:
        """Return all that the next step depends on.

        Raises:
            Diverged: it is not worth keeping.
        """
        self._optimizers.check_weights()
        return {
            "weights": self._method.state_dict(),
            "optimizers": self._optimizers.state(),
            "random": capture_random_state(self._run.device),
            "validation": self._validator.state(),
            "position": self._position,
        }

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Go back to where `state` was taken."""
        self._method.load_state_dict(state["weights"])
        self._optimizers.load_state(state["optimizers"])
        self._validator.load_state(state["validation"])
        self._position = int(state["position"])
        self._optimizers.begin_at(self._position // self._batch_size)
        restore_random_state(state["random"], self._run.device)
