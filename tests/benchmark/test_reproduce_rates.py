"""The learning rate of each method: chosen on validation participants, whatever is scored on test participants."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import pytest

from petbench.errors import PetbenchError
from petbench.evaluation.metrics.error import ERROR_METRICS
from petbench.evaluation.metrics.psnr import PSNR_METRICS
from petbench.evaluation.metrics.texture import TEXTURE_METRICS
from petbench.reproduce import rates
from petbench.reproduce.rates import choose_rate
from petbench_leaderboard.records import RunRecord, RunRow
from petbench_leaderboard.score_records import ScoreRecord
from petbench_leaderboard.store import Leaderboard

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from petbench.metric_spec import MetricSpec

METRICS = (*PSNR_METRICS, *ERROR_METRICS, *TEXTURE_METRICS)
PSNR = PSNR_METRICS[0]
MAE = next(metric for metric in ERROR_METRICS if metric.name == "mae_body_suv")
RATIO = next(metric for metric in TEXTURE_METRICS if metric.name == "noise_power_ratio")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Leaderboard]:
    with Leaderboard.open(tmp_path / "leaderboard.db") as opened:
        yield opened


def entered(
    store: Leaderboard,
    rate: float,
    score: float | None,
    *,
    metric: MetricSpec = PSNR,
    fold: int = 0,
    status: Any = "ok",
    test_scores: tuple[float, ...] = (),
) -> RunRow:
    record = RunRecord(
        identity=f"{rate}-{fold}", method="pix2pix", plugin="gan", distribution="petbench", version="0.1.0",
        source_hash="0", supervision="paired", preset="paper", parameters={"learning_rate": rate}, dataset="d",
        fingerprint="f", split="holdout", split_digest="s", fold=fold, seed=0, precision="fp32", budget="images=8",
        protocol=2,
    )  # fmt: skip
    run_id = store.plan(record)
    store.record_scores(
        run_id,
        [
            ScoreRecord(
                participant=f"sub-{number}", region="body", metric=PSNR.name, convention_id=PSNR.convention_id,
                value=value, unit="dB", higher_is_better=True,
            )
            for number, value in enumerate(test_scores)
        ],
    )  # fmt: skip
    store.update(
        run_id,
        status=status,
        validation_score=score,
        validation_metric=metric.name,
        validation_convention=metric.convention_id,
    )
    return store.run(run_id)


@pytest.mark.parametrize(
    ("metric", "scores", "best"),
    [
        (PSNR, (30.0, 32.0, 31.0), 2),
        (MAE, (0.30, 0.32, 0.28), 3),
        (MAE, (0.20, 0.32, 0.28), 1),
        (RATIO, (1.7, 0.7, 1.1), 3),
        (RATIO, (0.95, 0.7, 1.1), 1),
        (PSNR, (31.0, 31.0, 30.0), 1),
    ],
)
def test_the_rate_is_the_best_on_validation_by_the_direction_of_the_metric(
    metric: MetricSpec, scores: tuple[float, ...], best: int, store: Leaderboard
) -> None:
    runs = {
        float(rate): [entered(store, rate, score, metric=metric)] for rate, score in zip((1, 2, 3), scores, strict=True)
    }
    choice = choose_rate("pix2pix", runs, 1, METRICS)
    assert choice.rate == best
    assert choice.metric is metric
    assert [trial.score for trial in choice.trials] == list(scores)


def test_test_scores_choose_no_rate_even_where_they_say_the_opposite(store: Leaderboard) -> None:
    validation, test = (30.0, 32.0, 31.0), (90.0, 10.0, 95.0)
    runs = {
        float(rate): [entered(store, rate, score, test_scores=(best, best))]
        for rate, score, best in zip((1, 2, 3), validation, test, strict=True)
    }
    assert choose_rate("pix2pix", runs, 1, METRICS).rate == 2.0


def test_what_chooses_is_given_no_score_and_no_leaderboard() -> None:
    taken = inspect.signature(choose_rate).parameters
    assert list(taken) == ["method", "runs", "folds", "metrics"]
    assert "Leaderboard" not in inspect.getsource(rates)
    assert not {name for name in RunRow.__annotations__ if "score" in name} - {"validation_score"}


def test_nothing_is_chosen_before_every_run_of_the_grid_has_ended(store: Leaderboard) -> None:
    runs = {1.0: [entered(store, 1, 30.0)], 2.0: [entered(store, 2, 32.0)], 3.0: []}
    choice = choose_rate("pix2pix", runs, 1, METRICS)
    assert choice.rate is None
    assert not choice.is_decided
    assert [trial.state for trial in choice.trials] == ["ok", "ok", "missing"]
    running = {**runs, 3.0: [entered(store, 3, None, status="running")]}
    assert not choose_rate("pix2pix", running, 1, METRICS).is_decided


def test_a_rate_is_as_good_as_the_mean_of_all_its_folds(store: Leaderboard) -> None:
    runs = {
        1.0: [entered(store, 1, 40.0, fold=0), entered(store, 1, 20.0, fold=1)],
        2.0: [entered(store, 2, 31.0, fold=0), entered(store, 2, 31.0, fold=1)],
    }
    choice = choose_rate("pix2pix", runs, 2, METRICS)
    assert [trial.score for trial in choice.trials] == [30.0, 31.0]
    assert choice.rate == 2.0
    missing = {1.0: runs[1.0], 2.0: runs[2.0][:1]}
    assert choose_rate("pix2pix", missing, 2, METRICS).rate is None


@pytest.mark.parametrize("status", ["diverged", "failed", "out-of-memory", "timed-out"])
def test_a_rate_at_which_a_run_failed_is_not_chosen_and_stops_no_other(status: str, store: Leaderboard) -> None:
    runs = {
        1.0: [entered(store, 1, 30.0)],
        2.0: [entered(store, 2, None, status=status)],
        3.0: [entered(store, 3, 29.0)],
    }
    choice = choose_rate("pix2pix", runs, 1, METRICS)
    assert choice.is_decided
    assert choice.rate == 1.0
    assert choice.trials[1].state == status
    nothing = choose_rate("pix2pix", {2.0: runs[2.0]}, 1, METRICS)
    assert nothing.is_decided
    assert nothing.rate is None


def test_a_run_that_nobody_validates_is_named(store: Leaderboard) -> None:
    runs = {1.0: [entered(store, 1, None)]}
    with pytest.raises(
        PetbenchError, match=r"run 1 .* has no validation score, and a learning rate is chosen on"
    ) as raised:
        choose_rate("pix2pix", runs, 1, METRICS)
    assert len(str(raised.value).splitlines()) == 1


def test_scores_of_two_conventions_are_not_compared(store: Leaderboard) -> None:
    runs = {1.0: [entered(store, 1, 30.0)], 2.0: [entered(store, 2, 0.3, metric=MAE)]}
    with pytest.raises(PetbenchError, match="not one metric that is installed here"):
        choose_rate("pix2pix", runs, 1, METRICS)
