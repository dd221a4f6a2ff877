"""Methods that run outside petbench's process: in a virtual environment of their own, or in another language."""

from __future__ import annotations

import json
import shutil
import subprocess
import tracemalloc
import zipfile
from textwrap import dedent
from typing import TYPE_CHECKING, Any

import numpy as np
import pydicom
import pytest
from tests.benchmark.installed import write_information

from petbench import Scan
from petbench.contract import MethodSpec
from petbench.errors import PluginError
from petbench.methods.program import venv
from petbench.methods.program.method import ProgramMethod
from petbench.methods.program.protocol import Job, Status, read_status
from petbench.registry import load_plugins

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from importlib.metadata import EntryPoint
    from pathlib import Path

    from tests.command import Petbench


def write_wheel(folder: Path, name: str, version: str, code: str) -> Path:
    """Write a package of one module as a wheel, which pip installs without building or downloading anything."""
    path = folder / f"{name}-{version}-py3-none-any.whl"
    information = f"{name}-{version}.dist-info"
    files = {
        f"{name}/__init__.py": code,
        f"{information}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{information}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{file},,\n" for file in files) + f"{information}/RECORD,,\n"
    with zipfile.ZipFile(path, "w") as archive:
        for file, text in (files | {f"{information}/RECORD": record}).items():
            archive.writestr(file, text)
    return path


def install(site: Path, name: str, code: str, files: Mapping[str, str] | None = None) -> dict[str, str]:
    """Install a plugin of one package; return the variables that make it visible, and pip stay off the network."""
    write_information(site, name, "1.0", {name: name})
    (site / name).mkdir()
    (site / name / "__init__.py").write_text(dedent(code), encoding="utf-8")
    for file, text in (files or {}).items():
        (site / name / file).write_text(dedent(text), encoding="utf-8")
    return {"PYTHONPATH": str(site), "PIP_NO_INDEX": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}


def commit_all(folder: Path) -> str | None:
    """Commit all files of a folder into a new repository and return the commit; None where there is no git."""
    if shutil.which("git") is None:
        return None
    git = [
        "git",
        "-c",
        "user.name=A",
        "-c",
        "user.email=a@example.org",
        "-c",
        "commit.gpgsign=false",
        "-C",
        str(folder),
    ]
    for arguments in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "first"]):
        subprocess.run([*git, *arguments], check=True)
    return subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout.strip()


CLASHING = """
    from petbench import MethodSpec, hookimpl

    def build(parameters):
        from clashing.method import Clashing
        return Clashing()

    @hookimpl
    def petbench_methods():
        return [MethodSpec(name="clashing", summary="needs another pydicom than petbench", build=build,
                           environment="venv", requirements=("{package}/pydicom-0.0.1-py3-none-any.whl",))]
"""

CLASHING_METHOD = """
    import importlib.metadata
    import os
    import sys
    import numpy as np
    import pydicom
    import torch
    assert "PETBENCH_HOME" not in os.environ

    class Clashing:
        def fit(self, data, run):
            assert sys.stdin.buffer.read() == b""  # where validation pairs came to petbench's own program
            self.factor = pydicom.FACTOR * len(data.pairs())
            run.log("versions", {"pydicom": importlib.metadata.version("pydicom"), "torch": torch.__version__})
        def predict(self, scan):
            return scan.early * self.factor
        def state_dict(self):
            return {"factor": self.factor}
        def load_state_dict(self, state):
            self.factor = state["factor"]
"""


@pytest.mark.slow
def test_a_method_whose_packages_clash_runs_in_an_environment_of_its_own(
    ran: Callable[..., Petbench], body_dataset: Path, tmp_path: Path
) -> None:
    petbench, site = ran("identity"), tmp_path / "site"
    variables = install(site, "clashing", CLASHING, {"method.py": CLASHING_METHOD})
    write_wheel(site / "clashing", "pydicom", "0.0.1", "FACTOR = 0.5\n")
    row = json.loads(petbench("run", "-m", "clashing", "-d", body_dataset, "--json", variables=variables).stdout)
    assert row["status"] == "ok"
    assert [phase["phase"] for phase in row["phases"]] == [
        *("prepare", "train", "checkpoint", "predict", "validation", "score")
    ]
    (log,) = (petbench.home / "runs").glob("clashing-*/training/log.jsonl")
    versions = json.loads(log.read_text(encoding="utf-8").splitlines()[0])
    assert versions["pydicom"] == "0.0.1" != pydicom.__version__
    # Trained on two participants: half of each early image, twice, is the image itself.
    identity, ours = (
        {score["metric"]: score["value"] for score in petbench.json("runs", "show", number)["scores"]}
        for number in ("1", "2")
    )
    assert ours["mae_body_suv"] == pytest.approx(identity["mae_body_suv"])
    assert len(list((petbench.home.with_name("home-methods") / "environments").glob("*/petbench-ready.json"))) == 1


