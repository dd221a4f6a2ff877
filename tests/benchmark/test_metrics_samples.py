"""Several samples of one prediction: their files, the coverage of their interval, and the CRPS."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from tests.benchmark.cases import body, case, image, measured
from tests.benchmark.test_evaluation_scoring import GRID, TinyDataset, predict, rows

from petbench.evaluation.metrics.uncertainty import fair_crps, interval_coverage_percent
from petbench.evaluation.samples import find_samples, sample_path
from petbench.evaluation.scoring import score_predictions
from petbench_datasets.errors import DataError
from petbench_datasets.images.nifti_writer import write_image

if TYPE_CHECKING:
    from pathlib import Path

    from petbench_leaderboard.score_records import ScoreRecord


@pytest.mark.parametrize("count", [19, 20, 37, 99])
def test_an_honest_method_covers_ninety_percent_however_many_samples_it_draws(count: int) -> None:
    random = np.random.default_rng(count)
    level = random.normal(3.0, 1.0, 40_000)
    samples, real = (level + random.gamma(2.0, 1.0, shape) for shape in ((count, 40_000), (40_000,)))
    assert interval_coverage_percent(samples, real) == pytest.approx(90.0, abs=0.7)


def test_a_method_that_is_too_sure_or_too_unsure_does_not() -> None:
    random = np.random.default_rng(2)
    real = random.normal(0.0, 1.0, 20_000)
    sure, unsure = (random.normal(0.0, spread, (39, 20_000)) for spread in (0.5, 2.0))
    assert interval_coverage_percent(sure, real) < 70.0
    assert interval_coverage_percent(unsure, real) > 98.0


def test_with_nineteen_samples_the_interval_is_from_the_smallest_to_the_largest() -> None:
    random = np.random.default_rng(3)
    samples, real = random.normal(0.0, 1.0, (19, 500)), random.normal(0.0, 1.0, 500)
    inside = (samples.min(axis=0) <= real) & (real <= samples.max(axis=0))
    assert interval_coverage_percent(samples, real) == pytest.approx(100.0 * inside.mean())
    with pytest.raises(ValueError, match="18 samples hold no 90 % interval; it takes 19"):
        interval_coverage_percent(samples[:18], real)


def test_the_crps_is_that_of_all_pairs_and_the_absolute_error_where_samples_are_alike() -> None:
    random = np.random.default_rng(4)
    samples, real = random.gamma(2.0, 1.0, (5, 60)), random.gamma(2.0, 1.0, 60)
    pairs = np.mean([np.abs(samples[i] - samples[j]).mean() for i in range(5) for j in range(5) if i != j])
    assert fair_crps(samples, real) == pytest.approx(np.abs(samples - real).mean() - pairs / 2.0)
    same = np.repeat(samples[:1], 5, axis=0)
    assert fair_crps(same, real) == pytest.approx(np.abs(samples[0] - real).mean())
    with pytest.raises(ValueError, match="at least 2 samples"):
        fair_crps(samples[:1], real)


def test_the_crps_of_many_normal_samples_is_its_closed_form() -> None:
    random = np.random.default_rng(5)
    samples, real = random.standard_normal((400, 2000)), np.full(2000, 0.7)
    from scipy import stats

    density, below = stats.norm.pdf(0.7), stats.norm.cdf(0.7)
    closed = 0.7 * (2.0 * below - 1.0) + 2.0 * density - 1.0 / np.sqrt(np.pi)  # Gneiting & Raftery 2007, eq. 21
    assert fair_crps(samples, real) == pytest.approx(closed, abs=0.003)


def test_a_case_without_samples_has_no_rows_and_too_few_say_how_many_it_takes() -> None:
    real = image(2)
    assert measured("interval90_coverage", case(image(1), real)) == {}
    assert measured("crps_body_suv", case(image(1), real)) == {}
    few = np.stack([image(seed)[body()] for seed in range(3)])
    row = measured("interval90_coverage", case(image(1), real, samples=few))["body"]
    assert (row.value, row.reason) == (None, "3 samples hold no 90 % interval; it takes 19")
    crps = measured("crps_body_suv", case(image(1), real, samples=few))["body"]
    assert crps.value is not None
    assert crps.extra == {"samples": 3}


def score(folder: Path, tmp_path: Path) -> list[ScoreRecord]:
    return score_predictions(TinyDataset(), ["sub-01", "sub-02"], folder, cache=tmp_path / "cache", distances=())


def write_samples(folder: Path, count: int = 20) -> Path:
    """Write predictions with samples around the real image of each participant."""
    predict(folder, ["sub-01", "sub-02"])
    for participant in ("sub-01", "sub-02"):
        random, real = np.random.default_rng(int(participant[-2:])), TinyDataset().pair(participant).delayed
        for number in range(1, count + 1):
            sample = np.maximum(real + random.normal(0.0, 0.3, real.shape), 0.0).astype(np.float32)
            write_image(sample_path(folder, participant, number), sample, GRID)
    return folder


def test_samples_beside_the_predictions_are_scored_in_the_body_and_nothing_else_changes(tmp_path: Path) -> None:
    folder = write_samples(tmp_path / "predictions")
    records = score(folder, tmp_path)
    for participant in ("sub-01", "sub-02"):
        inside, real = TinyDataset().body_mask(participant), TinyDataset().pair(participant).delayed
        random = np.random.default_rng(int(participant[-2:]))
        samples = np.stack([np.maximum(real + random.normal(0.0, 0.3, real.shape), 0.0)[inside] for _ in range(20)])
        expected = fair_crps(samples, real[inside].astype(float))
        assert rows(records, "crps_body_suv")[participant].value == pytest.approx(expected, rel=1e-5)
        assert rows(records, "interval90_coverage")[participant].value is not None
    plain = score(predict(tmp_path / "plain", ["sub-01", "sub-02"]), tmp_path)
    others = [record for record in records if record.metric not in {"crps_body_suv", "interval90_coverage"}]
    assert others == plain


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        ("missing", "sub-02_sample-7.nii.gz: no such sample; every participant has as many samples, numbered from 1"),
        ("fewer", "sub-02_sample-20.nii.gz: no such sample"),
        ("twice", "a second sample 3 beside sub-01_sample-3.nii"),
        ("stranger", "no participant of tiny is called 'sub-99'"),
        ("nan", "NaN"),
        ("number", "no participant of tiny is called 'sub-01_sample-0'"),
    ],
)
def test_samples_that_cannot_be_scored_are_refused_by_name(tmp_path: Path, damage: str, said: str) -> None:
    folder = write_samples(tmp_path / "predictions")
    sample = sample_path(folder, "sub-01", 3)
    if damage == "missing":
        sample_path(folder, "sub-02", 7).unlink()
    elif damage == "fewer":
        sample_path(folder, "sub-02", 20).unlink()
    elif damage == "twice":
        write_image(folder / "sub-01_sample-3.nii", np.ones(GRID.shape, dtype=np.float32), GRID)
    elif damage == "stranger":
        sample.rename(folder / "sub-99_sample-1.nii.gz")
    elif damage == "nan":
        write_image(sample, np.full(GRID.shape, np.nan, dtype=np.float32), GRID)
    else:
        sample.rename(folder / "sub-01_sample-0.nii.gz")
    with pytest.raises(DataError, match=said):
        score(folder, tmp_path)


def test_samples_of_participants_who_are_not_scored_are_left_alone(tmp_path: Path) -> None:
    folder = write_samples(tmp_path / "predictions", 2)
    assert [path.name for path in find_samples(folder, ["sub-02"])["sub-02"]] == [
        "sub-02_sample-1.nii.gz",
        "sub-02_sample-2.nii.gz",
    ]
    assert find_samples(folder, ["sub-03"]) == {"sub-03": []}
