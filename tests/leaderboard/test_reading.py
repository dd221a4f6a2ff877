"""Reading leaves a leaderboard as it is: nothing is made, migrated or written, and much can be read all the same."""

from __future__ import annotations

import contextlib
import os
import resource
import shutil
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner
from tests.leaderboard.test_migrations import _write_old

from petbench.cli.main import cli
from petbench_leaderboard.errors import LeaderboardError
from petbench_leaderboard.schema import SCHEMA_REVISION
from petbench_leaderboard.store import Leaderboard
from petbench_leaderboard.transfer import merge

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.leaderboard.conftest import MakeRecord, MakeScore

READING = (
    ("leaderboard",),
    ("leaderboard", "--json"),
    ("runs", "list"),
    ("scores", "export"),
    ("leaderboard", "export", "rows.jsonl"),
    ("report", "-o", "site"),
    ("runs", "show", "1"),
)


@pytest.fixture
def other(tmp_path: Path, make_record: MakeRecord, make_score: MakeScore) -> Path:
    """Return a leaderboard with one finished run, in a folder of its own."""
    path = tmp_path / "other" / "board.db"
    _fill(path, make_record, make_score)
    return path


def _fill(path: Path, make_record: MakeRecord, make_score: MakeScore) -> None:
    with Leaderboard.open(path) as board:
        run_id = board.plan(make_record("somebody"))
        board.record_scores(run_id, [make_score()])
        board.update(run_id, status="ok")


@pytest.fixture
def killed(other: Path) -> Path:
    """Return a leaderboard whose rows lie in its log alone, as a killed process leaves them."""
    folder = other.parent.with_name("killed")
    folder.mkdir()
    with closing(sqlite3.connect(other)) as connection:
        connection.execute("PRAGMA wal_autocheckpoint=0")
        connection.execute("UPDATE runs SET method = 'in-the-log'")
        connection.commit()
        for name in (other.name, f"{other.name}-wal"):
            shutil.copyfile(other.with_name(name), folder / name)
    return folder / other.name


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PETBENCH_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("PETBENCH_DB", raising=False)
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    return tmp_path / "home"


def _content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def _tables(path: Path) -> set[str]:
    with closing(sqlite3.connect(path)) as connection:
        return {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}


@contextlib.contextmanager
def nobody() -> Iterator[None]:
    """Within the block, have no right to write what root owns; a user who is not root has none anyway."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@contextlib.contextmanager
def full_disk() -> Iterator[None]:
    """Within the block, no file can grow, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.fixture
def shared() -> Iterator[Path]:
    """Give a folder that other users may look into; those of tests are closed to them."""
    folder = Path(tempfile.mkdtemp(prefix="petbench-test-"))
    folder.chmod(0o755)
    yield folder
    folder.chmod(0o755)
    shutil.rmtree(folder)


@pytest.mark.parametrize("verb", READING, ids=" ".join)
def test_a_reading_verb_changes_no_byte_of_the_database_and_leaves_nothing_beside_it(
    verb: tuple[str, ...], other: Path, home: Path
) -> None:
    before = _content(other.parent)
    result = CliRunner().invoke(cli, ["--db", str(other), *verb], catch_exceptions=False)
    assert result.exit_code in (0, 1), result.output  # doctor exits 1 where something is missing
    assert _content(other.parent) == before


@pytest.mark.parametrize("verb", READING, ids=" ".join)
def test_a_reading_verb_makes_no_tables_in_another_programs_database_and_refuses_it(
    verb: tuple[str, ...], tmp_path: Path, home: Path
) -> None:
    path = tmp_path / "books.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE books (title TEXT)")
    result = CliRunner().invoke(cli, ["--db", str(path), *verb], catch_exceptions=False)
    assert "another program's tables" in result.output
    assert _tables(path) == {"books"}


