"""The method under check: built small, trained for a few steps, and only as often as the checks need."""

from __future__ import annotations

import functools
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from petbench.contract import Budget, DatasetShape
from petbench.home import Home
from petbench.methods import parameters
from petbench.methods.build import build_method
from petbench.registry import load_plugins
from petbench.settings import Settings
from petbench.testing.errors import ConformanceError
from petbench.testing.images import SHAPE, TEST, TRAINING, VALIDATION, SmallData, scans

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from petbench.contract import Method, MethodSpec, Volume
    from petbench.engine_settings import Precision
    from petbench.scan import Scan
    from petbench.step_method import StepMethod
    from petbench.testing.recording import RecordingContext
    from petbench.training.runnable_method import RunnableMethod

STEPS = 4
LARGEST_BATCH = 8


class Subject:
    """A method's spec with the parameters it is checked with.

    Args:
        spec: of the method.
        settings: parameters to set, by name; the others come from the preset that the method chooses for a very small
            dataset, with a batch of at most `LARGEST_BATCH` images.
    """

    def __init__(self, spec: MethodSpec, settings: Mapping[str, object]) -> None:
        self.spec = spec
        self._settings = dict(settings)

    @functools.cached_property
    def values(self) -> dict[str, Any]:
        """Every parameter of the small method."""
        shape = DatasetShape(participants=TRAINING, slices=TRAINING * SHAPE[0], matrix=(SHAPE[1], SHAPE[2]))
        preset = parameters.choose_preset(self.spec, None, shape)
        values = parameters.resolve(self.spec, preset, (), None)
        if {"batch_size", "images", "validations"} <= values.keys():
            values["batch_size"] = min(values["batch_size"], LARGEST_BATCH)
            values["images"] = STEPS * values["batch_size"]
            values |= {"validations": 1, "patience": 0} if "patience" in values else {"validations": 1}
        return parameters.validate(self.spec, values | self._settings)

    def budget(self, method: RunnableMethod) -> Budget:
        """Return a few steps' worth of images; as in a run, a method without such a parameter has none."""
        from petbench.training.step_trainer import StepTrainer

        images = parameters.default_budget(self.values).images or 0
        slices = method.step_method.delayed_slices if isinstance(method, StepTrainer) else 1
        return Budget(images=images * slices)

    def build(self, seed: int = 0) -> RunnableMethod:
        """Return the method, untrained, with the weights that a run of that seed draws."""
        from petbench.training.randomness import seed_everything

        registered = load_plugins().methods().get(self.spec.name)
        module = registered[1].module if registered else None
        environments = Home(Settings.read().home).environments  # the checks also run by themselves, under pytest
        seed_everything(seed, "weights")
        return build_method(self.spec, self.values, module=module, environments=environments)

    def data(self, training: int = TRAINING) -> SmallData:
        """Return small participants, under the method's own supervision."""
        return SmallData(self.spec.supervision, training, self.spec.needs)

    def fit(
        self,
        *,
        seed: int = 0,
        precision: Precision = "fp32",
        stop_after: int | None = None,
        folder: Path | None = None,
        data: SmallData | None = None,
    ) -> tuple[RunnableMethod, RecordingContext]:
        """Build and train a method as a run would, on the CPU, and return it with its context.

        Args:
            seed: of the run.
            precision: of the arithmetic.
            stop_after: images after which the user asks to stop; None for never.
            folder: of the run, kept for a resume; None for one that is deleted afterwards.
            data: what to learn from; None for the usual.
        """
        from petbench.testing.recording import RecordingContext
        from petbench.training.runnable_method import HarnessOnly

        with tempfile.TemporaryDirectory(prefix="petbench-check-") as temporary:
            method = self.build(seed)
            run = RecordingContext(
                seed=seed,
                budget=self.budget(method),
                folder=folder or Path(temporary),
                precision=precision,
                stop_after=stop_after,
            )
            pairs = scans(VALIDATION, self.spec.needs, first=200) if method.validates else ()
            method.fit(data or self.data(), run, HarnessOnly(pairs))
            return method, run

    @functools.cached_property
    def trained(self) -> tuple[RunnableMethod, RecordingContext]:
        """One trained method, shared by the checks that do not change it."""
        return self.fit()

    @functools.cached_property
    def unseen(self) -> Scan:
        """The early scan of a participant that no training has seen."""
        return scans(TEST, self.spec.needs, first=300)[0][0]

    def predict(self, method: Method) -> Volume:
        """Return the prediction of the unseen participant, as an array, whatever is wrong with it."""
        return np.asarray(method.predict(self.unseen.copy()))


def steps_of(subject: Subject) -> StepMethod | None:
    """Return the method's `StepMethod`, freshly seeded, or None where it trains in its own way."""
    from petbench.training.step_trainer import StepTrainer

    method = subject.build()
    return method.step_method if isinstance(method, StepTrainer) else None


def expect(holds: Any, message: str | Callable[[], str]) -> None:
    """Raise a ConformanceError with `message` unless the promise holds."""
    if not holds:
        raise ConformanceError(message if isinstance(message, str) else message())


def largest_difference(some: Sequence[Any] | Volume, other: Sequence[Any] | Volume) -> float:
    """Return the largest absolute difference of two arrays of one shape."""
    return float(np.abs(np.asarray(some, dtype=np.float64) - np.asarray(other, dtype=np.float64)).max())
