"""From prediction files to rows: which rows, from whom, and what happens to what cannot be scored."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pytest

from petbench.evaluation.catalogue import builtin_metrics
from petbench.evaluation.distribution import EXTRACTOR_METRICS, ExtractorMetrics, Floor
from petbench.evaluation.extractors.random_convolution import RandomConvolution
from petbench.evaluation.feature_cache import FeatureCache
from petbench.evaluation.frechet import frechet_distance
from petbench.evaluation.kid import kernel_distance
from petbench.evaluation.metrics.lesion_endpoints import lesion_endpoints
from petbench.evaluation.metrics.lesions import lesion_metrics
from petbench.evaluation.metrics.psnr import PSNR_METRICS, psnr_body_suv20
from petbench.evaluation.metrics.uncertainty import UNCERTAINTY_METRICS
from petbench.evaluation.scoring import score_predictions
from petbench.evaluation.slices import body_slices
from petbench.metric_spec import Case, Measurement, MetricSpec
from petbench_datasets.errors import DataError
from petbench_datasets.images.grid import Grid
from petbench_datasets.images.nifti_writer import write_image
from petbench_datasets.tasks.built_in import DEFAULT_TASK
from petbench_leaderboard.rows import score_columns

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from numpy.typing import NDArray

    from petbench_datasets.tasks.task import Task
    from petbench_leaderboard.score_records import ScoreRecord

GRID = Grid.regular((14, 16, 18), (20.0, 10.0, 10.0))
WHERE_LABELLED = {spec.name for spec in lesion_metrics(DEFAULT_TASK) + lesion_endpoints(DEFAULT_TASK)} | {
    "lesion_retention_index_error"
}
WHERE_SAMPLED = {spec.name for spec in UNCERTAINTY_METRICS}
DESCRIBES = {"organ_squared_error_share"}  # neither higher nor lower nor near a value is better
RANDCONV = [metrics for metrics in EXTRACTOR_METRICS if metrics.frechet.name == "fd_randconv"]


def of_any_number(metrics: ExtractorMetrics) -> ExtractorMetrics:
    """Return the metrics of an extractor without their least number of slices, for datasets of a few."""
    frechet, kernel = (replace(distance, least_slices=2) for distance in (metrics.frechet, metrics.kernel))
    return replace(metrics, frechet=frechet, kernel=kernel)


ANY_NUMBER = [of_any_number(metrics) for metrics in RANDCONV]


@dataclass(frozen=True)
class TinyPair:
    early: NDArray[np.float32]
    delayed: NDArray[np.float32]
    grid: Grid = GRID


@dataclass(frozen=True)
class TinyDataset:
    """Four participants in memory."""

    name: str = "tiny"
    participants: tuple[str, ...] = ("sub-01", "sub-02", "sub-03", "sub-04")
    fingerprint: str = "f" * 64
    task: Task = DEFAULT_TASK
    asked: list[str] = field(default_factory=list)

    def pair(self, participant: str, /) -> TinyPair:
        self.asked.append(participant)
        generator = np.random.default_rng(int(participant[-2:]))
        early = generator.gamma(2.0, 0.7, GRID.shape).astype(np.float32) * self.body_mask(participant)
        return TinyPair(early, (early * generator.normal(1.3, 0.2, GRID.shape)).clip(0).astype(np.float32))

    def body_mask(self, participant: str, /) -> NDArray[np.bool_]:
        z, y, x = np.indices(GRID.shape)
        return np.asarray(((y - 8) ** 2 + (x - 9) ** 2 < 40 + int(participant[-1])) & (z > 1))

    def labels(self, participant: str, /, kind: str = "organs") -> tuple[NDArray[np.int16], dict[int, str]] | None:
        if kind != "organs" or participant == "sub-04":
            return None
        labels = np.zeros(GRID.shape, dtype=np.int16)
        labels[4:8, 6:10, 7:11] = 1
        labels[9:11, 6:10, 7:11] = 2
        return labels, {1: "liver", 2: "bladder"}


def predict(folder: Path, participants: Iterable[str], error: float = 0.1) -> Path:
    """Write the real delayed image with `error` SUV added in the body as the prediction of each participant."""
    dataset = TinyDataset()
    for participant in participants:
        volume = dataset.pair(participant).delayed + np.float32(error) * dataset.body_mask(participant)
        write_image(folder / f"{participant}.nii.gz", volume, GRID)
    return folder


def rows(records: list[ScoreRecord], metric: str) -> dict[str | None, ScoreRecord]:
    return {record.participant: record for record in records if record.metric == metric}


def test_every_metric_has_a_row_for_each_participant_and_one_for_all(tmp_path: Path) -> None:
    folder = predict(tmp_path / "predictions", ["sub-03", "sub-04"])
    records = score_predictions(TinyDataset(), ["sub-03", "sub-04"], folder, cache=tmp_path, offline=True)
    for spec in PSNR_METRICS:
        found = rows(records, spec.name)
        assert set(found) == {"sub-03", "sub-04"}
        assert {row.convention_id for row in found.values()} == {spec.convention_id}
        assert all(row.value is not None for row in found.values())
    mae = rows(records, "mae_body_suv")["sub-03"]
    assert mae.value == pytest.approx(0.1, abs=1e-6)
    assert (mae.unit, mae.region, mae.higher_is_better) == ("SUV", "body", False)
    assert rows(records, "organ_suvmean_error")["sub-04"].reason == "the dataset has no organ labels"
    dataset_level = [record for record in records if record.participant is None and record.region == "volume"]
    assert [row.metric for row in dataset_level] == ["fid", "kid", "fd_768", "kd_768", "fd_randconv", "kd_randconv"]


def test_a_score_is_that_of_its_own_participant(tmp_path: Path) -> None:
    dataset = TinyDataset()
    folder = predict(tmp_path, ["sub-01"], error=0.1)
    predict(tmp_path, ["sub-02"], error=0.7)
    records = score_predictions(dataset, ["sub-02", "sub-01"], folder, cache=tmp_path / "cache", distances=())
    values = {name: row.value for name, row in rows(records, "rmse_body_suv").items()}
    assert values == {"sub-01": pytest.approx(0.1, abs=1e-6), "sub-02": pytest.approx(0.7, abs=1e-6)}


def test_scores_are_those_of_the_file_as_it_was_stored(tmp_path: Path) -> None:
    dataset, pair = TinyDataset(), TinyDataset().pair("sub-01")
    volume = pair.delayed * np.float32(0.9)
    write_image(tmp_path / "sub-01.nii.gz", volume, GRID)
    records = score_predictions(dataset, ["sub-01"], tmp_path, cache=tmp_path / "cache", distances=())
    expected = psnr_body_suv20(volume, pair.delayed, dataset.body_mask("sub-01"))
    assert rows(records, "psnr_body_suv20")["sub-01"].value == expected


def test_missing_weights_leave_empty_rows_with_their_reason_and_never_a_substitute(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PETBENCH_FID_WEIGHTS", raising=False)
    monkeypatch.delenv("PETBENCH_FD768_WEIGHTS", raising=False)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    folder = predict(tmp_path / "predictions", ["sub-04"])
    records = score_predictions(TinyDataset(), ["sub-04"], folder, cache=tmp_path, offline=True)
    for metric in ("fid", "kid", "fd_768", "kd_768"):
        row = rows(records, metric)[None]
        assert row.value is None
        assert row.reason is not None
        assert row.reason.startswith("weights unavailable: ")
    assert rows(records, "fid")[None].convention_id.startswith("frechet/inception-2015-12-05/pool3-2048@1/")
    assert rows(records, "fd_randconv")[None].convention_id.startswith("frechet/randconv-960/mean-std@1/")


def test_the_distribution_row_is_the_distance_of_the_same_participants_slices_and_explains_itself(
    tmp_path: Path,
) -> None:
    dataset, scored = TinyDataset(), ["sub-03", "sub-04"]
    folder = predict(tmp_path / "predictions", scored, error=0.4)
    records = score_predictions(dataset, scored, folder, cache=tmp_path, distances=ANY_NUMBER)
    extractor = RandomConvolution()
    real = [body_slices(dataset.pair(name).delayed, dataset.body_mask(name)) for name in scored]
    predicted = [
        body_slices(dataset.pair(name).delayed + np.float32(0.4) * dataset.body_mask(name), dataset.body_mask(name))
        for name in scored
    ]
    features = [extractor(np.concatenate(side)) for side in (real, predicted)]
    frechet, kernel = rows(records, "fd_randconv")[None], rows(records, "kd_randconv")[None]
    assert frechet.value == pytest.approx(frechet_distance(*features), rel=1e-4)
    assert kernel.value == pytest.approx(kernel_distance(*features), rel=1e-4)
    assert frechet.extra["n_real"] == frechet.extra["n_predicted"] == 24
    assert frechet.extra["participants"] == scored
    assert frechet.extra["window_suv"] == [0.0, 10.0]
    assert frechet.extra["extractor_sha256"] == extractor.digest
    assert frechet.extra["floor_participants"] == ["sub-01", "sub-02"]
    assert isinstance(frechet.extra["floor"], float)
    assert kernel.extra["participant_bootstrap"] is not None


def test_the_floor_compares_real_slices_of_other_participants_in_equal_number(tmp_path: Path) -> None:
    dataset = TinyDataset()
    floor = Floor(dataset, ["sub-04"], FeatureCache(tmp_path, dataset.fingerprint))
    features, reason = floor.features(RandomConvolution(), 10)
    assert reason is None
    assert features is not None
    assert features.shape == (10, 960)
    assert floor.features(RandomConvolution(), 37)[1] == "the other participants have 36 body slices, fewer than 37"
    alone = Floor(dataset, dataset.participants, floor.cache)
    assert (
        alone.features(RandomConvolution(), 10)[1]
        == "every participant of the dataset is scored: no others for a floor"
    )


def test_a_perfect_copy_is_at_distance_exactly_zero(tmp_path: Path) -> None:
    folder = predict(tmp_path / "predictions", ["sub-01", "sub-02"], error=0.0)
    records = score_predictions(TinyDataset(), ["sub-01", "sub-02"], folder, cache=tmp_path, distances=ANY_NUMBER)
    assert rows(records, "fd_randconv")[None].value == 0.0


def test_a_distance_of_too_few_slices_is_absent_and_says_how_many_it_takes(tmp_path: Path) -> None:
    folder = predict(tmp_path / "predictions", ["sub-03", "sub-04"])
    records = score_predictions(TinyDataset(), ["sub-03", "sub-04"], folder, cache=tmp_path, distances=RANDCONV)
    frechet, kernel = rows(records, "fd_randconv")[None], rows(records, "kd_randconv")[None]
    assert (frechet.value, kernel.value) == (None, None)
    assert frechet.reason == "24 slices: fd_randconv takes at least 961; fewer have no covariance of full rank"
    assert kernel.reason == "24 slices: kd_randconv takes at least 50; fewer have too wide a spread"
    assert frechet.extra["n_real"] == 24
    assert frechet.extra["floor"] is None


def test_a_frechet_distance_takes_as_many_slices_as_its_covariance_needs_for_full_rank() -> None:
    generator = np.random.default_rng(3)
    for metrics in EXTRACTOR_METRICS:
        least = metrics.frechet.least_slices
        dimension = {"fid": 2048, "fd_768": 768, "fd_randconv": RandomConvolution().dimension}[metrics.frechet.name]
        assert least == dimension + 1
    features = generator.standard_normal((41, 40))
    assert np.linalg.matrix_rank(np.cov(features.T)) == 40
    assert np.linalg.matrix_rank(np.cov(features[:40].T)) == 39


def test_features_of_real_slices_are_kept_and_used_only_for_those_very_slices(tmp_path: Path) -> None:
    cache = FeatureCache(tmp_path, "f" * 64)
    extractor = RandomConvolution()
    generator = np.random.default_rng(1)
    images = generator.integers(0, 255, (3, 16, 16), dtype=np.uint8)
    first = cache.features(extractor, "sub-01", images)
    file = next(tmp_path.rglob("sub-01.npz"))
    written = file.stat().st_mtime_ns
    np.testing.assert_array_equal(cache.features(extractor, "sub-01", images), first)
    assert file.stat().st_mtime_ns == written
    other = cache.features(extractor, "sub-01", images[::-1])
    np.testing.assert_allclose(other, first[::-1], rtol=1e-6)
    file.write_bytes(b"damaged")
    np.testing.assert_array_equal(cache.features(extractor, "sub-01", images), first)


@pytest.mark.parametrize("broken", ["missing", "nan", "twice"])
def test_one_prediction_that_cannot_be_scored_means_no_scores_at_all(tmp_path: Path, broken: str) -> None:
    scored = ["sub-01", "sub-02", "sub-03"]
    folder = predict(tmp_path / "predictions", scored)
    last = folder / "sub-03.nii.gz"
    if broken == "missing":
        last.unlink()
    elif broken == "nan":
        write_image(last, np.full(GRID.shape, np.nan, dtype=np.float32), GRID)
    else:
        last.write_bytes((folder / "sub-01.nii.gz").read_bytes())
    with pytest.raises(DataError, match="sub-03"):
        score_predictions(TinyDataset(), scored, folder, cache=tmp_path, distances=())


def test_a_metric_that_fails_or_gives_no_number_leaves_its_reason_and_the_others_stand(tmp_path: Path) -> None:
    def explode(case: Case) -> Iterable[Measurement]:
        raise RuntimeError(f"no luck with {case.participant}")

    base = PSNR_METRICS[0]
    specs: list[MetricSpec] = [
        replace(base, name="exploding", measure=explode),
        replace(base, name="infinite", measure=lambda _case: [Measurement("body", float("inf"))]),
        base,
    ]
    folder = predict(tmp_path / "predictions", ["sub-01"])
    records = score_predictions(TinyDataset(), ["sub-01"], folder, cache=tmp_path, metrics=specs, distances=())
    reasons = {record.metric: record.reason for record in records}
    assert reasons == {
        "exploding": "RuntimeError: no luck with sub-01",
        "infinite": "infinite is inf here",
        "psnr_body_suv20": None,
    }


ODD: dict[str, list[Measurement]] = {
    "text": [Measurement("body", cast("Any", "30"))],
    "a complex number": [Measurement("body", cast("Any", 30j))],
    "a truth": [Measurement("body", cast("Any", True))],
    "a list": [Measurement("body", cast("Any", [30.0]))],
    "more than any float": [Measurement("body", 10**400)],
    "what no mean can hold": [Measurement("body", 1e200)],
    "a large integer beside it": [Measurement("body", 30.0, extra={"n": 2**70})],
    "an object beside it": [Measurement("body", 30.0, extra={"n": object()})],
    "infinity beside it": [Measurement("body", 30.0, extra={"n": float("inf")})],
    "a region that turns": [Measurement("\u202ebody", 30.0)],
    "a reason that is obeyed": [Measurement("body", None, "\x1b[2J")],
    "no region": [Measurement(cast("Any", None), 30.0)],
    "a region twice": [Measurement("body", 30.0), Measurement("body", 31.0)],
    "no measurement": cast("Any", [None]),
    "nothing to go through": cast("Any", None),
}


@pytest.mark.parametrize("kind", ODD)
def test_a_metric_that_measures_what_no_output_can_carry_leaves_a_reason_that_can_be_stored(
    tmp_path: Path, kind: str
) -> None:
    base = PSNR_METRICS[0]
    odd = replace(base, name="odd", measure=lambda _case: ODD[kind])
    folder = predict(tmp_path / "predictions", ["sub-01"])
    records = score_predictions(TinyDataset(), ["sub-01"], folder, cache=tmp_path, metrics=[odd, base], distances=())
    found, other = (next(record for record in records if record.metric == name) for name in ("odd", base.name))
    assert (found.region, found.value) == ("body", None)
    assert found.reason
    assert other.value is not None
    for record in records:
        score_columns(record, 1, 2)


def test_progress_runs_from_nothing_to_all(tmp_path: Path) -> None:
    reported: list[tuple[float, float]] = []
    folder = predict(tmp_path / "predictions", ["sub-01"])
    score_predictions(
        TinyDataset(),
        ["sub-01"],
        folder,
        cache=tmp_path,
        distances=RANDCONV,
        progress=lambda _what, done, total: reported.append((done, total)),
    )
    assert reported == sorted(reported)
    assert (reported[0], reported[-1]) == ((0, 2), (2, 2))


def test_column_names_are_unique_and_only_the_canonical_extractor_is_called_fid() -> None:
    names = [spec.name for spec in builtin_metrics()]
    names += [distance.name for metrics in EXTRACTOR_METRICS for distance in (metrics.frechet, metrics.kernel)]
    assert len(names) == len(set(names))
    assert [
        metrics.extractor_id
        for metrics in EXTRACTOR_METRICS
        if "fid" in metrics.frechet.name or "kid" in metrics.kernel.name
    ] == ["inception-2015-12-05/pool3-2048@1"]


def test_every_metric_that_a_run_stores_says_how_it_is_shown(tmp_path: Path) -> None:
    folder = predict(tmp_path / "predictions", ["sub-01"])
    records = score_predictions(TinyDataset(), ["sub-01"], folder, cache=tmp_path, offline=True)
    missing = {spec.name for spec in builtin_metrics()} - {record.metric for record in records}
    assert missing == WHERE_LABELLED | WHERE_SAMPLED
    for record in records:
        assert record.facts is not None, record.metric
        assert record.facts.label, record.metric
        assert record.facts.summary, record.metric
        assert record.unit in {"", "dB", "SUV", "%", "mL"}, record.metric
        has_direction, has_best = record.higher_is_better is not None, record.facts.best_value is not None
        expected = 0 if record.metric in DESCRIBES else 1
        assert has_direction + has_best == expected, f"{record.metric}: a direction or a best value"


def test_organs_have_a_row_each_and_limits_of_agreement_over_participants(tmp_path: Path) -> None:
    scored = ["sub-01", "sub-02"]
    folder = predict(tmp_path / "predictions", scored, error=0.2)
    records = score_predictions(TinyDataset(), scored, folder, cache=tmp_path, distances=())
    bias = {
        row.participant: row.value
        for row in records
        if row.metric == "organ_suvmean_bias" and row.region == "liver" and row.value is not None
    }
    for participant, value in bias.items():
        assert participant is not None
        real = float(TinyDataset().pair(participant).delayed[4:8, 6:10, 7:11].mean(dtype=np.float64))
        assert value == pytest.approx(100.0 * 0.2 / real, rel=1e-5)
    limits = next(row for row in records if row.metric == "organ_suvmean_bias_limits" and row.region == "liver")
    values = list(bias.values())
    spread = float(np.std(values, ddof=1))
    assert limits.participant is None
    assert limits.value == pytest.approx(np.mean(values))
    assert limits.extra["low"] == pytest.approx(np.mean(values) - 1.96 * spread)
    assert limits.extra["high"] == pytest.approx(np.mean(values) + 1.96 * spread)
    error = rows(records, "organ_suvmean_error")["sub-01"]
    assert error.value == pytest.approx(bias["sub-01"])  # the bladder is left out
    assert error.extra["organs"] == 1
