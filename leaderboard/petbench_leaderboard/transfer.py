"""Copy runs from one leaderboard to another: directly, or through a file of one run a line."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import IO, TYPE_CHECKING

from petbench_datasets.files import atomic_path, check_regular
from petbench_datasets.progress import silent
from petbench_leaderboard import strict_json
from petbench_leaderboard.admissions import note
from petbench_leaderboard.errors import LeaderboardError
from petbench_leaderboard.exported_run import ExportedRun, as_json, checked, parse_line
from petbench_leaderboard.run_queries import (
    AT_ONCE,
    Wanted,
    batches_of_runs,
    diffs_of_runs,
    phases_of_runs,
    scores_of_runs,
)
from petbench_leaderboard.storable import plain
from petbench_leaderboard.store import Leaderboard
from petbench_leaderboard.validation_scores import validation_of_runs

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sqlalchemy.orm import Session

    from petbench_datasets.progress import Progress
    from petbench_leaderboard.admissions import Action
    from petbench_leaderboard.phase_rows import PhaseRow
    from petbench_leaderboard.readable import ReadableLeaderboard
    from petbench_leaderboard.score_records import ScoreRow

FORMAT = "petbench runs 2"
FORMAT_OF_0_1 = "petbench runs 1"
LONGEST_LINE_BYTES = 64 * 2**20
"""Of a file of runs: a run of four thousand participants with a score for every organ of each has half of that."""


@dataclass(frozen=True, slots=True)
class Transfer:
    """How many runs were new, were here but have got something added, and were known in full."""

    new: int
    more: int
    known: int


def merge(
    leaderboard: Leaderboard, other: str | Path, *, trusted: bool = True, submitter: str | None = None
) -> Transfer:
    """Copy every run of another leaderboard, which is only read; doing it again changes nothing.

    Runs are distinguished by their uid, which they keep wherever they are merged. Two runs of one identity, made on
    two machines, both stay and count once in the ranking.

    Args:
        leaderboard: that receives the runs.
        other: a file or a database's URL.
        trusted: whether rows keep their verification, and replace the same runs that are only self-reported here;
            otherwise they become `self-reported`, since nobody here has verified them.
        submitter: whose the rows are that are not trusted; None for the other's name.

    Raises:
        LeaderboardError: the other is missing or no leaderboard, or holds what no output can carry.
    """
    if isinstance(other, Path) or "://" not in other:
        path = Path(other)
        if not path.is_file():
            raise LeaderboardError(f"there is no leaderboard at {path}: name the file of another leaderboard")
    with Leaderboard.read(other) as source:
        runs = (_checked(exported, source.name) for exported in exported_runs(source))
        whose = None if trusted else submitter or Path(source.name).name
        return _merge_all(leaderboard, runs, whose, action="merged", source=source.name)


def export_runs(
    leaderboard: ReadableLeaderboard, path: Path, *, where: str | None = None, progress: Progress = silent
) -> int:
    """Write runs with scores and phases as a file of JSON lines, wholly or not at all; return how many.

    Args:
        leaderboard: that has the runs.
        path: the file.
        where: only runs that fulfil this condition.
        progress: is given what is done: description, done, total.

    Raises:
        LeaderboardError: the condition is not understood.
    """
    count = 0
    with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8") as file:
        file.write(json.dumps({"format": FORMAT}) + "\n")
        total = leaderboard.count(Wanted(where=where))
        for count, exported in enumerate(exported_runs(leaderboard, where=where), start=1):
            file.write(json.dumps(as_json(exported), default=str, allow_nan=False) + "\n")
            if count % AT_ONCE == 0:
                progress("exporting runs", count, total)
    return count


def import_runs(
    leaderboard: Leaderboard, path: Path, *, trusted: bool = True, submitter: str | None = None
) -> Transfer:
    """Copy the runs of a file that `export_runs` wrote; a broken file changes nothing.

    Args:
        leaderboard: that receives the runs.
        path: the file.
        trusted: as for `merge`.
        submitter: as for `merge`.

    Raises:
        LeaderboardError: the file is missing or broken, with the line that is.
        DataError: it is a device, a pipe or a socket.
    """
    check_regular(path)
    whose = None if trusted else submitter or path.name
    try:
        with path.open("rb") as lines:
            for _ in _read(lines, path):
                pass  # the whole file is looked at before the first of its runs is stored
            lines.seek(0)
            digest = hashlib.file_digest(lines, "sha256").hexdigest()
            lines.seek(0)
            found = _read(lines, path)
            return _merge_all(leaderboard, found, whose, action="imported", source=path.name, digest=digest)
    except OSError as error:
        raise LeaderboardError(f"{path} cannot be read: {error.strerror}") from error


def exported_runs(leaderboard: ReadableLeaderboard, *, where: str | None = None) -> Iterator[ExportedRun]:
    """Yield every run that fulfils the condition, oldest first, as they are at one moment; a few are in memory."""
    with leaderboard.reading() as session:
        for runs in batches_of_runs(session, Wanted(where=where), oldest_first=True):
            numbers = [run.id for run in runs]
            scores: dict[int, list[ScoreRow]] = {number: [] for number in numbers}
            for score in scores_of_runs(session, numbers):
                scores[score.run_id].append(score)
            validation: dict[int, list[ScoreRow]] = {number: [] for number in numbers}
            for score in validation_of_runs(session, numbers):
                validation[score.run_id].append(score)
            phases: dict[int, list[PhaseRow]] = {number: [] for number in numbers}
            for phase in phases_of_runs(session, numbers):
                phases[phase.run_id].append(phase)
            diffs = diffs_of_runs(session, numbers)
            for run in runs:
                diff = diffs.get(run.id, "")
                yield ExportedRun(run, scores[run.id], phases[run.id], diff, validation[run.id])


def _checked(exported: ExportedRun, where: str) -> ExportedRun:
    try:
        return checked(exported)
    except ValueError as error:
        raise LeaderboardError(f"run {exported.run.id} of {where} cannot be taken over: {error}") from None


def _merge_all(
    leaderboard: Leaderboard,
    found: Iterable[ExportedRun],
    submitter: str | None,
    *,
    action: Action,
    source: str,
    digest: str = "",
) -> Transfer:
    """Store runs as they are, or as what a submitter says of himself; the log names those that are new."""

    def beside(session: Session, new: list[str]) -> None:
        note(session, action, new, source=source, digest=digest)

    whose = {} if submitter is None else {"verification": "self-reported", "submitter": plain(submitter)}
    runs = (
        replace(each, run=replace(each.run, **whose))  # type: ignore[arg-type]
        for each in found
    )
    counts: Counter[str] = Counter()
    while some := list(islice(runs, AT_ONCE)):
        counts.update(leaderboard.merge_runs(some, beside=beside))
    return Transfer(new=counts["new"], more=counts["more"], known=counts["known"])


def _read(lines: IO[bytes], path: Path) -> Iterator[ExportedRun]:
    number, old = 0, False
    try:
        while line := lines.readline(LONGEST_LINE_BYTES + 1):
            number += 1
            if len(line) > LONGEST_LINE_BYTES:
                raise ValueError(f"more than {LONGEST_LINE_BYTES} bytes long")
            if number == 1:
                old = _is_old(line, path)
            else:
                yield parse_line(line, old=old)
    except ValueError as error:
        raise LeaderboardError(f"{path}, line {number}, is broken ({error}): export the runs again") from error
    if number == 0:
        raise LeaderboardError(f"{path} is empty: export the runs again")


def _is_old(line: bytes, path: Path) -> bool:
    """Return whether a file, by its first line, is one of 0.1.0."""
    head = strict_json.parse(line)
    found = head.get("format") if isinstance(head, dict) else None
    if found not in (FORMAT, FORMAT_OF_0_1):
        raise LeaderboardError(f"{path} is no file of runs that this petbench knows")
    return bool(found == FORMAT_OF_0_1)
