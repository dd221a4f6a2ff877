"""What a run's process and the method's process say to each other.

What the method's process says comes from a process in which an author's code runs: it is checked, and bounded, before
anything is done with it.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, JsonValue, TypeAdapter

from petbench.contract import Supervision
from petbench.engine_settings import Compile, CudaGraphs, Precision
from petbench.methods.program.protocol import ClockReading
from petbench.methods.scan_files import ScanFiles
from petbench.processes.ending import Fault
from petbench.training.volumes import Place, StoredScan
from petbench_leaderboard.records import Status

LARGEST_COUNT = 2**62
"""Of anything that a method counts; the leaderboard's columns hold no more."""

Count = Annotated[int, Field(ge=0, le=LARGEST_COUNT, strict=True)]
Line = Annotated[str, Field(max_length=2000)]
MOST_NAMED = 10_000
"""Packages, or files."""


class _Message(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Task(_Message):
    """Which method to build, and where; the first message to the method's process, and all that it knows of the run.

    Attributes:
        method: its name.
        parameters: all of them, with the hash of each file in its place.
        parameter_files: where these files lie.
        distribution: the package that brings the method.
        version: of that package.
        source_hash: of all the code that the run was planned with.
        source_files: the hash of each file of it.
        supervision: what it may see.
        seed: of every random number.
        images: training budget in images seen; None where seconds are given.
        seconds: training budget in seconds.
        device: as asked for.
        precision: `fp32` or `bf16`.
        compile: `on`, `off` or `auto`.
        cuda_graphs: `on`, `off` or `auto`.
        deterministic: whether only deterministic algorithms are allowed.
        folder: the job's: the process works there and sees no other.
        environments: folder of methods' virtual environments.
        views: of each scan that are predicted and averaged.
        trained: whether the model in the job's folder is the trained one.
        largest_file_bytes: what it may write into one file; None for no limit.
        processes: that share its training.
    """

    method: str
    parameters: dict[str, JsonValue]
    parameter_files: dict[str, str]
    distribution: str
    version: str
    source_hash: str
    source_files: dict[str, str]
    supervision: Supervision
    seed: int
    images: int | None
    seconds: float | None
    device: str
    precision: Precision
    compile: Compile
    cuda_graphs: CudaGraphs
    deterministic: bool
    folder: str
    environments: str
    views: int
    trained: bool
    largest_file_bytes: int | None = None
    processes: int = 1


class Fit(_Message):
    """Train; with it come the files of scans and of delayed volumes, those to train with before those to validate with.

    Attributes:
        scans: early training scans.
        delayed: places of the delayed training volumes.
        validation_scans: early scans of the validation participants.
        validation_delayed: places of their delayed volumes, in the same order.
    """

    kind: Literal["fit"] = "fit"
    scans: tuple[StoredScan, ...]
    delayed: tuple[Place, ...]
    validation_scans: tuple[StoredScan, ...]
    validation_delayed: tuple[Place, ...]


class Part(_Message):
    """Take part in a training; the first message from its leading process to another. `Fit` follows, with its files.

    Attributes:
        task: of the leading one.
        rank: of the other, from 1.
        store: path of the file in which they meet.
    """

    task: Task
    rank: int
    store: str


class Predict(_Message):
    """Predict volumes, asking for one after the other.

    Attributes:
        samples: how many samples of each are kept beside it.
    """

    kind: Literal["predict"] = "predict"
    samples: int = 0


class Early(_Message):
    """The next early scan, whose files alone lie in the folder `images`; None: there is no further one."""

    kind: Literal["early"] = "early"
    scan: ScanFiles | None


class Stop(_Message):
    """The user asks to stop."""

    kind: Literal["stop"] = "stop"


class End(_Message):
    """All is done; say what code ran, and end."""

    kind: Literal["end"] = "end"


class Ready(_Message):
    """The device is there; sent before any code of a method's author was imported.

    Attributes:
        device: that is used.
        facts: of the device and of torch.
        engine: how the engine runs.
        packages: that are installed where the process looks, and their versions.
    """

    kind: Literal["ready"] = "ready"
    device: Line
    facts: dict[str, JsonValue]
    engine: dict[str, JsonValue]
    packages: Annotated[dict[Line, Line], Field(max_length=MOST_NAMED)]


class Built(_Message):
    """The method is built.

    Attributes:
        validates: whether the harness's own loop trains it, which looks at validation participants.
    """

    kind: Literal["built"] = "built"
    validates: bool


class Progress(_Message):
    """How far the training is."""

    kind: Literal["progress"] = "progress"
    description: Line
    done: FiniteFloat
    total: FiniteFloat


class Trained(_Message):
    """The training ended.

    Attributes:
        images_seen: over all resumed parts.
        images_at_start: seen before this part.
        interrupted: whether it was stopped before its budget was spent.
        failed: whether it ended in an exception, of which the next message tells.
        clock: what the harness's clock in that process said.
    """

    kind: Literal["trained"] = "trained"
    images_seen: Count
    images_at_start: Count
    interrupted: bool
    failed: bool
    clock: ClockReading


class Saved(_Message):
    """The model is in the job's folder, and a method built afresh has read it back.

    Attributes:
        parameter_count: trained numbers that are used in prediction.
    """

    kind: Literal["saved"] = "saved"
    parameter_count: Count


class NextPlease(_Message):
    """The next early volume is wanted."""

    kind: Literal["next"] = "next"


class Predicted(_Message):
    """A prediction lies in the folder `predictions`, its samples beside it; they come in the order of the images."""

    kind: Literal["predicted"] = "predicted"


class Done(_Message):
    """What was asked for is done.

    Attributes:
        peak_device_memory_bytes: the most that torch has allocated on the device since training began.
    """

    kind: Literal["done"] = "done"
    peak_device_memory_bytes: Count | None = None


class CodeThatRan(_Message):
    """Of what the method was made beside its identity.

    Attributes:
        outside: local code that was imported and is no part of the identity, with its hash.
        changed: files of its code that changed on disk after they were loaded.
        own_packages: what its own virtual environment holds, and the versions.
    """

    kind: Literal["code"] = "code"
    outside: Annotated[dict[Line, Line], Field(max_length=MOST_NAMED)]
    changed: Annotated[tuple[Line, ...], Field(max_length=MOST_NAMED)]
    own_packages: Annotated[dict[Line, Line], Field(max_length=MOST_NAMED)]


class Failed(_Message):
    """What ended the method.

    Attributes:
        status: of the run.
        error_class: of the exception.
        message: in one line.
        fault: whose it is.
        trace: the traceback.
    """

    kind: Literal["failed"] = "failed"
    status: Status
    error_class: Line
    message: Line
    fault: Fault
    trace: Annotated[str, Field(max_length=200_000)] = ""


Answer: TypeAlias = Ready | Built | Progress | Trained | Saved | NextPlease | Predicted | Done | CodeThatRan | Failed
Order: TypeAlias = Fit | Predict | Early | Stop | End

ANSWERS: TypeAdapter[Any] = TypeAdapter(Annotated[Answer, Field(discriminator="kind")])
ORDERS: TypeAdapter[Any] = TypeAdapter(Annotated[Order, Field(discriminator="kind")])