STEPS = """
    from petbench import MethodSpec, StepParameters, hookimpl

    def build(parameters):
        from stepwise.method import Stepwise
        return Stepwise(parameters)

    @hookimpl
    def petbench_methods():
        return [MethodSpec(name="stepwise", summary="trained step by step, elsewhere", build=build,
                           parameters=StepParameters, environment="venv")]
"""

STEPS_METHOD = """
    import torch
    from petbench import StepMethod

    class Stepwise(StepMethod):
        def __init__(self, parameters):
            super().__init__(parameters)
            self.network = torch.nn.Conv2d(1, 1, 1)
        def training_step(self, batch):
            return {"l1": (self.network(batch.early) - batch.delayed).abs().mean()}
        def translate(self, scans):
            return self.network(scans.early)
"""


@pytest.mark.slow
def test_a_method_trained_step_by_step_is_validated_by_the_harness_in_its_own_environment_too(
    petbench: Petbench, body_dataset: Path, tmp_path: Path
) -> None:
    variables = install(tmp_path / "site", "stepwise", STEPS, {"method.py": STEPS_METHOD})
    arguments = ("run", "-m", "stepwise", "-d", body_dataset, "--budget", "images=64", "--json")
    row = json.loads(petbench(*arguments, variables=variables).stdout)
    assert {"train", "warm-up", "validation", "checkpoint"} <= {phase["phase"] for phase in row["phases"]}
    assert row["images_per_second"] > 0
    (log,) = (petbench.home / "runs").glob("stepwise-*/training/log.jsonl")
    events = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    validations = [event for event in events if event["event"] == "validation"]
    assert [event["images"] for event in validations] == [16, 32, 48, 64]
    assert all(event["mae_suv"] > 0 for event in validations)
    (job,) = (petbench.home / "runs").glob("stepwise-*/training/job")
    # Of volumes nothing is left; one predicted slice of a validation participant is, for who watches the run.
    assert not [path for path in job.rglob("*.npy") if path.parent.name != "example"]


SHELL = """
    from petbench import MethodSpec, hookimpl

    @hookimpl
    def petbench_methods():
        return [MethodSpec(name="shell", summary="no Python at all", command=("sh", "{package}/method.sh", "{job}"))]
"""

COPY = """
    cd "$1"
    if grep -q '"stage": "fit"' job.json; then
        find . -type f | sort > model/seen
        echo it has learnt
    else
        for early in images/*-early.npy; do
            name=$(basename "$early" -early.npy)
            cp "$early" "predictions/$name.npy"
        done
        cp model/seen seen-in-training
        test -e training && exit 3
    fi
    echo '{"version": 3, "state": "ok", "parameter_count": 0}' > status.json
"""


@pytest.mark.slow
def test_a_program_that_is_not_python_is_scored_like_any_method(
    ran: Callable[..., Petbench], body_dataset: Path, tmp_path: Path
) -> None:
    petbench = ran("identity")
    variables = install(tmp_path / "site", "shell", SHELL, {"method.sh": COPY})
    commit = commit_all(tmp_path / "site")
    petbench("run", "-m", "shell", "-d", body_dataset, variables=variables)
    identity, ours = (petbench.json("runs", "show", number) for number in ("1", "2"))
    assert [(score["metric"], score["value"]) for score in ours["scores"]] == [
        (score["metric"], score["value"]) for score in identity["scores"]
    ]
    assert ours["machine"]["source"].get("plugin", {}).get("commit") == commit
    assert "printed: it has learnt" in petbench("runs", "log", "2").stdout
    (seen,) = (petbench.home / "runs").glob("shell-*/training/job/model/seen")
    files = seen.read_text(encoding="utf-8").split()
    assert [file for file in files if file.endswith(".npy")] == [
        "./training/000-delayed.npy",
        "./training/000-early.npy",
        "./training/001-delayed.npy",
        "./training/001-early.npy",
    ]
    assert not list((petbench.home / "runs").glob("shell-*/training/job/*/*.npy"))


OK = """echo '{"version": 3, "state": "ok"}' > "$1/status.json" """


