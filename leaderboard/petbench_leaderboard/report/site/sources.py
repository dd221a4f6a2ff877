"""Where the site finds what is not in the database: run folders, and the participants' images."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from petbench_datasets.dataset.cohort import PartFacts
    from petbench_leaderboard.board import Board
    from petbench_leaderboard.records import RunRow
    from petbench_leaderboard.report.images import ParticipantImages

_LONGEST_LOG_BYTES = 60_000
_MOST_EVENTS = 200_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ExamplePicture:
    """One slice of a validation participant: early, predicted and delayed beside each other.

    Attributes:
        png: the picture, as a file.
        width: in pixels.
        height: in pixels.
        description: what it shows, in words.
    """

    png: bytes
    width: int
    height: int
    description: str

    @property
    def source(self) -> str:
        """The picture as a page holds it."""
        return "data:image/png;base64," + base64.b64encode(self.png).decode()


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFiles:
    """What a run left in its folder.

    Attributes:
        events: of the training, oldest first.
        log: the end of its process's log, tracebacks included.
        plan: what was asked for, flags that are no part of the identity included.
        example: one slice as it was predicted last in training; None where there is none to show.
    """

    events: Sequence[Mapping[str, Any]] = field(default_factory=tuple)
    log: str = ""
    plan: Mapping[str, Any] = field(default_factory=dict)
    example: ExamplePicture | None = None


class Sources(Protocol):
    """What the site needs that is not in the database."""

    def run_files(self, run: RunRow) -> RunFiles:
        """Return what a run left behind; nothing where its folder is elsewhere."""
        ...

    def people(self, board: Board) -> Sequence[PartFacts]:
        """Return who is in the board's cohort, by part of its split; nothing where the cohort is elsewhere."""
        ...

    def participants(self, boards: Sequence[Board]) -> Iterable[ParticipantImages]:
        """Yield the images of every participant that the boards name, one at a time."""
        ...


def read_run_files(log: Path, losses: Path, plan: Path, example: ExamplePicture | None = None) -> RunFiles:
    """Read what a run left behind; a file that is not there is empty.

    Args:
        log: of the run's process.
        losses: the events of its training, one JSON object a line.
        plan: as JSON.
        example: what to show of the training.
    """
    return RunFiles(
        events=tuple(_events(losses)),
        log=_end_of(log),
        plan=next(_objects(plan, whole=True), {}),
        example=example,
    )


def _events(path: Path) -> Iterator[Mapping[str, Any]]:
    for number, event in enumerate(_objects(path, whole=False)):
        if number >= _MOST_EVENTS:
            return
        yield event


def _objects(path: Path, *, whole: bool) -> Iterator[Mapping[str, Any]]:
    """Yield JSON objects, one a line or one a file; a line that a killed run left half written is passed over."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return
    for line in [text] if whole else text.splitlines():
        try:
            found = json.loads(line)
        except (ValueError, RecursionError):  # the latter of brackets in brackets in brackets
            continue
        if isinstance(found, dict):
            yield found


def _end_of(path: Path) -> str:
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - _LONGEST_LOG_BYTES))
            text = file.read().decode("utf-8", errors="replace")
    except OSError:
        return ""
    return text if size <= _LONGEST_LOG_BYTES else f"… ({size - _LONGEST_LOG_BYTES:,} earlier bytes)\n{text}"
