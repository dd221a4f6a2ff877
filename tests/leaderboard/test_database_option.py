from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from petbench.cli.main import cli
from petbench_leaderboard.errors import LeaderboardError
from petbench_leaderboard.store import Leaderboard

if TYPE_CHECKING:
    from pathlib import Path

    from tests.leaderboard.conftest import MakeRecord, MakeScore


@pytest.fixture
def elsewhere(tmp_path: Path, make_record: MakeRecord, make_score: MakeScore, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a leaderboard with one run, away from a home that has none."""
    monkeypatch.setenv("PETBENCH_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("PETBENCH_DB", raising=False)
    path = tmp_path / "elsewhere.db"
    with Leaderboard.open(path) as board:
        run_id = board.plan(make_record("somebody"))
        board.update(run_id, status="ok")
        board.record_scores(run_id, [make_score()])
    return path


def _say(*arguments: str) -> str:
    result = CliRunner().invoke(cli, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_every_verb_reads_the_leaderboard_that_db_names_as_a_file_or_as_a_url(elsewhere: Path, tmp_path: Path) -> None:
    assert "nothing on the leaderboard" in _say("leaderboard")
    for location in (str(elsewhere), f"sqlite:///{elsewhere}"):
        assert "somebody" in _say("--db", location, "leaderboard")
        assert "somebody" in _say("--db", location, "runs", "list")
        assert "somebody" in _say("--db", location, "leaderboard", "--csv")
        assert "open " in _say("--db", location, "report", "-o", str(tmp_path / "site"))
        assert "somebody" in (tmp_path / "site" / "index.html").read_text()
    assert "nothing on the leaderboard" in _say("leaderboard")
    assert "PETBENCH_DB" not in os.environ


def test_db_goes_before_the_variable_which_goes_before_the_home(
    elsewhere: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PETBENCH_DB", str(elsewhere))
    assert "somebody" in _say("leaderboard")
    assert "nothing on the leaderboard" in _say("--db", str(tmp_path / "other.db"), "leaderboard")
    assert os.environ["PETBENCH_DB"] == str(elsewhere)


@pytest.mark.parametrize(
    ("location", "message"),
    [
        ("nonsense://user:secret@host/db", "Can't load plugin"),
        ("mysql://user:secret@host/db", "needs the Python package 'MySQLdb'"),
        ("postgresql://user:secret@127.0.0.1:1/db", "connection"),
    ],
)
def test_a_database_that_cannot_be_used_is_refused_in_one_line_without_its_password(
    location: str, message: str
) -> None:
    with pytest.raises(LeaderboardError, match=message) as caught:
        Leaderboard.open(location)
    assert "\n" not in str(caught.value)
    assert "secret" not in str(caught.value)
