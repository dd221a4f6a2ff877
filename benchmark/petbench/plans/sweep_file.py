"""A sweep in a TOML file, for `--config`: checked as it is read, with the line of what is wrong."""

from __future__ import annotations

import json
import tomllib
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PrivateAttr, ValidationError

from petbench.engine_settings import Compile, CudaGraphs, Precision
from petbench.errors import PetbenchError, UnknownNameError, UsageError
from petbench.methods import parameters
from petbench.methods.devices import require_device_name
from petbench.methods.shared import MOST_PROCESSES
from petbench.plans.alternatives import alternatives
from petbench.plans.ensembles import Which
from petbench.plans.run_plan import parse_budget
from petbench.plans.sweep import parse_numbers, parse_seeds
from petbench.plans.toml_lines import line_of
from petbench_leaderboard.records import MOST_SAMPLES, MOST_VIEWS
from petbench_leaderboard.tracks import TRACKS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from petbench.contract import MethodSpec
    from petbench.registry import Registry

_STRICT = ConfigDict(extra="forbid", strict=True)


def _as_typed(value: Any) -> Any:
    """Return numbers as they are typed after `--seed`: `3`, or `[0, 2, 7]` as `0,2,7`."""
    numbers = value if isinstance(value, list) else [value]
    if numbers and all(isinstance(each, int) and not isinstance(each, bool) for each in numbers):
        return ",".join(map(str, numbers))
    return value


def _by_name(value: Any) -> Any:
    """Return methods that are a list of names as a table of which each says nothing more."""
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return {name: {} for name in value}
    return value


Numbers = Annotated[str, BeforeValidator(_as_typed)]


class MethodTable(BaseModel):
    """What a file says of one method alone, as `[methods.pix2pix]`."""

    model_config = _STRICT

    preset: str | None = None
    settings: dict[str, Any] = {}