def test_a_writing_verb_makes_no_tables_in_another_programs_database_either(
    tmp_path: Path, make_record: MakeRecord
) -> None:
    path = tmp_path / "books.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE books (title TEXT)")
    with pytest.raises(LeaderboardError, match="another program's tables"):
        Leaderboard.open(path)
    assert _tables(path) == {"books"}


@pytest.mark.parametrize("verb", READING, ids=" ".join)
def test_a_reading_verb_makes_no_database_where_there_is_none(
    verb: tuple[str, ...], tmp_path: Path, home: Path
) -> None:
    CliRunner().invoke(cli, ["--db", str(tmp_path / "new" / "board.db"), *verb], catch_exceptions=False)
    assert not (tmp_path / "new").exists()


def test_merge_writes_nothing_into_the_other_leaderboard_and_migrates_it_not(tmp_path: Path, other: Path) -> None:
    old = tmp_path / "old" / "board.db"
    _write_old(str(old), "0004")
    for path, runs in ((other, 1), (old, 3)):
        before = _content(path.parent)
        with Leaderboard.open(tmp_path / f"mine-{runs}.db") as mine:
            assert merge(mine, path).new == runs
        assert _content(path.parent) == before


def test_a_leaderboard_of_an_earlier_version_is_read_from_a_copy_and_migrated_when_something_is_stored(
    tmp_path: Path, make_record: MakeRecord
) -> None:
    path = tmp_path / "old" / "board.db"
    _write_old(str(path), "0004")
    before = _content(path.parent)
    with Leaderboard.read(path) as board:
        assert [run.method for run in board.runs()] == ["old"] * 3
        assert board.is_outdated
        assert _content(path.parent) == before
        board.plan(make_record("new"))
        assert not board.is_outdated
        assert [run.method for run in board.runs()] == ["new", "old", "old", "old"]
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchone() == (SCHEMA_REVISION,)


def test_the_homes_own_leaderboard_is_brought_up_to_date_by_a_reading_verb_and_a_named_one_is_not(home: Path) -> None:
    own, named = home / "leaderboard.db", home.with_name("named") / "board.db"
    for path in (own, named):
        _write_old(str(path), "0004")
    said = CliRunner().invoke(cli, ["runs", "list"], catch_exceptions=False)
    assert "old" in said.stdout
    assert "note:" not in said.output
    said = CliRunner().invoke(cli, ["--db", str(named), "runs", "list"], catch_exceptions=False)
    assert "old" in said.stdout
    assert "is read from a converted copy until something is stored" in said.stderr
    revisions = []
    for path in (own, named):
        with closing(sqlite3.connect(path)) as connection:
            revisions += connection.execute("SELECT version_num FROM alembic_version").fetchone()
    assert revisions == [SCHEMA_REVISION, "0004"]


def test_a_reader_sees_what_is_written_after_it_was_opened(
    tmp_path: Path, make_record: MakeRecord, make_score: MakeScore
) -> None:
    path = tmp_path / "board.db"
    with Leaderboard.read(path) as reader:
        assert reader.runs() == []
        _fill(path, make_record, make_score)
        assert [run.method for run in reader.runs()] == ["somebody"]
        with Leaderboard.open(path) as writer:
            writer.plan(make_record("another"))
            assert [run.method for run in reader.runs()] == ["another", "somebody"]


def test_a_file_and_a_folder_that_cannot_be_written_are_read(
    shared: Path, make_record: MakeRecord, make_score: MakeScore
) -> None:
    path = shared / "board.db"
    _fill(path, make_record, make_score)
    path.chmod(0o444)
    shared.chmod(0o555)
    with nobody(), Leaderboard.read(path) as board:
        assert [run.method for run in board.runs()] == ["somebody"]
        with pytest.raises(LeaderboardError, match="Check the path and its permissions"):
            board.plan(make_record())
        assert [run.method for run in board.runs()] == ["somebody"]
    assert [each.name for each in shared.iterdir() if not each.name.endswith(".lock")] == ["board.db"]


