"""Many runs are read a page at a time, and copied without ever being in memory together."""

from __future__ import annotations

import dataclasses
import json
import os
import tracemalloc
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from petbench.cli.main import cli
from petbench.cli.runs import PAGE
from petbench_datasets.errors import DataError
from petbench_leaderboard.errors import LeaderboardError
from petbench_leaderboard.exported_run import ExportedRun
from petbench_leaderboard.run_queries import Wanted
from petbench_leaderboard.store import Leaderboard
from petbench_leaderboard.transfer import export_runs, exported_runs, import_runs

if TYPE_CHECKING:
    from pathlib import Path

    from tests.leaderboard.conftest import MakeRecord, MakeScore

pytestmark = pytest.mark.slow  # thousands of runs

AT_ONCE = 15
RUNS = 2 * PAGE + 17


@pytest.fixture
def many(tmp_path: Path, make_record: MakeRecord, make_score: MakeScore, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a leaderboard of many runs, a third of them failed, each with a score and many packages."""
    for module in ("run_queries", "transfer"):
        monkeypatch.setattr(f"petbench_leaderboard.{module}.AT_ONCE", AT_ONCE)
    path = tmp_path / "many.db"
    environment = {f"package-{index}": "1.0" for index in range(200)}
    with Leaderboard.open(path) as first:
        run_id = first.plan(make_record("some", environment=environment))
        first.record_scores(run_id, [make_score()])
        first.record_phase(run_id, "train", 1.0)
        (run,), scores, phases = first.runs(), first.scores([run_id]), first.phases(run_id)
        first.merge_runs(
            ExportedRun(
                dataclasses.replace(run, uid=f"{seed:032x}", seed=seed, status="failed" if seed % 3 == 0 else "ok"),
                scores,
                phases,
                "+ line" if seed == 1 else "",
            )
            for seed in range(1, RUNS)
        )
        first.update(run_id, status="failed")
    monkeypatch.setenv("PETBENCH_HOME", str(tmp_path / "home"))
    return path


def _list(path: Path, *arguments: str) -> str:
    result = CliRunner().invoke(cli, ["--db", str(path), "runs", "list", *arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def _numbers(text: str) -> list[int]:
    return [int(line.split()[0]) for line in text.splitlines() if line.split() and line.split()[0].isdigit()]


def test_runs_are_listed_a_page_at_a_time_and_every_page_follows_the_last(many: Path) -> None:
    text, seen = _list(many), list[int]()
    assert f"and {RUNS - PAGE} older; --before {RUNS - PAGE + 1} shows the next" in text
    while page := _numbers(text):
        assert len(page) <= PAGE
        seen += page
        text = _list(many, "--before", str(seen[-1]))
    assert seen == list(range(RUNS, 0, -1))
    assert "older" not in _list(many, "--before", "2")


def test_a_list_may_be_shorter_longer_or_narrowed(many: Path) -> None:
    assert _numbers(_list(many, "--limit", "3")) == [RUNS, RUNS - 1, RUNS - 2]
    assert len(_numbers(_list(many, "--limit", "1000"))) == RUNS
    failed = len([seed for seed in range(RUNS) if seed % 3 == 0])
    assert f"and {failed - 5} older" in _list(many, "--status", "failed", "--limit", "5")
    assert len(_numbers(_list(many, "--status", "failed"))) == failed
    assert _numbers(_list(many, "--where", "seed<3")) == [3, 2, 1]


def test_a_list_for_scripts_holds_all_runs_and_is_written_as_one_json_value(many: Path) -> None:
    text = _list(many, "--json")
    rows = json.loads(text)
    assert [row["id"] for row in rows] == list(range(RUNS, 0, -1))
    assert text == json.dumps(rows, indent=2, ensure_ascii=False) + "\n"
    assert [row["id"] for row in json.loads(_list(many, "--json", "--limit", "2", "--before", "9"))] == [8, 7]
    assert _list(many, "--json", "--where", "seed<0") == "[]\n"


def test_batches_are_whole_disjoint_and_in_order_both_ways(many: Path) -> None:
    with Leaderboard.read(many) as board:
        for oldest_first in (True, False):
            batches = list(board.batches(Wanted(status="ok"), oldest_first=oldest_first))
            ids = [run.id for some in batches for run in some]
            assert ids == sorted(ids, reverse=not oldest_first)
            assert len(ids) == len(set(ids)) == board.count(Wanted(status="ok"))
            assert max(len(some) for some in batches) <= AT_ONCE


def test_an_export_of_twice_as_many_runs_needs_no_more_memory_and_asks_a_few_times(many: Path, tmp_path: Path) -> None:
    statements = 0

    def count(*_: object) -> None:
        nonlocal statements
        statements += 1

    def peak_bytes(where: str) -> int:
        tracemalloc.start()
        try:
            export_runs(board, tmp_path / "runs.jsonl", where=where)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    with Leaderboard.read(many) as board:
        export_runs(board, tmp_path / "runs.jsonl")  # once, so that nothing is charged with what is loaded first
        half = peak_bytes(f"seed<{RUNS // 2}")
        sa.event.listen(sa.Engine, "before_cursor_execute", count)
        try:
            assert peak_bytes("seed>=0") < 1.3 * half
        finally:
            sa.event.remove(sa.Engine, "before_cursor_execute", count)
    assert statements < 7 * (RUNS // AT_ONCE + 2) < 2 * RUNS  # and not several for every run


def test_an_export_is_of_one_moment(many: Path, make_record: MakeRecord) -> None:
    with Leaderboard.open(many) as writer, Leaderboard.read(many) as board:
        runs = exported_runs(board)
        next(runs)
        writer.delete(RUNS)
        writer.plan(make_record("late"))
        assert len(list(runs)) == RUNS - 1


def test_what_was_exported_is_imported_and_a_broken_end_or_a_pipe_changes_nothing(many: Path, tmp_path: Path) -> None:
    path, pipe = tmp_path / "runs.jsonl", tmp_path / "pipe"
    with Leaderboard.read(many) as board:
        export_runs(board, path)
    os.mkfifo(pipe)
    with Leaderboard.open(tmp_path / "theirs.db") as theirs:
        with pytest.raises(DataError, match="pipe"):
            import_runs(theirs, pipe)
        assert import_runs(theirs, path).new == RUNS
        assert import_runs(theirs, path).known == RUNS
        export_runs(theirs, tmp_path / "again.jsonl")
        assert theirs.source_diff(2) == "+ line"
    broken = tmp_path / "broken.jsonl"
    broken.write_text(path.read_text()[:-20])
    with Leaderboard.open(tmp_path / "none.db") as none, pytest.raises(LeaderboardError, match=f"line {RUNS + 1}"):
        import_runs(none, broken)
    with Leaderboard.read(tmp_path / "none.db") as none:
        assert none.count() == 0