class SweepFile(BaseModel):
    """What a file says; the names are those of `petbench.plans.sweep_request.SweepRequest`.

    A value of a setting may be a list of values, or a range `{from = 1e-4, to = 1e-2, number = 3, scale = "log"}`.
    """

    model_config = _STRICT

    methods: Annotated[dict[str, MethodTable], BeforeValidator(_by_name)] = {}
    dataset: str | None = None
    split: str | None = None
    seeds: Numbers | None = None
    folds: Numbers | None = None
    budget: str | None = None
    track: str | None = None
    preset: str | None = None
    device: str | None = None
    precision: Precision | None = None
    compile: Compile | None = None
    cuda_graphs: CudaGraphs | None = None
    deterministic: bool | None = None
    reconstruction: str | None = None
    task: str | None = None
    no_test: bool | None = None
    tta: Annotated[int, Field(ge=1, le=MOST_VIEWS)] | None = None
    ensemble: Which | None = None
    keep_samples: Annotated[int, Field(ge=0, le=MOST_SAMPLES)] | None = None
    time_limit_seconds: Annotated[float, Field(gt=0)] | None = None
    isolated: bool | None = None
    processes: Annotated[int, Field(ge=1, le=MOST_PROCESSES)] | None = None
    settings: dict[str, Any] = {}

    _path: str = PrivateAttr("")
    _text: str = PrivateAttr("")

    @classmethod
    def read(cls, path: Path) -> SweepFile:
        """Read a file.

        Raises:
            UsageError: it cannot be read, is no TOML, or says something that there is not: which file, line and key.
        """
        try:
            text = path.read_bytes().decode("utf-8")
        except OSError as error:
            raise UsageError(f"{path} cannot be read: {error.strerror or error}") from None
        except UnicodeDecodeError:
            raise UsageError(f"{path} is no text in UTF-8, which TOML is") from None
        try:
            values = tomllib.loads(text)
        except (tomllib.TOMLDecodeError, RecursionError) as error:
            said = str(error).replace("\n", " ") or "nested too deeply"
            raise UsageError(f"{path}: no TOML: {said[:1].lower()}{said[1:]}") from None
        try:
            found = cls.model_validate(values)
        except ValidationError as error:
            first = error.errors()[0]
            keys = first["loc"]
            raise UsageError(f"{_place(path, text, keys)}{_said(first, keys)}") from None
        found._path, found._text = str(path), text
        return found

    def common(self) -> dict[str, Any]:
        """Return what it says of all methods together, but for preset and settings."""
        apart = {"methods", "preset", "settings"}
        return self.model_dump(exclude=apart, exclude_none=True)

    def of_method(self, name: str) -> tuple[str | None, dict[str, Any]]:
        """Return preset and settings of a method; what its own table says comes before what is said of all."""
        table = self.methods.get(name, MethodTable())
        return table.preset or self.preset, {**self.settings, **table.settings}

    def check(self, registry: Registry) -> None:
        """Make sure that there is everything that it names, and that every value is one that its parameter takes.

        Raises:
            UsageError: which file, line and key, and what is wrong.
        """
        checks: list[tuple[str, Callable[[], object]]] = [
            ("seeds", lambda: parse_seeds(self.seeds or "0", "seeds")),
            ("folds", lambda: parse_numbers(self.folds or "0", "folds", 1)),
            ("budget", lambda: parse_budget(self.budget) if self.budget is not None else None),
            ("track", lambda: _known("track", self.track, TRACKS)),
            ("device", lambda: require_device_name(self.device or "auto")),
        ]
        for key, check in checks:
            self._asked((key,), check)
        for name, table in self.methods.items():
            spec = self._asked(("methods", name), partial(registry.method, name))[0]
            preset = ("methods", name, "preset") if table.preset is not None else ("preset",)
            self._asked(preset, partial(_check_preset, spec, self.of_method(name)[0]))
            for place, settings in ((("settings",), self.settings), (("methods", name, "settings"), table.settings)):
                for key, value in settings.items():
                    self._asked((*place, key), partial(_check_setting, spec, key, value))

    def _asked(self, keys: Sequence[str], ask: Callable[[], Any]) -> Any:
        try:
            return ask()
        except PetbenchError as error:
            raise UsageError(f"{_place(self._path, self._text, keys)}{error}") from None


def _place(path: object, text: str, keys: Sequence[str | int]) -> str:
    line = line_of(text, keys)
    return f"{path}: " if line is None else f"{path}, line {line}: "


def _said(problem: Any, keys: Sequence[str | int]) -> str:
    """Return in words what is wrong with a key."""
    name = ".".join(map(str, keys))
    if problem["type"] == "extra_forbidden":
        known = MethodTable if len(keys) > 1 else SweepFile
        return str(UnknownNameError("key of a sweep", str(keys[-1]), known.model_fields, listed="There:"))
    message = problem["msg"]
    return f"{name}: {message[:1].lower()}{message[1:]} (given: {problem['input']!r})"


def _known(kind: str, name: str | None, known: Any) -> None:
    if name is not None and name not in known:
        raise UnknownNameError(kind, name, known)


def _check_preset(spec: MethodSpec, preset: str | None) -> None:
    if preset is not None and preset != parameters.NO_PRESET:
        _known(f"preset of {spec.name}", preset, [*spec.presets, parameters.NO_PRESET])


def _check_setting(spec: MethodSpec, key: str, value: Any) -> None:
    """Make sure that a method has a parameter, and that it takes each of the values.

    Raises:
        UsageError: it has not, or does not.
    """
    try:
        text = json.dumps(value)
    except TypeError:  # TOML has dates
        raise UsageError(f"{key} cannot be {value}: give a number, a text, a list or a table") from None
    parameters.split_setting(spec, f"{key}={text}")
    for each in alternatives(spec, key, text):
        if not parameters.takes(spec, key, each):
            parameters.resolve(spec, parameters.NO_PRESET, [f"{key}={json.dumps(each)}"], None)
