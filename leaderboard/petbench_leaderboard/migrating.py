"""The schema of a database: which revision it has, and how it gets the newest."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.orm import Session

from petbench_leaderboard.cached_means import rebuild
from petbench_leaderboard.errors import LeaderboardError
from petbench_leaderboard.schema import SCHEMA_REVISION

_REVISIONS = "alembic_version"


def revision_of(engine: sa.Engine, name: str) -> str | None:
    """Return a database's revision, None for an empty one: in no other does petbench make its tables.

    Args:
        engine: connects to it.
        name: of the leaderboard, for the error.

    Raises:
        LeaderboardError: it is newer than this petbench, or the database holds something else.
    """
    tables = set(sa.inspect(engine).get_table_names())
    if not tables:
        return None
    found = None
    if _REVISIONS in tables:
        with engine.connect() as connection:
            found = connection.execute(sa.text(f"SELECT version_num FROM {_REVISIONS}")).scalar()  # noqa: S608
    if "runs" not in tables or _REVISIONS not in tables:
        if tables == {_REVISIONS} and found is None:
            return None
        raise LeaderboardError(
            f"{name} holds another program's tables, which are left alone: name another file, or an empty database, "
            "for petbench"
        )
    if found is not None and not (len(found) == len(SCHEMA_REVISION) and found <= SCHEMA_REVISION):
        raise LeaderboardError(
            f"the leaderboard {name} was written by another petbench (its schema is {found}, this one knows "
            f"{SCHEMA_REVISION} and older): upgrade petbench, or choose another leaderboard"
        )
    return found


def migrate(engine: sa.Engine) -> None:
    """Make the newest tables in an empty database or in one of an earlier petbench, wholly or not at all."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        with Session(connection, join_transaction_mode="create_savepoint") as session, session.begin():
            rebuild(session)


def stamp(connection: sa.Connection) -> None:
    """Note that a new database has the newest tables, which were made without migrations."""
    connection.execute(sa.text(f"CREATE TABLE {_REVISIONS} (version_num VARCHAR(32) NOT NULL PRIMARY KEY)"))
    insert = sa.text(f"INSERT INTO {_REVISIONS} VALUES (:revision)")  # noqa: S608
    connection.execute(insert, {"revision": SCHEMA_REVISION})
