"""What a plugin promises petbench, and what petbench hands it. Plain data: nothing here imports torch.

A plugin registers `MethodSpec` objects; a spec builds a `Method`. `petbench.StepMethod` is the convenience
that most authors want; a method that trains in its own way implements the four verbs of `Method` itself.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    import numpy as np
    import torch
    from numpy.typing import NDArray
    from pydantic import BaseModel

    from petbench.engine_settings import EngineSettings
    from petbench.scan import Need, Scan
    from petbench.step_method import StepMethod

API_VERSION = 2

Volume: TypeAlias = "NDArray[np.float32]"
"""One participant's image in SUV, shape (z, y, x)."""

Supervision = Literal["paired", "unpaired", "no-target"]
Role = Literal["competitor", "reference"]


@dataclass(frozen=True, slots=True)
class DatasetShape:
    """What a preset may depend on: the size of the training part of a dataset.

    Attributes:
        participants: training participants.
        slices: axial slices of those participants, empty ones included.
        matrix: voxels of one axial slice, (y, x).
    """

    participants: int
    slices: int
    matrix: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Range:
    """The numbers that a search may try for a parameter, both ends among them.

    Whole numbers where both ends are `int`.

    Attributes:
        low: the least.
        high: the greatest.
        log: whether to search evenly by factors, as for a learning rate, in place of differences.
    """

    low: float
    high: float
    log: bool = False


@dataclass(frozen=True, slots=True)
class Choice:
    """The values that a search may try for a parameter, where they have no order that matters.

    Attributes:
        values: at least two.
    """

    values: tuple[object, ...]


@dataclass(frozen=True, slots=True)
class MethodSpec:
    """One method, described without importing what it needs to run.

    Attributes:
        name: a slug, the same as typed after `petbench run --method`.
        summary: one line for `petbench methods`.
        build: makes the method, a `StepMethod` or an object with the four verbs of `Method`, from its validated
            parameters; imports the heavy modules when called. None where `command` names a program.
        supervision: `paired` (early and delayed image of the same participant), `unpaired` (of independent
            participants) or `no-target` (sees no delayed image).
        role: `competitor`, or `reference` for a method that nobody would use, such as one factor for every image: its
            row is there to compare with, takes no rank and is left out of the tests.
        needs: what it is given beside the early image: any of `spacing`, `weight`, `dose`, `sex`, `height`, `age`,
            `times`, `frames`, `ct`, `labels`; see `petbench.Scan`. On a dataset where a participant has not got one of
            them, the method is not run.
        parameters: a pydantic model of every parameter, with default, range and description; None for no parameters.
        presets: named sets of parameter values.
        choose_preset: the preset used when none is asked for, from the size of the dataset.
        search: what `petbench tune` may try, by the parameter's name; empty where there is nothing to tune.
        citation: what to cite, as text.
        licence: SPDX identifier of the method's code.
        environment: `venv` runs the method in a virtual environment of its own, made from `requirements` and kept.
        requirements: what that environment needs, as `pip install` takes it; `{package}` is the plugin's own folder.
        sees_installed: whether that environment also sees what is installed beside petbench, petbench and torch
            included; its own requirements come first. Without it, the requirements bring everything.
        sources: what the method is made of beside its plugin's package and what import statements lead to: names of
            top-level packages, or files and folders such as `{package}/../shared`. Their content is part of every run's
            identity, as the package's is.
        command: a program in place of `build`, called for each stage of a job; `{job}`, `{python}` and `{package}`
            stand for the job's folder, the environment's interpreter and the plugin's folder.
        api: the version of this contract the plugin was written for.
    """

    name: str
    summary: str
    build: Callable[[Any], Method | StepMethod] | None = None
    supervision: Supervision = "paired"
    role: Role = "competitor"
    needs: tuple[Need, ...] = ()
    parameters: type[BaseModel] | None = None
    presets: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    choose_preset: Callable[[DatasetShape], str] | None = None
    search: Mapping[str, Range | Choice] = field(default_factory=dict)
    citation: str = ""
    licence: str = ""
    environment: Literal["process", "venv"] = "process"
    requirements: tuple[str, ...] = ()
    sees_installed: bool = True
    sources: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    api: int = API_VERSION

    @property
    def is_program(self) -> bool:
        """Whether the method runs outside the harness's process, through the files of `petbench.methods.program`."""
        return self.environment == "venv" or bool(self.command)


