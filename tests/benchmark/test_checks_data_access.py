"""What a method is handed leads to nobody but training participants: by no attribute, closure, bound method or file."""

from __future__ import annotations

import json
import types
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from tests.benchmark.installed import install_module
from tests.benchmark.labelled_bodies import labelled_bodies

from petbench import Batch, Scans, StepMethod, StepParameters
from petbench.contract import Budget
from petbench.engine_settings import EngineSettings
from petbench.scan import NEEDS
from petbench.training.context import TrainingContext
from petbench.training.runnable_method import HarnessOnly
from petbench.training.scan_reading import read_scan
from petbench.training.step_trainer import StepTrainer
from petbench.training.volumes import gather_validation, gather_volumes
from petbench_datasets.dataset.reader import Dataset, open_dataset
from petbench_datasets.dataset.split import load_split

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.command import Petbench

    from petbench.contract import Supervision
    from petbench.scan import Need

VALIDATION_PARTICIPANT, TEST_PARTICIPANT = HIDDEN = ("sub-03", "sub-04")
_ATOMS = (str, bytes, int, float, complex, bool, type(None), type, types.ModuleType, np.ndarray, torch.Tensor)


def neighbours(value: Any) -> Iterator[Any]:
    """Yield what a plugin can reach from an object in one step, without looking for it elsewhere in the process."""
    if isinstance(value, dict):
        yield from value.keys()
        yield from value.values()
    elif isinstance(value, list | tuple | set | frozenset):
        yield from value
    if isinstance(value, types.MethodType):
        yield value.__self__
        yield value.__func__
    if isinstance(value, types.FunctionType):
        yield from (cell.cell_contents for cell in value.__closure__ or ())
        yield from value.__defaults__ or ()
    yield from getattr(value, "__dict__", {}).values()
    for kind in type(value).__mro__:
        slots = kind.__dict__.get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            if hasattr(value, name):
                yield getattr(value, name)


def reachable(start: Any) -> list[Any]:
    """Return every object that can be reached from `start` through attributes, containers, closures and methods."""
    found: dict[int, Any] = {id(start): start}
    queue = [start]
    while queue:
        for value in neighbours(queue.pop()):
            if id(value) not in found:
                found[id(value)] = value
                if not isinstance(value, _ATOMS):
                    queue.append(value)
    return list(found.values())


def handed(dataset: Dataset, folder: Path, supervision: Supervision = "paired") -> list[Any]:
    """Return everything that `fit` is handed, and what that gives when it is asked."""
    fold = load_split(dataset, "holdout").folds[0]
    data = gather_volumes(dataset, fold, supervision, folder=folder)
    run = TrainingContext(
        seed=0, budget=Budget(images=8), device=torch.device("cpu"), folder=folder, engine=EngineSettings()
    )
    asked: list[Any] = [data, run, data.scans(), *data.scans()]
    if supervision != "no-target":
        asked += [data.delayed(), *data.delayed()]
    if supervision == "paired":
        asked += [data.pairs(), *data.pairs()]
    return asked


def test_the_walk_finds_a_dataset_behind_a_bound_method_and_a_closure(body_dataset: Path) -> None:
    dataset = open_dataset(body_dataset)
    assert any(value is dataset for value in reachable([dataset.pair]))
    assert any(value is dataset for value in reachable([lambda: dataset]))


@pytest.mark.parametrize("supervision", ["paired", "unpaired", "no-target"])
def test_no_participant_and_no_path_of_the_dataset_can_be_reached_from_what_training_is_handed(
    supervision: Supervision, body_dataset: Path, tmp_path: Path
) -> None:
    dataset = open_dataset(body_dataset)
    found = reachable(handed(dataset, tmp_path, supervision))
    assert not [value for value in found if isinstance(value, Dataset)]
    texts = [str(value) for value in found if isinstance(value, str | bytes | Path)]
    assert not [text for text in texts if any(name in text for name in (*dataset.participants, str(body_dataset)))]


@pytest.mark.parametrize("supervision", ["paired", "unpaired", "no-target"])
def test_what_a_method_named_leads_no_further_and_is_of_training_participants_alone(
    supervision: Supervision, body_dataset: Path, tmp_path: Path
) -> None:
    root = labelled_bodies(body_dataset, tmp_path / "labelled")
    dataset = open_dataset(root)
    needs: list[Need] = [need for need in NEEDS if need != "frames"]
    data = gather_volumes(dataset, load_split(dataset, "holdout").folds[0], supervision, needs, folder=tmp_path)
    found = reachable([data, data.scans(), *data.scans()])
    assert not [value for value in found if isinstance(value, Dataset)]
    texts = [str(value) for value in found if isinstance(value, str | bytes | Path)]
    assert {"liver", "brain", "female"} <= set(texts)
    assert not [text for text in texts if any(name in text for name in (*dataset.participants, str(root)))]
    images = [value for value in found if isinstance(value, np.ndarray)]
    assert len(images) == 3 * 2  # early, CT and labels of two
    secrets = [dataset.delayed(name)[0] for name in dataset.participants]
    secrets += [read_scan(dataset, name, needs).labels for name in HIDDEN]  # type: ignore[misc]
    assert not [image for image in images for secret in secrets if np.array_equal(image, secret)]


@pytest.mark.parametrize("supervision", ["paired", "unpaired", "no-target"])
def test_no_image_that_training_is_handed_is_one_that_it_is_not_entitled_to(
    supervision: Supervision, body_dataset: Path, tmp_path: Path
) -> None:
    dataset = open_dataset(body_dataset)
    hidden = [image for name in HIDDEN for image in (dataset.pair(name).delayed, dataset.pair(name).early)]
    if supervision == "no-target":
        hidden += [dataset.pair(participant).delayed for participant in dataset.participants]
    images = [value for value in reachable(handed(dataset, tmp_path, supervision)) if isinstance(value, np.ndarray)]
    assert len(images) >= 2
    assert not [image for image in images for secret in hidden if np.array_equal(image, secret)]


