"""The end of the intensity map is chosen on training and validation images, by a rule that a command shows."""

from __future__ import annotations

import json
import math
import random
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from petbench import Batch, Scan, Scans, StepMethod, StepParameters
from petbench.cli.datasets import datasets
from petbench.cli.main import PetbenchGroup
from petbench.contract import Budget
from petbench.engine_settings import EngineSettings
from petbench.errors import PluginError
from petbench.intensity import IntensityMap, clip_for
from petbench.methods.build import build_in_process
from petbench.methods.parameters import resolve
from petbench.registry import load_plugins
from petbench.runs.folder import RunFolder
from petbench.runs.predict_scan import _beyond_the_map
from petbench.runs.training_notes import suv_clip, training_notes
from petbench.training.context import TrainingContext
from petbench.training.intensity_choice import choose_intensity
from petbench.training.runnable_method import HarnessOnly
from petbench.training.step_trainer import StepTrainer
from petbench.training.training_log import TrainingLog, read_events
from petbench.training.volumes import gather_validation, gather_volumes
from petbench_datasets.dataset.reader import Dataset, open_dataset
from petbench_datasets.dataset.split import load_split
from petbench_datasets.dataset.suv_range import QUANTILES, highest, suv_ranges

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from tests.command import Petbench

    from petbench.contract import Supervision, Volume
    from petbench.runs.input_scan import InputScan

COMMAND = PetbenchGroup("petbench", commands={"datasets": datasets})
AUTO = StepParameters(images=16, batch_size=4, shift_voxels=0, validations=2)


class Small(StepMethod):
    def __init__(self, parameters: StepParameters) -> None:
        super().__init__(parameters)
        self.network = torch.nn.Conv2d(1, 1, 1)

    def training_step(self, batch: Batch) -> Mapping[str, torch.Tensor]:
        return {"l1": (self.network(batch.early) - batch.delayed).abs().mean()}

    def translate(self, scans: Scans) -> torch.Tensor:
        translated: torch.Tensor = self.network(scans.early)
        return translated


class Data:
    def __init__(self, supervision: Supervision, early: float, delayed: float) -> None:
        self.supervision: Supervision = supervision
        self._early = np.full((3, 4, 4), early, dtype=np.float32)
        self._delayed = np.full((3, 4, 4), delayed, dtype=np.float32)

    def scans(self) -> list[Scan]:
        return [Scan(self._early)]

    def delayed(self) -> list[Volume]:
        assert self.supervision != "no-target"
        return [self._delayed]

    def pairs(self) -> list[tuple[Scan, Volume]]:
        return [(Scan(self._early), self._delayed)]


def context(folder: Path, stop_after: int | None = None) -> TrainingContext:
    engine = EngineSettings(precision="fp32", threads=1)
    run = TrainingContext(seed=0, budget=Budget(images=16), device=torch.device("cpu"), folder=folder, engine=engine)
    if stop_after is not None:
        advance = run.advance

        def stopping(images: int, losses: Any) -> None:
            advance(images, losses)
            if run.images_seen >= stop_after:
                run.request_stop()

        run.advance = stopping  # type: ignore[method-assign]
    return run


def test_the_map_reaches_a_quarter_beyond_the_highest_image_and_ends_at_a_round_number() -> None:
    assert [clip_for(maximum) for maximum in (0.0, 7.9, 8.0, 8.1, 40.0, 66.0, 74.0)] == [
        *(10.0, 10.0, 10.0, 20.0, 50.0, 90.0, 100.0)
    ]
    chance = random.Random(0)
    for _ in range(200):
        maximum = chance.uniform(0.1, 300.0)
        clip = clip_for(maximum)
        assert clip % 10 == 0
        assert 1.25 * maximum <= clip < 1.25 * maximum + 10


def test_an_augmentation_of_the_intensity_is_covered_too() -> None:
    for jitter in (0.1, 0.7, 1.5):
        clip = clip_for(40.0, jitter)
        assert clip >= 1.25 * 40.0 * math.exp(jitter)
        assert IntensityMap(clip).clipped_share(torch.tensor([40.0 * math.exp(jitter)])) == 0.0


