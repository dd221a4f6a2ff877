"""What engines cost and gain: eight runs two at once, a run's share beyond its own work, and a thousand on paper."""

from __future__ import annotations

import dataclasses
import shutil
import tempfile
import tracemalloc
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.benchmark.conftest import write_body_dataset
from tests.benchmark.test_run_lookup import PLAN
from tests.benchmarks.conftest import timed
from tests.engines.gated import Lab
from tests.engines.slurm_cluster import Cluster, why_not
from tests.engines.test_watch import Desk

from petbench_leaderboard.store import Leaderboard

if TYPE_CHECKING:
    from collections.abc import Iterator

pytest.importorskip("distributed")
pytestmark = pytest.mark.slow

CELLS = 8
FURTHER = 4
PLANNED = 1000


@pytest.fixture(scope="module")
def bodies(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_body_dataset(tmp_path_factory.mktemp("datasets") / "bodies")


@pytest.fixture
def slurm() -> Iterator[Cluster]:
    if reason := why_not():
        pytest.skip(f"no Slurm here: {reason}")
    cluster = Cluster(Path(tempfile.mkdtemp(prefix="slurm-")))
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()
        shutil.rmtree(cluster.folder, ignore_errors=True)


def lab_at(folder: Path, bodies: Path, **variables: str) -> Lab:
    lab = Lab(folder, bodies, variables)
    lab.gate.open()
    return lab


def one_and_more(lab: Lab, *asked: str) -> tuple[float, float]:
    """Return the seconds of a command with one run, and what each further run of a second one adds."""
    one = timed(lambda: lab.begin("--seed", "0", *asked).end())
    more = timed(lambda: lab.begin("--seed", f"1..{FURTHER + 1}", *asked).end())
    assert [row.status for row in lab.rows()] == ["ok"] * (FURTHER + 2)
    return one, (more - one) / FURTHER


def test_bench_eight_runs_two_at_once(benchmark: Any, bodies: Path, tmp_path: Path) -> None:
    """The same eight short runs, one after the other and two at once on this machine's cores."""
    asked = ("--seed", f"0..{CELLS - 1}")
    one_by_one = timed(lambda: lab_at(tmp_path / "plain", bodies).begin(*asked).end())
    lab = lab_at(tmp_path / "ours", bodies)
    spent: list[float] = []
    benchmark.pedantic(lambda: spent.append(timed(lambda: lab.begin(*asked, "--on", "local:2").end())), rounds=1)
    assert [row.status for row in lab.rows()] == ["ok"] * CELLS
    benchmark.extra_info.update(
        what="eight runs, two at once",
        settings="--on local:2",
        against="one after the other",
        seconds=spent[0],
        plain_seconds=one_by_one,
        ratio=one_by_one / spent[0],
        rounds=1,
    )


@pytest.mark.parametrize("engine", [("local:1",), ("slurm", "--at-once", "1")], ids=lambda engine: engine[0])
def test_bench_what_a_run_costs_beyond_itself(
    benchmark: Any, bodies: Path, tmp_path: Path, request: pytest.FixtureRequest, engine: tuple[str, ...]
) -> None:
    """What one run more adds to a command with an engine, less what it adds to one without."""
    variables = dict(request.getfixturevalue("slurm").variables) if engine[0] == "slurm" else {}
    plain, plain_further = one_and_more(lab_at(tmp_path / "plain", bodies))
    measured: list[tuple[float, float]] = []
    lab = lab_at(tmp_path / "ours", bodies, **variables)
    benchmark.pedantic(lambda: measured.append(one_and_more(lab, "--on", *engine)), rounds=1)
    ours, ours_further = measured[0]
    benchmark.extra_info.update(
        what="each further run of a command with an engine, beyond one here",
        settings=f"--on {' '.join(engine)}",
        seconds=ours_further - plain_further,
        floor=f"{plain_further:.2f} s a run here; the first run takes {ours - plain:.1f} s more",
        wanted_seconds=2.0 if engine[0] == "slurm" else 0.2,
        rounds=1,
    )


def test_bench_a_thousand_planned_runs(benchmark: Any, tmp_path: Path) -> None:
    """Handed over, watched and brought in with an engine that does nothing, so that what remains is petbench's."""
    plans = [dataclasses.replace(PLAN, seed=n % 10, parameters={"width": n // 10}) for n in range(PLANNED)]
    with Leaderboard.open(tmp_path / "leaderboard.db") as leaderboard:
        desk = Desk(tmp_path / "home", leaderboard)
        seconds: dict[str, float] = {}

        def all_of_it() -> None:
            handed: list[Any] = []
            seconds["handed over"] = timed(lambda: handed.append(desk.hand_over(plans)))
            watch = desk.watch(handed[0])
            for job in list(desk.dry.jobs):
                desk.dry.run(job)
            seconds["asked once"] = timed(watch.ask)
            for job in list(desk.dry.jobs):
                desk.dry.leave(job)
            seconds["brought in"] = timed(watch.look)

        benchmark.pedantic(all_of_it, rounds=1)
        assert leaderboard.count() == PLANNED
        tracemalloc.start()
        desk.watch(desk.hand_over([dataclasses.replace(plan, fold=1) for plan in plans[:100]])).ask()
        memory = tracemalloc.get_traced_memory()[0] / 100
        tracemalloc.stop()
    benchmark.extra_info.update(
        what=f"{PLANNED:,} runs with an engine that does nothing",
        seconds=sum(seconds.values()),
        floor=", ".join(f"{name} in {spent:.1f} s" for name, spent in seconds.items())
        + f"; {memory / 1024:.0f} KiB of memory a run",
        rounds=1,
    )
