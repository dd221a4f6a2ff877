"""A `StepMethod` as the harness runs it: trained by the loop, predicting one participant at a time."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

from petbench.training.data import load_tensors
from petbench.training.intensity_choice import choose_intensity
from petbench.training.loop import TrainingLoop
from petbench.training.network_execution import NetworkExecution
from petbench.training.own_terms import OwnTerms
from petbench.training.randomness import seed_everything
from petbench.training.ranks import ALONE
from petbench.training.runnable_method import NOTHING
from petbench.training.sampling import predict_volume
from petbench.training.shared_norms import compute_norms_together, why_norms_not_shared
from petbench.training.steps import Steps

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    import torch

    from petbench.contract import RunContext, TrainingData, Volume
    from petbench.scan import Scan
    from petbench.step_method import StepMethod
    from petbench.training.ranks import Ranks
    from petbench.training.runnable_method import HarnessOnly, Keep


class StepTrainer:
    """Implements `petbench.training.runnable_method.RunnableMethod` for a `StepMethod`, whose state is its own.

    Attributes:
        step_method: what the author wrote.
        validates: always: the loop is the harness's.
    """

    validates = True

    def __init__(self, step_method: StepMethod) -> None:
        self.step_method = step_method

    def why_not_shared(self, device: torch.device) -> str:
        """Return why several processes cannot share its training on such a device; empty where they can."""
        name = type(self.step_method).__name__
        if not self.step_method.splittable:
            return f"{name} does not declare `splittable`: nothing says that it learns the same from halves of a batch"
        norms = why_norms_not_shared(self.step_method, device)
        return f"{name} {norms}" if norms else ""

    def fit(self, data: TrainingData, run: RunContext, own: HarnessOnly = NOTHING) -> None:
        """Train from the weights that it was built with until the budget is spent or the user stops it.

        With a budget in images, a run that is killed and resumed any number of times ends bit for bit as one that never
        was: on the CPU with the same number of threads, on a CUDA device in deterministic mode; where several processes
        share it, with the same number of them.

        Raises:
            Diverged: a loss or weight is no longer finite; the newest checkpoint is from before that.
            PeerLostError: a process that shared the training is gone.
        """
        method, ranks = self.step_method, own.ranks or ALONE
        method.to(run.device)
        if ranks.size > 1 and run.device.type == "cuda":
            compute_norms_together(method)
        method.intensity = choose_intensity(method.parameters_chosen, data, own.validation)
        compiled = run.engine.compiles(run.device.type, run.budget.images)
        execution = NetworkExecution(method, run.engine, run.device, compiled=compiled)
        on_disk = run.folder / "tensors" / ("" if ranks.leads else f"rank-{ranks.rank}")
        tensors = load_tensors(
            data,
            method.intensity,
            run.device,
            size_multiple=method.size_multiple,
            margin=max(method.early_slices, method.delayed_slices) // 2,
            storage=run.engine.storage,
            processes=ranks.size,
            folder=on_disk,
        )
        try:
            with execution.training():
                steps = Steps(method, tensors, run, captured=execution.captured, ranks=ranks)
                if not ranks.leads:
                    _begin(steps, run, ranks)
                    steps.follow()
                    return
                terms = OwnTerms(method, own.validation, data.supervision, run, on_disk / "validation")
                loop = TrainingLoop(method, steps, own, run, execution, terms)
                _begin(loop, run, ranks)
                run.log("engine", {**execution.describe(), "captured": steps.optimizers.captured})
                run.log("data", {**tensors.describe(), "suv_clip": method.intensity.suv_clip})
                loop.run()
        finally:
            shutil.rmtree(on_disk, ignore_errors=True)  # made anew from the dataset when resumed

    def predict(self, scan: Scan) -> Volume:
        """Predict one participant's delayed volume in SUV, shape (z, y, x); always in float32."""
        return predict_volume(self.step_method, scan)

    def predict_all(self, scans: Iterable[Scan], keep: Keep | None = None) -> Iterator[Volume]:
        """Predict one participant after the other.

        Raises:
            PluginError: samples are to be kept, and the method draws none.
        """
        for scan in scans:
            yield predict_volume(self.step_method, scan, keep)

    def state_dict(self) -> dict[str, Any]:
        """Return weights and buffers."""
        return dict(self.step_method.state_dict())

    def load_state_dict(self, state: Mapping[str, Any], /) -> None:
        """Take back weights and buffers."""
        self.step_method.load_state_dict(state)

    def to(self, device: torch.device) -> None:
        """Move weights and buffers to a device."""
        self.step_method.to(device)

    def parameter_count(self) -> int:
        """Return the number of trained weights."""
        return sum(parameter.numel() for parameter in self.step_method.parameters())


def _begin(training: TrainingLoop | Steps, run: RunContext, ranks: Ranks) -> None:
    """Go back to the newest checkpoint, or begin with random numbers of this process's own."""
    state = run.resume_state()
    if state is None:
        seed_everything(run.seed, "training" if ranks.leads else f"training {ranks.rank}")
    else:
        training.load_state(state)
    training.require_same()