@pytest.mark.parametrize(
    ("supervision", "validation", "clip"),
    [("paired", 10.0, 60.0), ("unpaired", 10.0, 60.0), ("no-target", 10.0, 30.0), ("paired", 70.0, 90.0)],
)
def test_the_map_is_chosen_from_what_the_supervision_entitles_to_and_from_validation(
    supervision: Supervision, validation: float, clip: float
) -> None:
    pair = Scan(np.full((3, 4, 4), 1.0, dtype=np.float32)), np.full((3, 4, 4), validation, dtype=np.float32)
    assert choose_intensity(AUTO, Data(supervision, 20.0, 47.0), [pair]).suv_clip == clip


def test_a_number_that_is_asked_for_is_taken() -> None:
    chosen = AUTO.model_copy(update={"suv_clip": 33.0})
    assert choose_intensity(chosen, Data("paired", 20.0, 47.0), []).suv_clip == 33.0


def test_what_is_chosen_is_kept_with_the_weights_and_predicts_alike(tmp_path: Path) -> None:
    trained = StepTrainer(Small(AUTO))
    trained.fit(Data("paired", 20.0, 47.0), context(tmp_path))
    assert trained.step_method.intensity.suv_clip == 60.0
    file = tmp_path / "model.pt"
    torch.save(trained.state_dict(), file)
    again = StepTrainer(Small(AUTO))
    again.load_state_dict(torch.load(file, weights_only=True))
    assert again.step_method.intensity.suv_clip == 60.0
    early = np.random.default_rng(0).uniform(0, 70, (3, 4, 4)).astype(np.float32)
    assert np.array_equal(trained.predict(Scan(early)), again.predict(Scan(early)))


def test_a_resumed_training_has_the_same_map(tmp_path: Path) -> None:
    StepTrainer(Small(AUTO)).fit(Data("paired", 20.0, 47.0), context(tmp_path, stop_after=8))
    resumed = StepTrainer(Small(AUTO))
    resumed.fit(Data("paired", 20.0, 47.0), context(tmp_path))
    assert resumed.step_method.intensity.suv_clip == 60.0
    clips = [event["suv_clip"] for event in read_events(tmp_path / "log.jsonl") if event["event"] == "data"]
    assert clips == [60.0, 60.0]


def test_before_training_there_is_no_map_to_look_at() -> None:
    with pytest.raises(PluginError, match="suv_clip=auto is chosen when training begins"):
        _ = Small(AUTO).intensity
    assert Small(AUTO.model_copy(update={"suv_clip": 70.0})).intensity.suv_clip == 70.0


@pytest.mark.slow
def test_no_built_in_method_and_no_preset_sets_an_end_that_was_found_by_looking_at_results() -> None:
    for name, (spec, plugin) in load_plugins().methods().items():
        if plugin.distribution == "petbench" and spec.parameters and "suv_clip" in spec.parameters.model_fields:
            for preset in ("default", *spec.presets):
                values = resolve(spec, preset, (), None)
                assert values["suv_clip"] == "auto", (name, preset)
                smallest = {"width": 12} if "width" in spec.parameters.model_fields else {}
                build_in_process(
                    spec, values | (smallest if name not in {"rectified-flow", "ddpm25d"} else {"width": 8})
                )


