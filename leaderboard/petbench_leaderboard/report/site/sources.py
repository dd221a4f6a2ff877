"""Where the site finds what is not in the database: run folders, and the participants' images."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from petbench_leaderboard.board import Board
    from petbench_leaderboard.records import RunRow
    from petbench_leaderboard.report.images import ParticipantImages

_LONGEST_LOG_BYTES = 60_000
_MOST_EVENTS = 200_000


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFiles:
    """What a run left in its folder.

    Attributes:
        events: the lines of `log.jsonl`, oldest first.
        log: the end of `run.log`, tracebacks included.
        plan: what was asked for, flags that are no part of the identity included.
    """

    events: Sequence[Mapping[str, Any]] = field(default_factory=tuple)
    log: str = ""
    plan: Mapping[str, Any] = field(default_factory=dict)


class Sources(Protocol):
    """What the site needs that is not in the database."""

    def run_files(self, run: RunRow) -> RunFiles:
        """Return what a run left behind; nothing where its folder is elsewhere."""
        ...

    def participants(self, boards: Sequence[Board]) -> Iterable[ParticipantImages]:
        """Yield the images of every participant that the boards name, one at a time."""
        ...


class HomeSources:
    """Run folders below petbench's home; the images come from whoever knows datasets."""

    def __init__(
        self, home: Path, images: Callable[[Sequence[Board]], Iterable[ParticipantImages]] = lambda _: ()
    ) -> None:
        """Look below `home`, to which the runs' log paths are relative, and ask `images` for participants."""
        self._home = home.resolve()
        self._images = images

    def run_files(self, run: RunRow) -> RunFiles:
        """Read a run's folder, which is where its log is; a path that leads out of the home is not followed."""
        if not run.log_path:
            return RunFiles()
        log = (self._home / run.log_path).resolve()
        if not log.is_relative_to(self._home):
            return RunFiles()
        return RunFiles(
            events=tuple(_events(log.parent / "training" / "log.jsonl")),
            log=_end_of(log),
            plan=next(_objects(log.parent / "plan.json", whole=True), {}),
        )

    def participants(self, boards: Sequence[Board]) -> Iterable[ParticipantImages]:
        """Yield the images of the boards' participants."""
        return self._images(boards)


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
        except ValueError:
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
