"""Copy runs from one leaderboard to another: directly, or through a file of one run a line."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from petbench_datasets.files import check_regular, write_text
from petbench_leaderboard import strict_json
from petbench_leaderboard.admissions import note
from petbench_leaderboard.errors import LeaderboardError
from petbench_leaderboard.exported_run import ExportedRun, as_json, checked, parse_line
from petbench_leaderboard.storable import plain
from petbench_leaderboard.store import Leaderboard

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from petbench_leaderboard.admissions import Action
    from petbench_leaderboard.score_records import ScoreRow

FORMAT = "petbench runs 2"
FORMAT_OF_0_1 = "petbench runs 1"
LONGEST_LINE_BYTES = 64 * 2**20
"""Of a file of runs: a run of four thousand participants with a score for every organ of each has half of that."""
_RUNS_AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class Transfer:
    """How many runs were new, were here but have got something added, and were known in full."""

    new: int
    more: int
    known: int


def merge(
    leaderboard: Leaderboard, other: str | Path, *, trusted: bool = True, submitter: str | None = None
) -> Transfer:
    """Copy every run of another leaderboard; doing it again changes nothing.

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
    with Leaderboard.open(other) as source:
        runs = (_checked(exported, source.name) for exported in exported_runs(source))
        whose = None if trusted else submitter or Path(source.name).name
        return _merge_all(leaderboard, runs, whose, action="merged", source=source.name)


def export_runs(leaderboard: Leaderboard, path: Path, *, where: str | None = None) -> int:
    """Write runs with scores and phases as a file of JSON lines, wholly or not at all; return how many."""
    lines = [json.dumps({"format": FORMAT})]
    lines += [
        json.dumps(as_json(exported), default=str, allow_nan=False)
        for exported in exported_runs(leaderboard, where=where)
    ]
    write_text(path, "\n".join(lines) + "\n")
    return len(lines) - 1


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
    """
    runs = list(_read(path))
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    whose = None if trusted else submitter or path.name
    return _merge_all(leaderboard, runs, whose, action="imported", source=path.name, digest=digest)


def exported_runs(leaderboard: Leaderboard, *, where: str | None = None) -> Iterator[ExportedRun]:
    """Yield every run that fulfils the condition, oldest first, a few at a time in memory."""
    numbers = [run.id for run in reversed(leaderboard.runs(where=where))]
    for start in range(0, len(numbers), _RUNS_AT_ONCE):
        some = numbers[start : start + _RUNS_AT_ONCE]
        scores: dict[int, list[ScoreRow]] = {number: [] for number in some}
        for score in leaderboard.scores(some):
            scores[score.run_id].append(score)
        for number in some:
            yield ExportedRun(
                leaderboard.run(number), scores[number], leaderboard.phases(number), leaderboard.source_diff(number)
            )


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
    counts: Counter[str] = Counter()
    new: list[str] = []
    for exported in found:
        run = exported.run
        if submitter is not None:
            run = replace(run, verification="self-reported", submitter=plain(submitter))
        outcome = leaderboard.merge_run(run, exported.scores, exported.phases, source_diff=exported.source_diff)
        counts[outcome] += 1
        if outcome == "new":
            new.append(run.uid)
    note(leaderboard, action, new, source=source, digest=digest)
    return Transfer(new=counts["new"], more=counts["more"], known=counts["known"])


def _read(path: Path) -> Iterator[ExportedRun]:
    number, old = 0, False
    check_regular(path)
    try:
        with path.open("rb") as file:
            while line := file.readline(LONGEST_LINE_BYTES + 1):
                number += 1
                if len(line) > LONGEST_LINE_BYTES:
                    raise ValueError(f"more than {LONGEST_LINE_BYTES} bytes long")
                if number == 1:
                    old = _is_old(line, path)
                else:
                    yield parse_line(line, old=old)
    except OSError as error:
        raise LeaderboardError(f"{path} cannot be read: {error.strerror}") from error
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
