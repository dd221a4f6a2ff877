"""Which folder is a run's: the one of its uid whose plan is the row's. Every verb asks there."""

from __future__ import annotations

import ast
import dataclasses
import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import petbench
from petbench.errors import DataError, PetbenchError, UsageError
from petbench.home import Home
from petbench.plans.run_plan import IDENTITY_FIELDS, RunPlan
from petbench.processes.lock import claimed
from petbench.runs.claims import claim_path
from petbench.runs.delete import delete_run
from petbench.runs.execute import going_on_as
from petbench.runs.folder import RunFolder, plan_run
from petbench.runs.lookup import find_folder, find_folder_or_none, folder_of, folder_to_fill
from petbench.runs.method_process.job_folder import JobFolder
from petbench_leaderboard.store import Leaderboard
from petbench_leaderboard.transfer import export_runs, import_runs, merge

if TYPE_CHECKING:
    from collections.abc import Iterator

    from petbench_leaderboard.records import RunRow

PLAN = RunPlan(
    method="ridge", plugin="baselines", distribution="petbench", version="1", source_hash="a" * 64,
    supervision="paired", preset="default", parameters={"width": 3, "loss": [1.5, None]}, dataset="bodies",
    fingerprint="f" * 64, split="holdout", split_digest="5" * 64, fold=0, test_participants=("sub-04",), seed=0,
    precision="fp32",
    budget="images=0", protocol=2, dataset_folder="/data/bodies", compile="off", deterministic=False, device="cpu",
)  # fmt: skip
OTHER: dict[str, Any] = {
    "method": "unet", "distribution": "theirs", "version": "2", "source_hash": "b" * 64, "parameters": {"width": 4},
    "fingerprint": "e" * 64, "split_digest": "t" * 64, "fold": 1, "seed": 1, "precision": "bf16", "budget": "images=8",
    "protocol": 1, "inputs": {"labels": "9" * 64},
    "views": 4, "task": "fdg-60-to-120@1",
}  # fmt: skip


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Leaderboard]:
    with Leaderboard.open(tmp_path / "first.db") as opened:
        yield opened


def made(home: Home, store: Leaderboard, plan: RunPlan = PLAN) -> tuple[RunRow, RunFolder]:
    run_id, folder = plan_run(plan, plan.record(), home, store)
    return store.run(run_id), folder


def test_every_field_of_the_identity_is_tried_here() -> None:
    assert OTHER.keys() == set(IDENTITY_FIELDS)


def test_a_run_finds_the_folder_that_was_made_for_it_among_others_of_its_number(
    home: Home, store: Leaderboard, tmp_path: Path
) -> None:
    row, folder = made(home, store)
    with Leaderboard.open(tmp_path / "second.db") as second:
        theirs, other = made(home, second, dataclasses.replace(PLAN, seed=1))
    assert row.id == theirs.id
    assert find_folder(row, home) == folder != other == find_folder(theirs, home)


@pytest.mark.parametrize("field", IDENTITY_FIELDS)
def test_a_folder_whose_plan_differs_in_any_part_of_the_identity_is_refused_by_name(
    field: str, home: Home, store: Leaderboard
) -> None:
    row, folder = made(home, store)
    dataclasses.replace(PLAN, **{field: OTHER[field]}).save(folder.plan_file)
    with pytest.raises(DataError, match=f"is not the folder of run 1: its plan has another {field.replace('_', ' ')}"):
        find_folder(row, home)
    assert find_folder_or_none(row, home) is None
    with pytest.raises(DataError):
        folder_to_fill(row, home)


@pytest.mark.parametrize("field", [field for field in IDENTITY_FIELDS if field != "method"])
def test_a_row_that_claims_the_identity_and_the_uid_of_a_run_and_says_something_else_is_refused(
    field: str, home: Home, store: Leaderboard
) -> None:
    row, _ = made(home, store)
    with pytest.raises(DataError, match=field.replace("_", " ")):
        find_folder(dataclasses.replace(row, **{field: OTHER[field]}), home)
    with pytest.raises(DataError, match="another identity"):
        find_folder(dataclasses.replace(row, identity="0" * 64), home)


