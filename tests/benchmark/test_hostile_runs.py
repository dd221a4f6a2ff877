"""Methods and metrics that do what none should, met in a whole run: no score, no row and no terminal suffers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest
from tests.benchmark.hostile_plugin import variables
from tests.benchmark.installed import install_module

from petbench.evaluation.scoring import read_case
from petbench_datasets.dataset.reader import open_dataset

if TYPE_CHECKING:
    from pathlib import Path

    from tests.command import Petbench

pytestmark = pytest.mark.slow


CHEAT = """
print("not json")
import petbench.evaluation.metrics.psnr as psnr
import petbench.evaluation.reader as reader
psnr.decibels = lambda *_: 99.0
reader.read_prediction = None
np.mean = None
threading.Thread(target=time.sleep, args=(600,)).start()
atexit.register(time.sleep, 600)
Path(FOUND).write_text(json.dumps([
    float(each.sum()) for each in gc.get_objects() if isinstance(each, np.ndarray) and each.dtype == np.float32
]))
"""


def test_a_method_that_changes_what_scores_it_changes_no_score_and_no_output(
    petbench: Petbench, body_dataset: Path, tmp_path: Path
) -> None:
    report = tmp_path / "found.json"
    visible = variables(tmp_path / "site", {"fit": CHEAT.replace("FOUND", repr(str(report)))})
    result = petbench("run", "-m", "hostile", "-d", body_dataset, "--json", variables=visible)
    row = json.loads(result.stdout)
    assert (row["status"], row["isolation"]) == ("ok", "not isolated")
    assert "not json" in petbench("runs", "log", "1").stdout
    dataset = open_dataset(body_dataset)
    case = read_case(dataset, "sub-04", next((petbench.home / "runs").glob("*/predictions/sub-04.nii.gz")))
    (mae,) = [s["value"] for s in row["scores"] if (s["metric"], s["region"]) == ("mae_body_suv", "body")]
    early, delayed = (image[case.body].astype(np.float64) for image in (case.early, case.delayed))
    assert mae == pytest.approx(np.abs(early - delayed).mean(), rel=1e-6)
    assert max(s["value"] for s in row["scores"] if s["unit"] == "dB" and s["value"] is not None) < 60
    sums = json.loads(report.read_text(encoding="utf-8"))
    assert float(dataset.pair("sub-04").delayed.sum()) not in sums
    assert not list((petbench.home.with_name("home-methods") / "jobs").iterdir())


BROKEN_SCORING = """
    import os
    from pathlib import Path
    from petbench import MetricSpec, hookimpl

    def measure(case):
        if case.participant == PARTICIPANT and Path(FLAG).exists():
            os._exit(3)
        return []

    @hookimpl
    def petbench_metrics():
        return [MetricSpec(name="broken", convention_id="broken/body/once@1", unit="", higher_is_better=True,
                           formula="none", source="nowhere", measure=measure)]
"""


@pytest.mark.parametrize(("participant", "phase"), [("sub-03", "validation"), ("sub-04", "score")])
def test_a_run_whose_scoring_broke_down_is_scored_by_the_same_command_without_training_again(
    petbench: Petbench, body_dataset: Path, tmp_path: Path, participant: str, phase: str
) -> None:
    flag = tmp_path / "flag"
    flag.touch()
    metric = BROKEN_SCORING.replace("FLAG", repr(str(flag))).replace("PARTICIPANT", repr(participant))
    visible = install_module(tmp_path / "site", "broken", metric)
    command = ("run", "-m", "scale", "-d", body_dataset, "--json")
    broken = json.loads(petbench(*command, code=130, variables=visible).stdout)
    assert (broken["status"], broken["fault"], broken["phase"]) == ("interrupted", "petbench", phase)
    assert "repeat the command to go on from there" in broken["error_message"]
    flag.unlink()
    row = json.loads(petbench(*command, variables=visible).stdout)
    assert (row["id"], row["status"], row["fault"], row["error_message"]) == (broken["id"], "ok", None, None)
    assert [phase["phase"] for phase in row["phases"]].count("train") == 1
    assert row["scores"]


def test_a_terminal_that_is_closed_fails_no_run(petbench: Petbench, body_dataset: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    environment = os.environ | {"PETBENCH_HOME": str(petbench.home), "PETBENCH_OFFLINE": "1"}
    command = [sys.executable, "-m", "petbench", "run", "-m", "scale", "-d", str(body_dataset)]
    subprocess.run(command, env=environment, stdout=writing, stderr=writing, timeout=300, check=False)
    os.close(writing)
    (row,) = petbench.json("runs", "list")
    assert (row["status"], row["error_message"]) == ("ok", None)


RESTLESS = """
    import threading, time
    threading.Thread(target=time.sleep, args=(600,)).start()
"""


def test_a_plugin_that_starts_a_thread_when_it_is_imported_keeps_no_command_waiting(
    petbench: Petbench, tmp_path: Path
) -> None:
    result = petbench("methods", variables=install_module(tmp_path / "site", "restless", RESTLESS))
    assert "identity" in result.stdout
