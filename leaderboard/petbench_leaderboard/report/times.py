"""How times to the target are written, the same on the terminal, the site and in tables."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from petbench_leaderboard.report import row_names
from petbench_leaderboard.report import settings as stated
from petbench_leaderboard.report.formatting import MISSING, counted, number
from petbench_leaderboard.statistics.time_to_target import LARGEST_RATIO
from petbench_leaderboard.timing.outcomes import NEVER
from petbench_leaderboard.timing.profiles import FEWEST_METHODS, FEWEST_PROBLEMS
from petbench_leaderboard.timing.targets import REFERENCES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from petbench_leaderboard.records import RunRow
    from petbench_leaderboard.timing.profiles import Entry, Problem, Profiles
    from petbench_leaderboard.timing.tables import BoardTimes, TimeRow, TimeTable
    from petbench_leaderboard.timing.targets import Target

HEAD = ("Method", "Settings", "Arrive", "Seconds", "Range", "Over the fastest")
PROFILE_HEAD = ("Method", "Score", "Problems")
TEXTS = 3
"""Columns of the first table that are texts."""

NEVER_WRITTEN = "never"
ANOTHER_TARGET = "for another: petbench leaderboard --time-to-target --target SUV"
_MOST_NAMED = 6

CLOCK = (
    "Seconds of training until validation is first as good as the target: compiling counts, validation and checkpoints "
    "do not. Between two validations nobody looks, so that a time is too long by up to one such interval. The median "
    "is over all runs: one that fails or never arrives counts as never."
)
"""What the numbers are, for the notes of every output."""

PROFILE = (
    "For each factor, the share of the problems in which a method needs at most that many times the seconds of the "
    f"fastest. The score is the mean of this share over factors from 1 to {LARGEST_RATIO:g}: 1 is fastest everywhere, "
    "0 nowhere near. A problem is a fold of a dataset’s split; a method’s time in it is the median over its seeds, and "
    "one that does not arrive has no share."
)
"""What a performance profile is, for its caption."""


def title(table: TimeTable) -> str:
    """Return what a table is: the target, whose it is, and the hardware."""
    return f"Time to a validation error of {_targets(table.targets)}; {hardware(table.hardware)}"


def hardware(name: str) -> str:
    """Return the hardware in words."""
    return name or "hardware not recorded"


def cells(table: TimeTable, row: TimeRow) -> list[str]:
    """Return a row as it stands below `HEAD`."""
    return [
        name(row),
        settings(table, row),
        arrive(table, row),
        seconds(row.seconds),
        span(row),
        over_the_fastest(table, row),
    ]


def settings(table: TimeTable, row: TimeRow) -> str:
    """Return the row's settings, those first in which it differs from the method's other rows in the table."""
    return ", ".join(row_names.settings(table.rows)[row.run.run_group])


def name(row: TimeRow) -> str:
    """Return the method, and that the row does not stand for it."""
    return row.run.method if row.stands else f"{row.run.method} (variant)"


def arrive(table: TimeTable, row: TimeRow) -> str:
    """Return how many runs arrive of all, and what is to be said of the others: `1 of 3 seeds (1 diverged)`."""
    noun = "seed" if len(table.targets) == 1 else "run"
    why = Counter(each.why for each in row.outcomes if each.why)
    rest = f" ({', '.join(f'{amount} {reason}' for reason, amount in sorted(why.items()))})" if why else ""
    return f"{row.arrived} of {counted(len(row.outcomes), noun)}{rest}"


def seconds(value: float) -> str:
    """Write a time: `15.7`, `0.012`, or `never`."""
    return number(value, 1 if value >= 1.0 else 3) if value < NEVER else NEVER_WRITTEN


def span(row: TimeRow) -> str:
    """Write the shortest and the longest time: `12.4 to 15.7`; empty for one run, and where none arrives."""
    shortest, longest = row.span
    if len(row.outcomes) == 1 or shortest == NEVER:
        return ""
    return f"{seconds(shortest)} to {seconds(longest)}"


def ratio(table: TimeTable, row: TimeRow) -> float | None:
    """Return the median time over that of the fastest row that stands for a method; None without either."""
    return row.seconds / table.fastest if row.seconds < NEVER and table.fastest < NEVER else None


def over_the_fastest(table: TimeTable, row: TimeRow) -> str:
    """Write that ratio: `2.31 ×`."""
    found = ratio(table, row)
    return MISSING if found is None else f"{number(found, 2)} ×"


def notes(times: BoardTimes) -> list[str]:
    """Return what limits the tables of a board, and whose times nobody knows; each of it once."""
    found = [_easy(table) for table in times.tables]
    if times.untargeted:
        where = _folds(times.untargeted)
        found.append(
            f"no target in {where}: of none of {', '.join(REFERENCES)} a validation error is noted there; run one of "
            f"them, read the logs of earlier runs (petbench score --runs all), or name a target; {ANOTHER_TARGET}"
        )
    by_reason: dict[str, list[str]] = defaultdict(list)
    for run, why in times.without:
        by_reason[why].append(_called(run))
    found += [f"no time of {_listed(names)}: {why}" for why, names in by_reason.items()]
    return list(dict.fromkeys(note for note in found if note))


def profile_title(profiles: Profiles) -> str:
    """Return what a profile is over, in short; `profile_place` says which problems these are."""
    return f"Performance profile over {counted(len(profiles.problems), 'problem')}"


def profile_place(profiles: Profiles) -> str:
    """Return the problems of a profile, its task, its protocol and its hardware."""
    rules = f"task {profiles.task}, protocol {profiles.protocol}"
    return f"{_problems(profiles.problems)}, {rules}; {hardware(profiles.hardware)}"


def profile_cells(profiles: Profiles, entry: Entry) -> list[str]:
    """Return a method as it stands below `PROFILE_HEAD`: its score, and in how many problems it arrives."""
    arrived = sum(value < NEVER for value in entry.seconds.values())
    untried = len(profiles.problems) - len(entry.seconds)
    rest = f" ({untried} not tried)" if untried else ""
    score = MISSING if entry.profile is None else number(entry.profile.score(), 2)
    return [entry.name, score, f"{arrived} of {len(profiles.problems)}{rest}"]


def why_no_profile(profiles: Profiles) -> str:
    """Return why nothing is compared; empty where there is a profile."""
    if profiles.compares:
        return ""
    if len(profiles.problems) < FEWEST_PROBLEMS:
        only = counted(len(profiles.problems), "problem")
        return f"{only} ({profile_place(profiles)}): a performance profile needs {FEWEST_PROBLEMS}"
    complete = sum(len(entry.seconds) == len(profiles.problems) for entry in profiles.entries)
    return (
        f"a performance profile needs {FEWEST_METHODS} methods that were run on all of its "
        f"{counted(len(profiles.problems), 'problem')} ({profile_place(profiles)}); there "
        f"{'is' if complete == 1 else 'are'} {complete}"
    )


def _targets(targets: Sequence[Target]) -> str:
    """Return how low the error must be, and whose it is."""
    values = [target.suv for target in targets]
    low, high = number(min(values), 3), number(max(values), 3)
    amount = f"{low} SUV" if low == high else f"{low} to {high} SUV by fold"
    by_reference: dict[str | None, list[int]] = defaultdict(list)
    for target in targets:
        by_reference[target.reference].append(target.fold)
    if None in by_reference:
        return f"{amount}, as asked for"
    if len(by_reference) == 1:
        return f"{amount}, that of {targets[0].reference}’s final model"
    parts = [f"{reference} in {_folds(folds)}" for reference, folds in by_reference.items()]
    return f"{amount}, that of the final model of {', '.join(parts)}"


def _easy(table: TimeTable) -> str:
    """Return that a reference further down the order is better than the target; empty where none is."""
    better: dict[str, tuple[float, str]] = {}
    for target in table.targets:
        for reference, error in target.easier_than:
            better.setdefault(reference, (error, f" in fold {target.fold}" if len(table.targets) > 1 else ""))
    if not better:
        return ""
    listed = " and of ".join(
        f"{reference}, {number(error, 3)} SUV{where}" for reference, (error, where) in better.items()
    )
    return f"the target is an easy one, lower is the error of {listed}; {ANOTHER_TARGET}"


def _problems(problems: Iterable[Problem]) -> str:
    folds: dict[tuple[str, str], list[int]] = defaultdict(list)
    for problem in problems:
        folds[problem.dataset, problem.split].append(problem.fold)
    return "; ".join(f"{dataset} {split} {_folds(found)}" for (dataset, split), found in folds.items())


def _folds(folds: Sequence[int]) -> str:
    return f"fold{'' if len(folds) == 1 else 's'} {', '.join(map(str, folds))}"


def _listed(names: Sequence[str]) -> str:
    """Return the first few names, and how many more there are."""
    shown, more = names[:_MOST_NAMED], len(names) - _MOST_NAMED
    return ", ".join(shown) + (f" and {counted(more, 'further row')}" if more > 0 else "")


def _called(run: RunRow) -> str:
    shown = ", ".join(stated.run_settings(run))
    return f"{run.method} ({shown})" if shown else run.method