@pytest.mark.parametrize("uid", ["../../etc", "/etc/passwd", "a/b", "", "x\0y", "..\\.."])
def test_a_row_of_a_strangers_file_leads_to_no_folder_outside_of_the_runs(
    uid: str, home: Home, store: Leaderboard
) -> None:
    row, _ = made(home, store)
    for named in (dataclasses.replace(row, uid=uid), dataclasses.replace(row, method=uid)):
        with pytest.raises(PetbenchError):
            find_folder(named, home)
        assert find_folder_or_none(named, home) is None


def test_a_folder_that_is_gone_is_said_and_may_be_filled_again(home: Home, store: Leaderboard) -> None:
    row, folder = made(home, store)
    folder.delete()
    with pytest.raises(UsageError, match=r"the folder of run 1 is not under .*--force"):
        find_folder(row, home)
    assert folder_to_fill(row, home) == folder


@pytest.mark.parametrize("damage", ["", "{", "[]", "null", '{"method": "ridge"}'])
def test_a_damaged_plan_is_one_line(damage: str, home: Home, store: Leaderboard) -> None:
    row, folder = made(home, store)
    folder.plan_file.write_text(damage)
    with pytest.raises(DataError, match=r"no plan of this version of petbench"):
        find_folder(row, home)


def test_after_an_older_database_was_put_back_a_new_run_of_an_old_number_has_its_own_folder(
    home: Home, store: Leaderboard, tmp_path: Path
) -> None:
    shutil.copy(tmp_path / "first.db", tmp_path / "backup.db")
    lost, _ = made(home, store, dataclasses.replace(PLAN, method="unet"))
    with Leaderboard.open(tmp_path / "backup.db") as restored:
        row, folder = made(home, restored)
        assert row.id == lost.id
        assert find_folder(row, home) == folder
        assert folder.plan().method == "ridge"


@pytest.mark.parametrize("through", ["a file", "a merge"])
def test_rows_whose_numbers_shift_keep_their_folders(
    through: str, home: Home, store: Leaderboard, tmp_path: Path
) -> None:
    folders = [made(home, store, dataclasses.replace(PLAN, seed=seed))[1] for seed in range(3)]
    store.delete(1)
    with Leaderboard.open(tmp_path / "fresh.db") as fresh:
        if through == "a file":
            export_runs(store, tmp_path / "runs.jsonl")
            import_runs(fresh, tmp_path / "runs.jsonl", trusted=True)
        else:
            merge(fresh, tmp_path / "first.db")
        found = {row.id: find_folder(row, home).plan().seed for row in fresh.runs()}
        assert found == {1: 1, 2: 2}
        assert delete_run(1, home, fresh) == "the run was taken over from another leaderboard, which has its files"
    assert all(folder.plan_file.exists() for folder in folders)


def test_deleting_in_a_copy_of_a_database_leaves_the_files_to_the_one_that_made_them(
    home: Home, store: Leaderboard, tmp_path: Path
) -> None:
    row, folder = made(home, store)
    export = tmp_path / "copy of #1?.db"
    with Leaderboard.open(export):
        pass
    shutil.copy(tmp_path / "first.db", export)
    for name in tmp_path.glob("first.db-*"):
        shutil.copy(name, f"{export}{name.name.removeprefix('first.db')}")
    with Leaderboard.open(export) as copy:
        assert copy.run(row.id).uid == row.uid
        assert delete_run(row.id, home, copy) == f"{tmp_path / 'first.db'} has the run as well"
        assert copy.runs() == []
    assert find_folder(row, home) == folder
    left = JobFolder.of(home, folder)  # as a kill leaves it
    left.prepare(folder.training)
    assert delete_run(row.id, home, store) == ""
    assert not folder.path.exists()
    assert not left.path.exists()


def test_deleting_a_run_whose_folder_is_gone_removes_what_its_method_left(home: Home, store: Leaderboard) -> None:
    row, folder = made(home, store)
    left = JobFolder.of(home, folder)
    left.prepare(folder.training)
    folder.delete()
    assert delete_run(row.id, home, store) == ""
    assert not left.path.exists()


def test_a_database_that_was_moved_still_owns_its_folders(home: Home, store: Leaderboard, tmp_path: Path) -> None:
    _, folder = made(home, store)
    store.close()
    moved = tmp_path / "moved.db"
    for name in tmp_path.glob("first.db*"):
        name.rename(f"{moved}{name.name.removeprefix('first.db')}")
    with Leaderboard.open(moved) as same:
        assert delete_run(1, home, same) == ""
    assert not folder.path.exists()


