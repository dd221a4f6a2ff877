"""What `--gpus`, `--processes` and `--device` mean together, and which trainings are never planned to be shared."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch

from petbench import MethodSpec, StepParameters
from petbench.engine_settings import EngineSettings
from petbench.errors import UsageError
from petbench.methods.devices import choose_device
from petbench.methods.shared import check_batch, check_processes
from petbench.plans.cards import with_cards
from petbench.plans.sweep_request import SweepRequest
from petbench.runs.method_process.beginning import take_device

if TYPE_CHECKING:
    from pathlib import Path

    from tests.command import Petbench

STEPPED = MethodSpec("stepped", "trains step by step", parameters=StepParameters)


@pytest.mark.parametrize(
    ("gpus", "processes", "device", "here", "expected"),
    [
        (None, None, "auto", True, (1, "auto")),
        (None, 2, "cpu", True, (2, "cpu")),
        (0, None, "auto", True, (1, "cpu")),
        (1, None, "auto", True, (1, "cuda")),
        (2, None, "auto", True, (2, "cuda")),
        (2, 1, "auto", True, (1, "cuda")),  # a method that uses several cards by itself
        (1, None, "auto", False, (1, "auto")),  # the node's card, as the engine gives it
        (2, None, "auto", False, (2, "cuda")),
        (0, 2, "cpu", False, (2, "cpu")),
        (None, 2, "cpu", False, (2, "cpu")),
        (None, 2, "cuda", False, (2, "cuda")),  # the cards with which a Dask worker was started
        (None, None, "auto", False, (1, "auto")),
    ],
)
def test_a_run_has_a_process_a_card(
    gpus: int | None, processes: int | None, device: str, here: bool, expected: tuple[int, str]
) -> None:
    found = with_cards(SweepRequest(processes=processes, device=device), gpus, here=here)
    assert (found.common()["processes"], found.device) == expected


@pytest.mark.parametrize(
    ("gpus", "processes", "device", "said"),
    [
        (2, None, "cpu", "--gpus 2 and --device cpu contradict each other"),
        (0, None, "cuda", "--gpus 0 and --device cuda contradict each other"),
        (2, 3, "auto", "--processes 3 needs a card for each of them, and --gpus is 2"),
        (1, 2, "auto", "--processes 2 needs a card for each of them, and --gpus is 1"),
    ],
)
def test_what_contradicts_itself_is_refused(gpus: int, processes: int | None, device: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        with_cards(SweepRequest(processes=processes, device=device), gpus, here=True)


def test_an_engine_is_told_what_several_processes_run_on() -> None:
    with pytest.raises(UsageError, match=r"--processes 2 with --on says not what .*add --gpus 2, --device cuda"):
        with_cards(SweepRequest(processes=2), None, here=False)


@pytest.mark.parametrize(
    ("spec", "asked", "said"),
    [
        (MethodSpec("program", "", command=("run.sh",)), {}, "program trains in a program of its own, so 2 processes"),
        (MethodSpec("plain", ""), {}, "plain has no batches that petbench makes, so 2 processes cannot share"),
        (STEPPED, {"device": "cuda:1"}, "--device cuda:1 is one card"),
        (STEPPED, {"compiled": True}, "--compile on is not for a training that 2 processes share"),
        (STEPPED, {"captured": True}, "--cuda-graphs on is not for a training that 2 processes share"),
    ],
)
def test_what_several_processes_cannot_share_is_refused_when_it_is_planned(
    spec: MethodSpec, asked: dict[str, object], said: str
) -> None:
    given = {"device": "auto", "compiled": False, "captured": False} | asked
    check_processes(spec, 1, **given)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match=said):
        check_processes(spec, 2, **given)  # type: ignore[arg-type]


@pytest.mark.parametrize("size", range(1, 9))
@pytest.mark.parametrize("processes", range(1, 6))
def test_only_a_batch_that_can_be_shared_evenly_is_shared(size: int, processes: int) -> None:
    if size % processes == 0:
        check_batch(STEPPED, {"batch_size": size}, processes)
        return
    with pytest.raises(UsageError, match=f"cannot share a batch of {size} images evenly: set batch_size") as caught:
        check_batch(STEPPED, {"batch_size": size}, processes)
    assert int(str(caught.value).rpartition(" ")[2]) % processes == 0


def test_each_process_has_a_card_of_its_own_and_fewer_cards_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    for asked in ("auto", "cuda"):
        assert [choose_device(asked, rank=rank, processes=2).index for rank in range(2)] == [0, 1]
        assert choose_device(asked).index == 0
        with pytest.raises(
            UsageError, match="3 processes that share a training need a card each, and this machine has 2"
        ):
            choose_device(asked, processes=3)
    assert choose_device("cuda:1").index == 1
    assert choose_device("cpu", processes=3).type == "cpu"


def test_what_is_shared_is_neither_compiled_nor_replayed() -> None:
    alone, shared = (EngineSettings(processes=number) for number in (1, 2))
    assert alone.compiles("cuda", None)
    assert not shared.compiles("cuda", None)
    assert alone.captures("cuda", capturable=True)
    assert not shared.captures("cuda", capturable=True)


def test_a_refusal_is_one_line_and_leaves_no_row(petbench: Petbench, body_dataset: Path) -> None:
    asked = ("run", "-m", "pix2pix", "-d", body_dataset, "--set", "batch_size=4", "--processes")
    assert petbench(*asked, "3", code=2).stderr.splitlines()[-1].startswith("error: pix2pix: 3 processes cannot share")
    debugged = petbench(*asked, "2", "--debug", code=2).stderr
    assert "error: --debug follows a training in this process" in debugged
    assert petbench.json("runs", "list") == []


@pytest.mark.parametrize("rank", [0, 1])
def test_a_process_takes_its_card_and_its_determinism_before_a_method_is_built(
    monkeypatch: pytest.MonkeyPatch, rank: int
) -> None:
    taken: list[object] = []
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "set_device", taken.append)
    monkeypatch.setattr(torch, "use_deterministic_algorithms", lambda mode: taken.append(mode))
    assert take_device("cuda", deterministic=True, rank=rank, processes=2) == torch.device("cuda", rank)
    assert taken == [torch.device("cuda", rank), True]
    taken.clear()
    assert take_device("cpu", deterministic=False, rank=rank, processes=2) == torch.device("cpu")
    assert taken == []
