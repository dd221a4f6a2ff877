"""What tells the rows of a table apart: of one method's rows, the settings in which they differ, and no others.

The settings of a run are many, and the rows of a method agree in most. A preset stands for its parameters and a version
for its code: where these differ, what follows from them is not said again.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Protocol

from petbench_leaderboard.report import settings as stated

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from petbench_leaderboard.records import RunRow


class HasRun(Protocol):
    """A row of any table: of a board, or of times."""

    @property
    def run(self) -> RunRow:
        """One of its runs, for what they have in common."""
        ...


MOST_NAMED = 4
"""Differing settings that a row names."""

LONGEST = 24
"""Characters of one value."""

_NONE = "none"


def names(rows: Sequence[HasRun]) -> dict[str, str]:
    """Return what each row of a table is called, by its run group; no two are called the same.

    A method's only row goes by the method, with whose it is where it is somebody else's. Of several each has as few of
    the settings in which they differ as tell them apart: `pix2pix learning_rate=0.001`.
    """
    found = {row.run.run_group: stated.named_run(row.run) for row in rows}
    for runs in _of_methods(rows):
        telling = [write for _, write in _telling(runs)]
        for most in range(min(len(telling), MOST_NAMED) + 1):
            called = {run.run_group: _called(found[run.run_group], telling[:most], run) for run in runs}
            if len(set(called.values())) == len(runs):
                break
        found |= called
    taken = Counter(found.values())
    count: Counter[str] = Counter()
    for group, name in found.items():
        if taken[name] > 1:  # they differ in more than is named
            count[name] += 1
            found[group] = f"{name} ({count[name]})"
    return found


def _called(name: str, telling: Sequence[Callable[[RunRow], str]], run: RunRow) -> str:
    return " ".join(filter(None, (name, *(write(run) for write in telling))))


def _of_methods(rows: Sequence[HasRun]) -> Collection[list[RunRow]]:
    of_method: dict[str, list[RunRow]] = defaultdict(list)
    for row in rows:
        of_method[row.run.method].append(row.run)
    return of_method.values()


def settings(rows: Sequence[HasRun]) -> dict[str, list[str]]:
    """Return what stands on each row of a table, by its run group: what differs first, then what always stands there.

    That is origin, preset, changed parameters, budget and track, see `settings.settings`; of many parameters only some.
    """
    differing = differing_settings(rows)
    found = {}
    for row in rows:
        own = differing[row.run.run_group]
        always = stated.run_settings(row.run)
        changed = [part for part in stated.changed_parameters(row.run) if part not in own]
        left = len(changed) - max(0, MOST_NAMED - len(own))
        cut = set(changed[len(changed) - left :]) if left > 1 else set()
        parts = [part for part in always if part not in cut and part not in own]
        more = [f"{left} more changed"] if cut else []
        place = next((index for index, part in enumerate(parts) if part == stated.budget(row.run)), len(parts))
        found[row.run.run_group] = [*own, *parts[:place], *more, *parts[place:]]
    return found


def differing_settings(rows: Sequence[HasRun]) -> dict[str, list[str]]:
    """Return by run group in what a row differs from the method's other rows; empty for a method's only row.

    The settings that tell most rows apart come first, at most `MOST_NAMED` of them.
    """
    found: dict[str, list[str]] = {}
    for runs in _of_methods(rows):
        telling = _telling(runs)
        for run in runs:
            shown = [write(run) for _, write in telling]
            kept = [part for part in shown if part]
            left = len(kept) - MOST_NAMED
            found[run.run_group] = kept if left <= 0 else [*kept[:MOST_NAMED], f"{left} more"]
    return found


def _telling(runs: Sequence[RunRow]) -> list[tuple[str, Callable[[RunRow], str]]]:
    """Return how to write the settings in which runs differ, those first that have most values."""
    candidates: list[tuple[str, Callable[[RunRow], str]]] = [
        ("preset", lambda run: run.preset or ""),
        ("budget", stated.budget),
        ("views", stated.views),
        *((name, _parameter(name)) for name in _differing_parameters(runs)),
        ("precision", lambda run: run.precision),
        ("package", lambda run: f"{run.distribution} {run.version}"),
        ("code", lambda run: f"code {run.source_hash[:8]}"),
    ]
    values = {name: {write(run) for run in runs} for name, write in candidates}
    if len(values["package"]) > 1:  # other code is what another version is
        by_package = defaultdict(set)
        for run in runs:
            by_package[run.distribution, run.version].add(run.source_hash)
        if all(len(codes) == 1 for codes in by_package.values()):
            values["code"] = set()
    different = [each for each in candidates if len(values[each[0]]) > 1]
    return sorted(different, key=lambda each: -len(values[each[0]]))


def _differing_parameters(runs: Sequence[RunRow]) -> list[str]:
    """Return the parameters in which runs differ, but for those that follow from their presets."""
    named = list(dict.fromkeys(name for run in runs for name in run.parameters if name != "budget"))
    changed = {name for run in runs for name in run.changed_parameters or ()}
    presets: dict[str | None, list[RunRow]] = defaultdict(list)
    for run in runs:
        presets[run.preset].append(run)
    return [
        name
        for name in named
        if (name in changed and _differs(runs, name)) or any(_differs(some, name) for some in presets.values())
    ]


def _differs(runs: Sequence[RunRow], name: str) -> bool:
    return len({_text(run.parameters, name) for run in runs}) > 1


def _text(parameters: Mapping[str, object], name: str) -> str:
    return stated.value(parameters[name]) if name in parameters else _NONE


def _parameter(name: str) -> Callable[[RunRow], str]:
    def write(run: RunRow) -> str:
        text = _text(run.parameters, name)
        return f"{name}={text if len(text) <= LONGEST else f'{text[: LONGEST - 1]}…'}"

    return write
