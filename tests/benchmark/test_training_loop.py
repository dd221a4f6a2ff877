"""Budget, schedule, precision, divergence, prediction: what the loop promises every step method."""

from __future__ import annotations

import itertools
import json
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch._dynamo.exc import TorchDynamoException

from petbench import Batch, StepMethod, StepParameters, Update, Volume
from petbench.contract import Budget, Supervision
from petbench.engine_settings import EngineSettings
from petbench.errors import Diverged
from petbench.training import context as training_context
from petbench.training.context import TrainingContext
from petbench.training.network_execution import NetworkExecution
from petbench.training.optimizers import Optimizers, linear_decay
from petbench.training.prediction import translate_volume
from petbench.training.runnable_method import HarnessOnly
from petbench.training.step_trainer import StepTrainer
from petbench.training.training_log import gan_shares
from petbench.training.volumes import gather_volumes
from petbench_datasets.errors import PetbenchError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from petbench import TrainingData

CPU = torch.device("cpu")
SMALL = StepParameters(images=40, batch_size=4, shift_voxels=0, learning_rate=0.01, validations=2, suv_clip=100.0)


class Linear(StepMethod):
    """One 1x1 convolution with batch norm and dropout, so that evaluation conventions show."""

    def __init__(self, parameters: StepParameters) -> None:
        super().__init__(parameters)
        self.network = nn.Sequential(nn.Conv2d(1, 1, 1), nn.BatchNorm2d(1), nn.Dropout(0.5))
        self.dtypes: set[torch.dtype] = set()

    @property
    def convolution(self) -> nn.Conv2d:
        return cast("nn.Conv2d", self.network[0])

    @property
    def running_mean(self) -> Tensor:
        return cast("Tensor", cast("nn.BatchNorm2d", self.network[1]).running_mean)

    def training_step(self, batch: Batch) -> Mapping[str, Tensor] | Iterator[Update]:
        predicted = self.network(batch.early)
        self.dtypes.add(predicted.dtype)
        return {"l1": (predicted - batch.delayed).abs().mean()}

    def translate(self, early: Tensor) -> Tensor:
        predicted: Tensor = self.network(early)
        return predicted


class Slabs(StepMethod):
    """Five slices in, three out: the output of a slab names the slice it is for."""

    early_slices = 5
    delayed_slices = 3
    size_multiple = 4

    def __init__(self, parameters: StepParameters) -> None:
        super().__init__(parameters)
        self.unused = nn.Parameter(torch.zeros(()))

    def translate(self, early: Tensor) -> Tensor:
        return early[:, 1:4]


class FakeData:
    supervision: Supervision = "paired"

    def __init__(self, value: float = 1.0) -> None:
        self.volume = np.full((10, 4, 4), value, dtype=np.float32)

    def early(self) -> list[Volume]:
        return [self.volume]

    def delayed(self) -> list[Volume]:
        return [self.volume]

    def pairs(self) -> list[tuple[Volume, Volume]]:
        return [(self.volume, self.volume)]

    def own(self) -> HarnessOnly:
        return HarnessOnly([(self.volume, self.volume)])


def context(folder: Path, budget: Budget, engine: EngineSettings = EngineSettings()) -> TrainingContext:  # noqa: B008
    return TrainingContext(seed=0, budget=budget, device=CPU, folder=folder, engine=engine)


def events(folder: Path, name: str) -> list[dict[str, object]]:
    lines = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    return [line for line in lines if line["event"] == name]


def test_a_budget_in_images_is_spent_to_the_last_batch(tmp_path: Path) -> None:
    run = context(tmp_path, Budget(images=38))
    StepTrainer(Linear(SMALL)).fit(FakeData(), run)
    assert run.images_seen == 40
    assert run.fraction == 1.0
    assert not run.interrupted


def test_a_slab_counts_as_many_images_as_it_has_slices(tmp_path: Path) -> None:
    run = context(tmp_path, Budget(images=25))
    method = Slabs(SMALL)
    steps: list[Batch] = []
    method.training_step = lambda batch: steps.append(batch) or {"x": method.unused * 0}  # type: ignore[func-returns-value, method-assign]
    StepTrainer(method).fit(FakeData(), run)
    assert [batch.delayed.shape[:2] for batch in steps] == [(4, 3)] * 3
    assert run.images_seen == 3 * 4 * 3


