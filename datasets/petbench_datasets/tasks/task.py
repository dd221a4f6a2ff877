"""A task: the question that a run answers, as plain data with a name, a version and a source."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from petbench_datasets.errors import DataError
from petbench_datasets.images.decay import HALF_LIFE_SECONDS, element_names, without_nuclide

if TYPE_CHECKING:
    from collections.abc import Mapping

API_VERSION = 1

EARLY, DELAYED = "early", "delayed"

_SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_NAME = re.compile(r"[a-z0-9]+([_-][a-z0-9]+)*")
_NAMES = {
    "clearance_organs": "labels of organs, such as 'liver'",
    "shown_organs": "labels of organs, such as 'liver'",
    "ranking_metrics": "names of metrics, such as 'mae_body_suv'",
}
_LONGEST_SECONDS = 30 * 86_400.0
_SAYS_NOTHING = {"", "na", "unknown", "unspecified", "solution", "other", "tracer", "pet"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """Predict the delayed image of a tracer from its early one.

    A window's image is the mean of the frames that lie in it, each weighted with the seconds that it shares with it.

    Attributes:
        name: a slug, the same as typed after `petbench run --task`.
        version: another question needs another version; results of two versions never share a table.
        summary: one line for `petbench tasks`.
        tracer: what is injected, as people call it: `FDG`.
        spellings: lower-case letters and digits; one is part of what sidecars and DICOM headers call the tracer.
        radionuclide: as sidecars spell it, `F18`; its half-life is in `petbench_datasets.images.decay`.
        early_seconds: the early window, from when to when after the injection.
        delayed_seconds: the delayed window, likewise, after the early one.
        least_coverage: the part of a window that must have been measured, above 0 and at most 1.
        clearance_organs: labels of the organs that excrete the tracer, beside the urinary tract: what they hold depends
            on more than the early image shows, so they are left out of every mean over organs.
        excreted_by_urine: whether the urinary tract is to be left out, too, of these means, of the metrics without it
            and of focal uptake. Without it there are no metrics without the urinary tract.
        hot_suv: from which SUV on uptake counts as hot.
        core_percent: the core of an organ or lesion is what has at least this percent of its maximum.
        shown_organs: labels that the report shows of each participant, in this order; empty for all.
        ranking_metrics: what decides the order of a board: the first that any row has a mean of. Empty for those of
            `petbench_leaderboard.board.RANKING_METRICS`.
        source: who asked this question, and which of its numbers are a choice of whoever wrote the task.
        of_file: whether a file defines it, and no package: its id then has a digest, so that two files are two tasks.
        api: the version of the contract that the plugin was written for.

    Raises:
        DataError: a value that no task can have, in one line.
    """

    name: str
    version: int
    summary: str
    tracer: str
    spellings: tuple[str, ...]
    radionuclide: str
    early_seconds: tuple[float, float]
    delayed_seconds: tuple[float, float]
    least_coverage: float = 0.8
    clearance_organs: tuple[str, ...] = ("kidney", "kidneys", "kidney_left", "kidney_right")
    excreted_by_urine: bool = True
    hot_suv: float = 4.0
    core_percent: float = 41.0
    shown_organs: tuple[str, ...] = ()
    ranking_metrics: tuple[str, ...] = ()
    source: str
    of_file: bool = False
    api: int = field(default=API_VERSION, compare=False)

    def __post_init__(self) -> None:
        for problem in _problems(self):
            raise DataError(f"the task {self.name!r}: {problem}")

    @property
    def id(self) -> str:
        """What boards and runs call it: `fdg-7-21-to-42-63@1`, and for one of a file `mine@1:0f3a9c21`."""
        return f"{self.name}@{self.version}" + (f":{self.digest[:8]}" if self.of_file else "")

    @property
    def digest(self) -> str:
        """The sha256 of its definition."""
        text = json.dumps(self.content(), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def windows_seconds(self) -> Mapping[str, tuple[float, float]]:
        """The windows by their names, the early one first."""
        return {EARLY: self.early_seconds, DELAYED: self.delayed_seconds}

    @property
    def half_life_seconds(self) -> float:
        """Of the radionuclide."""
        return HALF_LIFE_SECONDS[self.radionuclide]

    @property
    def subject(self) -> str:
        """What is injected, for people: `F-18 FDG`."""
        return f"{hyphenated(self.radionuclide)} {self.tracer}"

    def content(self) -> dict[str, Any]:
        """Return its definition as plain data, without what has its default: new fields change no digest."""
        found: dict[str, Any] = {}
        for each in dataclasses.fields(self):
            value = getattr(self, each.name)
            if each.compare and (each.default is dataclasses.MISSING or value != each.default):
                found[each.name] = list(value) if isinstance(value, tuple) else value
        return found

    @classmethod
    def from_content(cls, content: Mapping[str, Any]) -> Task:
        """Return the task of a definition that `content` gave.

        Raises:
            DataError: it is none.
        """
        facts: dict[str, Any] = {key: tuple(one) if isinstance(one, list) else one for key, one in content.items()}
        try:
            return cls(**facts)
        except TypeError as error:
            raise DataError(f"a task's definition cannot be read: {error}") from error

    def kind_of(self, name: str) -> str:
        """Return its tracer where `name` is one of it, nothing where it says no more than the nuclide, else `name`."""
        if any(spelling in letters(name) for spelling in self.spellings):
            return self.tracer
        return "" if says_no_tracer(name, self.radionuclide) else name.strip()


def says_no_tracer(name: str, radionuclide: str) -> bool:
    """Return whether what a file calls its tracer is empty, a word for any, or this nuclide alone: `[18F]`, `F-18`."""
    plain = letters(without_nuclide(name, radionuclide))
    return plain in _SAYS_NOTHING or plain in element_names(radionuclide)


def letters(text: str) -> str:
    """Return a text's letters and digits in lower case."""
    return re.sub(r"[^a-z0-9]", "", text.lower())


