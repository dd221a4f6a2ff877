"""Every run has one number on its validation participants, from files that the harness predicted and scored."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any

import nibabel as untyped_nibabel
import numpy as np
import pytest
from tests.benchmark.conftest import write_body_dataset
from tests.benchmark.installed import install_module

from petbench.evaluation.catalogue import builtin_metrics
from petbench.evaluation.validation import ranking_score, score_validation
from petbench.home import Home
from petbench.metric_spec import Case, Measurement, MetricSpec
from petbench.registry import load_plugins
from petbench.runs.rescore import rescore
from petbench.runs.scorer import Scorer
from petbench.runs.time_to_target import final_error, validation_history
from petbench.settings import Settings
from petbench_datasets.dataset.reader import Dataset, open_dataset
from petbench_datasets.dataset.split import Fold, Split, write_split
from petbench_datasets.errors import DataError
from petbench_datasets.images.nifti_writer import write_image
from petbench_datasets.progress import silent
from petbench_leaderboard.board import RANKING_METRICS
from petbench_leaderboard.store import Leaderboard
from petbench_leaderboard.validation_scores import forget_validation

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from tests.command import Petbench

nibabel: Any = untyped_nibabel
METRICS = builtin_metrics()


@pytest.fixture
def six(tmp_path: Path) -> Path:
    """A dataset of which two participants validate."""
    root = write_body_dataset(tmp_path / "six", count=6)
    fold = Fold(("sub-01", "sub-02"), ("sub-03", "sub-04"), ("sub-05", "sub-06"))
    write_split(root, Split("two", open_dataset(root).fingerprint, (fold,)))
    return root


def psnr_by_hand(dataset: Dataset, participant: str, predicted: NDArray[np.float32]) -> float:
    """Return PSNR in the body, both images clipped to SUV 0 to 20, in dB: its textbook formula."""
    body = dataset.body_mask(participant)
    real = dataset.pair(participant).delayed.astype(np.float64).clip(0, 20)[body]
    return float(10 * np.log10(20.0**2 / np.mean((predicted.astype(np.float64).clip(0, 20)[body] - real) ** 2)))


def read(file: Path) -> NDArray[np.float32]:
    return np.asarray(nibabel.load(file).dataobj).transpose()


def mae_by_hand(dataset: Dataset, file: Path) -> float:
    """Return the mean absolute error in SUV where either real image is above 0.1, as the page on timing says."""
    pair = dataset.pair(file.name.removesuffix(".nii.gz"))
    body = np.maximum(pair.early, pair.delayed) > 0.1
    return float(np.abs(read(file).astype(np.float64) - pair.delayed)[body].mean())


def predict_by_factor(dataset: Dataset, folder: Path, participants: Sequence[str], factor: float) -> None:
    for participant in participants:
        early, grid = dataset.early(participant)
        write_image(folder / f"{participant}.nii.gz", (early * factor).astype(np.float32), grid)


def test_the_number_is_the_mean_over_everyone_who_validates(six: Path, tmp_path: Path) -> None:
    dataset, people = open_dataset(six), ("sub-03", "sub-04")
    predict_by_factor(dataset, tmp_path / "validation", people, 0.8)
    records = score_validation(dataset, people, tmp_path / "validation", METRICS, progress=silent)
    found = ranking_score(records, ["psnr_body_suv20"])
    by_hand = [psnr_by_hand(dataset, name, np.float32(0.8) * dataset.early(name)[0]) for name in people]
    assert found.value == pytest.approx(np.mean(by_hand), abs=1e-4)
    assert (found.metric, found.convention) == ("psnr_body_suv20", "psnr/body/clip-suv0-20/range20@1")


def test_nobody_leaves_the_mean(six: Path, tmp_path: Path) -> None:
    dataset = open_dataset(six)
    predict_by_factor(dataset, tmp_path, ["sub-03"], 1.0)
    with pytest.raises(DataError, match="no prediction of sub-04"):
        score_validation(dataset, ("sub-03", "sub-04"), tmp_path, METRICS, progress=silent)

    def fails_for_one(case: Case) -> list[Measurement]:
        value = None if case.participant == "sub-04" else 1.0
        return [Measurement("body", value, reason=None if value else "no liver")]

    predict_by_factor(dataset, tmp_path, ["sub-04"], 1.0)
    spec = MetricSpec(
        name="half", convention_id="half/body@1", unit="", higher_is_better=True, formula="1", source="test",
        measure=fails_for_one,
    )  # fmt: skip
    found = ranking_score(score_validation(dataset, ("sub-03", "sub-04"), tmp_path, [spec], progress=silent), ["half"])
    assert (found.value, found.reason) == (None, "half of sub-04: no liver")


def test_without_labels_of_the_urinary_tract_the_next_ranking_metric_counts(
    six: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset, people = open_dataset(six), ("sub-03", "sub-04")
    for name in people:
        write_image(tmp_path / f"{name}.nii.gz", *dataset.early(name))
    unlabelled = ranking_score(score_validation(dataset, people, tmp_path, METRICS, progress=silent), RANKING_METRICS)
    bladder = np.zeros(dataset.grid("sub-03").shape, np.int16)
    bladder[tuple(size // 2 for size in bladder.shape)] = 1
    monkeypatch.setattr(
        Dataset, "labels", lambda _self, _who, kind="organs": (bladder, {1: "bladder"}) if kind == "organs" else None
    )
    labelled = ranking_score(score_validation(dataset, people, tmp_path, METRICS, progress=silent), RANKING_METRICS)
    assert (labelled.metric, unlabelled.metric) == RANKING_METRICS
    assert labelled.value is not None


def test_a_metric_that_nobody_installed_leaves_no_number(six: Path, tmp_path: Path) -> None:
    predict_by_factor(open_dataset(six), tmp_path, ["sub-03"], 1.0)
    records = score_validation(open_dataset(six), ("sub-03",), tmp_path, METRICS, progress=silent)
    found = ranking_score(records, ["nonsense"])
    assert (found.value, found.reason) == (None, "no metric of the whole image is called nonsense")


FACTOR = """
    from petbench import MethodSpec, hookimpl

    class Factor:
        def fit(self, data, run): ...
        def predict(self, scan):
            return scan.early * 0.8
        def state_dict(self):
            return {}
        def load_state_dict(self, state): ...

    def build(parameters):
        return Factor()

    @hookimpl
    def petbench_methods():
        return [
            MethodSpec(name="factor", summary="times 0.8", build=build),
            MethodSpec(name="factor-elsewhere", summary="times 0.8", build=build, environment="venv"),
        ]
