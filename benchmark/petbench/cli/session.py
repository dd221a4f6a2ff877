"""What a command works with: settings, home, leaderboard and plugins, each opened when it is first asked for."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from petbench.home import Home
    from petbench.registry import Registry
    from petbench.runs.options import RunOptions
    from petbench.runs.scorer import Scorer
    from petbench.runs.supervisor import Supervisor
    from petbench.settings import Settings
    from petbench_datasets.progress import Progress
    from petbench_leaderboard.store import Leaderboard


class Session:
    """One call of the command `petbench`: the one place that reads settings, opens the leaderboard, loads plugins."""

    def __init__(self, **chosen: object) -> None:
        """Remember the settings that the command line has chosen."""
        self._chosen = chosen

    def choose(self, **chosen: object) -> None:
        """Take further settings from the command line, before any is read; None says nothing."""
        self._chosen |= chosen

    @cached_property
    def settings(self) -> Settings:
        """What the user has set."""
        from petbench.settings import Settings

        return Settings.read(**self._chosen)

    @cached_property
    def home(self) -> Home:
        """The home, with what an earlier version left there taken over."""
        from petbench.home import Home

        home = Home(self.settings.home)
        home.take_over_old_datasets()
        return home

    @cached_property
    def leaderboard(self) -> Leaderboard:
        """The leaderboard, migrated to this version; it is closed when the command ends."""
        from petbench.runs.folders_0_1 import take_over_old_folders
        from petbench_leaderboard.store import Leaderboard

        leaderboard = Leaderboard.open(self.settings.database)
        click.get_current_context().find_root().call_on_close(leaderboard.close)
        take_over_old_folders(self.home, leaderboard)
        return leaderboard

    @cached_property
    def registry(self) -> Registry:
        """The installed plugins."""
        from petbench.registry import load_plugins

        return load_plugins(raise_errors=self.settings.raise_errors)

    def supervisor(self, options: RunOptions | None = None) -> Supervisor:
        """Return what makes runs here."""
        from petbench.runs.supervisor import Supervisor

        return Supervisor(self.settings, self.leaderboard, self.registry, options)

    def scorer(self, progress: Progress) -> Scorer:
        """Return what scores prediction files here."""
        from petbench.runs.scorer import Scorer

        return Scorer.of(self.settings, self.registry, progress)


def session() -> Session:
    """Return the session of the command that is being run."""
    return click.get_current_context().find_root().ensure_object(Session)
