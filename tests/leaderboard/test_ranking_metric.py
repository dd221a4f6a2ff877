"""What may decide the order: a direction, a best value, a distance above its floor; nothing else ranks in silence."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING, Any

import pytest
from tests.leaderboard.conftest import ImagesAtHand

from petbench_leaderboard.errors import RequestError, UnknownOnLeaderboardError
from petbench_leaderboard.exports import board_as_rows, to_json
from petbench_leaderboard.metric_facts import MetricFacts
from petbench_leaderboard.ranking import rank
from petbench_leaderboard.report.publication.tables import to_latex, to_markdown
from petbench_leaderboard.report.site.build import write_site

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.leaderboard.conftest import AddRun, MakeRecord, MakeScore

    from petbench_leaderboard.store import Leaderboard


@pytest.fixture
def enter(leaderboard: Leaderboard, make_record: MakeRecord, make_score: MakeScore) -> Any:
    """Return what stores a run of a method with its scores of one metric, by participant, or of all together."""

    def entered(method: str, values: Mapping[str | None, float | None], **changes: Any) -> int:
        facts = {
            "metric": "noise_power_ratio",
            "convention_id": "npr@1",
            "higher_is_better": None,
            "unit": "",
        } | changes
        who = tuple(name for name in values if name) or ("sub-01",)
        run_id = leaderboard.plan(make_record(method, test_participants=who))
        leaderboard.record_scores(run_id, [make_score(name, value, **facts) for name, value in values.items()])
        leaderboard.update(run_id, status="ok")
        return run_id

    return entered


def test_a_metric_that_is_best_at_a_value_ranks_by_the_distance_from_it(leaderboard: Leaderboard, enter: Any) -> None:
    facts = MetricFacts(best_value=1.0)
    for method, ratio in (("too-noisy", 1.711), ("smooth", 0.734), ("identity", 1.4)):
        enter(method, {"sub-01": ratio}, facts=facts)
    (board,) = rank(leaderboard, metric="noise_power_ratio")
    assert [(row.run.method, row.rank) for row in board.rows] == [("smooth", 1), ("identity", None), ("too-noisy", 2)]
    (column,) = board.columns
    gains = {row.run.method: row.cells[column].gain for row in board.rows}
    assert gains["smooth"] == pytest.approx(0.4 - 0.266)  # nearer to 1 than identity by so much
    assert gains["too-noisy"] == pytest.approx(0.4 - 0.711)
    (best,) = rank(leaderboard, metric="noise_power_ratio", best=1)
    assert [row.run.method for row in best.rows] == ["smooth", "identity"]


def test_the_order_is_by_the_distance_of_the_mean_whatever_the_best_value(leaderboard: Leaderboard, enter: Any) -> None:
    generator = random.Random(3)
    means = {}
    for number in range(25):
        values = {f"sub-{who}": generator.uniform(-3.0, 3.0) for who in range(3)}
        means[f"method-{number}"] = sum(values.values()) / 3
        enter(f"method-{number}", values, facts=MetricFacts(best_value=-0.5))
    (board,) = rank(leaderboard, metric="noise_power_ratio")
    assert [row.run.method for row in board.rows] == sorted(means, key=lambda method: abs(means[method] + 0.5))
    assert [row.rank for row in board.rows] == list(range(1, 26))


def test_values_equally_far_on_both_sides_share_a_rank(leaderboard: Leaderboard, enter: Any) -> None:
    for method, ratio in (("above", 1.25), ("below", 0.75), ("far", 2.0)):
        enter(method, {"sub-01": ratio}, facts=MetricFacts(best_value=1.0))
    (board,) = rank(leaderboard, metric="noise_power_ratio")
    assert {row.run.method: row.rank for row in board.rows} == {"above": 1, "below": 1, "far": 3}


def test_a_metric_with_neither_direction_nor_best_value_ranks_nothing_and_is_refused(
    leaderboard: Leaderboard, enter: Any
) -> None:
    enter("pix2pix", {"sub-01": 1.0}, facts=MetricFacts())
    with pytest.raises(RequestError, match="'noise_power_ratio' has neither a direction nor a best value") as caught:
        rank(leaderboard, metric="noise_power_ratio")
    assert caught.value.exit_code == 2
    (board,) = rank(leaderboard)
    assert [row.rank for row in board.rows] == [None]


def test_a_direction_comes_before_a_best_value(leaderboard: Leaderboard, enter: Any) -> None:
    for method, value in (("high", 3.0), ("near", 1.0)):
        enter(method, {"sub-01": value}, higher_is_better=True, facts=MetricFacts(best_value=1.0))
    (board,) = rank(leaderboard, metric="noise_power_ratio")
    assert [row.run.method for row in board.rows] == ["high", "near"]


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        (
            {"metric": "psnr_body_suv2"},
            "no metric of these rows is called 'psnr_body_suv2'; did you mean 'psnr_body_suv20'",
        ),
        ({"metric": "organ_bias"}, "'organ_bias' is scored by organ or lesion"),
        ({"dataset": "fdg-phantom-mni"}, "no dataset on this leaderboard is called .*did you mean 'fdg-phantom-mini'"),
        ({"split": "hold-out"}, "no split on this leaderboard is called 'hold-out'; did you mean 'holdout'"),
        ({"dataset": "other", "split": "holdout"}, "no split on this leaderboard is called 'holdout'"),
        ({"where": "methd=x"}, "did you mean 'method'"),
    ],
)
def test_a_name_that_nothing_here_has_is_refused_with_the_nearest(
    leaderboard: Leaderboard, add_run: AddRun, make_score: MakeScore, choice: dict[str, str], message: str
) -> None:
    run_id = add_run("pix2pix", {"sub-01": 30.0})
    organ = make_score(metric="organ_bias", region="liver", facts=MetricFacts(label="Bias"))
    leaderboard.record_scores(run_id, [organ])
    add_run("pix2pix", {"sub-01": 30.0}, dataset="other", split="cv5")
    with pytest.raises(RequestError, match=message) as caught:
        rank(leaderboard, **choice)  # type: ignore[arg-type]
    assert caught.value.exit_code == 2
    assert "\n" not in str(caught.value)


def test_a_metric_that_only_another_board_has_is_said_to_be_missing_here(
    leaderboard: Leaderboard, add_run: AddRun, make_score: MakeScore
) -> None:
    add_run("pix2pix", {"sub-01": 30.0})
    other = add_run("pix2pix", {"sub-01": 30.0}, dataset="other")
    leaderboard.record_scores(other, [make_score(metric="mae_body_suv", higher_is_better=False)])
    with pytest.raises(UnknownOnLeaderboardError, match="no metric of these rows is called 'mae_body_suv'"):
        rank(leaderboard, dataset="fdg-phantom-mini", metric="mae_body_suv")
    ranks = {board.dataset: [row.rank for row in board.rows] for board in rank(leaderboard, metric="mae_body_suv")}
    assert ranks == {"fdg-phantom-mini": [None], "other": [1]}


def test_before_anything_is_scored_no_metric_is_unknown(leaderboard: Leaderboard, make_record: MakeRecord) -> None:
    leaderboard.plan(make_record())
    (board,) = rank(leaderboard, metric="psnr_body_suv20")
    assert [run.status for run in board.unscored] == ["planned"]


FLOOR = {"metric": "fid", "convention_id": "fid@1", "region": "volume", "unit": "", "higher_is_better": False}


def _distance(floor: float | None) -> dict[str, Any]:
    return FLOOR | {"extra": {"floor": floor, "n_real": 40, "participants": ["sub-01"]}}


def test_a_ranking_by_a_distance_under_its_own_floor_is_refused_and_names_the_rows(
    leaderboard: Leaderboard, enter: Any
) -> None:
    enter("pix2pix", {None: 8.0}, **_distance(9.5))
    enter("cyclegan", {None: 30.0}, **_distance(9.5))
    with pytest.raises(
        RequestError, match=r"fid orders nothing on fdg-phantom-mini.*\(pix2pix 8 under 9\.5\)"
    ) as caught:
        rank(leaderboard, metric="fid")
    assert caught.value.exit_code == 2
    assert "\n" not in str(caught.value)


def test_above_the_floor_a_distance_ranks_and_a_reference_or_variant_under_it_does_not_matter(
    leaderboard: Leaderboard, enter: Any
) -> None:
    enter("pix2pix", {None: 10.0}, **_distance(9.5))
    enter("cyclegan", {None: 9.5}, **_distance(9.5))
    enter("repeat-scan", {None: 0.2}, **_distance(9.5))
    enter("no-floor", {None: 1.0}, **_distance(None))
    (board,) = rank(leaderboard, metric="fid")
    assert [(row.run.method, row.rank) for row in board.rows] == [
        ("repeat-scan", None),
        ("no-floor", 1),
        ("cyclegan", 2),
        ("pix2pix", 3),
    ]


def test_the_floor_of_several_folds_is_the_mean_of_theirs_and_lacks_where_one_lacks(
    leaderboard: Leaderboard, make_record: MakeRecord, make_score: MakeScore
) -> None:
    who = ("sub-01", "sub-02")
    for method, floors in (("whole", (4.0, 8.0)), ("half", (4.0, None))):
        for fold, floor in enumerate(floors):
            record = make_record(method, fold=fold, test_participants=who[fold : fold + 1], split_participants=who)
            run_id = leaderboard.plan(record)
            leaderboard.record_scores(run_id, [make_score(None, 5.0 + fold, **_distance(floor))])
            leaderboard.update(run_id, status="ok")
    (board,) = rank(leaderboard)
    (column,) = board.columns
    cells = {row.run.method: row.cells[column] for row in board.rows}
    assert (cells["whole"].mean, cells["whole"].floor, cells["whole"].under_floor) == (5.5, 6.0, True)
    assert (cells["half"].floor, cells["half"].under_floor) == (None, False)


def test_every_output_marks_a_value_under_its_floor(leaderboard: Leaderboard, enter: Any, tmp_path: Path) -> None:
    facts = {"facts": MetricFacts(label="FID", detail="pool3", decimals=1)}
    enter("pix2pix", {None: 8.0}, **_distance(9.5), **facts)
    enter("cyclegan", {None: 30.0}, **_distance(9.5), **facts)
    (board,) = rank(leaderboard)
    markdown, latex = to_markdown([board]), to_latex([board])
    assert "8.0†" in markdown
    assert "30.0†" not in markdown
    assert r"8.0$\dagger$" in latex
    for text in (markdown, latex, write_site(leaderboard, ImagesAtHand(), tmp_path).read_text(encoding="utf-8")):
        assert "under its floor, the distance of real images from other real ones: orders nothing" in text
    site = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert "8.0<sup>a</sup>" in site
    assert "30.0<sup>" not in site
    page = (tmp_path / "runs" / "1.html").read_text(encoding="utf-8")
    assert "real against real 9.5, under its floor" in page
    rows = {row["method"]: row for row in board_as_rows(board)}
    assert (rows["pix2pix"]["fid_floor"], rows["pix2pix"]["fid_under_floor"]) == (9.5, True)
    assert rows["cyclegan"]["fid_under_floor"] is False
    assert json.loads(to_json([board]))[0]["rows"]
