"""A run is what it says: with changed code it does not go on, and the same command at once makes one run."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from textwrap import dedent
from typing import TYPE_CHECKING, Any

import pytest
from tests.benchmark.installed import install_module

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.command import Petbench

pytestmark = pytest.mark.slow

PLUGIN = """
    import os, pathlib, signal, time
    import my_layers
    from petbench import MethodSpec, hookimpl

    FOLDER = pathlib.Path(FOLDER_TEXT)

    class Mine:
        def __init__(self, name):
            self.name = name
        def fit(self, data, run):
            with (FOLDER / f"{self.name}-trainings").open("a") as log:
                log.write("one ")
            if self.name == "impatient" and not (FOLDER / "second").exists():
                (FOLDER / "second").touch()
                os.kill(os.getppid(), signal.SIGINT)
                while not run.should_stop():
                    os.sched_yield()
            if self.name == "careless":
                (FOLDER / "my_layers.py").write_text("FACTOR = 2.0")
            if self.name == "patient":
                while not (FOLDER / "go").exists():
                    time.sleep(0.05)
            if self.name == "secretive":
                self.factor = __import__("my_" + "secret").FACTOR
        def predict(self, scan):
            return scan.early * my_layers.FACTOR
        def state_dict(self):
            return {}
        def load_state_dict(self, state):
            pass

    @hookimpl
    def petbench_methods():
        return [
            MethodSpec(name=name, summary="mine", build=lambda parameters, name=name: Mine(name))
            for name in ("impatient", "careless", "later", "patient", "secretive")
        ]
