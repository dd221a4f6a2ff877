"""The study by which a ranking metric is chosen: its tests, its degraded copies, and the whole of it on a phantom."""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
from click.testing import CliRunner
from scipy import stats
from tests.benchmark.cases import body, case, distance_millimetres, image, labels
from tests.datasets.test_phantom_build import SMALL

from petbench.cli.main import cli
from petbench.evaluation.catalogue import builtin_metrics
from petbench.evaluation.study.degradations import FAMILIES, with_lottery
from petbench.evaluation.study.metric_study import mean_tau, study_metrics, study_scene
from petbench.evaluation.study.page import study_page
from petbench.evaluation.study.scene import Scene, as_scanned, blurred, read_scene
from petbench.evaluation.study.separation import critical_rank_sum, separated, separation_rate
from petbench_datasets.dataset.reader import open_dataset
from petbench_datasets.errors import DataError
from petbench_datasets.progress import silent
from petbench_phantom.build import build_phantom

if TYPE_CHECKING:
    from pathlib import Path

    from petbench.evaluation.study.degradations import Family
    from petbench.evaluation.study.metric_study import MetricStudy
    from petbench_datasets.dataset.reader import Dataset

SPACING = (5.0, 4.0, 4.0)


def family(name: str) -> Family:
    return next(each for each in FAMILIES if each.name == name)


def scene(lesions: bool = False) -> Scene:
    best = image(7, 0.0).astype(float)
    random = np.random.default_rng(1)
    spots = np.zeros(best.shape, dtype=np.int16)
    for number, place in enumerate(((9, 9, 9), (20, 8, 8), (10, 26, 8)), start=1):
        spots[tuple(slice(index - 1, index + 2) for index in place)] = number
        if lesions:
            best[spots == number] = 10.0 - number
    marks = {"lesions": spots, "lesion_names": {1: "a", 2: "b", 3: "c"}} if lesions else {}
    real = image(2)
    return Scene(
        case(real, real, early=image(3) * np.float32(1.4), **marks), best, random.normal(0, 0.1, best.shape), True
    )


@pytest.mark.parametrize("count", range(1, 11))
def test_the_critical_rank_sum_is_that_of_counting_all_signs(count: int) -> None:
    sums = sorted(
        sum(rank for rank, positive in enumerate(signs, start=1) if positive)
        for signs in itertools.product((False, True), repeat=count)
    )
    tails = {total: sum(other >= total for other in sums) / 2**count for total in sums}
    expected = min((total for total, tail in tails.items() if tail <= 0.025), default=None)
    assert critical_rank_sum(count) == expected
    assert (critical_rank_sum(count) is None) == (count < 6)


@pytest.mark.parametrize("count", [6, 9, 16, 32])
def test_separation_is_that_of_scipys_exact_test_in_the_right_direction(count: int) -> None:
    differences = np.random.default_rng(count).normal(0.35, 1.0, (300, count))
    expected = [
        stats.wilcoxon(row, method="exact").pvalue <= 0.05
        and stats.wilcoxon(row, method="exact").statistic < stats.rankdata(np.abs(row))[row > 0].sum()
        for row in differences
    ]
    assert separated(differences).tolist() == expected
    assert 10 < sum(expected) < 290


def test_ties_and_zeros_make_the_test_more_careful_and_five_participants_decide_nothing() -> None:
    assert separated(np.ones((1, 5))).tolist() == [False]
    assert separated(np.ones((1, 6))).tolist() == [True]
    assert separated(np.array([[1.0, 1.0, 1.0, 1.0, 1.0, 0.0]])).tolist() == [False]
    assert separated(np.zeros((1, 20))).tolist() == [False]
    assert separated(-np.ones((1, 20))).tolist() == [False]


def test_the_rate_is_over_subsets_without_repetition_and_the_same_for_every_metric() -> None:
    differences = np.where(np.arange(20) < 15, 1.0, -1.0) * np.arange(1.0, 21.0)
    first, again = (separation_rate(differences, 8) for _ in range(2))
    assert first == again
    random = np.random.default_rng(8)
    drawn = [bool(separated(differences[random.permutation(20)[:8]][None])[0]) for _ in range(4000)]
    assert first == pytest.approx(np.mean(drawn), abs=0.05)
    assert separation_rate(differences, 20) in (0.0, 1.0)


def test_tau_is_one_in_the_known_order_and_a_metric_that_never_moves_finds_none() -> None:
    assert mean_tau(np.array([[0.0, 1.0, 2.0], [5.0, 6.0, 9.0]])) == 1.0
    assert mean_tau(np.array([[0.0, 1.0, 2.0], [2.0, 1.0, 0.0]])) == 0.0
    assert mean_tau(np.array([[0.0, 1.0, 2.0], [4.0, 4.0, 4.0]])) == 0.5


@pytest.mark.parametrize("each", FAMILIES, ids=lambda each: each.name)
def test_every_step_of_a_family_is_further_from_the_best_image_than_the_one_before(each: Family) -> None:
    one = scene(lesions=each.needs == "lesions")
    assert each.fits(one)
    inside = one.case.body
    away = [float(np.square(each.degrade(one, level) - one.best)[inside].sum()) for level in each.levels]
    assert away[0] > 0.0
    assert away == sorted(away)
    np.testing.assert_array_equal(each.degrade(one, each.levels[0]), each.degrade(one, each.levels[0]))


