"""Follow the log and the example slices of a training while it writes them, from outside."""

from __future__ import annotations

import contextlib
import json
import os
import zlib
from array import array
from typing import TYPE_CHECKING, Any

from petbench.errors import plain_line
from petbench.run_events import ExampleImages, StepLogged, Validated
from petbench.runs.example_images import newest_example
from petbench.runs.observing.facts import without_participants
from petbench.training.example_image import predicted_slices
from petbench.training.training_log import LOG_NAME, LONGEST_LINE_BYTES, MOST_BYTES, number_in

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from petbench.run_events import RunEvent, RunFacts

MOST_STEPS_AT_ONCE = 16
"""Entries of one look, which is taken every second: the harness writes one in two seconds, a method what it likes."""
MOST_VALUES = 200
LONGEST_NAME = 200
_MARK = "I"
"""Of a line, in an array: 32 bits."""
_NO_VALUES = ("event", "images", "seconds", "wall_seconds", "validation_seconds")


class LogFollower:
    """Gives the lines of a log as they are added, also when a resumed training moves the log and cuts it.

    Args:
        paths: where the log may lie, at one place at a time.
        told: file that remembers which lines were given, for whoever follows the same log after this process.
    """

    def __init__(self, paths: Sequence[Path], told: Path) -> None:
        self._paths = paths
        self._told = told
        self._file: tuple[int, int] | None = None
        self._place = 0
        self._seen = array(_MARK, _whole_marks(told))
        self._common = 0
        self._kept = len(self._seen)

    @property
    def has_told(self) -> bool:
        """Whether any line was given, by this process or one before."""
        return bool(self._seen)

    def new_lines(self) -> list[bytes]:
        """Return the whole lines that were added since the last call, in their order."""
        for path in self._paths:
            try:
                with path.open("rb") as file:
                    found = self._read(file)
            except OSError:
                continue
            if found:
                self._remember()
            return found
        return []

    def _remember(self) -> None:
        """Write down what was given; where that cannot be, it may be told twice."""
        size = self._seen.itemsize
        with contextlib.suppress(OSError), self._told.open("r+b" if self._told.exists() else "w+b") as file:
            file.truncate(size * self._kept)
            file.seek(size * self._kept)
            self._seen[self._kept :].tofile(file)
            self._kept = len(self._seen)

    def _read(self, file: Any) -> list[bytes]:
        facts = os.fstat(file.fileno())
        if self._file != (facts.st_dev, facts.st_ino) or facts.st_size < self._place:
            # Another file: what it has in common with the one before, from the beginning on, is known.
            self._file, self._place, self._common = (facts.st_dev, facts.st_ino), 0, 0
        found = []
        file.seek(self._place)
        while self._place < MOST_BYTES and (line := file.readline(LONGEST_LINE_BYTES)).endswith(b"\n"):
            self._place += len(line)
            if not self._is_known(line):
                found.append(line)
        return found

    def _is_known(self, line: bytes) -> bool:
        """Return whether the line stood at this place of the log already; from the first that did not, none did."""
        mark = zlib.crc32(line)
        if self._common < len(self._seen) and self._seen[self._common] == mark:
            self._common += 1
            return True
        del self._seen[self._common :]
        self._kept = min(self._kept, self._common)
        self._seen.append(mark)
        self._common += 1
        return False


class TrainingFollower:
    """Makes events of what a training writes.

    Args:
        facts: of the run.
        trainings: folders in which the log and the example slices may lie.
        example: the real slices.
        told: file that remembers what was told of, for whoever follows the same training after this process.
    """

    def __init__(self, facts: RunFacts, trainings: Sequence[Path], example: Path, told: Path) -> None:
        self._facts = facts
        self._log = LogFollower([folder / LOG_NAME for folder in trainings], told)
        self._trainings = trainings
        self._example = example
        # Pictures come with lines: where some were told of, so was the newest picture.
        newest = newest_example(example, trainings) if self._log.has_told else None
        self._shown = -1 if newest is None else newest.images

    def new_events(self) -> list[RunEvent]:
        """Return what has come since the last call, oldest first."""
        steps: list[StepLogged] = []
        validations: list[Validated] = []
        for line in self._log.new_lines():
            event = event_of(line, self._facts)
            if isinstance(event, StepLogged):
                steps.append(event)
            elif event is not None:
                validations.append(event)
        found: list[StepLogged | Validated] = sorted(
            [*steps[-MOST_STEPS_AT_ONCE:], *validations[-MOST_STEPS_AT_ONCE:]], key=lambda each: each.images
        )
        return [*found, *self._new_example()]

    def _new_example(self) -> Iterator[ExampleImages]:
        there = [images for training in self._trainings for images, _ in predicted_slices(training)]
        self._shown = min([self._shown, max(there, default=self._shown)])  # lower, where a resumed training went back
        example = newest_example(self._example, self._trainings, after=self._shown)
        if example is not None:
            self._shown = example.images
            yield ExampleImages(
                run=self._facts,
                images=example.images,
                early=example.early,
                predicted=example.predicted,
                delayed=example.delayed,
            )


def _whole_marks(told: Path) -> Iterator[int]:
    """Yield what a file remembers; a mark that a kill cut short is none."""
    try:
        content = told.read_bytes()
    except OSError:
        return
    size = array(_MARK).itemsize
    yield from array(_MARK, content[: len(content) // size * size])


def event_of(line: bytes, facts: RunFacts) -> StepLogged | Validated | None:
    """Return what a line of the log says; None of one that is not for observers, or that makes no sense."""
    try:
        read = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(read, dict):
        return None
    images, seconds = number_in(read, "images"), number_in(read, "seconds")
    if images is None or not 0 <= images < 2**62:
        return None
    where: dict[str, Any] = {"run": facts, "images": int(images), "seconds": seconds or 0.0}
    if read.get("event") == "step":
        losses = read.get("losses")
        rate = number_in(read, "images_per_second")
        return StepLogged(**where, losses=_numbers(losses if isinstance(losses, dict) else {}), images_per_second=rate)
    if read.get("event") == "validation":
        return Validated(**where, values=_numbers({k: v for k, v in read.items() if k not in _NO_VALUES}))
    return None


def _numbers(values: dict[str, object]) -> dict[str, float]:
    """Return the numbers among values that a method may have named and made as it likes."""
    found = {name: number_in(values, name) for name in list(values)[:MOST_VALUES]}
    return {
        without_participants(plain_line(name, LONGEST_NAME)): number
        for name, number in found.items()
        if number is not None
    }
