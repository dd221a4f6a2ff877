"""The training loop: knows batches, budget and checkpoints, and nothing of any method."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Any

from petbench.training.example_image import forget_after, save_predicted
from petbench.training.validation import Validator

if TYPE_CHECKING:
    from collections.abc import Mapping

    from petbench.contract import RunContext
    from petbench.step_method import StepMethod
    from petbench.training.network_execution import NetworkExecution
    from petbench.training.own_terms import OwnTerms
    from petbench.training.runnable_method import HarnessOnly
    from petbench.training.steps import Steps


class TrainingLoop:
    """One training from its first step, or from a checkpoint, to the end of its budget."""

    def __init__(
        self,
        method: StepMethod,
        steps: Steps,
        own: HarnessOnly,
        run: RunContext,
        execution: NetworkExecution,
        terms: OwnTerms,
    ) -> None:
        self._method = method
        self._steps = steps
        self._execution = execution
        self._run = run
        self._own = own
        self._terms = terms
        self._validator = Validator(method, execution, own.validation, method.parameters_chosen)

    def run(self) -> None:
        """Step until the context says stop or validation no longer improves; leave the chosen weights in the method."""
        run, method = self._run, self._method
        forget_after(run.folder, run.images_seen)
        method.train()
        while not (run.should_stop() or self._validator.no_longer_improves):
            self._steps.take(run.fraction)
            run.advance(self._steps.images, self._steps.optimizers.losses)
            if self._validator.due(run.fraction):
                self._validate()
            run.checkpoint(self.state)
        run.checkpoint(self.state, force=True)
        self._steps.end()
        ended_by = "patience" if self._validator.no_longer_improves else "budget"
        if run.fraction >= 1.0 or ended_by == "patience":
            self._steps.optimizers.swap_averages()
            run.log("selection", {**self._validator.select(), "ended_by": ended_by})
        method.eval()

    def _validate(self) -> None:
        """Validate, and log what it gave and how long it took; the clock of the training stands still meanwhile."""
        started = time.monotonic()
        with self._own.while_validating(), self._steps.optimizers.averaged():
            values = self._validator.validate()
            with self._execution.predicting():
                values |= self._terms.measure()
            if self._validator.example is not None:
                with contextlib.suppress(OSError):  # only to look at: no training ends because a picture has no room
                    save_predicted(self._run.folder, self._run.images_seen, self._validator.example)
        self._run.log("validation", {**values, "validation_seconds": round(time.monotonic() - started, 3)})

    def state(self) -> dict[str, Any]:
        """Return all that the next step and the next validation depend on.

        Raises:
            Diverged: it is not worth keeping.
        """
        return {**self._steps.state(), "validation": self._validator.state()}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Go back to where `state` was taken."""
        self._steps.load_state(state)
        self._validator.load_state(state["validation"])

    def require_same(self) -> None:
        """Make sure that all processes that share the training begin alike.

        Raises:
            PluginError: they do not.
        """
        self._steps.require_same()
