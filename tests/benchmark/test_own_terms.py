"""Validation terms of an author's own: on every slice of the validation participants, without harm to the training."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from tests.benchmark.step_methods import SMALL, Linear, context, events

from petbench import Batch, Scan
from petbench.contract import Budget, Supervision
from petbench.errors import PluginError
from petbench.intensity import IntensityMap
from petbench.run_events import Validated
from petbench.runs.observing.follow import event_of
from petbench.testing.images import SmallData
from petbench.training.own_terms import OwnTerms
from petbench.training.runnable_method import HarnessOnly
from petbench.training.step_trainer import StepTrainer
from petbench_leaderboard.report.training_series import training_series

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from torch import Tensor


def people(number: int = 3) -> list[tuple[Scan, Any]]:
    """Return validation participants with a slice of air at either end."""
    random = np.random.default_rng(0)
    found = []
    for each in range(number):
        early, delayed = (random.gamma(2.0, 1.0, (4 + each, 6, 6)).astype(np.float32) for _ in range(2))
        for image in (early, delayed):
            image[0] = image[-1] = 0.0
        found.append((Scan(early), delayed))
    return found


class Watched(Linear):
    """Notes every batch that it is to validate with, and gives what a test wants."""

    given: list[Batch]
    returned: Any = None

    def validate(self, batch: Batch) -> Mapping[str, Tensor]:
        self.given = [*getattr(self, "given", []), batch]
        if self.returned is not None:
            return self.returned  # type: ignore[no-any-return]
        assert not self.training
        assert not torch.is_grad_enabled()
        torch.rand(3)  # whatever it draws, the training draws as if it had not
        return {"l1": (batch.early - batch.delayed).abs().mean(), "first": batch.early[0].mean()}


def terms(method: Linear, pairs: Any, folder: Path, supervision: Supervision = "paired") -> OwnTerms:
    method.intensity = IntensityMap(100.0)
    return OwnTerms(method, pairs, supervision, context(folder, Budget(images=1)), folder / "tensors")


def test_every_filled_slice_is_seen_once_as_it_is_and_the_mean_is_over_slices(tmp_path: Path) -> None:
    method, pairs = Watched(SMALL), people()
    found = terms(method, pairs, tmp_path).measure()
    assert found.keys() == {"own/l1", "own/first"}
    mapped = IntensityMap(100.0)
    expected = [
        (mapped.to_unit(torch.from_numpy(scan.early[z])), mapped.to_unit(torch.from_numpy(delayed[z])))
        for scan, delayed in pairs
        for z in range(1, len(delayed) - 1)
    ]
    assert found["own/l1"] == pytest.approx(np.mean([float((a - b).abs().mean()) for a, b in expected]), rel=1e-5)
    seen = [
        (early[0].numpy().tobytes(), delayed[0].numpy().tobytes())
        for batch in method.given
        for early, delayed in zip(batch.early, batch.delayed, strict=True)
    ]
    assert sorted(seen) == sorted((a.numpy().tobytes(), b.numpy().tobytes()) for a, b in expected)
    assert [len(batch.early) for batch in method.given] == [4, 4, 1], "the last batch is what is left"


def test_an_unpaired_method_gets_delayed_slices_in_another_order_and_one_without_target_none(tmp_path: Path) -> None:
    pairs = people()
    for supervision in ("unpaired", "no-target"):
        method = Watched(SMALL)
        terms(method, pairs, tmp_path, supervision).measure()
        early, delayed = (
            torch.cat([getattr(batch, name) for batch in method.given]).flatten(1) for name in ("early", "delayed")
        )
        pairs_of_slices = {(a.numpy().tobytes(), b.numpy().tobytes()) for a, b in zip(early, delayed, strict=True)}
        mapped = IntensityMap(100.0)
        real = {
            tuple(mapped.to_unit(torch.from_numpy(image[z])).numpy().tobytes() for image in (scan.early, target))
            for scan, target in pairs
            for z in range(1, len(target) - 1)
        }
        assert len(pairs_of_slices & real) < len(real) / 2, supervision
        if supervision == "no-target":
            assert {b for _, b in pairs_of_slices} <= {each[0] for each in real}


def test_a_method_without_validate_costs_nothing(tmp_path: Path) -> None:
    class Never(list[Any]):
        def __getitem__(self, _: Any) -> Any:
            raise AssertionError("nobody asked for it")

    assert terms(Linear(SMALL), Never([1]), tmp_path).measure() == {}
    assert terms(Watched(SMALL), [], tmp_path).measure() == {}, "nobody validates"


WRONG = [
    (torch.ones(()), "validate returned Tensor; it returns a dictionary of terms"),
    ({}, "validate returned an empty dictionary"),
    ({"l1": 0.5}, "the validation term 'l1' is float; it is a tensor of one number"),
    ({"l1": torch.ones(2, 3)}, "the validation term 'l1' has 2x3 numbers; reduce it to one"),
    ({"l1": torch.ones((), dtype=torch.int64)}, r"the validation term 'l1' is torch.int64"),
    ({3: torch.ones(())}, "validate named a term 3; a name is"),
    ({"a/b": torch.ones(())}, "validate named a term 'a/b'"),
    ({"": torch.ones(())}, "validate named a term ''"),
]


@pytest.mark.parametrize(("returned", "said"), WRONG)
def test_what_validate_returns_is_checked_in_words_that_lead_to_its_author(
    returned: Any, said: str, tmp_path: Path
) -> None:
    method = Watched(SMALL)
    method.returned = returned
    with pytest.raises(PluginError, match=said) as caught:
        terms(method, people(), tmp_path).measure()
    assert caught.value.code == method.validate


def test_terms_that_change_from_batch_to_batch_are_refused(tmp_path: Path) -> None:
    class Changing(Watched):
        def validate(self, batch: Batch) -> Mapping[str, Tensor]:
            self.given = [*getattr(self, "given", []), batch]
            return {f"term{len(self.given)}": torch.ones(())}

    with pytest.raises(PluginError, match="the same terms for every batch"):
        terms(Changing(SMALL), people(), tmp_path).measure()


def trained(method: Linear, folder: Path) -> tuple[dict[str, Any], list[dict[str, object]]]:
    torch.manual_seed(0)
    run, data = context(folder, Budget(images=40)), SmallData("paired")
    StepTrainer(method).fit(data, run, HarnessOnly(people()))
    return method.state_dict(), events(folder, "validation")


def test_the_terms_are_logged_beside_the_harnesss_and_the_training_is_as_without_them(tmp_path: Path) -> None:
    torch.manual_seed(1)
    alone = Linear(SMALL)
    watched = Watched(SMALL)
    watched.load_state_dict(alone.state_dict())
    before, logged_before = trained(alone, tmp_path / "alone")
    after, logged = trained(watched, tmp_path / "watched")
    assert all(torch.equal(before[name], after[name]) for name in before if name != "_extra_state")
    own = {"own/l1", "own/first"}
    assert [line.keys() for line in logged] == [line.keys() | own for line in logged_before]
    assert [line["mae_suv"] for line in logged] == [line["mae_suv"] for line in logged_before]
    assert {"own/l1", "mae_suv"} <= training_series(logged, "validation").keys()
    assert not (tmp_path / "watched" / "tensors").exists()
    line = (tmp_path / "watched" / "log.jsonl").read_bytes().splitlines()
    seen = [event_of(each, None) for each in line]  # type: ignore[arg-type] # which run it is changes nothing
    (first, *_) = [event for event in seen if isinstance(event, Validated)]
    assert first.values["own/l1"] == logged[0]["own/l1"]
