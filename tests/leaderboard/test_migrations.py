from __future__ import annotations

import dataclasses
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
from petbench_leaderboard.records import FIRST_TASK, RunRecord
from petbench_leaderboard.schema import SCHEMA_REVISION, Base
from petbench_leaderboard.store import Leaderboard

if TYPE_CHECKING:
    from tests.leaderboard.conftest import MakeRecord

DATA = Path(__file__).parent / "data"


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


_DIGESTS = ("identity", "source_hash", "fingerprint", "split_digest")


def _write_old(location: str, revision: str) -> None:
    """Make a leaderboard of an earlier schema with two finished runs of one method and an interrupted one."""
    config = Config()
    config.set_main_option("script_location", str(Path(petbench_leaderboard.__file__).parent / "migrations"))
    engine = sa.create_engine(_url(location))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
        tables = sa.MetaData()
        tables.reflect(connection)
        runs, scores = tables.tables["runs"], tables.tables["scores"]
        for seed, status in enumerate(("ok", "ok", "interrupted")):
            facts: dict[str, object] = {
                column.name: "a" * 64 if column.name in _DIGESTS else "x"
                for column in runs.columns
                if isinstance(column.type, sa.String) and not column.nullable
            }
            group = "run_group" if "run_group" in runs.columns else "pool"
            facts |= {"uid": str(seed), group: "p" * 64, "method": "old", "status": status, "seed": seed, "fold": 0}
            facts |= {
                "verification": "rescored" if "run_group" in runs.columns else "recomputed",
                "protocol": 1,
                "created_at": datetime(2025, 1, 1 + seed, tzinfo=UTC),
            }
            words = {"role": "competitor", "purpose": "test"}
            facts |= {name: word for name, word in words.items() if name in runs.columns}
            facts.pop("task", None)  # the first one, as of every run of before
            facts |= {"parameters": {}, "machine": {}, "environment": {}}
            facts |= {"test_participants": ["sub-01"], "split_participants": ["sub-01"]}
            run_id = connection.execute(sa.insert(runs).values(**facts)).inserted_primary_key
            assert run_id is not None
            if status == "ok":
                score = {"run_id": run_id[0], "protocol": 1, "metric": "psnr_body_suv20", "convention_id": "c@1"}
                score |= {"region": "body", "participant": "sub-01", "value": 30.0 + seed, "unit": "dB"}
                connection.execute(sa.insert(scores).values(**score, higher_is_better=True, extra={}))
    engine.dispose()


def _url(location: str) -> sa.URL:
    if "://" in location:
        return sa.make_url(location).set(drivername="postgresql+psycopg")
    Path(location).parent.mkdir()
    return sa.URL.create("sqlite", database=location)


def _earlier_revisions() -> list[str]:
    config = Config()
    config.set_main_option("script_location", str(Path(petbench_leaderboard.__file__).parent / "migrations"))
    found = [script.revision for script in ScriptDirectory.from_config(config).walk_revisions()]
    return sorted(found)[:-1]


@pytest.mark.parametrize("revision", _earlier_revisions())
def test_a_leaderboard_of_every_earlier_schema_is_ranked_as_before(location: str, revision: str) -> None:
    _write_old(location, revision)
    if "://" in location:
        with Leaderboard.read(location) as reader, pytest.raises(LeaderboardError, match="leaderboard upgrade"):
            reader.runs()
    with Leaderboard.open(location) as board:
        (ranked,) = rank(board, best=5)
        assert {ranked.task, *(run.task for run in board.runs())} == {FIRST_TASK}
        assert [run.task_definition for run in board.runs()] == [{}] * 3
        assert [row.seeds for row in ranked.rows] == [(0, 1)]
        assert next(iter(ranked.rows[0].cells.values())).mean == 30.5
        assert [run.status for run in ranked.unscored] == ["interrupted"]
        assert len(board.runs(where="psnr_body_suv20=30.5")) == 3