"""


@pytest.fixture
def site(tmp_path: Path) -> Path:
    folder = tmp_path / "site"
    install_module(folder, "mine", dedent(PLUGIN).replace("FOLDER_TEXT", repr(str(folder))))
    (folder / "my_layers.py").write_text("FACTOR = 1.0")
    (folder / "my_secret.py").write_text("FACTOR = 1.0")
    return folder


def run(petbench: Petbench, site: Path, *arguments: str | Path, code: int = 0, **variables: str) -> str:
    return petbench(*arguments, code=code, variables={"PYTHONPATH": path(site), **variables}).stderr


def path(site: Path) -> str:
    return os.pathsep.join(filter(None, [str(site), os.environ.get("PYTHONPATH", "")]))


def rows(petbench: Petbench) -> list[dict[str, Any]]:
    return petbench.json("runs", "list")  # type: ignore[no-any-return]


def test_changed_code_in_a_second_package_neither_resumes_nor_is_called_interrupted_or_cached(
    petbench: Petbench, body_dataset: Path, site: Path
) -> None:
    run(petbench, site, "run", "-m", "impatient", "-d", body_dataset, code=130)
    (site / "my_layers.py").write_text("FACTOR = 9.0")
    (line,) = run(petbench, site, "runs", "resume", "1", code=1).splitlines()
    assert "what impatient is made of has changed since the run was made: its code (my_layers.py)" in line
    assert "run the method again" in line
    (row,) = rows(petbench)
    assert row["status"] == "interrupted"
    planned = ("plan", "-m", "impatient", "-d", str(body_dataset), "--json")
    found = petbench(*planned, variables={"PYTHONPATH": path(site)})
    assert json.loads(found.stdout)["runs"][0]["state"] == "missing"
    (site / "my_layers.py").write_text("FACTOR = 1.0")
    said = run(petbench, site, "runs", "resume", "1", OMP_NUM_THREADS="2")
    (row,) = rows(petbench)
    assert row["status"] == "ok"
    assert row["error_message"] is None
    if os.cpu_count() != 1:
        assert "note: run 1 resumes under other conditions than it was begun with (threads 1 → 2)" in said
        assert row["machine"]["resumed_under"] == ["threads 1 → 2"]


def test_code_that_changes_after_planning_or_while_the_run_goes_on_is_told_of_and_never_passes_for_the_planned_one(
    petbench: Petbench, body_dataset: Path, site: Path
) -> None:
    said = run(petbench, site, "run", "-m", "careless", "-m", "later", "-d", body_dataset, code=1)
    later, careless = rows(petbench)
    assert (careless["status"], careless["machine"]["source"]["changed_while_it_ran"]) == ("ok", ["my_layers.py"])
    assert "the code of run 1 was changed while it ran: my_layers.py" in said
    assert (later["status"], later["error_class"]) == ("interrupted", "ChangedError")
    assert "its code (my_layers.py)" in later["error_message"]
    assert not (site / "later-trainings").exists()
    run(petbench, site, "run", "-m", "later", "-d", body_dataset)
    assert [row["status"] for row in rows(petbench)] == ["ok", "interrupted", "ok"]
    scan = next(body_dataset.glob("sub-04/pet/*early_pet.nii.gz"))
    refused = run(petbench, site, "predict", "1", scan, "-o", site / "predicted.nii.gz", code=1)
    assert "its code (my_layers.py)" in refused


def test_local_code_that_no_import_statement_shows_is_told_of_and_noted(
    petbench: Petbench, body_dataset: Path, site: Path
) -> None:
    said = run(petbench, site, "run", "-m", "secretive", "-d", body_dataset)
    assert "run 1 imported local code that is no part of its identity: my_secret; name it in the sources" in said
    (row,) = rows(petbench)
    assert set(row["machine"]["source"]["outside_identity"]) == {"my_secret"}


def test_the_same_command_three_times_at_once_trains_once_and_each_shows_the_row(
    petbench: Petbench, body_dataset: Path, site: Path
) -> None:
    command = [sys.executable, "-m", "petbench", "run", "-m", "patient", "-d", str(body_dataset)]
    variables = {"PETBENCH_HOME": str(petbench.home), "PETBENCH_OFFLINE": "1", "PYTHONPATH": path(site)}
    reading, writing = os.pipe()
    said = []
    with contextlib.ExitStack() as stack:
        processes = []
        for _ in range(3):
            process = subprocess.Popen(
                command, env=os.environ | variables, stdout=subprocess.DEVNULL, stderr=writing, text=True
            )
            stack.enter_context(process)
            stack.callback(process.kill)
            processes.append(process)
        os.close(writing)
        with os.fdopen(reading, errors="replace") as errors:
            for line in errors:  # two of them say that they wait, whichever they are
                said.append(line)
                if sum("Waiting for it" in each for each in said) == 2:
                    (site / "go").touch()
        assert [process.wait(timeout=60) for process in processes] == [0, 0, 0], said
    assert (site / "patient-trainings").read_text() == "one "
    (row,) = rows(petbench)
    assert (row["status"], row["error_class"], row["error_message"]) == ("ok", None, None)
    assert sum("another process makes the same run" in line for line in said) == 2
    assert not any("Traceback" in line for line in said)


VERBS: dict[str, tuple[str, ...]] = {
    "predict": ("predict", "1", "{scan}", "-o", "{out}.nii.gz"),
    "score": ("score", "--runs", "1"),
    "log": ("runs", "log", "1"),
    "resume": ("runs", "resume", "1"),
    "export-png": ("export-png", "1", "-o", "{out}"),
    "conventions": ("conventions", "1", "-o", "{out}.md"),
    "submit": ("submit", "1", "-o", "{out}.petbench.zip"),
}


def test_every_verb_refuses_a_folder_of_another_run_and_delete_leaves_it(
    ran: Callable[..., Petbench], body_dataset: Path, tmp_path: Path
) -> None:
    """As when a folder was put in another's place by hand, or a row came from a file and claims a uid."""
    petbench = ran("scale", "identity")
    folders = {name: next((petbench.home / "runs").glob(f"{name}-*")) for name in ("scale", "identity")}
    mine = folders["scale"].name
    for name in ("plan.json", "model.pt", "predictions"):
        place, other = folders["scale"] / name, folders["identity"] / name
        if other.exists():
            place.rename(tmp_path / name)
            other.rename(place)
    scan = next(body_dataset.glob("sub-04/pet/*early_pet.nii.gz"))
    before = petbench.json("runs", "show", "1")["scores"]
    for name, words in VERBS.items():
        filled = [word.format(scan=scan, out=tmp_path / f"out-{name}") for word in words]
        said = petbench(*filled, code=1).stderr
        assert "is not the folder of run 1: its plan has another method" in said, name
        assert not list(tmp_path.glob(f"out-{name}*")), name
    assert petbench.json("runs", "show", "1")["scores"] == before
    petbench("report", "-o", tmp_path / "site")
    assert "its folder stays: " in petbench("runs", "delete", "1", "--yes").stdout
    assert (petbench.home / "runs" / mine / "plan.json").exists()
