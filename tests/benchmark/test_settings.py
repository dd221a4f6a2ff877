"""What the user sets is read once, checked, and handed to the process of a run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from petbench.errors import UsageError
from petbench.runs.job import Job
from petbench.settings import Settings

if TYPE_CHECKING:
    from tests.command import Petbench


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.variables():
        monkeypatch.delenv(name, raising=False)


def test_variables_are_read_and_the_command_line_goes_before_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PETBENCH_HOME", str(tmp_path))
    monkeypatch.setenv("PETBENCH_DB", "theirs.db")
    monkeypatch.setenv("PETBENCH_OFFLINE", "1")
    monkeypatch.setenv("PETBENCH_RAISE", "1")
    monkeypatch.setenv("PETBENCH_FID_WEIGHTS", "weights.pth")
    settings = Settings.read(db=None)
    assert (settings.home, settings.database, settings.offline) == (tmp_path.resolve(), "theirs.db", True)
    assert (settings.raise_errors, settings.weights) == (True, (Path("weights.pth"),))
    assert Settings.read(db="mine.db").database == "mine.db"


def test_an_empty_variable_is_as_good_as_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PETBENCH_HOME", str(tmp_path))
    for name in ("PETBENCH_DB", "PETBENCH_OFFLINE", "PETBENCH_FID_WEIGHTS"):
        monkeypatch.setenv(name, "")
    settings = Settings.read()
    assert (settings.offline, settings.weights) == (False, ())
    assert settings.database == str(tmp_path.resolve() / "leaderboard.db")


def test_a_value_that_makes_no_sense_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PETBENCH_OFFLINE", "perhaps")
    with pytest.raises(UsageError, match=r"PETBENCH_OFFLINE='perhaps' is not understood") as caught:
        Settings.read()
    assert "\n" not in str(caught.value)


def test_nobody_changes_settings_that_were_read(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    with pytest.raises(ValueError, match="frozen"):
        settings.offline = True  # type: ignore[misc] # that is the point


def test_a_run_is_handed_every_setting_whatever_its_environment_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(home=tmp_path / "mine", db="mine.db", offline=True, raise_errors=True)
    job = Job(run_id=3, folder=tmp_path, settings=settings, python="python", environment={"PATH": "/bin"})
    for name in ("PETBENCH_HOME", "PETBENCH_DB", "PETBENCH_FID_WEIGHTS"):
        monkeypatch.setenv(name, "theirs")
    monkeypatch.setenv("PETBENCH_OFFLINE", "0")
    monkeypatch.setenv("PETBENCH_RAISE", "0")
    assert Job.model_validate_json(job.model_dump_json()) == job


@pytest.mark.slow
def test_a_run_keeps_its_row_where_the_command_line_says(
    petbench: Petbench, body_dataset: Path, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere.db"
    variables = {"PETBENCH_DB": str(tmp_path / "neither.db")}
    petbench("--db", elsewhere, "run", "--method", "identity", "--dataset", body_dataset, variables=variables)
    assert [row["status"] for row in petbench.json("--db", elsewhere, "runs", "list")] == ["ok"]
    assert petbench.json("runs", "list") == []
    assert not (tmp_path / "neither.db").exists()


def test_the_page_of_commands_lists_every_variable() -> None:
    page = (Path(__file__).parents[2] / "docs" / "commands.md").read_text(encoding="utf-8")
    assert [name for name in sorted(Settings.variables()) if f"`{name}" not in page] == []
