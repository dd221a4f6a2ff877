"""Observers are notified when a run starts and ends, and what they do hurts no run."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from tests.benchmark.installed import install_module

if TYPE_CHECKING:
    from pathlib import Path

    from tests.command import Petbench

pytestmark = pytest.mark.slow

OBSERVER = """
    import dataclasses, json
    from petbench import hookimpl

    @hookimpl
    def petbench_run_events(event):
        with open(TOLD, "a") as file:
            file.write(json.dumps(dataclasses.asdict(event)) + "\\n")
        if event.kind == "ended":
            raise ConnectionError("the tracker is down")
"""


def test_an_observer_is_told_of_start_and_end_and_its_failure_is_a_warning(
    petbench: Petbench, body_dataset: Path, tmp_path: Path
) -> None:
    told = tmp_path / "told.jsonl"
    visible = install_module(tmp_path / "site", "watcher", OBSERVER.replace("TOLD", repr(str(told))))
    result = petbench("run", "-m", "identity", "-d", body_dataset, "--json", variables=visible)
    row = json.loads(result.stdout)
    assert row["status"] == "ok"
    assert "the observer of watcher failed when run 1 had ended: ConnectionError: the tracker is down" in result.stderr
    started, ended = (json.loads(line) for line in told.read_text(encoding="utf-8").splitlines())
    assert (started["kind"], started["status"], started["scores"]) == ("started", "planned", {})
    assert (ended["kind"], ended["status"], ended["method"], ended["run"]) == ("ended", "ok", "identity", 1)
    assert set(ended["seconds"]) == {"prepare", "train", "checkpoint", "predict", "validation", "score"}
    (stored,) = [
        score["value"] for score in row["scores"] if (score["metric"], score["region"]) == ("mae_body_suv", "body")
    ]
    assert ended["scores"]["mae_body_suv/body"] == stored
