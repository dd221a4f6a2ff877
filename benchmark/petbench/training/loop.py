"""The training loop: knows batches, budget and checkpoints, and nothing of any method."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

from petbench.training.data import DatasetTensors, load_tensors
from petbench.training.network_execution import NetworkExecution
from petbench.training.optimizers import Optimizers
from petbench.training.randomness import capture_random_state, restore_random_state, seed_everything
from petbench.training.sampler import Sampler
from petbench.training.validation import Validator

if TYPE_CHECKING:
    from collections.abc import Mapping

    from petbench.contract import RunContext, TrainingData
    from petbench.step_method import StepMethod


def fit(method: StepMethod, data: TrainingData, run: RunContext) -> None:
    """Train `method` until the budget is spent or the user stops it.

    With a budget in images, a run that is killed and resumed any number of times ends bit for bit as one that never
    was: on the CPU with the same number of threads, on a CUDA device in deterministic mode.

    Raises:
        Diverged: a loss or weight is no longer finite; the newest checkpoint is from before that.
    """
    method.to(run.device)
    compiled = run.engine.compiles(run.device.type, run.budget.images)
    execution = NetworkExecution(method, run.engine, run.device, compiled=compiled)
    tensors = load_tensors(
        data,
        method.intensity,
        run.device,
        size_multiple=method.size_multiple,
        margin=max(method.early_slices, method.delayed_slices) // 2,
        storage=run.engine.storage,
        folder=run.folder / "tensors",
    )
    try:
        with execution.training():
            training = Training(method, tensors, data, run, execution)
            state = run.resume_state()
            if state is None:
                _initialize_weights(method, run.seed)
                seed_everything(run.seed, "training")
            else:
                training.load_state(state)
            run.log("engine", execution.describe())
            run.log("data", _describe(tensors))
            training.run_steps()
    finally:
        shutil.rmtree(run.folder / "tensors", ignore_errors=True)  # made anew from the dataset when resumed


class Training:
    """One training from its first step, or from a checkpoint, to the end of its budget."""

    def __init__(
        self,
        method: StepMethod,
        tensors: DatasetTensors,
        data: TrainingData,
        run: RunContext,
        execution: NetworkExecution,
    ) -> None:
        chosen = method.parameters_chosen
        self._method = method
        self._run = run
        self._batch_size = chosen.batch_size
        self._optimizers = Optimizers(method, run.device)
        self._validator = Validator(method, execution, data, chosen.validations, chosen.selection)
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

    def run_steps(self) -> None:
        """Step until the context says stop, then leave the chosen weights in the method."""
        run, method = self._run, self._method
        method.train()
        while not run.should_stop():
            self._optimizers.step(self._sampler.batch(self._position), run.fraction)
            self._position += self._batch_size
            run.advance(self._batch_size, self._optimizers.losses)
            if self._validator.due(run.fraction):
                run.log("validation", self._validator.validate())
            run.checkpoint(self.state)
        run.checkpoint(self.state, force=True)
        if run.fraction >= 1.0:
            run.log("selection", self._validator.select())
        method.eval()

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
        restore_random_state(state["random"], self._run.device)


def _initialize_weights(method: StepMethod, seed: int) -> None:
    """Start from weights that depend on the run's seed alone, whatever was random before it was built."""
    seed_everything(seed, "weights")
    method.load_state_dict(type(method)(method.parameters_chosen).state_dict())


def _describe(tensors: DatasetTensors) -> dict[str, object]:
    return {
        "paired": tensors.paired,
        "matrix": list(tensors.early.images.shape[1:]),
        "slices": len(tensors.early.foreground),
        "clipped_early": tensors.early.clipped_share,
        "clipped_delayed": tensors.delayed.clipped_share,
    }
