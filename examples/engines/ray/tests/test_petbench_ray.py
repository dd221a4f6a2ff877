"""Runs on a real Ray of this machine, where Ray is installed: `pytest examples/engines/ray`."""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time

import pytest

pytest.importorskip("ray")

RAY = [sys.executable, "-m", "ray.scripts.scripts"]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="module")
def address():
    """Start a Ray with two cores, and end it."""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="ray-") as folder:  # sockets have short paths
        options = {
            "--num-cpus": 2, "--port": free_port(), "--dashboard-port": port, "--include-dashboard": "true",
            "--temp-dir": folder,
        }  # fmt: skip
        words = [str(word) for option in options.items() for word in option]
        started = subprocess.run(
            [*RAY, "start", "--head", "--disable-usage-stats", *words], capture_output=True, text=True
        )
        assert started.returncode == 0, started.stdout + started.stderr
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            subprocess.run([*RAY, "stop", "--force"], check=False, capture_output=True)


class Home:
    """A home of its own, and the command there."""

    def __init__(self, folder):
        self.folder = folder
        self.environment = {**os.environ, "PETBENCH_HOME": str(folder), "PETBENCH_OFFLINE": "1"}

    def begin(self, *arguments):
        # A shell starts what runs in its background deaf to Ctrl-C, and that is inherited.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        return subprocess.Popen(
            [sys.executable, "-m", "petbench", *arguments],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments, code=0):
        process = self.begin(*arguments)
        printed, said = process.communicate(timeout=900)
        assert process.returncode == code, printed + said
        return printed, said

    def rows(self):
        return json.loads(self.run("runs", "list", "--json")[0])

    def is_training(self):
        return any('"event": "data"' in log.read_text() for log in self.folder.parent.rglob("training/log.jsonl"))


@pytest.fixture
def home(tmp_path):
    return Home(tmp_path / "home")


def test_two_runs_are_made_by_ray_and_the_same_command_makes_none(home, address):
    asked = ("run", "--method", "identity", "--method", "scale", "--on", f"ray:{address}")
    assert "2 submitted to ray" in home.run(*asked)[1]
    rows = home.rows()
    assert [row["status"] for row in rows] == ["ok", "ok"]
    assert all(row["ran_on"]["engine"].startswith("ray") for row in rows)
    assert "submitted" not in home.run(*asked)[1]
    assert len(home.rows()) == 2


def test_ctrl_c_leaves_a_checkpoint_from_which_the_same_command_goes_on(home, address):
    asked = ("run", "--method", "pix2pix", "--budget", "images=4000", "--on", f"ray:{address}")
    command = home.begin(*asked)
    for _ in range(3000):
        if home.is_training() or command.poll() is not None:
            break
        time.sleep(0.2)
    command.send_signal(signal.SIGINT)
    printed, said = command.communicate(timeout=300)
    assert command.returncode == 130, printed + said
    (row,) = home.rows()
    assert row["status"] == "interrupted"
    assert list(home.folder.glob("runs/*/training/checkpoints/*"))
    home.run(*asked)
    (row,) = home.rows()
    assert (row["status"], row["images_seen"]) == ("ok", 4000)


def test_what_ray_decides_itself_is_refused_and_an_address_where_nobody_answers_is_named(home):
    assert "Ray takes none" in home.run("run", "-m", "scale", "--on", "ray", "--engine-option", "a=b", code=1)[1]
    assert "Ray runs as many" in home.run("run", "-m", "scale", "--on", "ray", "--at-once", "2", code=1)[1]
    assert "Ray gives no answer" in home.run("run", "-m", "scale", "--on", "ray:http://127.0.0.1:9", code=1)[1]
