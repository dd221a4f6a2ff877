"""Trackers write what their own programs read: TensorBoard's, MLflow's and Weights & Biases' files."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from tests.plugins.tracked import OLD_CALLS_OF_MLFLOW, curves

from petbench import ExampleImages, RunEnded, RunFacts, RunStarted, StepLogged, Validated
from petbench_trackers import petbench_observers, values

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from petbench import RunEvent

RUN = RunFacts(
    run=7, uid="0123456789abcdef" * 2, identity="c0ffee", method="pix2pix", dataset="bodies", split="holdout", fold=0,
    seed=3, parameters={"width": 8, "learning_rate": 2e-4, "names": ["a|b", "c"]}, settings={"budget": "images=40"},
    folder="/somewhere/runs/pix2pix-0123",
)  # fmt: skip
EXAMPLE = np.linspace(0, 10, 24, dtype=np.float32).reshape(4, 6)


def part(first: int, last: int, loss: float, *, status: str) -> Iterator[RunEvent]:
    """Yield the events of a run, or of a part of one that resumes."""
    yield RunStarted(run=RUN, resumed=first > 10)
    for images in range(first, last + 1, 10):
        yield StepLogged(
            run=RUN, images=images, seconds=0.1 * images, losses={"generator/l1": loss + images, "d": math.nan},
            images_per_second=90.0,
        )  # fmt: skip
        yield Validated(run=RUN, images=images, seconds=0.1 * images, values={"mae_suv": 1.0 / images})
        yield ExampleImages(
            run=RUN, images=images, early=EXAMPLE, predicted=EXAMPLE.T.copy().reshape(4, 6), delayed=EXAMPLE[::-1]
        )
    yield RunEnded(
        run=RUN, status=status, scores={"psnr_body_suv20/body": 31.5} if status == "ok" else {}, seconds={"train": 3.0},
        validation={"psnr_body_suv20": 30.5}, costs={"images_seen": 40.0},
    )  # fmt: skip


INTERRUPTED = list(part(10, 30, 1000.0, status="interrupted"))
RESUMED = list(part(20, 40, 0.0, status="ok"))
"""It went on from a checkpoint after 10 images: what came at 20 and 30 is done again."""


def tell(name: str, folder: Path, events: list[RunEvent]) -> None:
    spec = next(spec for spec in petbench_observers() if spec.name == name)
    observe = spec.build(folder)
    for event in events:
        observe(event)


def test_numbers_have_one_name_in_all_trackers_and_none_is_lost() -> None:
    found = {name for event in RESUMED for name in values.numbers(event)}
    assert found == {
        "loss/generator/l1", "loss/d", "speed/images_per_second", "validation/mae_suv", "score/psnr_body_suv20/body",
        "final_validation/psnr_body_suv20", "cost/images_seen", "cost/seconds/train",
    }  # fmt: skip
    assert values.numbers(RunStarted(run=RUN)) == {}


def test_tensorboard_reads_curves_pictures_and_facts_and_forgets_what_a_resumed_run_did_again(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    tell("tensorboard", tmp_path, INTERRUPTED)
    tell("tensorboard", tmp_path, RESUMED)
    read, found = curves(tmp_path / RUN.name)
    assert found["loss/generator/l1"] == {10: 1010.0, 20: 20.0, 30: 30.0, 40: 40.0}
    assert found["validation/mae_suv"] == pytest.approx({10: 0.1, 20: 0.05, 30: 1 / 30, 40: 0.025})
    assert found["score/psnr_body_suv20/body"] == {40: 31.5}
    assert all(math.isnan(value) for value in found["loss/d"].values())
    texts = {tag: read.Tensors(tag)[-1].tensor_proto.string_val[0].decode() for tag in ("run", "parameters", "end")}
    assert "| identity | c0ffee |" in texts["run"]
    assert "| folder | /somewhere/runs/pix2pix-0123 |" in texts["run"]
    assert "| width | 8 |" in texts["parameters"]
    assert "a&#124;b" in texts["parameters"]
    assert texts["end"] == "ok"
    pictures = read.Images(values.EXAMPLE)
    assert [picture.step for picture in pictures] == [10, 20, 30, 40]
    assert (pictures[-1].height, pictures[-1].width) == (4, 18)
    from io import BytesIO

    from PIL import Image

    expected = next(event for event in RESUMED if isinstance(event, ExampleImages)).picture()
    np.testing.assert_array_equal(np.asarray(Image.open(BytesIO(pictures[-1].encoded_image_string))), expected)


@pytest.fixture
def mlflow_client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    mlflow = pytest.importorskip("mlflow")
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return mlflow.MlflowClient(tracking_uri=f"sqlite:///{tmp_path}/mlflow.db")


@pytest.mark.slow
@pytest.mark.filterwarnings(OLD_CALLS_OF_MLFLOW)
def test_mlflow_reads_one_run_of_a_run_that_was_resumed(tmp_path: Path, mlflow_client: Any) -> None:
    tell("mlflow", tmp_path, INTERRUPTED)
    (experiment,) = mlflow_client.search_experiments(filter_string="name = 'petbench'")
    (run,) = mlflow_client.search_runs([experiment.experiment_id])
    assert run.info.status == "KILLED"
    tell("mlflow", tmp_path, RESUMED)
    (run,) = mlflow_client.search_runs([experiment.experiment_id])
    assert (run.info.status, run.info.run_name) == ("FINISHED", RUN.name)
    assert run.data.params == {"width": "8", "learning_rate": "0.0002", "names": '["a|b", "c"]'}
    tags = {name: text for name, text in run.data.tags.items() if name.startswith("petbench.")}
    assert tags.items() >= {
        "petbench.uid": RUN.uid, "petbench.identity": "c0ffee", "petbench.budget": "images=40",
        "petbench.folder": RUN.folder, "petbench.status": "ok", "petbench.message": "",
    }.items()  # fmt: skip
    assert run.data.metrics["score/psnr_body_suv20/body"] == 31.5
    history = mlflow_client.get_metric_history(run.info.run_id, "loss/generator/l1")
    assert {each.step: each.value for each in history} == {10: 1010.0, 20: 20.0, 30: 30.0, 40: 40.0}
    pictures = [each.path for each in mlflow_client.list_artifacts(run.info.run_id, "images")]
    assert pictures == [f"images/example-{images:012d}.png" for images in (10, 20, 30, 40)]


def test_trackers_need_their_packages_only_when_they_are_asked_for() -> None:
    specs = {spec.name: spec for spec in petbench_observers()}
    assert {name: (spec.imports, spec.install, spec.always) for name, spec in specs.items()} == {
        name: ((name,), f"petbench[{name}]", False) for name in ("tensorboard", "mlflow", "wandb")
    }