@pytest.mark.slow
@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("echo the licence has expired; exit 3", "ended with code 3 and left no status: the licence has expired"),
        ("""echo '{"version": 3, "state": "failed", "message": "no GPU"}' > "$1/status.json" """, "no GPU"),
        ("""echo '{"version": 1, "state": "ok"}' > "$1/status.json" """, "'version'"),
        ("""echo '{"version": 3, "state": "ok", "psnr": 99}' > "$1/status.json" """, "'psnr'"),
        (OK, "wrote no 000.npy"),
        ("head -c 24000000 /dev/zero; echo; echo it was too much; exit 3", "and left no status: it was too much"),
        (f"cd $1; truncate -s 2G predictions/000.npy; {OK}", r"000.npy that the program .* 2147483648 bytes of voxels"),
        (f"cd $1; ln -s ../images/000-early.npy predictions/000.npy; {OK}", "cannot be read back"),
        (f"cd $1; mkfifo predictions/000.npy; {OK}", "is no file"),
        (f"cd $1; echo here > predictions/000.npy; {OK}", "is no volume"),
        (f"cd $1; head -c 130 images/000-early.npy > predictions/000.npy; {OK}", "is cut short"),
    ],
)
def test_a_program_that_does_not_keep_the_contract_is_named_with_what_it_did(
    tmp_path: Path, script: str, message: str
) -> None:
    method = ProgramMethod(
        MethodSpec(name="odd", summary="odd", command=("sh", "-c", script, "sh", "{job}")), {}, None, tmp_path
    )
    tracemalloc.start()
    try:
        with pytest.raises(PluginError, match=message):
            method.predict(Scan(np.ones((1, 2, 2), dtype=np.float32)))
        assert tracemalloc.get_traced_memory()[1] < 16 * 2**20
    finally:
        tracemalloc.stop()


def test_what_a_program_learnt_survives_as_bytes_and_cannot_be_written_elsewhere(tmp_path: Path) -> None:
    spec = MethodSpec(name="cat", summary="copies", command=("true",))
    method = ProgramMethod(spec, {}, None, tmp_path)
    method._model = {"a/b": b"\x00\x01", "c": b""}
    again = ProgramMethod(spec, {}, None, tmp_path)
    again.load_state_dict(method.state_dict())
    assert again._model == method._model
    again._model = {"../escaped": b"x"}
    with pytest.raises(PluginError, match="outside its folder"):
        again.predict(Scan(np.ones((1, 2, 2), dtype=np.float32)))


@pytest.mark.slow
def test_an_environment_is_known_by_what_its_requirements_hold(tmp_path: Path) -> None:
    wheel = write_wheel(tmp_path, "tiny", "1.0", "VALUE = 1\n")
    cache = tmp_path / "cache"
    first = venv.make_environment([str(wheel)], cache, inherits=False)
    assert venv.make_environment([str(wheel)], cache, inherits=False) == first
    asked = [str(first), "-c", "import tiny, sys; print(tiny.VALUE, sys.prefix)"]
    value, prefix = subprocess.run(
        asked, env=venv.variables(inherits=False), capture_output=True, text=True, check=True
    ).stdout.split()
    assert (value, prefix) == ("1", str(first.parent.parent))
    asked = [str(first), "-c", "import numpy"]
    assert subprocess.run(asked, env=venv.variables(inherits=False), capture_output=True).returncode == 1
    assert subprocess.run(asked, env=venv.variables(inherits=True), capture_output=True).returncode == 0
    write_wheel(tmp_path, "tiny", "1.0", "VALUE = 2\n")
    assert venv.make_environment([str(wheel)], cache, inherits=False) != first


@pytest.mark.slow
def test_requirements_that_cannot_be_had_are_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(PluginError, match=r"no-such-package==9 cannot be installed: .*no-such-package"):
        venv.make_environment(["no-such-package==9"], tmp_path, inherits=False)
    assert not list(tmp_path.glob("*/petbench-ready.json"))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"requirements": ("numpy",)}, "no environment of its own"),
        ({"environment": "docker"}, "environment 'docker'"),
        ({"build": None}, "cannot be called"),
    ],
)
def test_a_spec_that_makes_no_sense_is_listed_with_its_error(fields: dict[str, Any], message: str) -> None:
    from types import ModuleType

    class Point:
        name, value, dist, group = "odd", "odd", None, "petbench"

        def load(self) -> object:
            module = ModuleType("odd")
            facts: dict[str, Any] = {"name": "odd", "summary": "odd", "build": lambda parameters: None} | fields
            from petbench import hookimpl

            module.petbench_methods = hookimpl(lambda: [MethodSpec(**facts)], specname="petbench_methods")  # type: ignore[attr-defined]
            return module

    points: list[EntryPoint] = [Point()]  # type: ignore[list-item]
    (plugin,) = load_plugins(points).plugins
    assert plugin.error is not None
    assert message in plugin.error


def test_the_two_files_read_back_as_they_were_written(tmp_path: Path) -> None:
    job = Job(stage="fit", method="m", parameters={"width": 3}, supervision="paired", seed=1, images=7)
    assert Job.model_validate_json(job.model_dump_json()) == job
    status = Status(state="ok", images_seen=7)
    (tmp_path / "status.json").write_text(status.model_dump_json(), encoding="utf-8")
    assert read_status(tmp_path) == status
    (tmp_path / "status.json").write_text("{" * 10, encoding="utf-8")
    with pytest.raises(PluginError, match="not as the contract says"):
        read_status(tmp_path)