"""


@pytest.mark.slow
@pytest.mark.parametrize("method", ["factor", "factor-elsewhere", "identity", "pix2pix"])
def test_a_run_of_any_kind_of_method_keeps_its_score_on_validation_participants_and_scores_them_again(
    method: str, petbench: Petbench, six: Path, tmp_path: Path
) -> None:
    variables = install_module(tmp_path / "site", "factor", FACTOR) if method.startswith("factor") else {}
    options = ("--budget", "images=32", "--set", "width=4") if method == "pix2pix" else ()
    shown = petbench("run", "-m", method, "-d", six, "--split", "two", *options, "--json", variables=variables)
    row = json.loads(shown.stdout)
    ranking = RANKING_METRICS[-1]  # nobody labelled this dataset
    assert (row["validation_metric"], row["validation_convention"]) == (ranking, convention(ranking))
    files = sorted((petbench.home / "runs").glob("*/validation/*.nii.gz"))
    assert [file.name for file in files] == ["sub-03.nii.gz", "sub-04.nii.gz"]
    dataset = open_dataset(six)
    records = score_validation(dataset, ("sub-03", "sub-04"), files[0].parent, METRICS, progress=silent)
    assert row["validation_score"] == ranking_score(records, RANKING_METRICS).value
    kept = {(each["metric"], each["region"], each["participant"]): each["value"] for each in row["validation_scores"]}
    assert kept == {(each.metric, each.region, each.participant): each.value for each in records}
    assert {each["participant"] for each in row["validation_scores"]} == {"sub-03", "sub-04"}
    assert {score["participant"] for score in row["scores"]} <= {"sub-05", "sub-06", None}
    log = next((petbench.home / "runs").glob("*/training/log.jsonl"))
    by_hand = [mae_by_hand(dataset, file) for file in files]
    assert final_error(log) == pytest.approx(np.mean(by_hand), rel=1e-6)
    assert bool(validation_history(log)) == (method == "pix2pix")
    if method.startswith("factor"):
        for file in files:
            image = read(file)
            np.testing.assert_allclose(image, 0.8 * dataset.early(file.name.removesuffix(".nii.gz"))[0], rtol=1e-6)

    with Leaderboard.open(petbench.home / "leaderboard.db") as store:
        store.update(1, validation_score=None, validation_metric=None, validation_convention=None)
        stored = store.validation_scores([1])
        with store.writing() as session:
            forget_validation(session, 1)
        assert store.validation_scores([1]) == []
        scorer = Scorer.of(Settings.read(home=petbench.home, offline=True), load_plugins(), silent)
        rescore(store.run(1), Home(petbench.home), store, scorer)
        assert store.run(1).validation_score == row["validation_score"]
        assert store.validation_scores([1]) == stored


@pytest.mark.slow
def test_where_nobody_validates_there_is_no_number(petbench: Petbench, six: Path) -> None:
    fold = Fold(("sub-01", "sub-02", "sub-03", "sub-04"), (), ("sub-05", "sub-06"))
    write_split(six, Split("none", open_dataset(six).fingerprint, (fold,)))
    row = petbench.json("run", "-m", "scale", "-d", six, "--split", "none")
    assert row["status"] == "ok"
    assert row["validation_score"] is row["validation_metric"] is row["validation_convention"] is None
    assert "validation" not in {phase["phase"] for phase in row["phases"]}
    assert row["validation_scores"] == []


def convention(metric: str) -> str:
    return next(spec.convention_id for spec in METRICS if spec.name == metric)


def test_a_change_of_the_row_knows_every_field_of_the_number() -> None:
    from petbench_leaderboard.records import VALIDATION_FIELDS, RunRow
    from petbench_leaderboard.run_changes import RunChanges

    named = {field.name for field in dataclasses.fields(RunRow) if field.name.startswith("validation_")}
    of_the_number = named - {"validation_history"}  # which no submission brings
    assert set(VALIDATION_FIELDS) == of_the_number <= set(RunChanges.__annotations__)