def test_a_downgrade_takes_out_what_the_older_schema_would_mix(tmp_path: Path, make_record: MakeRecord) -> None:
    path = tmp_path / "board.db"
    with Leaderboard.open(path) as board:
        for task in (FIRST_TASK, "fdg-60-to-120@1"):
            board.plan(make_record(task=task))
    config = Config()
    config.set_main_option("script_location", str(Path(petbench_leaderboard.__file__).parent / "migrations"))
    engine = sa.create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "0030")
        assert connection.execute(sa.text("SELECT count(*) FROM runs")).scalar() == 1
    engine.dispose()
    with Leaderboard.open(path) as board:
        assert [run.task for run in board.runs()] == [FIRST_TASK]


@pytest.fixture
def made_by_0_1(tmp_path: Path) -> Path:
    """The leaderboard of a real home of petbench 0.1.0, cut down to four metrics."""
    path = tmp_path / "leaderboard.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript((DATA / "leaderboard-0.1.0.sql").read_text(encoding="utf-8"))
    return path


def test_a_leaderboard_of_0_1_opens_in_todays_words_and_ranks_with_the_same_numbers(made_by_0_1: Path) -> None:
    with Leaderboard.open(made_by_0_1) as board:
        (ranked,) = rank(board)
    psnr = {column.metric: column for column in ranked.columns}["psnr_body_suv20"]
    shown = [(row.run.method, row.role, row.rank, row.run.supervision, row.run.verification) for row in ranked.rows]
    assert shown == [
        ("repeat-scan", "repeat-scan", None, "external", "own"),
        ("pix2pix", "competitor", 1, "paired", "own"),
        ("cyclegan", "competitor", 2, "unpaired", "own"),
        ("identity", "reference", None, "no-target", "own"),
        ("scale", "reference", None, "paired", "own"),
        ("kinetic", "reference", None, "paired", "own"),
    ]
    cells = {row.run.method: row.cells[psnr] for row in ranked.rows}
    assert {method: (cell.mean, cell.gain) for method, cell in cells.items()} == {
        "repeat-scan": (45.02790479068803, 14.202672965121497),
        "pix2pix": (32.70161333194787, 1.876381506381339),
        "cyclegan": (30.868392221372815, 0.043160395806285834),
        "identity": (30.82523182556653, 0.0),
        "scale": (30.287963292636015, -0.5372685329305149),
        "kinetic": (29.247538377588246, -1.5776934479782838),
    }
    assert {cell.normalized_score_reason for cell in cells.values()} == {"no predictable row"}


def test_every_row_of_0_1_gets_the_role_that_its_name_or_supervision_stood_for(made_by_0_1: Path) -> None:
    roles = {"ridge": "reference", "organ-scale": "privileged", "knows-the-truth": "privileged", "mine": "competitor"}
    changes = zip((1, 2, 3, 4), roles, ("claimed", "re-run", "recomputed", "claimed"), strict=True)
    with closing(sqlite3.connect(made_by_0_1)) as connection, connection:
        for number, method, verification in changes:
            supervision = "oracle" if method == "knows-the-truth" else "paired"
            facts = (method, supervision, verification, number)
            connection.execute("UPDATE runs SET method = ?, supervision = ?, verification = ? WHERE id = ?", facts)
    with Leaderboard.open(made_by_0_1) as board:
        assert {run.method: run.role for run in board.runs() if run.id < 5} == roles
        assert [board.run(number).verification for number in (1, 2, 3, 4)] == [
            "self-reported", "reproduced", "own", "self-reported"
        ]  # fmt: skip


def test_a_run_of_0_1_keeps_its_identity_and_joins_the_row_of_the_same_method(
    made_by_0_1: Path,
) -> None:
    with closing(sqlite3.connect(made_by_0_1)) as connection:
        before = dict(connection.execute("SELECT id, identity FROM runs").fetchall())
    with Leaderboard.open(made_by_0_1) as board:
        assert {run.id: run.identity for run in board.runs()} == before
        (old,) = board.runs(method="pix2pix")
        facts = {field.name: getattr(old, field.name) for field in dataclasses.fields(RunRecord)}
        new = board.plan(RunRecord(**facts | {"seed": 1, "identity": "1" * 64}))
        board.record_scores(new, board.scores([old.id]))
        board.update(new, status="ok")
        (ranked,) = rank(board)
    assert [row.run_ids for row in ranked.rows if row.run.method == "pix2pix"] == [(old.id, new)]


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