def hyphenated(radionuclide: str) -> str:
    """Return a nuclide for people to read: `F-18`."""
    return re.sub(r"^(\D+)(\d+)$", r"\1-\2", radionuclide)


def _problems(task: Task) -> list[str]:
    found = []
    if not isinstance(task.name, str) or not _SLUG.fullmatch(task.name):
        found.append("the name is no slug: use lower-case letters, digits and hyphens")
    if isinstance(task.version, bool) or not isinstance(task.version, int) or task.version < 1:
        found.append(f"version is {task.version!r}; give a whole number from 1 on")
    for name in ("summary", "tracer", "source"):
        value = getattr(task, name)
        if not isinstance(value, str) or not value.strip() or "\n" in value:
            found.append(f"{name} is {value!r}; write one line of text")
    if not isinstance(task.radionuclide, str) or task.radionuclide not in HALF_LIFE_SECONDS:
        found.append(f"radionuclide is {task.radionuclide!r}; known are {', '.join(HALF_LIFE_SECONDS)}")
    spelled = task.spellings if isinstance(task.spellings, tuple) else ()
    if not spelled or not all(isinstance(one, str) and len(one) > 1 and one == letters(one) for one in spelled):
        found.append(f"spellings is {task.spellings!r}; give lower-case letters and digits, such as 'fdg'")
    found += [
        f"{name} is {getattr(task, name)!r}; give its start and its later end, from 0 to 30 days"
        for name in ("early_seconds", "delayed_seconds")
        if not _is_window(getattr(task, name))
    ]
    if not found and task.early_seconds[1] > task.delayed_seconds[0]:
        found.append("the delayed window begins before the early one ends; an early image is all before a delayed one")
    if not _is_number(task.least_coverage) or not 0.0 < task.least_coverage <= 1.0:
        found.append(f"least_coverage is {task.least_coverage!r}; give a part above 0 and at most 1")
    found += [
        f"{name} is {getattr(task, name)!r}; it is true or false"
        for name in ("excreted_by_urine", "of_file")
        if not isinstance(getattr(task, name), bool)
    ]
    if not _is_number(task.hot_suv) or not task.hot_suv > 0.0:
        found.append(f"hot_suv is {task.hot_suv!r}; give an SUV above 0")
    if not _is_number(task.core_percent) or not 0.0 < task.core_percent < 100.0:
        found.append(f"core_percent is {task.core_percent!r}; give a percentage above 0 and below 100")
    return found + [
        f"{name} is {getattr(task, name)!r}; give a list of {what}, in lower case and each once"
        for name, what in _NAMES.items()
        if not _are_names(getattr(task, name))
    ]


def _are_names(names: object) -> bool:
    if not isinstance(names, tuple) or not all(isinstance(one, str) and _NAME.fullmatch(one) for one in names):
        return False
    return len(set(names)) == len(names)


def _is_window(window: object) -> bool:
    if not isinstance(window, tuple) or len(window) != 2 or not all(map(_is_number, window)):
        return False
    return bool(0.0 <= window[0] < window[1] <= _LONGEST_SECONDS)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
