"""What a re-run does beside training: it stops when it is asked to, and takes a device that there is."""

from __future__ import annotations

import dataclasses
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from petbench.home import Home
from petbench.plans.run_plan import RunPlan
from petbench.runs.supervisor import Conduct
from petbench.submissions import rerun

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

PLAN = RunPlan(
    method="scale", plugin="baselines", distribution="petbench", version="1", source_hash="0", supervision="paired",
    preset="default", parameters={}, dataset="bodies", dataset_folder="bodies", fingerprint="1", split="holdout",
    split_digest="2", fold=0, test_participants=("sub-04",), split_participants=("sub-04",), seed=0,
    budget="images=0", precision="fp32", compile="off", deterministic=False, device="cpu", protocol=1,
)  # fmt: skip


def test_a_request_to_stop_begins_no_further_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    conduct = Conduct()
    begun: list[Any] = []

    def interrupted(*_: object) -> object:
        conduct.stop_requested = True
        begun.append(None)
        return SimpleNamespace()

    monkeypatch.setattr(rerun, "_check_source", lambda *_: None)
    monkeypatch.setattr(rerun, "_rerun_one", interrupted)
    submission: Any = SimpleNamespace(runs=[SimpleNamespace(plan=PLAN)] * 3)
    nothing: Any = None
    assert len(rerun.rerun(submission, None, Home(tmp_path), nothing, conduct)) == len(begun) == 1


def test_a_device_that_only_the_author_has_is_not_insisted_on() -> None:
    theirs = dataclasses.replace(PLAN, device="cuda:99")
    here = rerun._on_a_device_of_this_machine(theirs)
    assert here.device == "auto"
    assert here.identity == theirs.identity
    assert rerun._on_a_device_of_this_machine(PLAN) is PLAN
