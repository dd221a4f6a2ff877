"""Where a leaderboard is: a file by its path, or a server by its URL."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from petbench_leaderboard.errors import LeaderboardError


@dataclass(frozen=True, slots=True)
class Location:
    """Where a leaderboard is.

    Attributes:
        url: for SQLAlchemy.
        name: for people, without a password; of a file its path, however it was named.
        file: of SQLite, absolute; None for a server, and for a database in memory.
    """

    url: sa.URL
    name: str
    file: Path | None

    @classmethod
    def of(cls, given: str | Path) -> Location:
        """Return the location that a path or a SQLAlchemy URL names.

        A path is taken as it is, whatever letters it has: only a URL has escapes and parameters.

        Raises:
            LeaderboardError: it is no URL, or one of a file with parameters.
        """
        if isinstance(given, Path) or "://" not in given:
            return cls._of_file(Path(given).expanduser().absolute())
        try:
            url = sa.make_url(given)
        except SQLAlchemyError as error:
            raise LeaderboardError(
                f"{given!r} is neither a file nor a database URL such as sqlite:///runs.db"
            ) from error
        if url.get_backend_name() == "sqlite" and url.database not in (None, "", ":memory:"):
            if "?" in given:
                raise LeaderboardError(
                    f"{given!r} is a URL of a file with parameters, which petbench does not take: where the file's "
                    "name has a question mark, give its path, without sqlite:///"
                )
            return cls._of_file(Path(str(url.database)).absolute())
        if url.drivername == "postgresql":
            url = url.set(drivername="postgresql+psycopg")  # the driver that petbench is tested with
        return cls(url, url.render_as_string(), None)

    @classmethod
    def _of_file(cls, path: Path) -> Location:
        return cls(sa.URL.create("sqlite", database=str(path)), str(path), path)