@pytest.fixture
def slow_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hundredth of a second passes whenever somebody looks at the clock, however fast the machine is."""
    ticks = itertools.count()
    monkeypatch.setattr(training_context, "time", SimpleNamespace(monotonic=lambda: next(ticks) / 100))


def test_a_budget_in_seconds_ends_by_itself(tmp_path: Path, slow_clock: None) -> None:
    run = context(tmp_path, Budget(seconds=1.0))
    StepTrainer(Linear(SMALL)).fit(FakeData(), run)
    assert run.images_seen > 0
    assert run.seconds_spent >= 1.0


def test_seconds_are_counted_over_a_resume(tmp_path: Path, slow_clock: None) -> None:
    first = context(tmp_path, Budget(seconds=1.0))
    StepTrainer(Linear(SMALL)).fit(FakeData(), first)
    second = context(tmp_path, Budget(seconds=1.0))
    StepTrainer(Linear(SMALL)).fit(FakeData(), second)
    assert second.images_seen == first.images_seen


def test_the_log_says_how_it_ran_what_on_and_what_came_out(tmp_path: Path) -> None:
    data = FakeData(160.0)
    StepTrainer(Linear(SMALL)).fit(data, context(tmp_path, Budget(images=40)), data.own())
    assert events(tmp_path, "engine")[0]["precision"] == "bf16"
    assert events(tmp_path, "engine")[0]["networks_in_float32"] == []
    assert events(tmp_path, "data")[0]["clipped_delayed"] == 1.0
    assert [event["images"] for event in events(tmp_path, "validation")] == [20, 40]
    assert events(tmp_path, "validation")[0]["clipped"] == 1.0
    assert events(tmp_path, "selection")[0]["rule"] == "last"
    assert set(events(tmp_path, "step")[-1]["losses"]) == {"model/l1"}  # type: ignore[call-overload]


@pytest.mark.parametrize(("fraction", "expected"), [(0.0, 1.0), (0.5, 1.0), (0.75, 0.5), (1.0, 0.0)])
def test_the_rate_falls_in_a_straight_line_after_its_start(fraction: float, expected: float) -> None:
    assert linear_decay(fraction, 0.5) == pytest.approx(expected)


def test_a_first_adam_step_moves_a_weight_by_the_rate_of_the_moment() -> None:
    method = Linear(SMALL.model_copy(update={"learning_rate": 0.1, "decay_start": 0.0}))
    before = method.convolution.weight.detach().clone()
    batch = Batch(torch.randn(4, 1, 4, 4), torch.randn(4, 1, 4, 4))
    Optimizers(method, CPU).step(batch, 0.75)
    assert float((method.convolution.weight.detach() - before).abs()) == pytest.approx(0.025, rel=0.05)


def test_losses_are_means_since_they_were_last_read() -> None:
    method = Linear(SMALL)
    values = iter([1.0, 2.0, 6.0])
    method.training_step = lambda _batch: {"x": method.convolution.weight.sum() * 0 + next(values)}  # type: ignore[assignment, method-assign]
    optimizers, batch = Optimizers(method, CPU), Batch(torch.zeros(1, 1, 4, 4), torch.zeros(1, 1, 4, 4))
    optimizers.step(batch, 0.0)
    optimizers.step(batch, 0.0)
    assert optimizers.losses() == {"model/x": 1.5}
    optimizers.step(batch, 0.0)
    assert optimizers.losses() == {"model/x": 6.0}
    assert optimizers.losses() == {}


def test_the_log_says_how_much_of_a_loss_the_discriminator_makes() -> None:
    losses = {
        "generator/l1": 3.0, "generator/gan_delayed": 0.5, "generator/gan_early": 0.5,
        "discriminator/real": 0.4, "model/l1": 1.0,
    }  # fmt: skip
    assert gan_shares(losses) == {"generator": 0.25}


def test_a_loss_that_is_not_finite_ends_the_run_and_the_last_good_checkpoint_stays(tmp_path: Path) -> None:
    method, run = Linear(SMALL), context(tmp_path, Budget(images=40))
    good = method.training_step
    run.checkpoint(lambda: {"good": torch.ones(1)}, force=True)

    def poisoned(batch: Batch) -> Mapping[str, Tensor] | Iterator[Update]:
        terms = good(batch)
        return {"l1": terms["l1"] * float("nan")} if run.images_seen >= 12 else terms  # type: ignore[index]

    method.training_step = poisoned  # type: ignore[method-assign]
    run.resume_state = lambda: None  # type: ignore[method-assign]
    with pytest.raises(Diverged, match="lower the learning rate"):
        StepTrainer(method).fit(FakeData(), run)
    whole = run.checkpoints.newest()
    assert whole is not None
    assert whole["method"]["good"].item() == 1.0


def test_networks_compute_in_bfloat16_and_losses_in_float32(tmp_path: Path) -> None:
    method, inside = Linear(SMALL), set()
    method.convolution.register_forward_hook(lambda _m, _i, output: inside.add(output.dtype))
    method.to(CPU)
    execution = NetworkExecution(method, EngineSettings(precision="bf16"), CPU, compiled=False)
    with execution.training():
        method.training_step(Batch(torch.zeros(2, 1, 4, 4), torch.zeros(2, 1, 4, 4)))
        assert inside == {torch.bfloat16}
        with execution.predicting():
            translate_volume(method, np.ones((2, 4, 4), dtype=np.float32))
        assert inside == {torch.bfloat16, torch.float32}
        assert "forward" in vars(method.network)
    assert method.dtypes == {torch.float32}
    assert "forward" not in vars(method.network)


def test_a_forward_that_the_author_put_into_a_network_is_used_and_left_in_place(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    method, image = Linear(SMALL), torch.ones(1, 1, 4, 4)
    monkeypatch.setattr(method.network, "forward", torch.neg)
    execution = NetworkExecution(method, EngineSettings(precision="bf16"), CPU, compiled=False)
    with execution.training():
        assert torch.equal(method.translate(image), -image)
        with execution.predicting():
            assert method.network.forward is torch.neg
        assert method.network.forward is not torch.neg
    assert method.network.forward is torch.neg


def test_on_a_cpu_a_network_in_three_dimensions_stays_in_float32() -> None:
    flat, solid = nn.Conv2d(1, 1, 1), nn.Sequential(nn.Conv3d(1, 1, 1))
    for network, device, expected in ((flat, "cpu", True), (solid, "cpu", False), (solid, "cuda", True)):
        half, full = (
            NetworkExecution(network, engine, torch.device(device), compiled=False)
            for engine in (EngineSettings(precision="bf16"), EngineSettings(precision="fp32"))
        )
        assert half.in_bfloat16(network) is expected
        assert not full.in_bfloat16(network)


@pytest.mark.parametrize(
    ("compile_setting", "device", "images", "expected"),
    [("on", "cpu", 10, True), ("off", "cuda", 10**7, False), ("auto", "cpu", 10**7, False),
     ("auto", "cuda", 10**7, True), ("auto", "cuda", 1000, False), ("auto", "cuda", None, True)],
)  # fmt: skip
def test_auto_compiles_long_runs_on_a_cuda_device(
    compile_setting: str, device: str, images: int | None, expected: bool
) -> None:
    assert EngineSettings(compile=compile_setting).compiles(device, images) is expected  # type: ignore[arg-type]


def test_a_network_that_cannot_be_compiled_runs_as_it_is_written_unless_compiling_was_asked_for(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def no_compiler(forward: object, **_options: object) -> object:
        def fail(*_arguments: object) -> object:
            raise TorchDynamoException("no C++ compiler was found\nand so on")

        return fail

    monkeypatch.setattr(torch, "compile", no_compiler)
    method, image = Linear(SMALL).eval(), torch.ones(1, 1, 4, 4)
    expected = method.translate(image)
    with NetworkExecution(method, EngineSettings(precision="fp32", compile="auto"), CPU, compiled=True).training():
        assert torch.equal(method.translate(image), expected)
        assert torch.equal(method.translate(image), expected)
    assert [record.message for record in caplog.records] == [
        "not compiled, runs as it is written: no C++ compiler was found"
    ]
    with (
        NetworkExecution(method, EngineSettings(precision="fp32", compile="on"), CPU, compiled=True).training(),
        pytest.raises(TorchDynamoException),
    ):
        method.translate(image)


def test_settings_survive_json() -> None:
    settings = EngineSettings(precision="bf16", threads=3, deterministic=True)
    assert EngineSettings.from_json(json.loads(json.dumps(settings.to_json()))) == settings


def test_a_prediction_repeats_leaves_its_input_alone_and_keeps_empty_slices_empty() -> None:
    method = Linear(SMALL.model_copy(update={"dropout_eval": True}))
    early = np.random.default_rng(0).random((6, 5, 7), dtype=np.float32)
    early[2] = 0.0
    given = early.copy()
    first, second = translate_volume(method, early), translate_volume(method, early)
    assert np.array_equal(first, second)
    assert np.array_equal(early, given)
    assert not first[2].any()
    assert first.dtype == np.float32
    assert first.shape == early.shape
    assert method.training


def test_a_part_that_the_author_keeps_in_evaluation_mode_is_so_after_a_prediction() -> None:
    method = Linear(SMALL)
    method.frozen_part = nn.Dropout(0.5).eval()
    translate_volume(method, np.ones((2, 4, 4), dtype=np.float32))
    assert method.training
    assert not method.frozen_part.training


def test_a_slice_is_predicted_alike_alone_and_among_others() -> None:
    early = np.random.default_rng(1).random((40, 4, 4), dtype=np.float32)
    for norm in ("running", "batch"):
        method = Linear(SMALL.model_copy(update={"norm_eval": norm}))
        whole = translate_volume(method, early)
        assert np.allclose(whole[33:34], translate_volume(method, early[33:34]), atol=1e-6)


def test_batch_statistics_at_evaluation_change_no_running_statistics() -> None:
    early = np.random.default_rng(1).random((3, 4, 4), dtype=np.float32)
    own = Linear(SMALL.model_copy(update={"norm_eval": "batch"}))
    running = Linear(SMALL.model_copy(update={"norm_eval": "running"}))
    running.load_state_dict(own.state_dict())
    before = own.running_mean.clone()
    assert not np.allclose(translate_volume(own, early), translate_volume(running, early))
    assert torch.equal(own.running_mean, before)


def test_overlapping_slabs_meet_where_they_came_from() -> None:
    early = np.random.default_rng(2).random((11, 6, 5), dtype=np.float32) + 0.2
    assert np.allclose(translate_volume(Slabs(SMALL), early), early, rtol=1e-4)


class FakeDataset:
    """Answers for every participant with a volume that names it."""

    def pair(self, participant: str) -> object:
        value = float(participant)

        class Pair:
            early = np.full((2, 2, 2), value, dtype=np.float32)
            delayed = np.full((2, 2, 2), 10 * value, dtype=np.float32)

        return Pair()

    def early(self, participant: str) -> tuple[Volume, None]:
        return np.full((2, 2, 2), float(participant), dtype=np.float32), None

    def delayed(self, participant: str) -> tuple[Volume, None]:
        return np.full((2, 2, 2), 10 * float(participant), dtype=np.float32), None


class FakeFold:
    train = tuple(str(number) for number in range(1, 9))
    validation = ("20",)
    test = ("30",)


def training_data(supervision: Supervision, seed: int = 0) -> TrainingData:
    return gather_volumes(FakeDataset(), FakeFold(), supervision, seed=seed)  # type: ignore[arg-type]


def test_paired_data_holds_the_training_participants_and_no_test_participant() -> None:
    data = training_data("paired")
    pairs = [(float(early.max()), float(delayed.max())) for early, delayed in data.pairs()]
    assert pairs == [(number, 10.0 * number) for number in range(1, 9)]


def test_unpaired_data_has_no_pairs_and_an_order_of_its_own() -> None:
    data = training_data("unpaired")
    early = [float(volume.max()) for volume in data.early()]
    delayed = [float(volume.max()) / 10 for volume in data.delayed()]
    assert sorted(delayed) == early
    assert delayed != early
    assert delayed == [float(volume.max()) / 10 for volume in training_data("unpaired").delayed()]
    with pytest.raises(PetbenchError, match="gets no pairs"):
        data.pairs()


def test_a_method_without_a_target_sees_no_delayed_volume() -> None:
    data = training_data("no-target")
    with pytest.raises(PetbenchError, match="no delayed volume"):
        data.delayed()
