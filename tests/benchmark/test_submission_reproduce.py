"""What reproducing a submission does beside training: it stops when asked to, and takes a device that is there."""

from __future__ import annotations

import dataclasses
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from petbench.plans.run_plan import RunPlan
from petbench.runs.supervisor import Supervisor
from petbench.settings import Settings
from petbench.submissions import reproduce

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
    nothing: Any = None
    supervisor = Supervisor(Settings(home=tmp_path), nothing, nothing)

    def interrupted(*_: object) -> object:
        supervisor.stop_requested = True
        return SimpleNamespace(status="interrupted"), False

    monkeypatch.setattr(reproduce, "_check_source", lambda *_: None)
    monkeypatch.setattr(reproduce, "_train_again", interrupted)
    monkeypatch.setattr(reproduce, "_compared", lambda *_, **__: SimpleNamespace())
    submission: Any = SimpleNamespace(runs=[SimpleNamespace(plan=PLAN)] * 3, digest="0" * 64)
    assert len(reproduce.reproduce(submission, None, supervisor)) == 1


def test_a_device_that_only_the_author_has_is_not_insisted_on() -> None:
    theirs = dataclasses.replace(PLAN, device="cuda:99")
    here = reproduce._on_a_device_of_this_machine(theirs)
    assert here.device == "auto"
    assert here.identity == theirs.identity
    assert reproduce._on_a_device_of_this_machine(PLAN) is PLAN
