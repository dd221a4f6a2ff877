"""Events as they go from process to process: JSON objects, arrays in base 64."""

from __future__ import annotations

import base64
import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import BaseModel, ConfigDict

from petbench.run_events import ExampleImages, RunEnded, RunFacts, RunStarted, StepLogged, Validated

if TYPE_CHECKING:
    from petbench.run_events import RunEvent

_KINDS: dict[str, Any] = {kind.__name__: kind for kind in (RunStarted, StepLogged, Validated, ExampleImages, RunEnded)}
_ARRAY = "float32"


class Chosen(BaseModel):
    """An observer that a run was asked to have.

    Attributes:
        name: of the observer.
        distribution: the package that brings it.
        entry_point: of that package.
        folder: of the observer's own files.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    distribution: str
    entry_point: str
    folder: Path

    @property
    def words(self) -> str:
        """What to call it in messages."""
        return f"the observer {self.name} of {self.distribution}"


class Observed(BaseModel):
    """What the process beside a run is told first.

    Attributes:
        observers: whom it tells.
        started: the first event, as `pack` writes it.
        trainings: folders in which the training's log and example slices lie, one after the other.
        example: the real slices beside the predicted ones.
        log: where to keep what observers print.
        patience_seconds: how long observers may take after the run has ended.
        told: file that remembers what of the training was told of.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    observers: tuple[Chosen, ...]
    started: dict[str, Any]
    trainings: tuple[Path, ...]
    example: Path
    log: Path
    patience_seconds: float
    told: Path


def pack(event: RunEvent) -> dict[str, Any]:
    """Return an event as JSON values."""
    fields = {each.name: getattr(event, each.name) for each in dataclasses.fields(event)}
    fields["run"] = dataclasses.asdict(event.run)
    return {"kind": type(event).__name__} | {name: _packed(value) for name, value in fields.items()}


def unpack(message: dict[str, Any]) -> RunEvent:
    """Return the event that `pack` was given."""
    fields = {name: _unpacked(value) for name, value in message.items() if name != "kind"}
    event: RunEvent = _KINDS[message["kind"]](**fields | {"run": RunFacts(**message["run"])})
    return event


def _packed(value: Any) -> Any:
    if not isinstance(value, np.ndarray):
        return value
    content = np.ascontiguousarray(value, dtype="<f4")
    return {_ARRAY: base64.b64encode(content.tobytes()).decode(), "shape": list(content.shape)}


def _unpacked(value: Any) -> Any:
    if not (isinstance(value, dict) and value.keys() == {_ARRAY, "shape"}):
        return value
    return np.frombuffer(base64.b64decode(value[_ARRAY]), dtype="<f4").reshape(value["shape"]).copy()
