"""What a command works with: settings, home, leaderboard and plugins, each opened when it is first asked for."""

from __future__ import annotations

import contextlib
import dataclasses
from functools import cached_property
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from petbench.home import Home
    from petbench.registry import Registry
    from petbench.runs.observing.messages import Chosen
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
        """The leaderboard; it is closed when the command ends.

        What only reads it leaves it as it is. The home's own is brought up to date all the same, with the folders of
        its runs; one that `--db` or `PETBENCH_DB` names may be somebody else's.
        """
        from petbench.runs.folders_0_1 import take_over_old_folders
        from petbench_leaderboard.errors import LeaderboardError
        from petbench_leaderboard.store import Leaderboard

        leaderboard = Leaderboard.read(self.settings.database)
        click.get_current_context().find_root().call_on_close(leaderboard.close)
        with contextlib.suppress(LeaderboardError):  # it can be read, though not written
            if leaderboard.is_outdated and self.settings.db is None:
                leaderboard.make_ready()
            if not leaderboard.is_outdated:
                take_over_old_folders(self.home, leaderboard)
        if leaderboard.is_outdated and leaderboard.file is not None:  # a server says it when it is read
            said = "is of an earlier petbench and stays so: it is read from a converted copy until something is stored"
            click.echo(f"{click.style('note:', fg='yellow')} {leaderboard.name} {said}", err=True)
        return leaderboard

    @cached_property
    def registry(self) -> Registry:
        """The installed plugins."""
        from petbench.registry import load_plugins

        return load_plugins(raise_errors=self.settings.raise_errors)

    @cached_property
    def observers(self) -> tuple[Chosen, ...]:
        """Who is told of the runs that are made here: the trackers that the settings name, and who hears of all."""
        from petbench.runs.observing.watch import choose_observers

        return choose_observers(self.settings.log_to, self.registry, self.home)

    def supervisor(self, options: RunOptions | None = None) -> Supervisor:
        """Return what makes runs here."""
        from petbench.runs.options import RunOptions
        from petbench.runs.supervisor import Supervisor

        options = dataclasses.replace(options or RunOptions(), observers=self.observers)
        self.leaderboard.make_ready()
        return Supervisor(self.settings, self.leaderboard, self.registry, options)

    def scorer(self, progress: Progress) -> Scorer:
        """Return what scores prediction files here."""
        from petbench.runs.scorer import Scorer

        return Scorer.of(self.settings, self.registry, progress)


def session() -> Session:
    """Return the session of the command that is being run."""
    return click.get_current_context().find_root().ensure_object(Session)