def test_copies_are_what_their_names_say() -> None:
    one = scene()
    np.testing.assert_allclose(family("gain").degrade(one, 10.0), 1.1 * one.best)
    np.testing.assert_allclose(family("mixture").degrade(one, 30.0), 0.7 * one.best + 0.3 * one.case.early)
    zone = distance_millimetres(labels() == 3) <= 20.0
    added = family("bladder").degrade(one, 50.0) - one.best
    expected = 0.5 * blurred(np.where(labels() == 3, one.best, 0.0), (8.0, 8.0, 8.0), SPACING)
    np.testing.assert_allclose(added[zone], expected[zone], atol=1e-12)
    assert not added[~zone].any()
    organs = family("organs").degrade(one, 20.0)
    for index in (1, 2, 5):
        assert len(set(np.round((organs / np.maximum(one.best, 1e-9))[labels() == index], 6))) == 1
    np.testing.assert_array_equal(organs[labels() == 3], one.best[labels() == 3])  # the bladder has its own family
    missing = family("lesions").degrade(scene(lesions=True), 1.0)
    assert missing[9, 9, 9] < 3.0 < missing[20, 8, 8]


def test_the_lottery_moves_the_bladder_alone_and_is_partly_common_to_a_participants_copies() -> None:
    one = scene()
    factors = [(with_lottery(one, one.best, copy) / np.maximum(one.best, 1e-9))[4, 15, 15] for copy in ("a", "b")]
    assert factors[0] != factors[1]
    far = labels() == 2
    np.testing.assert_array_equal(with_lottery(one, one.best, "a")[far], one.best[far])
    bare = Scene(case(image(2), image(2), labels=None, names={}), one.best, one.noise, True)
    assert with_lottery(bare, one.best, "a") is one.best


def test_the_truth_is_taken_at_the_resolution_of_the_real_image() -> None:
    truth = image(7, 0.3).astype(float)
    real = blurred(truth, (8.0, 12.0, 12.0), SPACING)
    np.testing.assert_allclose(as_scanned(truth, real, body(), SPACING), real)


def test_a_family_that_needs_labels_is_left_out_where_there_are_none() -> None:
    bare = Scene(case(image(2), image(2), labels=None, names={}), image(7).astype(float), np.zeros(body().shape), True)
    specs = [spec for spec in builtin_metrics() if spec.name == "mae_body_suv"]
    (of_families,) = study_scene(bare, specs).values()
    assert set(of_families) == {"gain", "blur", "noise", "shift", "mixture"}
    assert all(len(steps) == 1 + len(family(name).levels) for name, steps in of_families.items())


@pytest.fixture(scope="module")
def phantom(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    folder = tmp_path_factory.mktemp("datasets") / "small"
    build_phantom(SMALL, folder, silent)
    return open_dataset(folder)


@pytest.fixture(scope="module")
def studied(phantom: Dataset) -> MetricStudy:
    return study_metrics(phantom, phantom.participants, builtin_metrics())


@pytest.mark.slow
def test_without_the_bladder_metrics_find_the_order_that_its_lottery_hides_from_the_others(
    studied: MetricStudy,
) -> None:
    found = {result.metric: result for result in studied.metrics}
    assert (studied.sizes, studied.simulated, len(studied.participants)) == ((6,), True, 6)
    for name in ("psnr_body_suv20", "rmse_body_suv", "mae_body_suv"):
        with_bladder, without = found[name], found[f"{name}_no_urinary"]
        assert without.mean_tau is not None
        assert with_bladder.mean_tau is not None
        assert without.mean_tau > with_bladder.mean_tau
        assert without.mean_separation[6] > with_bladder.mean_separation[6]
        assert with_bladder.tau["bladder"] != without.tau["bladder"] == 0.0
    assert found["rmse_body_suv_no_urinary"].tau["gain"] > 0.9
    assert "organ_squared_error_share" not in found  # ranks nothing
    assert "interval90_coverage" not in found  # nobody draws samples here


@pytest.mark.slow
def test_a_copys_score_is_that_of_the_metric_itself(phantom: Dataset) -> None:
    one = read_scene(phantom, "sub-02")
    steps = study_scene(one, builtin_metrics())["mae_body_suv", "body"]["gain"]
    inside, real = phantom.body_mask("sub-02"), phantom.pair("sub-02").delayed.astype(float)
    drawn = with_lottery(one, 1.1 * one.best, "gain/10")
    assert steps[3] == pytest.approx(np.abs(drawn - real)[inside].mean(), rel=1e-5)


@pytest.mark.slow
def test_the_page_and_the_json_hold_every_metric_and_the_command(phantom: Dataset, tmp_path: Path) -> None:
    arguments = [
        "study",
        "metrics",
        "--dataset",
        str(phantom.root),
        "--split",
        "cv3",
        "-o",
        str(tmp_path / "out"),
        "--json",
    ]
    result = CliRunner(env={"PETBENCH_HOME": str(tmp_path / "home"), "PETBENCH_OFFLINE": "1"}).invoke(cli, arguments)
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert told == json.loads((tmp_path / "out" / "metric-study.json").read_text(encoding="utf-8"))
    page = (tmp_path / "out" / "metric-study.md").read_text(encoding="utf-8")
    assert all(f"`{each['metric']}`" in page for each in told["metrics"])
    assert "$ petbench study metrics --dataset small --split cv3" in page
    (header,) = (line for line in page.splitlines() if line.startswith("| metric | n = 6"))
    assert header == "| metric | n = 6 |"


@pytest.mark.slow
def test_two_participants_are_the_fewest_and_separate_nothing(phantom: Dataset) -> None:
    specs = [spec for spec in builtin_metrics() if spec.name == "mae_body_suv"]
    study = study_metrics(phantom, phantom.participants[:2], specs)
    assert study.sizes == ()
    assert "How many participants" not in study_page(study, subsets=1000, command="it")
    with pytest.raises(DataError, match="at least 2 participants"):
        study_metrics(phantom, phantom.participants[:1], specs)