def test_what_a_step_method_reaches_while_it_trains_is_no_image_of_validation(
    body_dataset: Path, tmp_path: Path
) -> None:
    dataset = open_dataset(body_dataset)
    fold = load_split(dataset, "holdout").folds[0]
    seen: list[Any] = []

    class Looking(StepMethod):
        def __init__(self, parameters: StepParameters) -> None:
            super().__init__(parameters)
            self.network = torch.nn.Conv2d(1, 1, 1)

        def training_step(self, batch: Batch) -> Mapping[str, torch.Tensor]:
            seen.extend(reachable([self, batch]))
            return {"l1": (self.network(batch.early) - batch.delayed).abs().mean()}

        def translate(self, scans: Scans) -> torch.Tensor:
            translated: torch.Tensor = self.network(scans.early)
            return translated

    own = HarnessOnly(gather_validation(dataset, fold.validation))
    run = TrainingContext(
        seed=0, budget=Budget(images=8), device=torch.device("cpu"), folder=tmp_path, engine=EngineSettings()
    )
    method = StepTrainer(Looking(StepParameters(images=8, batch_size=4, shift_voxels=0, validations=2)))
    method.fit(gather_volumes(dataset, fold, "paired"), run, own)
    assert "validation" in (tmp_path / "log.jsonl").read_text(encoding="utf-8")
    volumes = [image for scan, delayed in own.validation for image in (scan.early, delayed)]
    assert not [value for value in seen if value is own or isinstance(value, TrainingContext)]
    arrays = [value for value in seen if isinstance(value, np.ndarray)]
    assert not [array for array in arrays for volume in volumes if np.array_equal(array, volume)]


def test_what_training_is_handed_are_the_images_of_the_dataset_to_the_bit(body_dataset: Path, tmp_path: Path) -> None:
    dataset = open_dataset(body_dataset)
    fold = load_split(dataset, "holdout").folds[0]
    data = gather_volumes(dataset, fold, "paired", folder=tmp_path)
    validation = gather_validation(dataset, fold.validation, folder=tmp_path)
    for participants, pairs in ((fold.train, data.pairs()), (fold.validation, validation)):
        assert len(pairs) == len(participants)
        for participant, (scan, delayed) in zip(participants, pairs, strict=True):
            assert np.array_equal(scan.early, dataset.pair(participant).early)
            assert np.array_equal(delayed, dataset.pair(participant).delayed)
    unpaired = gather_volumes(dataset, fold, "unpaired", seed=1, folder=tmp_path)
    assert sorted(float(volume.sum()) for volume in unpaired.delayed()) == sorted(
        float(dataset.pair(participant).delayed.sum()) for participant in fold.train
    )


def test_a_method_changes_a_volume_for_itself_alone_and_leaves_no_file(body_dataset: Path, tmp_path: Path) -> None:
    dataset = open_dataset(body_dataset)
    data = gather_volumes(dataset, load_split(dataset, "holdout").folds[0], "paired", folder=tmp_path)
    changed = data.scans()[0].early
    changed[:] = -1
    assert data.scans()[0].early.min() >= 0
    assert not list(tmp_path.iterdir())


THIEF = """
    import json
    from pathlib import Path
    import numpy as np
    from petbench import MethodSpec, hookimpl

    class Thief:
        def fit(self, data, run):
            seen = []
            pairs = [image for scan, delayed in data.pairs() for image in (scan.early, delayed)]
            for volume in [*(scan.early for scan in data.scans()), *data.delayed(), *pairs]:
                seen.append(float(volume.sum()))
            texts = {str(path): path.read_text(errors="replace") for path in run.folder.rglob("*") if path.is_file()}
            found = {"sums": seen, "files": texts, "data": repr(vars(data)), "run": repr(vars(run))}
            Path(FOUND).write_text(json.dumps(found))
        def predict(self, scan):
            with Path(FOUND + ".predict").open("a") as file:
                own = scan.early.base is None or scan.early.base.size == scan.early.size
                print(json.dumps({"own": own, "sum": float(scan.early.sum())}), file=file)
            return scan.early
        def state_dict(self):
            return {}
        def load_state_dict(self, state):
            pass

    @hookimpl
    def petbench_methods():
        return [MethodSpec(name="thief", summary="looks around", build=lambda parameters: Thief())]
"""


@pytest.mark.slow
def test_a_thief_in_a_real_run_finds_no_test_participant_in_what_it_is_handed(
    petbench: Petbench, body_dataset: Path, tmp_path: Path
) -> None:
    report = tmp_path / "found.json"
    visible = install_module(tmp_path / "site", "thief", THIEF.replace("FOUND", repr(str(report))))
    petbench("run", "-m", "thief", "-d", body_dataset, variables=visible)

    found = json.loads(report.read_text(encoding="utf-8"))
    assert not [name for name in HIDDEN if name in json.dumps(found)]
    assert str(body_dataset) not in json.dumps(found)
    dataset = open_dataset(body_dataset)
    secrets = [dataset.pair(name) for name in HIDDEN]
    totals = {float(image.sum()) for secret in secrets for image in (secret.delayed, secret.early)}
    assert not totals & set(found["sums"])
    predicted = [json.loads(line) for line in Path(f"{report}.predict").read_text(encoding="utf-8").splitlines()]
    assert all(each["own"] for each in predicted), "nothing else lies in the memory of an image"
    assert predicted[0]["sum"] == pytest.approx(float(dataset.early(TEST_PARTICIPANT)[0].sum()))
