"""A run whose process was killed is shown as what it is, before anybody repeats its command."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner
from tests.benchmark.test_run_lookup import PLAN

from petbench.cli.main import cli
from petbench.home import Home
from petbench.processes.lock import claimed
from petbench.runs.folder import plan_run
from petbench_leaderboard.store import Leaderboard

if TYPE_CHECKING:
    from pathlib import Path

    from petbench.runs.folder import RunFolder
    from petbench_leaderboard.records import Status


@pytest.fixture
def planned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunFolder:
    monkeypatch.setenv("PETBENCH_HOME", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "300")
    monkeypatch.delenv("PETBENCH_DB", raising=False)
    with Leaderboard.open(tmp_path / "leaderboard.db") as store:
        return plan_run(PLAN, PLAN.record(), Home(tmp_path), store)[1]


def shown(tmp_path: Path, status: Status) -> list[str]:
    with Leaderboard.open(tmp_path / "leaderboard.db") as store:
        store.update(1, status=status)
    said = [CliRunner().invoke(cli, ["runs", *command]).output for command in (["list"], ["show", "1"])]
    (row,) = json.loads(CliRunner().invoke(cli, ["runs", "list", "--json"]).output)
    return [*said, row["status"]]


@pytest.mark.parametrize(
    ("status", "alive", "becomes"),
    [
        ("running", True, "running"),
        ("running", False, "interrupted"),
        ("planned", False, "planned"),
        ("ok", False, "ok"),
    ],
)
def test_list_and_show_say_interrupted_of_a_run_whose_process_is_gone(
    planned: RunFolder, tmp_path: Path, status: Status, alive: bool, becomes: str
) -> None:
    with claimed(planned.lock) if alive else contextlib.nullcontext():
        said = shown(tmp_path, status)
    assert all(becomes in text for text in said), said
    assert all(("repeat the command to resume" in text) is (becomes == "interrupted") for text in said[:2])
    with Leaderboard.read(tmp_path / "leaderboard.db") as store:
        assert store.run(1).status == status  # looking stores nothing


def test_a_run_whose_folder_is_elsewhere_may_be_running_there(planned: RunFolder, tmp_path: Path) -> None:
    planned.path.rename(tmp_path / "elsewhere")
    assert shown(tmp_path, "running")[2] == "running"