def test_rows_that_a_killed_process_left_in_the_log_are_read_where_nothing_can_be_written(
    shared: Path, killed: Path
) -> None:
    for path in killed.parent.iterdir():
        shutil.copyfile(path, shared / path.name)
        (shared / path.name).chmod(0o444)
    shared.chmod(0o555)
    with nobody(), Leaderboard.read(shared / killed.name) as board:
        assert [run.method for run in board.runs()] == ["in-the-log"]


@pytest.mark.parametrize("which", ["other", "killed"])
def test_a_leaderboard_on_a_full_disk_is_read_and_says_so_when_written(
    which: str, request: pytest.FixtureRequest, make_record: MakeRecord
) -> None:
    path: Path = request.getfixturevalue(which)
    if which == "other":
        with full_disk(), Leaderboard.read(path) as board:
            assert [run.method for run in board.runs()] == ["somebody"]
            with pytest.raises(LeaderboardError, match=r"disk|space") as caught:
                board.plan(make_record())
            assert "permissions" not in str(caught.value)
    else:
        # Its rows are copied to the folder for temporary files, which may well be on the full disk, too.
        with full_disk(), pytest.raises(LeaderboardError, match="Free some space"):
            Leaderboard.read(path)


@pytest.mark.parametrize("name", ["a?.db", "a#1.db", "a%20b.db", "50%.db", "a b.db", "é.db", "'q\".db", "&=;.db"])
def test_a_path_is_taken_as_it_is_by_every_way_to_a_leaderboard(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make_record: MakeRecord, make_score: MakeScore
) -> None:
    home = tmp_path / name
    _fill(home / "leaderboard.db", make_record, make_score)
    monkeypatch.setenv("PETBENCH_HOME", str(home))
    monkeypatch.delenv("PETBENCH_DB", raising=False)
    assert "somebody" in CliRunner().invoke(cli, ["runs", "list"], catch_exceptions=False).output
    path = tmp_path / "files" / name
    _fill(path, make_record, make_score)
    assert "somebody" in CliRunner().invoke(cli, ["--db", str(path), "runs", "list"], catch_exceptions=False).output
    with Leaderboard.open(tmp_path / "mine.db") as mine:
        assert merge(mine, path).new == 1
    assert {each.name.removesuffix(".lock") for each in path.parent.iterdir()} == {name}


def test_a_url_of_a_file_with_parameters_is_refused_because_its_path_is_meant(tmp_path: Path) -> None:
    with pytest.raises(LeaderboardError, match="give its path, without sqlite:///"):
        Leaderboard.read(f"sqlite:///{tmp_path}/what?.db")


def test_a_file_has_one_name_whether_a_path_or_a_url_names_it(tmp_path: Path) -> None:
    path = tmp_path / "board.db"
    with Leaderboard.read(path) as by_path, Leaderboard.read(f"sqlite:///{path}") as by_url:
        assert by_path.name == by_url.name == str(path)


def test_the_advice_fits_the_trouble(tmp_path: Path, other: Path) -> None:
    damaged = tmp_path / "damaged.db"
    damaged.write_bytes(other.read_bytes()[:4096] + os.urandom(8192))
    locked = tmp_path / "no-folder" / "file"
    locked.parent.write_text("a file in the place of a folder")
    text = tmp_path / "notes.db"
    text.write_text("notes" * 1000)
    said = {}
    for path in (damaged, locked, text):
        with pytest.raises(LeaderboardError) as caught, Leaderboard.open(path) as board:
            board.runs()
        said[path.name] = str(caught.value)
        assert "\n" not in said[path.name]
    assert "Restore a backup" in said["damaged.db"]
    assert "Check the path and its permissions" in said["file"]
    assert "Name a leaderboard's file" in said["notes.db"]
    assert [name for name, text in said.items() if "permissions" in text] == ["file"]
