from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

import petbench_leaderboard
from petbench_leaderboard.errors import LeaderboardError
from petbench_leaderboard.ranking import rank
from petbench_leaderboard.schema import SCHEMA_REVISION, Base
from petbench_leaderboard.store import Leaderboard

if TYPE_CHECKING:
    from tests.leaderboard.conftest import MakeRecord


def test_the_migrations_make_exactly_the_tables_that_the_code_uses(tmp_path: Path) -> None:
    Leaderboard.open(tmp_path / "board.db").close()
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'board.db'}")
    with engine.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), Base.metadata)
    engine.dispose()
    assert differences == []


def test_the_newest_migration_is_the_one_that_the_code_names() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(petbench_leaderboard.__file__).parent / "migrations"))
    assert ScriptDirectory.from_config(config).get_heads() == [SCHEMA_REVISION]


def test_opening_again_changes_nothing(tmp_path: Path, make_record: MakeRecord) -> None:
    path = tmp_path / "board.db"
    with Leaderboard.open(path) as board:
        board.plan(make_record())
    with Leaderboard.open(f"sqlite:///{path}") as board:
        assert len(board.runs()) == 1
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def _write_old(path: Path, revision: str) -> None:
    """Make a leaderboard of an earlier schema with two finished runs of one method and a failed one."""
    config = Config()
    config.set_main_option("script_location", str(Path(petbench_leaderboard.__file__).parent / "migrations"))
    engine = sa.create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
        tables = sa.MetaData()
        tables.reflect(connection)
        runs, scores = tables.tables["runs"], tables.tables["scores"]
        for seed, status in enumerate(("ok", "ok", "failed")):
            facts: dict[str, object] = {
                column.name: "x"
                for column in runs.columns
                if isinstance(column.type, sa.String) and not column.nullable
            }
            facts |= {"uid": str(seed), "pool": "p" * 64, "method": "old", "status": status, "seed": seed, "fold": 0}
            facts |= {
                "verification": "recomputed",
                "protocol": 1,
                "created_at": datetime(2025, 1, 1 + seed, tzinfo=UTC),
            }
            facts |= {"parameters": {}, "machine": {}, "environment": {}}
            facts |= {"test_participants": ["sub-01"], "split_participants": ["sub-01"]}
            run_id = connection.execute(sa.insert(runs).values(**facts)).inserted_primary_key
            assert run_id is not None
            if status == "ok":
                score = {"run_id": run_id[0], "protocol": 1, "metric": "psnr_body_suv20", "convention_id": "c@1"}
                score |= {"region": "body", "participant": "sub-01", "value": 30.0 + seed, "unit": "dB"}
                connection.execute(sa.insert(scores).values(**score, higher_is_better=True, extra={}))
    engine.dispose()


def _earlier_revisions() -> list[str]:
    config = Config()
    config.set_main_option("script_location", str(Path(petbench_leaderboard.__file__).parent / "migrations"))
    found = [script.revision for script in ScriptDirectory.from_config(config).walk_revisions()]
    return sorted(found)[:-1]


@pytest.mark.parametrize("revision", _earlier_revisions())
def test_a_leaderboard_of_every_earlier_schema_is_ranked_as_before(tmp_path: Path, revision: str) -> None:
    path = tmp_path / "old.db"
    _write_old(path, revision)
    with Leaderboard.open(path) as board:
        (ranked,) = rank(board, best=5)
        assert [row.seeds for row in ranked.rows] == [(0, 1)]
        assert next(iter(ranked.rows[0].cells.values())).mean == 30.5
        assert [run.status for run in ranked.unscored] == ["failed"]
        assert len(board.runs(where="psnr_body_suv20=30.5")) == 3


@pytest.mark.parametrize("revision", ["9999", "someone-else"])
def test_a_leaderboard_of_a_newer_petbench_is_refused_in_one_line(tmp_path: Path, revision: str) -> None:
    path = tmp_path / "board.db"
    Leaderboard.open(path).close()
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = ?", (revision,))
    with pytest.raises(LeaderboardError, match=f"its schema is {revision}.*upgrade petbench") as caught:
        Leaderboard.open(path)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "notes.db"
    path.write_text("not a database, but something dear to its owner" * 100)
    with pytest.raises(LeaderboardError, match=r"notes\.db cannot be used: file is not a database") as caught:
        Leaderboard.open(path)
    assert "\n" not in str(caught.value)
    assert path.read_text().startswith("not a database")


def test_another_programs_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE runs (distance REAL)")
    with pytest.raises(LeaderboardError, match="another program"):
        Leaderboard.open(path)


def test_a_folder_or_nonsense_in_place_of_a_database_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LeaderboardError, match="unable to open database file"):
        Leaderboard.open(tmp_path)
    with pytest.raises(LeaderboardError, match="neither a file nor a database URL"):
        Leaderboard.open("://nowhere")


def test_a_migration_that_is_killed_leaves_an_empty_database_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: object, **__: object) -> None:
        raise OSError("killed")

    monkeypatch.setattr("alembic.op.create_index", die)
    with pytest.raises(LeaderboardError, match="killed"):
        Leaderboard.open(tmp_path / "board.db")
    monkeypatch.undo()
    with Leaderboard.open(tmp_path / "board.db") as board:
        assert board.runs() == []