def test_the_command_shows_the_end_that_a_run_chooses_and_reads_no_test_image(
    body_dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = open_dataset(body_dataset)
    fold = load_split(dataset, "holdout").folds[0]
    method = StepTrainer(Small(AUTO))
    own = HarnessOnly(gather_validation(dataset, fold.validation))
    method.fit(gather_volumes(dataset, fold, "paired"), context(tmp_path / "run"), own)

    read: set[str] = set()

    def noting(original: Callable[[Dataset, str], Any]) -> Callable[[Dataset, str], Any]:
        def noted(dataset: Dataset, name: str) -> Any:
            read.add(name)
            return original(dataset, name)

        return noted

    for accessor in ("early", "delayed", "pair"):
        monkeypatch.setattr(Dataset, accessor, noting(getattr(Dataset, accessor)))
    runner = CliRunner(env={"PETBENCH_HOME": str(tmp_path / "home")})
    shown = runner.invoke(COMMAND, ["datasets", "suv-range", str(body_dataset)])
    assert shown.exit_code == 0, shown.output
    facts = json.loads(runner.invoke(COMMAND, ["datasets", "suv-range", str(body_dataset), "--json"]).stdout)
    assert read == {*fold.train, *fold.validation}
    assert facts["suv_clip"] == method.step_method.intensity.suv_clip
    assert f"suv_clip={facts['suv_clip']:g}: 1.25 x {facts['maximum']:.1f}" in shown.output
    assert facts["maximum"] == max(float(image.max()) for name in read for image in images(dataset, name))


def images(dataset: Dataset, name: str) -> tuple[Volume, Volume]:
    pair = dataset.pair(name)
    return pair.early, pair.delayed


def test_ranges_are_those_of_numpy_and_name_the_part(body_dataset: Path) -> None:
    dataset = open_dataset(body_dataset)
    ranges = suv_ranges(dataset, load_split(dataset, "holdout").folds[0])
    assert {(one.participant, one.part) for one in ranges} == {
        ("sub-01", "train"),
        ("sub-02", "train"),
        ("sub-03", "validation"),
    }
    for one in ranges:
        image = images(dataset, one.participant)[one.window == "delayed"]
        assert one.maximum == float(image.max())
        np.testing.assert_allclose(one.quantiles, np.quantile(image[image > 0.1], QUANTILES))
    assert highest(ranges).maximum == max(one.maximum for one in ranges)
    assert highest(ranges, "early").window == "early"


def noted(folder: Path, *events: tuple[str, Mapping[str, object]]) -> list[str]:
    run = RunFolder(folder)
    log = TrainingLog(run.training)
    for name, values in events:
        log.append(name, {"images": 0, **values})
    return training_notes(run)


def test_training_images_beyond_the_map_are_noted_where_a_run_ends(tmp_path: Path) -> None:
    facts = {"suv_clip": 50.0, "clipped_early": 0.0, "clipped_delayed": 0.0012}
    (note,) = noted(tmp_path / "a", ("data", facts | {"maximum_early_suv": 48.0, "maximum_delayed_suv": 74.25}))
    assert note == (
        "the delayed training images reach SUV 74.2, but the intensity map ends at 50: 0.12 % of their voxels were "
        "clipped; suv_clip=auto covers them"
    )
    assert suv_clip(RunFolder(tmp_path / "a")) == 50.0
    assert noted(tmp_path / "b", ("data", facts | {"maximum_early_suv": 48.0, "maximum_delayed_suv": 50.0})) == []
    assert noted(tmp_path / "c") == []
    assert suv_clip(RunFolder(tmp_path / "c")) is None


def test_a_new_scan_beyond_the_map_of_a_model_is_noted_too(tmp_path: Path) -> None:
    TrainingLog(RunFolder(tmp_path).training).append("data", {"images": 0, "suv_clip": 50.0})

    def warnings(maximum: float) -> list[str]:
        scan = SimpleNamespace(image=np.full((2, 2, 2), maximum, dtype=np.float32))
        return _beyond_the_map(cast("InputScan", scan), [RunFolder(tmp_path)])

    assert warnings(50.0) == []
    assert warnings(80.0) == ["the scan reaches SUV 80.0; the model knows SUV 0 to 50 and takes what is above for 50"]


def test_a_run_that_resumed_with_another_number_of_threads_says_so(tmp_path: Path) -> None:
    (note,) = noted(tmp_path / "a", ("engine", {"threads_used": 2}), ("engine", {"threads_used": 8}))
    assert note == "it trained with 2 and then 8 threads: it ends otherwise than with one number"
    assert noted(tmp_path / "b", ("engine", {"threads_used": 2}), ("engine", {"threads_used": 2})) == []


@pytest.mark.slow
def test_a_run_that_clips_says_so_in_its_last_lines_and_one_with_a_chosen_map_does_not(
    petbench: Petbench, body_dataset: Path
) -> None:
    small = ("-m", "pix2pix", "-d", body_dataset, "--budget", "images=16", "--set", "width=4")
    clipped = petbench("run", *small, "--set", "suv_clip=3")
    assert "note: run 1 pix2pix: the early training images reach SUV" in clipped.stderr
    assert "note:" not in petbench("run", *small).stderr
    several = petbench("run", *small, "--set", "suv_clip=3", "--seed", "0..1")
    assert several.stderr.count("note: run 3 pix2pix: the delayed training images reach SUV") == 1
