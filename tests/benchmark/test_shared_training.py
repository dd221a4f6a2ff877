"""A training that two processes share: as one process would have trained, exactly repeatable, and never stuck."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest
import torch
from tests.benchmark.shared_trainings import CPU, Case, Outcome, trained

from petbench.intensity import IntensityMap
from petbench.scan import NEEDS
from petbench.testing.images import SmallData
from petbench.training.data import load_tensors
from petbench.training.ranks import Ranks
from petbench.training.sampler import Sampler

if TYPE_CHECKING:
    from pathlib import Path

    from petbench.contract import Supervision

#: Where a step draws no random numbers and keeps nothing, two processes compute what one does.
AS_ONE = ("unet", "pix2pix", "convolved")
#: With dropout, batches that end in the middle of an epoch, and a pool in each process.
DRAWING = {"dropout": True}
#: 36 of 80 images: of the updates that wait for each other in twos, one is waiting then.
STOPPED_AFTER = 36


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Outcome]:
    folder = tmp_path_factory.mktemp("alone")
    return trained(folder, *(Case(name, name, processes=1) for name in (*AS_ONE, "drawing")))


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Outcome]:
    folder = tmp_path_factory.mktemp("shared")
    again = trained(
        folder,
        *(Case(name, name) for name in (*AS_ONE, "drawing")),
        Case("first", "cyclegan", settings=DRAWING),
        Case("second", "cyclegan", settings=DRAWING),
        Case("stopped", "cyclegan", settings=DRAWING, stop_after=STOPPED_AFTER),
        Case("gathering", "convolved", stop_after=STOPPED_AFTER),
        Case("seconds", "convolved", seconds=0.2),
    )
    resumed = trained(folder, Case("stopped", "cyclegan", settings=DRAWING), Case("gathering", "convolved"))
    return {**again, **{f"{name} and resumed": outcome for name, outcome in resumed.items()}}


@pytest.mark.slow
@pytest.mark.parametrize("name", AS_ONE)
def test_two_processes_train_as_one_does(name: str, alone: dict[str, Outcome], shared: dict[str, Outcome]) -> None:
    one, two = alone[name], shared[name]
    assert len(one.losses) == len(two.losses) == 20
    for expected, found in zip(one.losses, two.losses, strict=True):
        assert found == pytest.approx(expected, rel=1e-3)
    # Not the weights: Adam makes steps of the rounding in biases that instance norm takes out again.
    assert float((two.predicted - one.predicted).abs().mean() / one.predicted.mean()) < 1e-3


@pytest.mark.slow
def test_each_process_draws_random_numbers_of_its_own(alone: dict[str, Outcome], shared: dict[str, Outcome]) -> None:
    pairs = zip(alone["drawing"].losses, shared["drawing"].losses, strict=True)
    # The leading process draws what one alone does: where the mean is another number, so is the other's.
    assert all(one["model/drawn"] != two["model/drawn"] for one, two in pairs)


@pytest.mark.slow
def test_two_runs_of_two_processes_are_equal_to_the_bit(shared: dict[str, Outcome]) -> None:
    assert_same(shared["first"], shared["second"])
    assert shared["first"].losses == shared["second"].losses


@pytest.mark.slow
@pytest.mark.parametrize(("whole", "parts"), [("first", "stopped"), ("convolved", "gathering")])
def test_two_processes_that_were_stopped_go_on_to_the_bit(whole: str, parts: str, shared: dict[str, Outcome]) -> None:
    assert shared[parts].images == STOPPED_AFTER
    assert_same(shared[whole], shared[f"{parts} and resumed"])
    assert shared[parts].losses + shared[f"{parts} and resumed"].losses == shared[whole].losses


@pytest.mark.slow
def test_a_budget_in_seconds_ends_in_all_processes_at_the_same_step(shared: dict[str, Outcome]) -> None:
    assert shared["seconds"].images > 0
    assert shared["seconds"].error == ""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("method", "error"),
    [
        ("poisoned", "Diverged: the loss `model/l1` is nan from step 5 on"),
        ("wilful", "PluginError: the processes that share the training of Wilful have other weights than each other"),
        ("fickle", "PluginError: training_step gave other loss terms in one process than in another"),
        ("skipping", "PluginError: training_step makes other updates in one process than in another"),
        ("skippinginthelead", "PluginError: training_step makes other updates in one process than in another"),
        ("lopsided", "PluginError: training_step makes another update, or gives other weights a gradient"),
        ("halfused", ""),
    ],
)
def test_what_goes_wrong_in_one_process_ends_all(method: str, error: str, tmp_path: Path) -> None:
    found = trained(tmp_path, Case(method, method))[method].error
    assert found.startswith(error) if error else not found


@pytest.mark.slow
def test_a_checkpoint_of_two_processes_is_not_gone_on_from_in_one(tmp_path: Path) -> None:
    trained(tmp_path, Case("parts", "convolved", stop_after=STOPPED_AFTER))
    found = trained(tmp_path, Case("parts", "convolved", processes=1))["parts"]
    assert found.error.startswith("SharingError: the checkpoint is of a training in 2 processes, and 1 are to go on")


@pytest.mark.parametrize("size", range(1, 9))
@pytest.mark.parametrize("times", [1, 2, 3, 7])
def test_the_shares_of_a_batch_are_equal_and_make_the_whole_of_it_in_its_order(size: int, times: int) -> None:
    batch = list(range(size * times))
    shares = [batch[Ranks(rank, size).share(len(batch))] for rank in range(size)]
    assert list(itertools.chain(*shares)) == batch
    assert {len(share) for share in shares} == {times}


@pytest.mark.parametrize("supervision", ["paired", "unpaired"])
@pytest.mark.parametrize("processes", [2, 3])
def test_what_processes_are_given_is_together_the_batch_of_one(supervision: Supervision, processes: int) -> None:
    size, mapped = 6, IntensityMap(50.0)
    tensors = load_tensors(SmallData(supervision, 3, NEEDS), mapped, CPU, margin=1)

    def sampler(share: slice) -> Sampler:
        return Sampler(
            tensors, CPU, batch_size=size, shift_voxels=3, seed=3, early_slices=3, intensity=mapped,
            intensity_jitter=0.3, share=share,
        )  # fmt: skip

    whole = sampler(slice(None))
    parts = [sampler(Ranks(rank, processes).share(size)) for rank in range(processes)]
    for position in range(0, 60, size):  # over several epochs
        expected, found = whole.batch(position), [part.batch(position) for part in parts]
        assert torch.equal(torch.cat([batch.early for batch in found]), expected.early)
        assert torch.equal(torch.cat([batch.delayed for batch in found]), expected.delayed)
        for name, value in expected.inputs.items():
            assert torch.equal(torch.cat([batch.inputs[name] for batch in found]), value), name


def assert_same(one: Outcome, other: Outcome) -> None:
    assert one.state
    assert one.state.keys() == other.state.keys()
    assert [name for name, value in one.state.items() if not torch.equal(value, other.state[name])] == []
