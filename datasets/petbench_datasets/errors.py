"""Every expected failure of petbench.

::

    PetbenchError            one line: what happened, to which thing, what to do
    ├── DataError            a scan, dataset or split that cannot be used as it is
    ├── PluginError          a plugin that broke the contract          (petbench)
    ├── UsageError           a request that makes no sense; exit code 2 (petbench)
    └── LeaderboardError     a store that cannot be read or written    (petbench_leaderboard)

The command line prints the message without a traceback and exits with `exit_code`.
"""

from __future__ import annotations


class PetbenchError(Exception):
    """An expected failure, whose message names the thing and says what to do."""

    exit_code = 1


class DataError(PetbenchError):
    """A scan, dataset or split that cannot be used as it is."""
