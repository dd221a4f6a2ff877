"""What a call works with: settings, home, leaderboard and plugins, each opened when it is first asked for."""

from __future__ import annotations

import atexit
import contextlib
import dataclasses
import time
from functools import cached_property
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable
    from os import PathLike
    from types import TracebackType

    from petbench.home import Home
    from petbench.registry import Registry
    from petbench.runs.observing.messages import Chosen
    from petbench.runs.options import RunOptions
    from petbench.runs.scorer import Scorer
    from petbench.runs.supervisor import Supervisor
    from petbench.settings import Settings
    from petbench_datasets.progress import Progress
    from petbench_leaderboard.store import Leaderboard


def tell(kind: str, text: str) -> None:
    """Print on standard error what somebody should know: a `note`, or a `warning`."""
    from petbench.terminal import say

    say(f"{kind}: {text}")


class Session:
    """The one place that reads settings, opens the leaderboard and loads plugins, for a command as for a notebook.

    A function that is given no session works with the settings of the environment, as the commands do. It is closed
    by `close`, at the end of a `with` block, or when Python ends.

    Args:
        home: the folder of datasets, runs, cache and leaderboard; None for `PETBENCH_HOME`.
        db: another leaderboard, a file or any SQLAlchemy URL; None for `PETBENCH_DB`, or the file in the home.
        fid_weights: file of the canonical Inception weights; None for `PETBENCH_FID_WEIGHTS`.
        offline: never try to download weights; None for `PETBENCH_OFFLINE`.
        tell: is told in one line what somebody should know, and whether it is a `note` or a `warning`.
    """

    def __init__(
        self,
        *,
        home: str | PathLike[str] | None = None,
        db: str | PathLike[str] | None = None,
        fid_weights: str | PathLike[str] | None = None,
        offline: bool | None = None,
        tell: Callable[[str, str], None] = tell,
    ) -> None:
        self._chosen: dict[str, object] = {
            "home": home,
            "db": None if db is None else str(db),
            "fid_weights": fid_weights,
            "offline": offline,
        }
        self.tell = tell
        self.loaded_at = 0.0
        """When the plugins were loaded, in seconds since 1970: code that is written later is not the code in use."""

    def choose(self, **chosen: object) -> None:
        """Take further settings, before any is read; None says nothing."""
        self._chosen |= {name: value for name, value in chosen.items() if value is not None}

    @cached_property
    def settings(self) -> Settings:
        """What was chosen, and for the rest what the environment says.

        Raises:
            UsageError: something of it makes no sense.
        """
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
        """The leaderboard; it is closed with the session.

        What only reads it leaves it as it is. The home's own is brought up to date all the same, with the folders of
        its runs; one that `db` names may be somebody else's.
        """
        from petbench.runs.folders_0_1 import take_over_old_folders
        from petbench_leaderboard.errors import LeaderboardError
        from petbench_leaderboard.store import Leaderboard

        leaderboard = Leaderboard.read(self.settings.database)
        with contextlib.suppress(LeaderboardError):  # it can be read, though not written
            if leaderboard.is_outdated and self.settings.db is None:
                leaderboard.make_ready()
            if not leaderboard.is_outdated:
                take_over_old_folders(self.home, leaderboard)
        if leaderboard.is_outdated and leaderboard.file is not None:  # a server says it when it is read
            said = "is of an earlier petbench and stays so: it is read from a converted copy until something is stored"
            self.tell("note", f"{leaderboard.name} {said}")
        return leaderboard

    @cached_property
    def registry(self) -> Registry:
        """The installed plugins, as they were when they were first asked for."""
        from petbench.registry import load_plugins

        self.loaded_at = time.time()
        return load_plugins(raise_errors=self.settings.raise_errors)

    def run_options(self, time_limit_seconds: float | None, *, isolated: bool) -> RunOptions:
        """Return how runs are made, and say so where what was asked for cannot be."""
        from petbench.processes.sandbox import why_not_isolated
        from petbench.runs.options import RunOptions

        why_not = why_not_isolated() if isolated else None
        if why_not is not None:
            self.tell("warning", f"not isolated: {why_not}; the method can read what you can read")
        return RunOptions(time_limit_seconds=time_limit_seconds, isolated=isolated and why_not is None)

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

    def close(self) -> None:
        """Let go of the leaderboard."""
        leaderboard = self.__dict__.pop("leaderboard", None)
        if leaderboard is not None:
            leaderboard.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


_OPEN: dict[Settings, Session] = {}


def current_session(given: Session | None = None) -> Session:
    """Return the session that was given; without one that of the environment's settings, which lives as long as Python.

    Raises:
        UsageError: a variable of the environment has a value that makes no sense.
    """
    if given is not None:
        return given
    from petbench.settings import Settings

    settings = Settings.read()
    if settings not in _OPEN:
        _OPEN[settings] = made = Session()
        made.settings = settings
        atexit.register(made.close)
    return _OPEN[settings]
