"""Every expected failure of petbench.

::

    PetbenchError            one line: what happened, to which thing, what to do
    ├── DataError            a scan, dataset or split that cannot be used as it is
    ├── PluginError          a plugin that broke the contract          (petbench)
    ├── UsageError           a request that makes no sense; exit code 2 (petbench)
    └── LeaderboardError     a store that cannot be read or written    (petbench_leaderboard)
        └── RequestError     a name or condition that means nothing; exit code 2

The command line prints the message without a traceback and exits with `exit_code`.
"""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class PetbenchError(Exception):
    """An expected failure, whose message names the thing and says what to do."""

    exit_code = 1


class DataError(PetbenchError):
    """A scan, dataset or split that cannot be used as it is."""


_AS_MANY_AS_ARE_READ = 40


def unknown_name(kind: str, name: str, known: Iterable[str], listed: str) -> str:
    """Return the message about a name that nothing has: the nearest that something has, and the others if few.

    Args:
        kind: what the name was to be of, such as `dataset on this leaderboard`.
        name: as it was typed.
        known: the names that there are.
        listed: what stands in front of them, such as `There:`.
    """
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]!r}? " if near else ""
    listing = ", ".join(names) or "none"
    if len(names) > _AS_MANY_AS_ARE_READ:
        nearest = sorted(difflib.get_close_matches(name, names, n=_AS_MANY_AS_ARE_READ // 2, cutoff=0.0))
        listing = f"{', '.join(nearest)}, and {len(names) - len(nearest)} more"
    return f"no {kind} is called {name!r}; {hint}{listed} {listing}."
