"""A backup is the whole leaderboard as it is at one moment, and damage is found."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from petbench_leaderboard.backup import back_up
from petbench_leaderboard.errors import LeaderboardError, RequestError
from petbench_leaderboard.soundness import faults_of
from petbench_leaderboard.store import Leaderboard
from petbench_leaderboard.transfer import export_runs, merge

if TYPE_CHECKING:
    from pathlib import Path

    from tests.leaderboard.conftest import AddRun, MakeRecord, MakeScore


def test_a_backup_holds_every_row_of_a_file_or_a_server_in_one_file(
    leaderboard: Leaderboard, add_run: AddRun, tmp_path: Path
) -> None:
    first = add_run("pix2pix", {"sub-01": 30.0, "sub-02": 1e100}, parameters={"name": "é", "width": 2})
    leaderboard.record_phase(first, "train", 1.25)
    leaderboard.record_source_diff(first, "+ a line")
    add_run("unet", {"sub-01": 29.0})
    back_up(leaderboard, tmp_path / "backup.db")
    with Leaderboard.read(tmp_path / "backup.db") as copy:
        assert not copy.is_outdated
        export_runs(leaderboard, tmp_path / "theirs")
        export_runs(copy, tmp_path / "copied")
        assert list(faults_of(copy)) == []
        assert copy.state() == leaderboard.state()
    assert (tmp_path / "theirs").read_bytes() == (tmp_path / "copied").read_bytes()
    assert [path.name for path in tmp_path.glob("backup*")] == ["backup.db"]
    with Leaderboard.open(tmp_path / "restored.db") as restored:
        assert merge(restored, tmp_path / "backup.db").new == 2


def test_a_backup_has_what_lies_in_the_log_alone_where_a_copy_of_the_file_has_not(
    tmp_path: Path, make_record: MakeRecord
) -> None:
    with Leaderboard.open(tmp_path / "board.db") as board:
        board.plan(make_record())
        (tmp_path / "copied.db").write_bytes((tmp_path / "board.db").read_bytes())
        back_up(board, tmp_path / "backup.db")
    with closing(sqlite3.connect(tmp_path / "copied.db")) as copied:
        assert not copied.execute("SELECT name FROM sqlite_master WHERE name = 'runs'").fetchall()
    with Leaderboard.read(tmp_path / "backup.db") as copy:
        assert len(copy.runs()) == 1


def test_backups_while_somebody_writes_are_each_one_moment_and_stop_nobody(
    tmp_path: Path, make_record: MakeRecord, make_score: MakeScore
) -> None:
    stored = 12
    with Leaderboard.open(tmp_path / "board.db") as board:

        def write() -> None:
            for seed in range(stored):
                board.enter(make_record(seed=seed), [make_score()], uid=f"{seed:032x}", status="ok")

        writer = threading.Thread(target=write)
        writer.start()
        counts: list[int] = []
        while writer.is_alive() or not counts:
            back_up(board, tmp_path / f"{len(counts)}.db")
            with Leaderboard.read(tmp_path / f"{len(counts)}.db") as copy:
                runs = copy.runs()
                assert list(faults_of(copy)) == []
                assert {score.run_id for score in copy.scores([run.id for run in runs])} == {run.id for run in runs}
            counts.append(len(runs))
        writer.join()
        assert len(board.runs()) == stored
    assert counts == sorted(counts)


def test_a_backup_replaces_nothing_unasked_and_never_the_leaderboard(tmp_path: Path, make_record: MakeRecord) -> None:
    path, copy, link = tmp_path / "board.db", tmp_path / "backup.db", tmp_path / "link.db"
    with Leaderboard.open(path) as board:
        board.plan(make_record())
        back_up(board, copy)
        with pytest.raises(RequestError, match="--force"):
            back_up(board, copy)
        board.plan(make_record(seed=1))
        back_up(board, copy, replace=True)
        link.symlink_to(path)
        for same in (path, link):
            with pytest.raises(RequestError, match="is the leaderboard itself"):
                back_up(board, same, replace=True)
    with Leaderboard.read(copy) as kept:
        assert len(kept.runs()) == 2
    with Leaderboard.read(tmp_path / "none.db") as none, pytest.raises(RequestError, match="nothing to back up"):
        back_up(none, tmp_path / "of-none.db")


def test_a_damaged_leaderboard_is_found_and_not_backed_up(
    tmp_path: Path, make_record: MakeRecord, make_score: MakeScore
) -> None:
    path = tmp_path / "board.db"
    with Leaderboard.open(path) as board:
        for seed in range(3):
            board.record_scores(board.plan(make_record(seed=seed)), [make_score()])
    with closing(sqlite3.connect(path)) as connection:
        (root,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'scores'").fetchone()
        (size,) = connection.execute("PRAGMA page_size").fetchone()
    content = bytearray(path.read_bytes())
    content[(root - 1) * size : (root - 1) * size + 200] = b"\xff" * 200
    path.write_bytes(content)
    with Leaderboard.read(path) as board:
        with pytest.raises(LeaderboardError, match="damaged and was not backed up"):
            back_up(board, tmp_path / "backup.db")
        try:
            faults = list(faults_of(board))
        except LeaderboardError as error:
            faults = [str(error)]
        assert faults
    assert not (tmp_path / "backup.db").exists()


def test_scores_of_no_run_and_a_row_that_is_counted_elsewhere_are_found(
    tmp_path: Path, make_record: MakeRecord, make_score: MakeScore
) -> None:
    path = tmp_path / "board.db"
    with Leaderboard.open(path) as board:
        for seed in range(2):
            board.record_scores(board.plan(make_record(seed=seed)), [make_score()])
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("DELETE FROM runs WHERE id = 1")
        connection.execute("UPDATE runs SET run_group = 'elsewhere' WHERE id = 2")
    with Leaderboard.read(path) as board:
        assert list(faults_of(board)) == ["1 scores belong to no run", "run 2 is counted in another row than its own"]
