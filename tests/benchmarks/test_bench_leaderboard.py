"""How long a leaderboard of 100,000 runs takes to print, and its site to write.

Run with `pytest tests/benchmarks/test_bench_leaderboard.py --benchmark-only`.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
import uuid
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import sqlalchemy as sa

from petbench.cli.runs import PAGE
from petbench_leaderboard.cached_means import rebuild
from petbench_leaderboard.ranking import rank
from petbench_leaderboard.records import RunRecord
from petbench_leaderboard.rows import columns_of
from petbench_leaderboard.run_queries import Wanted
from petbench_leaderboard.schema import Run, Score
from petbench_leaderboard.store import Leaderboard
from petbench_leaderboard.transfer import export_runs

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

RUNS = 100_000
WHO = ("sub-01", "sub-02", "sub-03", "sub-04")
METRICS = (("psnr_body_suv20", True), ("mae_body_suv", False))


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Leaderboard]:
    """Give a leaderboard of 100,000 runs of 20,000 settings, five seeds each, one in a hundred failed."""
    path: Path = tmp_path_factory.mktemp("large") / "leaderboard.db"
    with Leaderboard.open(path) as board:
        generator = np.random.default_rng(3)
        start = datetime(2026, 1, 1, tzinfo=UTC)
        with board._database.writing() as session:
            for first in range(0, RUNS, 5_000):
                runs, scores = [], []
                for number in range(first, first + 5_000):
                    record = _record(number)
                    status = "failed" if number % 100 == 99 else "ok"
                    facts = {"id": number + 1, "uid": uuid.uuid4().hex, "run_group": record.run_group, "status": status}
                    runs.append(columns_of(record) | facts | {"created_at": start + timedelta(seconds=number)})
                    if status == "ok":
                        scores += _scores(number + 1, generator)
                session.execute(sa.insert(Run), runs)
                session.execute(sa.insert(Score), scores)
            rebuild(session)
        yield board


def _record(number: int) -> RunRecord:
    setting, seed = divmod(number, 5)
    return RunRecord(
        identity=f"{number:064x}", method="identity" if setting == 0 else f"method-{setting % 40}", plugin="p",
        distribution="petbench", version="1", source_hash="a" * 64, supervision="paired",
        role="reference" if setting == 0 else "competitor", preset="default",
        parameters={"width": setting}, dataset="fdg-phantom", fingerprint="f" * 64, split="holdout",
        split_digest="5" * 64, fold=0, seed=seed, precision="fp32", budget="images=48000", protocol=1,
        test_participants=WHO, split_participants=WHO, device="cuda:0",
        environment={f"package-{index}": "1.0" for index in range(40)},
    )  # fmt: skip


def _scores(run_id: int, generator: np.random.Generator) -> list[dict[str, Any]]:
    return [
        {
            "run_id": run_id,
            "protocol": 1,
            "metric": metric,
            "convention_id": f"{metric}@1",
            "region": "body",
            "participant": who,
            "value": float(generator.normal(30.0, 1.0)),
            "unit": "",
            "higher_is_better": better,
            "reason": None,
            "extra": {},
        }
        for metric, better in METRICS
        for who in WHO
    ]


def test_bench_the_table_of_the_best_rows(benchmark: Any, large: Leaderboard) -> None:
    (board,) = benchmark(rank, large, best=50)
    assert (len([row for row in board.rows if row.role == "competitor"]), board.omitted) == (50, 19_949)
    benchmark.extra_info.update(what=f"the table of {RUNS:,} runs", wanted_seconds=0.3)
    assert benchmark.stats["median"] < 0.3


@pytest.mark.slow
def test_bench_the_site(benchmark: Any, large: Leaderboard, tmp_path: Path) -> None:
    """The whole command, beside the same for a leaderboard without a run: what is left is what runs cost."""
    with Leaderboard.open(tmp_path / "empty.db"):
        pass
    _, _, empty = _report(str(tmp_path / "empty.db"), tmp_path / "nothing")
    first, whole, peak = benchmark.pedantic(_report, args=(large.name, tmp_path / "site"), rounds=1)
    benchmark.extra_info.update(
        what=f"`petbench report` of {RUNS:,} runs",
        wanted_seconds=20.0,
        floor=f"first page after {first:.1f} s; {peak} MB, {empty} MB without a run",
    )
    assert first < 10.0
    assert whole < 40.0
    assert peak < 1.5 * empty
    assert (tmp_path / "site" / "index.html").stat().st_size < 700_000  # with the chart library, two megabytes


_COMMAND = """
import re, sys
from petbench.cli.main import cli
cli(sys.argv[1:], standalone_mode=False)
print(re.search("VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1])
"""


def _report(database: str, site: Path) -> tuple[float, float, int]:
    """Return the seconds until the first page is there and until all are, and the command's peak memory in MB."""
    start = time.perf_counter()
    command = [sys.executable, "-c", _COMMAND, "--db", database, "report", "-o", str(site)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        first = next(time.perf_counter() - start for line in process.stderr if "to read already" in line)
        said, _ = process.communicate()
    assert process.returncode == 0
    return first, time.perf_counter() - start, int(said.split()[-1]) // 1024


def test_bench_a_filtered_table(benchmark: Any, large: Leaderboard) -> None:
    (board,) = benchmark(rank, large, where="method=method-7 and psnr_body_suv20>30.2", best=50)
    assert {row.run.method for row in board.rows} == {"method-7"}


def test_bench_the_newest_runs(benchmark: Any, large: Leaderboard) -> None:
    rows = benchmark(large.runs, where="status=failed", limit=50)
    assert len(rows) == 50


def test_bench_a_page_of_the_list(benchmark: Any, large: Leaderboard) -> None:
    def page() -> int:
        return len(large.page(Wanted(), PAGE)) + large.count()

    assert benchmark(page) == RUNS + PAGE
    benchmark.extra_info.update(what=f"a page of the list of {RUNS:,} runs", wanted_seconds=2.0)
    assert benchmark.stats["median"] < 2.0


def test_bench_an_export(benchmark: Any, large: Leaderboard, tmp_path: Path) -> None:
    path = tmp_path / "runs.jsonl"
    assert benchmark.pedantic(export_runs, args=(large, path), rounds=1) == RUNS
    start = time.perf_counter()
    with path.open(encoding="utf-8") as lines, (tmp_path / "plain.jsonl").open("w", encoding="utf-8") as plain:
        for line in lines:
            plain.write(json.dumps(json.loads(line)) + "\n")
    seconds = time.perf_counter() - start
    benchmark.extra_info.update(
        what=f"an export of {RUNS:,} runs",
        plain_seconds=seconds,
        against="json reads and writes the same lines",
        ratio=seconds / benchmark.stats["median"],
    )
