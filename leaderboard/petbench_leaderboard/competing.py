"""One competing row a method: which of a method's rows stands for it on a board, and why that one.

A method may have any number of rows on a board: other parameters, budgets, versions. Were all of them ranked, whoever
enters most would rank best by chance alone, and each further row would cost every method power in the tests. So one row
competes, and it is never chosen by what it scores on the test participants:

1. Only rows can be chosen that cover every participant and lost no seed.
2. Rows that were trained here come before those of submissions, whose validation nobody here has seen, and these before
   rows that somebody only reports. Nobody can take a row's place by what he says of his own.
3. Rows with a validation score come before those without, and the best on validation competes. Scores of two
   conventions compare with nothing: then, and where nobody has one, the row that was planned first competes.

The other rows are *variants*: shown, unranked, and in no test.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from petbench_leaderboard.board import ChosenBy


Method: TypeAlias = tuple[str, str]
"""A method's name and the distribution that ships it: a name alone may be anybody's."""


class Candidate(NamedTuple):
    """A row of a competing method, with all that decides whether it stands for the method.

    Attributes:
        run_group: the row.
        method: the method's name.
        distribution: the package that ships it.
        trust: how much of its runs was seen here, the least of them; see `petbench_leaderboard.records.RunRecord`.
        complete: whether it covers every participant and lost no seed.
        planned_seconds: when its first run was planned, in seconds since 1970.
        validated_by: metric and convention of its validation score; None where its runs do not all have one.
        validation_distance: that score's mean over the row's runs, as a number that is smaller the better it is; None
            where the metric's direction is not known.
    """

    run_group: str
    method: str
    distribution: str
    trust: int
    complete: bool
    planned_seconds: float
    validated_by: str | None = None
    validation_distance: float | None = None


def choose(candidates: Iterable[Candidate]) -> dict[str, ChosenBy]:
    """Return the rows that compete, one of each method that has a row to choose, and why each was chosen."""
    of_method: dict[Method, list[Candidate]] = defaultdict(list)
    for candidate in candidates:
        if candidate.complete:
            of_method[candidate.method, candidate.distribution].append(candidate)
    return dict(map(_chosen, of_method.values()))


def _chosen(rows: Sequence[Candidate]) -> tuple[str, ChosenBy]:
    most = max(row.trust for row in rows)
    rows = [row for row in rows if row.trust == most]
    if len(rows) == 1:
        return rows[0].run_group, "only"
    validated = [row for row in rows if row.validation_distance is not None]
    if validated and len({row.validated_by for row in validated}) == 1:
        return min(validated, key=_by_validation).run_group, "validation"
    return min(rows, key=_by_plan).run_group, "planned"


def _by_plan(row: Candidate) -> tuple[float, str]:
    return row.planned_seconds, row.run_group


def _by_validation(row: Candidate) -> tuple[float, float, str]:
    return row.validation_distance or 0.0, *_by_plan(row)
