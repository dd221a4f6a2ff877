"""The two JSON files between petbench and a program: the job, and the status that the program leaves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, JsonValue, ValidationError

from petbench.contract import Supervision
from petbench.engine_settings import Precision
from petbench.errors import PluginError
from petbench.methods.scan_files import ScanFiles
from petbench.training.clock import StandStill

if TYPE_CHECKING:
    from pathlib import Path

FORMAT: Literal["petbench-job"] = "petbench-job"
VERSION: Literal[3] = 3
JOB_NAME = "job.json"
STATUS_NAME = "status.json"
LARGEST_STATUS_BYTES = 2**20

Seconds = Annotated[FiniteFloat, Field(ge=0)]


class Wanted(BaseModel):
    """One participant's files in `predict`, relative to the job's folder.

    Attributes:
        scan: there.
        delayed: the delayed volume, to be written by the program.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    scan: ScanFiles
    delayed: str


class Job(BaseModel):
    """What `job.json` holds.

    Attributes:
        format: says what the file is.
        version: of this contract; a program refuses one that it does not know.
        stage: `fit` or `predict`.
        method: the method's name.
        parameters: all of its parameters.
        supervision: what the method may see; only `paired` volumes belong together one by one.
        seed: of every random number.
        images: training budget in images seen; 0 for a method without one, null where seconds are given.
        seconds: training budget in seconds.
        device: `cpu`, `cuda:0` and so on.
        precision: `fp32` or `bf16`.
        scans: fit: files of the early training scans.
        delayed: fit: files of the delayed training volumes; unpaired: in an order of their own; no-target: empty.
        participants: predict: files to read and to write.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal["petbench-job"] = FORMAT
    version: Literal[3] = VERSION
    stage: Literal["fit", "predict"]
    method: str
    parameters: dict[str, JsonValue]
    supervision: Supervision
    seed: int
    images: int | None = None
    seconds: float | None = None
    device: str = "cpu"
    precision: Precision = "fp32"
    scans: tuple[ScanFiles, ...] = ()
    delayed: tuple[str, ...] = ()
    participants: tuple[Wanted, ...] = ()


class ClockReading(BaseModel):
    """What the clock of a training said in the process of petbench's own runner, in seconds; see `TrainingClock`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    before: Seconds
    wall_before: Seconds
    steps: Seconds
    stood_still: dict[StandStill, Seconds]
    warm_up_images: Annotated[int, Field(ge=0, le=2**62)]


class Status(BaseModel):
    """What `status.json` holds.

    Attributes:
        version: of this contract.
        state: how the stage ended.
        message: what went wrong, in one line.
        images_seen: fit: over all resumed parts, where the program counts them.
        images_at_start: fit: seen before this part.
        parameter_count: trained numbers that are used in prediction.
        clock: written by petbench's own runner; from any other program it counts for nothing.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: Literal[3] = VERSION
    state: Literal["ok", "failed", "interrupted", "out-of-memory", "diverged"]
    message: Annotated[str, Field(max_length=2000)] = ""
    images_seen: Annotated[int, Field(ge=0, le=2**62)] | None = None
    images_at_start: Annotated[int, Field(ge=0, le=2**62)] = 0
    parameter_count: Annotated[int, Field(ge=0, le=2**62)] | None = None
    clock: ClockReading | None = None


def read_status(folder: Path) -> Status | None:
    """Return what a program left, or None where it left nothing.

    Raises:
        PluginError: it is not as the contract says.
    """
    path = folder / STATUS_NAME
    try:
        if path.stat().st_size > LARGEST_STATUS_BYTES:
            raise PluginError(f"{STATUS_NAME}: larger than {LARGEST_STATUS_BYTES} bytes")
        return Status.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "it"
        raise PluginError(
            f"the program's {STATUS_NAME} is not as the contract says: {where!r}: {first['msg']}"
        ) from None