@pytest.mark.parametrize("status", ["running", "interrupted", "planned"])
def test_a_run_that_goes_on_is_not_deleted(status: Any, home: Home, store: Leaderboard) -> None:
    row, folder = made(home, store)
    store.update(1, status=status)
    for path in (folder.lock, claim_path(home, store, row.identity)):
        with claimed(path), pytest.raises(UsageError, match="run 1 is going on; stop it"):
            delete_run(1, home, store)
    assert delete_run(1, home, store) == ""


def test_a_folder_of_another_run_stays_when_the_row_is_deleted(home: Home, store: Leaderboard) -> None:
    _, folder = made(home, store)
    dataclasses.replace(PLAN, seed=7).save(folder.plan_file)
    assert "is not the folder of run 1" in delete_run(1, home, store)
    assert folder.path.exists()


def test_a_row_never_stands_without_its_folder(home: Home, store: Leaderboard, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **_more: object) -> int:
        (folder,) = home.runs.iterdir()
        assert RunFolder(folder).plan() == PLAN
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Leaderboard, "plan", refuse)
    with pytest.raises(OSError, match="No space left"):
        made(home, store)
    assert list(home.runs.iterdir()) == []


def test_only_the_lookup_and_what_takes_over_old_folders_turn_a_row_into_a_folder() -> None:
    """Nobody else finds one by a pattern, by a number, or without asking whose it is."""
    package = Path(petbench.__file__).parent
    allowed = {"runs/lookup.py", "runs/folder.py", "runs/folders_0_1.py", "runs/delete.py", "home.py"}
    allowed |= {"runs/entering.py", "runs/housekeeping.py"}  # make a folder; look at those of no row
    allowed |= {"engines/dask_task.py"}  # a copy of a folder, on a node that has no leaderboard
    for path in sorted(package.rglob("*.py")):
        name = path.relative_to(package).as_posix()
        tree = ast.parse(path.read_text(encoding="utf-8"))
        called = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
        uses = {ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
        if name not in allowed:
            assert not called & {"folder_of", "RunFolder.of"}, name
            assert not [use for use in uses if use.endswith("home.runs")], name


def test_the_place_of_a_leaderboard_is_one_text_however_it_is_named(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path, target_is_directory=True)
    names: list[str | Path] = [
        tmp_path / "a.db", f"sqlite:///{tmp_path}/a.db", tmp_path / "link" / "a.db",
        f"{tmp_path}/../{tmp_path.name}/a.db",
    ]  # fmt: skip
    places = set()
    for name in names:
        with Leaderboard.open(name) as opened:
            places.add(opened.place)
    assert places == {str((tmp_path / "a.db").resolve())}


def test_an_old_folder_goes_to_no_row_that_came_by_a_merge(home: Home, store: Leaderboard, tmp_path: Path) -> None:
    from petbench.runs.folders_0_1 import take_over_old_folders

    row, folder = made(home, store)
    old = home.runs / f"00001-ridge-{row.identity[:8]}"
    folder.path.rename(old)
    with Leaderboard.open(tmp_path / "second.db") as second:
        merge(second, tmp_path / "first.db")
        take_over_old_folders(home, second)
        assert old.exists()
    take_over_old_folders(home, store)
    assert find_folder(row, home) == folder == folder_of(row, home)
    assert json.loads(folder.plan_file.read_text())["method"] == "ridge"


def test_a_run_that_never_began_goes_on_with_the_processes_and_the_device_that_are_asked_for_now(
    home: Home, store: Leaderboard
) -> None:
    _, folder = made(home, store, dataclasses.replace(PLAN, processes=2, device="cpu"))
    asked = dataclasses.replace(PLAN, processes=1, device="cuda")
    going_on = going_on_as(asked, folder)
    assert (going_on.processes, going_on.device) == (1, "cuda")
    (folder.training / "checkpoints").mkdir(parents=True)
    (folder.training / "checkpoints" / "images-000000000004.checkpoint").touch()
    assert going_on_as(dataclasses.replace(asked, processes=2), folder).device == "cpu"
    with pytest.raises(UsageError, match="begun with --processes 2"):
        going_on_as(asked, folder)
