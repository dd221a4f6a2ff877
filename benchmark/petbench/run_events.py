"""What an observer, such as a tracker or a notifier, learns of a run. Nothing here names a participant."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

API_VERSION = 1

SHOWN_SUV = 10.0
"""What is black in a picture of `ExampleImages`, so that pictures of all steps and runs can be compared."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFacts:
    """Which run it is; the same in all its events.

    Attributes:
        run: the run's number in this leaderboard.
        uid: the run's name in every leaderboard, also when it resumes: what a tracker goes by.
        identity: hash of everything that decides the run's result.
        method: name of the method.
        dataset: name of the dataset.
        split: name of the split.
        fold: of the split.
        seed: of every random number.
        parameters: all of the method's; of one that names a file, the hash of its content.
        settings: the rest of what was asked for, such as budget, preset, device and precision, and whose code runs.
        folder: where the run lies on this machine.
    """

    run: int
    uid: str
    identity: str
    method: str
    dataset: str
    split: str
    fold: int
    seed: int
    parameters: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, str] = field(default_factory=dict)
    folder: str = ""

    @property
    def name(self) -> str:
        """What to call the run where people read it, unlike any other run's name."""
        return f"{self.method}-fold{self.fold}-seed{self.seed}-{self.uid[:8]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStarted:
    """The first event of a run, and of each part of a run that resumes.

    Attributes:
        run: which.
        resumed: whether an earlier part of it was interrupted. What came after its newest checkpoint is then done
            again, so that `images` goes back once.
    """

    run: RunFacts
    resumed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class StepLogged:
    """How training goes: what its log says every 2 seconds of training, and at its end.

    Attributes:
        run: which.
        images: seen so far.
        seconds: of training so far, over all parts of the run; validation and checkpoints are not counted.
        losses: terms of the losses by `player/term`, weights included.
        images_per_second: since the entry before.
    """

    run: RunFacts
    images: int
    seconds: float
    losses: Mapping[str, float] = field(default_factory=dict)
    images_per_second: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Validated:
    """How well the validation participants are predicted now; no score, and nothing is ranked by it.

    Attributes:
        run: which.
        images: seen so far.
        seconds: of training so far.
        values: means over the participants: `mae_suv`, `gain`, `offset_suv`, `clipped`; and `own/NAME`, means over
            slices of what the method's `validate` returns.
    """

    run: RunFacts
    images: int
    seconds: float
    values: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExampleImages:
    """One axial slice of one validation participant as it is predicted now; the same slice in the whole run.

    Only methods that the harness trains, those of `StepMethod`, are validated while they train.

    Attributes:
        run: which.
        images: seen so far in training.
        early: what the method is given, in SUV, float32, shape (y, x).
        predicted: what it makes of that, in the same unit and shape.
        delayed: what there really is, in the same unit and shape.
    """

    run: RunFacts
    images: int
    early: NDArray[np.float32]
    predicted: NDArray[np.float32]
    delayed: NDArray[np.float32]

    def picture(self, black_suv: float = SHOWN_SUV) -> NDArray[np.uint8]:
        """Return early, predicted and delayed beside each other, shape (y, 3 x), 255 at 0 SUV and 0 at `black_suv`."""
        return side_by_side(self.early, self.predicted, self.delayed, black_suv=black_suv)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEnded:
    """The last event of a run, or of this part of it, once everything of it is on the leaderboard.

    Attributes:
        run: which.
        status: `ok`, `failed`, `timed-out`, `interrupted` and so on.
        message: what went wrong, in one line; a participant in it is called `sub-*`.
        seconds: spent in each phase.
        scores: mean over the test participants by `metric/region`.
        validation: the mean over the validation participants by which runs of one method are chosen, by its metric.
        costs: what was measured beside, such as `images_per_second` and `peak_memory_bytes`.
    """

    run: RunFacts
    status: str
    message: str = ""
    seconds: Mapping[str, float] = field(default_factory=dict)
    scores: Mapping[str, float] = field(default_factory=dict)
    validation: Mapping[str, float] = field(default_factory=dict)
    costs: Mapping[str, float] = field(default_factory=dict)


def side_by_side(*images: NDArray[np.float32], black_suv: float = SHOWN_SUV) -> NDArray[np.uint8]:
    """Return images in SUV, each (y, x), beside each other in grey: 255 at 0 SUV, 0 at `black_suv` and more."""
    import numpy as np

    suv = np.nan_to_num(np.concatenate(images, axis=1))
    picture: NDArray[np.uint8] = np.rint(255.0 * (1.0 - np.clip(suv / black_suv, 0.0, 1.0))).astype(np.uint8)
    return picture


RunEvent: TypeAlias = RunStarted | StepLogged | Validated | ExampleImages | RunEnded
Observer: TypeAlias = Callable[[RunEvent], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class ObserverSpec:
    """An observer of runs: a tracker that `--log-to` asks for, or a notifier that hears of every run.

    It works in a process of its own, beside the run, and can do the run no harm: what goes wrong in it is one line of
    warning, what it prints goes to `observers.log` in the run's folder, and what it misses because it is slow is
    counted.

    Attributes:
        name: lower-case letters, digits and hyphens.
        summary: one line.
        build: given a folder of the observer's own, which is there, returns what is called with each event.
        always: whether it hears of every run, unasked.
        imports: modules without which it cannot work; where one is missing, who asks for the observer is told at once.
        install: what brings them, such as `petbench[mlflow]`.
        api: the version of this contract that the observer is written for.
    """

    name: str
    summary: str
    build: Callable[[Path], Observer]
    always: bool = False
    imports: tuple[str, ...] = ()
    install: str = ""
    api: int = API_VERSION
