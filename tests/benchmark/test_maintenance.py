"""`petbench leaderboard backup|check|prune|upgrade`, on a home whose rows and folders do not all belong together."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import numpy as np
import pytest
from click.testing import CliRunner, Result
from filelock import FileLock
from tests.leaderboard.test_migrations import _write_old

from petbench.cli.main import cli
from petbench.home import Home
from petbench.plans.run_plan import RunPlan
from petbench.runs.folder import RunFolder, plan_run
from petbench.runs.method_process.job_folder import JobFolder
from petbench_datasets.images.grid import Grid
from petbench_datasets.images.nifti_writer import write_image
from petbench_leaderboard.store import Leaderboard

if TYPE_CHECKING:
    from pathlib import Path

_GRID = Grid((2, 3, 4), np.diag([-4.0, -4.0, 4.0, 1.0]))
_LONG_AGO = 1_000_000_000


def _plan(method: str, seed: int = 0) -> RunPlan:
    return RunPlan(
        method=method, plugin="p", distribution="d", version="1", source_hash="a" * 64, supervision="paired",
        preset="", parameters={}, dataset="bodies", dataset_folder="/none", fingerprint="f" * 64, split="holdout",
        split_digest="5" * 64, fold=0, test_participants=("sub-01",), split_participants=("sub-01",), seed=seed,
        budget="images=0", precision="fp32", compile="off", deterministic=False, device="cpu", protocol=1,
    )  # fmt: skip


def _run(home: Path, database: Path, method: str) -> RunFolder:
    plan = _plan(method)
    with Leaderboard.open(database) as board:
        run_id, folder = plan_run(plan, plan.record(), Home(home), board)
        write_image(folder.prediction("sub-01"), np.ones(_GRID.shape, np.float32), _GRID)
        board.update(run_id, status="ok")
    return folder


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


def _say(home: Path, *arguments: str | Path) -> Result:
    runner = CliRunner(env={"PETBENCH_HOME": str(home), "PETBENCH_DB": ""})
    return runner.invoke(cli, [str(each) for each in arguments], catch_exceptions=False)


def _age(folder: Path) -> None:
    for path in (*folder.rglob("*"), folder):
        os.utime(path, (_LONG_AGO, _LONG_AGO), follow_symlinks=False)


def test_a_sound_leaderboard_has_no_fault(home: Path) -> None:
    _run(home, home / "leaderboard.db", "first")
    checked = _say(home, "leaderboard", "check")
    assert (checked.exit_code, checked.stdout) == (0, "")
    assert "1 run checked: no fault" in checked.stderr


def test_orphans_both_ways_another_runs_plan_and_damaged_predictions_are_found(home: Path) -> None:
    folders = {
        name: _run(home, home / "leaderboard.db", name) for name in ("gone", "cut", "unplanned", "swapped", "ok")
    }
    folders["gone"].delete()
    cut = folders["cut"].prediction("sub-01")
    cut.write_bytes(cut.read_bytes()[:-9])
    folders["unplanned"].plan_file.unlink()
    _plan("swapped", seed=9).save(folders["swapped"].plan_file)
    orphan = RunFolder.of(Home(home), "orphan", "0" * 32).path
    orphan.mkdir()
    _age(orphan)
    checked = _say(home, "leaderboard", "check", "--json")
    assert checked.exit_code == 1
    faults = json.loads(checked.stdout)["faults"]
    assert len(faults) == 5
    for text in ("gone has no folder", str(cut), "unplanned", "swapped: the plan", "leaderboard prune removes it"):
        assert len([fault for fault in faults if text in fault]) == 1, text
    assert not [fault for fault in faults if folders["ok"].path.name in fault]


def test_prune_removes_what_no_row_has_and_asks_first(home: Path, tmp_path: Path) -> None:
    kept = _run(home, home / "leaderboard.db", "kept")
    orphan = RunFolder.of(Home(home), "orphan", "0" * 32)
    partial, mine, dear = home / "runs" / ".partial-something-abc", home / "runs" / "my-notes", tmp_path / "dear"
    for path in (orphan.path, partial, mine, dear):
        path.mkdir()
    orphan.log.write_text("x" * 1000)
    link = home / "runs" / ("link-" + "1" * 32)
    link.symlink_to(dear)
    jobs = [JobFolder.of(Home(home), folder) for folder in (kept, orphan)]  # as a kill leaves them
    for job in jobs:
        job.training.mkdir(parents=True)
        _age(job.path)
    for path in (kept.path, orphan.path, partial, mine, link, dear):
        _age(path)
    assert _say(home, "leaderboard", "prune").exit_code == 1  # nobody said yes
    assert orphan.path.is_dir()
    said = _say(home, "leaderboard", "prune", "--yes")
    assert said.exit_code == 0
    assert "no row has it" in said.stdout
    assert {path.name for path in (home / "runs").iterdir()} == {kept.path.name, "my-notes"}
    assert dear.is_dir()
    assert [job.path.exists() for job in jobs] == [True, False]
    assert "nothing to remove" in _say(home, "leaderboard", "prune").stdout


def test_prune_keeps_what_is_new_or_in_use(home: Path) -> None:
    _run(home, home / "leaderboard.db", "kept")
    new, used = (RunFolder.of(Home(home), name, name[0] * 32) for name in ("accepted", "busy"))
    new.path.mkdir()
    used.path.mkdir()
    with FileLock(used.lock):
        _age(used.path)
        assert "nothing to remove" in _say(home, "leaderboard", "prune", "--yes").stdout
    assert new.path.is_dir()
    assert used.path.is_dir()


def test_prune_keeps_the_folders_of_other_leaderboards_over_the_home(home: Path, tmp_path: Path) -> None:
    own = _run(home, home / "leaderboard.db", "own")
    second = _run(home, tmp_path / "second.db", "second")
    third = _run(home, tmp_path / "third.db", "third")
    for folder in (own, second, third):
        _age(folder.path)
    said = _say(home, "--db", tmp_path / "second.db", "leaderboard", "prune", "--also", tmp_path / "third.db", "--yes")
    assert "nothing to remove" in said.stdout
    _say(home, "--db", tmp_path / "second.db", "leaderboard", "prune", "--yes")
    assert {path.name for path in (home / "runs").iterdir()} == {own.path.name, second.path.name}


def test_backup_copies_and_upgrade_brings_a_named_leaderboard_up_to_date(home: Path, tmp_path: Path) -> None:
    _run(home, home / "leaderboard.db", "first")
    assert "1 run copied" in _say(home, "leaderboard", "backup", tmp_path / "copy.db").stdout
    assert _say(home, "leaderboard", "backup", tmp_path / "copy.db").exit_code == 2
    assert "first" in _say(home, "--db", tmp_path / "copy.db", "runs", "list").stdout
    old = tmp_path / "old" / "board.db"
    _write_old(str(old), "0004")
    for said in ("is up to date now", "was up to date"):
        assert said in _say(home, "--db", old, "leaderboard", "upgrade").stdout