@dataclass(frozen=True, slots=True)
class Budget:
    """How much training a run may spend: images seen, or seconds of training. Exactly one is given.

    A method that has no parameter `images` has no training budget unless its user names one: it is given 0 images, and
    returns from `fit` when it is done.

    Attributes:
        images: images seen in training, counted as often as they are seen: slices to predict, so that a slab counts as
            many as it has. None where seconds are given.
        seconds: of training; None where images are given.
    """

    images: int | None = None
    seconds: float | None = None

    @property
    def is_none(self) -> bool:
        """Whether there is no training budget, so that the method itself decides when it is done."""
        return self.images == 0

    def __str__(self) -> str:
        """Return the budget as it is typed: `images=48000` or `seconds=120`."""
        return f"images={self.images}" if self.images is not None else f"seconds={self.seconds:g}"


class TrainingData(Protocol):
    """What a method may learn from: training participants only; volumes in SUV, shape (z, y, x).

    What a method named in its `needs` comes with the early volumes and with them alone. A method whose supervision is
    `unpaired` gets its delayed volumes in an order of their own and no `pairs`;
    one whose supervision is `no-target` gets no delayed volume at all. Nobody gets a validation participant: the
    harness predicts and scores them, so that their scores may choose between the runs of a method; what a
    `StepMethod.validate` is called with is no part of this.

    Attributes:
        supervision: of the method that is trained.
    """

    supervision: Supervision

    def scans(self) -> Sequence[Scan]:
        """Return the early scans of the training participants."""

    def delayed(self) -> Sequence[Volume]:
        """Return the delayed volumes of the training participants; unpaired: in an independent order."""

    def pairs(self) -> Sequence[tuple[Scan, Volume]]:
        """Return (early scan, delayed volume) of each training participant; an error unless supervision is `paired`."""


class RunContext(Protocol):
    """What the harness gives a method for the length of one `fit`.

    Attributes:
        seed: of every random number.
        budget: how much training may be spent.
        device: where to train.
        folder: the method's own, empty at first and kept when an interrupted run resumes; nothing in it is scored.
        engine: how petbench's own loop runs; `engine.precision`, `fp32` or `bf16`, is what `--precision` asks for.
    """

    seed: int
    budget: Budget
    device: torch.device
    folder: Path
    engine: EngineSettings

    @property
    def interrupted(self) -> bool:
        """Whether the user asked to stop before the budget was spent."""

    def should_stop(self) -> bool:
        """Return whether the budget is spent or the user asked to stop; look at it often.

        Without a training budget it is the user alone who stops, as with Ctrl-C.
        """

    def advance(self, images: int, losses: Callable[[], Mapping[str, float]]) -> None:
        """Count `images` more as seen; `losses` is a function such as `lambda: {"l1": loss.item()}`.

        It is called only when they are shown or logged, so that reading them costs no synchronisation.
        """

    def set_images_seen(self, images: int, *, at_start: int = 0) -> None:
        """Record how many images were seen, for a method that counts them elsewhere and does not call `advance`.

        Args:
            images: over all resumed parts of the run.
            at_start: those of them seen before this part.
        """

    def checkpoint(self, state: Callable[[], Mapping[str, object]], *, force: bool = False) -> None:
        """Write a checkpoint of `state()` if the last is 60 seconds old; `force` writes it now."""

    def resume_state(self) -> Mapping[str, Any] | None:
        """Return the state of the newest whole checkpoint of this run, or None for a fresh start."""

    def log(self, event: str, values: Mapping[str, object]) -> None:
        """Append a line to the run's log; `values` are numbers, texts, lists and dictionaries.

        The events `validation` and `validated` are the harness's own.
        """

    @property
    def fraction(self) -> float:
        """The part of the budget that is spent, 0 to 1; stays 0 without a training budget."""

    @property
    def images_seen(self) -> int:
        """Images seen so far, over all resumed parts of the run."""


class Method(Protocol):
    """The four verbs of a method.

    One that draws its predictions may have a fifth, `samples(scan) -> Iterable[Volume]`, whose first volumes
    `petbench run --keep-samples K` keeps beside what `predict` returns; its parameters are then made from
    `petbench.SamplingParameters`, which say how many there are.
    """

    def fit(self, data: TrainingData, run: RunContext) -> None:
        """Learn from `data` until `run.should_stop()`."""

    def predict(self, scan: Scan) -> Volume:
        """Predict one participant's delayed volume in SUV, shape (z, y, x) of `scan.early`."""

    def state_dict(self) -> dict[str, Any]:
        """Return all that `predict` needs, as tensors, numbers, strings, lists and dictionaries."""

    def load_state_dict(self, state: Mapping[str, Any], /) -> object:
        """Take back what `state_dict` gave."""
