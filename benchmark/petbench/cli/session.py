"""What a command works with: the user's home, leaderboard and plugins, each opened when it is first asked for."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from petbench.home import Home
    from petbench.registry import Registry
    from petbench_leaderboard.store import Leaderboard


class Session:
    """One call of the command `petbench`."""

    @cached_property
    def home(self) -> Home:
        """The home, with what an earlier version left there taken over."""
        from petbench.home import Home

        home = Home.find()
        home.take_over_old_datasets()
        return home

    @cached_property
    def leaderboard(self) -> Leaderboard:
        """The leaderboard, migrated to this version."""
        from petbench.runs.folders_0_1 import take_over_old_folders
        from petbench_leaderboard.store import Leaderboard

        leaderboard = Leaderboard.open(self.home.database)
        take_over_old_folders(self.home, leaderboard)
        return leaderboard

    @cached_property
    def registry(self) -> Registry:
        """The installed plugins."""
        from petbench.registry import load_plugins

        return load_plugins()


def session() -> Session:
    """Return the session of the command that is being run."""
    return click.get_current_context().find_root().ensure_object(Session)
