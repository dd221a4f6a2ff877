"""Runs on real Dask clusters: on this machine, and on workers that share no folder with it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from tests.engines.gated import Lab, same_bits

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow
pytest.importorskip("distributed")


@pytest.fixture
def here(tmp_path: Path, bodies: Path) -> Lab:
    return Lab(tmp_path / "lab", bodies)


class Workers:
    """A scheduler and workers of Dask, started as a user does; each worker has a home of its own."""

    def __init__(self, lab: Lab) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.address = f"tcp://127.0.0.1:{probe.getsockname()[1]}"
        self._lab = lab
        self._processes: list[subprocess.Popen[bytes]] = []
        self._start("scheduler", "--host", "127.0.0.1", "--port", self.address.rpartition(":")[2], "--no-dashboard")

    def start(self, name: str) -> subprocess.Popen[bytes]:
        """Start a worker that has the home of its name."""
        options = (
            "--host",
            "127.0.0.1",
            "--nthreads",
            "1",
            "--resources",
            "petbench=1",
            "--no-nanny",
            "--no-dashboard",
        )
        return self._start("worker", self.address, "--name", name, *options, home=self._lab.folder / f"home-{name}")

    def stop(self) -> None:
        for process in reversed(self._processes):
            process.kill()
            process.wait()

    def _start(self, program: str, *arguments: str, home: Path | None = None) -> subprocess.Popen[bytes]:
        variables = {**self._lab.variables, "SLURM_JOB_ID": arguments[2] if home else ""}
        if home is not None:
            variables["PETBENCH_HOME"] = str(home)
        with (self._lab.folder / f"{program}-{len(self._processes)}.log").open("wb") as output:
            command = [sys.executable, "-m", "distributed.cli.dask_" + program, *arguments]
            self._processes.append(
                subprocess.Popen(command, env=variables, stdout=output, stderr=output, stdin=subprocess.DEVNULL)
            )
        return self._processes[-1]


@pytest.fixture
def workers(here: Lab) -> Iterator[Workers]:
    made = Workers(here)
    try:
        yield made
    finally:
        made.stop()


def test_of_two_workers_with_homes_of_their_own_one_dies_and_every_run_is_brought_in(
    here: Lab, workers: Workers, undisturbed: Lab
) -> None:
    first = workers.start("first")
    command = here.begin("--seed", "0,1", "--on", f"dask:{workers.address}")
    here.gate.wait_for(1)
    workers.start("second")
    here.gate.wait_for(2)
    first.send_signal(signal.SIGKILL)
    here.gate.open()
    command.end()
    rows = here.rows()
    assert [row.status for row in rows] == ["ok", "ok"]
    assert same_bits(here, undisturbed, rows[0], undisturbed.rows()[0])
    places = [[place["job"] for place in row["ran_on"]["places"]] for row in here.listed()]
    assert sorted(places) == [["first", "second"], ["second"]]
    assert not list(here.folder.glob("home-*/leaderboard.db"))
    assert not list(here.folder.glob("home-second/runs/*"))  # brought in, and gone there
    made = here.scores(1)
    here.spoil_scores(1)
    here.command("score", "--runs", "1", "--on", f"dask:{workers.address}").end()
    assert here.scores(1) == made
    assert [[place["job"] for place in row["ran_on"]["places"]] for row in here.listed()] == places
    assert not list(here.folder.glob("home-second/runs/*"))


def test_runs_at_once_on_this_machine_stop_at_ctrl_c_and_go_on(here: Lab, undisturbed: Lab) -> None:
    asked = ("--seed", "0,1,2", "--on", "local:2")
    command = here.begin(*asked)
    command.says("running on", times=2)
    here.gate.wait_for(2)
    command.interrupt()
    command.says("cancelled what waits")
    here.gate.open_to_stop()
    command.end(code=130)
    assert {row.status for row in here.rows()} == {"interrupted"}
    here.begin(*asked).end()
    rows = here.rows()
    assert [row.status for row in rows] == ["ok", "ok", "ok"]
    assert same_bits(here, undisturbed, rows[0], undisturbed.rows()[0])


@pytest.mark.parametrize(
    ("asked", "said", "code"),
    [
        (("--on", "local:two"), "--on local:two is not understood; write how many runs go on at once: --on local:2", 2),
        (("--on", "dask"), "--on dask needs the scheduler's address", 2),
        (("--on", "local:2", "--at-once", "1"), "of Dask the number of workers says how many runs go on at once", 2),
        (("--on", "local:1", "--detach"), "the runs of --on local:1 end with this command; leave it away", 2),
        (("--on", "dask:tcp://127.0.0.1:9"), "no Dask scheduler answers at tcp://127.0.0.1:9", 1),
    ],
)
def test_what_cannot_be_asked_of_dask_is_refused_in_one_line(
    here: Lab, asked: tuple[str, ...], said: str, code: int
) -> None:
    printed = here.begin(*asked).end(code=code)
    assert printed.count("error: ") == 1
    assert said in printed
    assert "Traceback" not in printed
    assert not list(here.home.glob("runs/*"))


def test_a_missing_dask_is_said_with_what_brings_it(here: Lab, tmp_path: Path) -> None:
    hidden = tmp_path / "hidden" / "distributed"
    hidden.mkdir(parents=True)
    (hidden.parent / "sitecustomize.py").write_text(
        "import importlib.util as u\nfound = u.find_spec\n"
        "u.find_spec = lambda name, *a: None if name == 'distributed' else found(name, *a)\n",
        encoding="utf-8",
    )
    here.given = {"PYTHONPATH": os.pathsep.join((str(hidden.parent), here.variables["PYTHONPATH"]))}
    said = here.begin("--on", "local:1").end(code=1)
    assert "error: --on local needs distributed: pip install 'petbench[dask]'" in said


def test_what_ran_where_is_said_by_runs_show(here: Lab) -> None:
    here.gate.open()
    here.begin("--on", "local:1").end()
    shown = here.command("runs", "show", "1", "--json").end()
    facts = json.loads(shown[shown.index("{") :])
    assert facts["ran_on"]["engine"] == "local:1"
    assert facts["ran_on"]["tries"] == 1
    assert "local:1" in here.command("runs", "list").end()
