from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING

import pytest

from petbench_leaderboard.exports import board_as_rows, to_csv, to_json
from petbench_leaderboard.metric_facts import MetricFacts
from petbench_leaderboard.ranking import rank
from petbench_leaderboard.report.publication.tables import to_latex, to_markdown

if TYPE_CHECKING:
    from tests.leaderboard.conftest import AddRun, MakeRecord, MakeScore

    from petbench_leaderboard.board import Board, Cell, Row
    from petbench_leaderboard.store import Leaderboard

WHO = ("sub-01", "sub-02", "sub-03", "sub-04")


def _only(leaderboard: Leaderboard) -> Board:
    (board,) = rank(leaderboard)
    return board


def _row(board: Board, method: str) -> Row:
    (row,) = [row for row in board.rows if row.run.method == method]
    return row


def _cell(board: Board, method: str, metric: str = "psnr_body_suv20") -> Cell:
    (cell,) = [cell for column, cell in _row(board, method).cells.items() if column.metric == metric]
    return cell


def test_an_empty_leaderboard_has_no_boards(leaderboard: Leaderboard) -> None:
    assert rank(leaderboard) == []
    assert json.loads(to_json([])) == []
    assert to_csv([]) == "\n"


def test_methods_are_ranked_best_first_with_references_in_place_but_without_rank(
    leaderboard: Leaderboard, add_run: AddRun
) -> None:
    add_run("cyclegan", {"sub-01": 29.5})
    add_run("scale", {"sub-01": 28.5})
    add_run("pix2pix", {"sub-01": 30.8})
    add_run("identity", {"sub-01": 29.0})
    add_run("predictable", {"sub-01": 37.0})
    add_run("repeat-scan", {"sub-01": 44.0})
    board = _only(leaderboard)
    assert [(row.run.method, row.rank, row.role) for row in board.rows] == [
        ("repeat-scan", None, "repeat-scan"),
        ("predictable", None, "predictable"),
        ("pix2pix", 1, "competitor"),
        ("cyclegan", 2, "competitor"),
        ("identity", None, "reference"),
        ("scale", None, "reference"),
    ]


def test_equal_means_share_a_rank_and_the_next_rank_is_left_out(leaderboard: Leaderboard, add_run: AddRun) -> None:
    for method, value in (("a", 30.0), ("b", 31.0), ("c", 31.0), ("d", 29.0)):
        add_run(method, {"sub-01": value})
    assert {row.run.method: row.rank for row in _only(leaderboard).rows} == {"b": 1, "c": 1, "a": 3, "d": 4}


def test_a_metric_for_which_lower_is_better_ranks_and_gains_the_other_way(
    leaderboard: Leaderboard, make_record: MakeRecord, make_score: MakeScore
) -> None:
    for method, value in (("identity", 0.32), ("worse", 0.4), ("better", 0.22)):
        run_id = leaderboard.plan(make_record(method))
        leaderboard.update(run_id, status="ok")
        score = make_score(value=value, metric="mae_body_suv", unit="SUV", higher_is_better=False)
        leaderboard.record_scores(run_id, [score])
    (board,) = rank(leaderboard, metric="mae_body_suv")
    assert [row.run.method for row in board.rows] == ["better", "identity", "worse"]
    assert _cell(board, "better", "mae_body_suv").gain == pytest.approx(0.10)
    assert _cell(board, "worse", "mae_body_suv").gain == pytest.approx(-0.08)


def test_mean_and_spread_are_over_participants_and_the_gain_is_over_identity(
    leaderboard: Leaderboard, add_run: AddRun
) -> None:
    add_run("identity", dict(zip(WHO, (28.0, 29.0, 30.0, 31.0), strict=True)))
    add_run("pix2pix", dict(zip(WHO, (30.0, 32.0, 31.0, 35.0), strict=True)))
    add_run("predictable", dict(zip(WHO, (38.0, 39.0, 40.0, 41.0), strict=True)))
    cell = _cell(_only(leaderboard), "pix2pix")
    assert cell.mean == 32.0
    assert cell.standard_deviation == pytest.approx((14 / 3) ** 0.5)
    assert cell.gain == 2.5
    assert cell.normalized_score == 0.25
    assert cell.seed_standard_deviation is None


@pytest.mark.parametrize(
    "change",
    [
        {"plugin": "external", "distribution": "external"},
        {"verification": "self-reported"},
        {"distribution": "another-package"},
        {"role": "competitor"},
    ],
)
def test_a_row_that_only_calls_itself_identity_shifts_nobodys_gain(
    leaderboard: Leaderboard, add_run: AddRun, change: dict[str, str]
) -> None:
    add_run("pix2pix", dict.fromkeys(WHO, 31.0))
    add_run("identity", dict.fromkeys(WHO, 10.0), **change)
    assert _cell(_only(leaderboard), "pix2pix").gain is None
    add_run("identity", dict.fromkeys(WHO, 30.0))
    add_run("identity", dict.fromkeys(WHO, 10.0), seed=1, **change)  # newer than the harness's own
    assert _cell(_only(leaderboard), "pix2pix").gain == 1.0


def test_a_normalized_score_means_the_same_whatever_the_direction(
    leaderboard: Leaderboard, make_record: MakeRecord, make_score: MakeScore
) -> None:
    """Higher, lower or nearer to a value may be better: 0 is identity, 1 predictable, and more is better than it."""
    values = {
        "identity": (30.0, 0.4, 0.5),
        "predictable": (40.0, 0.2, 1.1),
        "pix2pix": (37.5, 0.25, 0.8),
        "worse": (25.0, 0.5, 1.7),
        "better": (42.0, 0.16, 1.0),
    }
    for method, (ratio, error, texture) in values.items():
        run_id = leaderboard.plan(make_record(method))
        leaderboard.update(run_id, status="ok")
        facts = MetricFacts(best_value=1.0)
        scores = [
            make_score(value=ratio),
            make_score(value=error, metric="mae_body_suv", higher_is_better=False),
            make_score(value=texture, metric="texture", higher_is_better=None, facts=facts),
            make_score(value=texture, metric="without_direction", higher_is_better=None),
        ]
        leaderboard.record_scores(run_id, scores)
    board = _only(leaderboard)
    for metric in ("psnr_body_suv20", "mae_body_suv", "texture"):
        expected = {"identity": 0.0, "predictable": 1.0, "pix2pix": 0.75, "worse": -0.5, "better": 1.2}
        if metric == "texture":  # by the distance from 1: from 0.5 at identity to 0.1
            expected = {"identity": 0.0, "predictable": 1.0, "pix2pix": 0.75, "worse": -0.5, "better": 1.25}
        found = {method: _cell(board, method, metric).normalized_score for method in values}
        assert found == pytest.approx(expected), metric
    cell = _cell(board, "pix2pix", "without_direction")
    assert (cell.normalized_score, cell.normalized_score_reason) == (None, "no direction")


def test_a_repeat_scan_is_neither_zero_nor_one_on_the_scale_of_normalized_scores(
    leaderboard: Leaderboard, add_run: AddRun
) -> None:
    add_run("identity", {"sub-01": 30.0})
    add_run("repeat-scan", {"sub-01": 50.0})
    assert _cell(_only(leaderboard), "repeat-scan").normalized_score is None
    add_run("predictable", {"sub-01": 40.0})
    add_run("smoothed", {"sub-01": 51.0})
    board = _only(leaderboard)
    assert _cell(board, "repeat-scan").normalized_score == pytest.approx(2.0)
    assert _cell(board, "smoothed").normalized_score == pytest.approx(2.1)


def test_where_there_is_no_normalized_score_every_table_says_why(leaderboard: Leaderboard, add_run: AddRun) -> None:
    add_run("pix2pix", {"sub-01": 30.0})
    for method, value, reason in (
        ("", 0.0, "no identity"),
        ("identity", 28.0, "no predictable row"),
        ("predictable", 27.0, "predictable no better than identity"),
    ):
        if method:
            add_run(method, {"sub-01": value})
        board = _only(leaderboard)
        cell = _cell(board, "pix2pix")
        assert (cell.normalized_score, cell.normalized_score_reason) == (None, reason)
        for text in (to_markdown([board]), to_latex([board])):
            assert f"No normalized score: {reason} (PSNR (body, dB))." in text
        (row,) = (row for row in board_as_rows(board) if row["method"] == "pix2pix")
        assert (row["psnr_body_suv20_normalized_score"], row["psnr_body_suv20_normalized_score_reason"]) == (
            None,
            reason,
        )
    add_run("predictable", {"sub-01": 32.0})
    board = _only(leaderboard)
    assert "30.00 (+2.00, 50 %)" in to_markdown([board])
    assert r"30.00 (+2.00, 50 \%)" in to_latex([board])


@pytest.mark.parametrize(
    ("known", "reason"),
    [
        ((False, False), "the dataset has no truth"),
        ((False, True), "no predictable row"),
        ((False, None), "no predictable row"),
        ((None, None), "no predictable row"),
    ],
)
def test_a_dataset_without_truth_has_gains_and_no_normalized_score_and_says_so(
    leaderboard: Leaderboard, add_run: AddRun, known: tuple[bool | None, ...], reason: str
) -> None:
    for (method, value), has_truth in zip((("identity", 28.0), ("pix2pix", 30.0)), known, strict=True):
        add_run(method, {"sub-01": value}, has_truth=has_truth)
    cell = _cell(_only(leaderboard), "pix2pix")
    assert (cell.gain, cell.normalized_score, cell.normalized_score_reason) == (2.0, None, reason)


def test_every_row_that_does_not_compete_is_marked_in_place_of_a_rank(
    leaderboard: Leaderboard, add_run: AddRun
) -> None:
    add_run("pix2pix", {"sub-01": 30.0})
    marks = {
        "reference": "ref",
        "privileged": "privileged",
        "predictable": "predictable",
        "repeat-scan": "repeat scan",
    }
    for role in marks:
        add_run(f"of-{role}", {"sub-01": 29.0}, role=role)
    board = _only(leaderboard)
    markdown, latex = to_markdown([board]), to_latex([board])
    for role, mark in marks.items():
        assert f"| {mark} | of-{role} |" in markdown
        assert f"{mark} & of-{role} &" in latex
    assert "| 1 | pix2pix |" in markdown


def test_a_privileged_row_is_marked_and_takes_no_rank(leaderboard: Leaderboard, add_run: AddRun) -> None:
    add_run("organ-scale", {"sub-01": 50.0})
    add_run("knows-the-truth", {"sub-01": 60.0}, role="privileged")
    add_run("pix2pix", {"sub-01": 30.0})
    board = _only(leaderboard)
    assert [(row.run.method, row.rank, row.role) for row in board.rows] == [
        ("knows-the-truth", None, "privileged"),
        ("organ-scale", None, "privileged"),
        ("pix2pix", 1, "competitor"),
    ]
    assert "| privileged | organ-scale |" in to_markdown([board])


def test_a_row_that_lacks_a_participant_has_no_mean_no_rank_and_says_how_many_it_covers(
    leaderboard: Leaderboard, add_run: AddRun
) -> None:
    add_run("whole", dict.fromkeys(WHO, 20.0))
    add_run("partial", {"sub-01": 50.0, "sub-02": 50.0, "sub-03": 50.0}, planned=("sub-04",))
    board = _only(leaderboard)
    assert [row.run.method for row in board.rows] == ["whole", "partial"]
    row, cell = _row(board, "partial"), _cell(board, "partial")
    assert (row.rank, str(row.coverage), row.coverage.complete) == (None, "3/4", False)
    assert cell.mean is None
    assert cell.reason == "3/4 scored, missing sub-04"
    assert cell.by_seed == {0: {"sub-01": 50.0, "sub-02": 50.0, "sub-03": 50.0}}


def test_a_fold_that_nobody_has_run_yet_leaves_everyone_unranked(leaderboard: Leaderboard, add_run: AddRun) -> None:
    add_run("identity", {"sub-01": 29.0}, split_participants=WHO)
    add_run("pix2pix", {"sub-01": 30.0}, split_participants=WHO)
    assert {(row.rank, str(row.coverage)) for row in _only(leaderboard).rows} == {(None, "1/4")}


def test_seeds_and_folds_of_one_method_make_one_row(leaderboard: Leaderboard, add_run: AddRun) -> None:
    for seed in (0, 1):
        add_run("pix2pix", {"sub-01": 30.0 + seed, "sub-02": 31.0}, seed=seed, fold=0, split_participants=WHO)
        add_run("pix2pix", {"sub-03": 32.0, "sub-04": 33.0 + seed}, seed=seed, fold=1, split_participants=WHO)
    add_run("pix2pix", {"sub-01": 0.0, "sub-02": 0.0}, seed=2, fold=0, split_participants=WHO)
    board = _only(leaderboard)
    (row,) = board.rows
    cell = _cell(board, "pix2pix")
    assert (row.rank, row.seeds, row.run_ids) == (1, (0, 1), (1, 2, 3, 4))
    assert cell.values == {"sub-01": 30.5, "sub-02": 31.0, "sub-03": 32.0, "sub-04": 33.5}
    assert cell.mean == 31.75
    assert cell.seed_standard_deviation == pytest.approx(0.125**0.5)


@pytest.mark.parametrize(
    "change", [{"version": "0.2.0"}, {"budget": "images=9"}, {"parameters": {"width": 8}}, {"source_hash": "b" * 64}]
)
def test_runs_that_differ_in_more_than_seed_and_fold_are_rows_of_their_own(
    leaderboard: Leaderboard, add_run: AddRun, change: dict[str, object]
) -> None:
    add_run("pix2pix", {"sub-01": 30.0})
    add_run("pix2pix", {"sub-01": 31.0}, seed=1, **change)
    assert len(_only(leaderboard).rows) == 2


def test_datasets_splits_and_protocols_never_share_a_board(
    leaderboard: Leaderboard, add_run: AddRun, make_score: MakeScore
) -> None:
    first = add_run("pix2pix", {"sub-01": 30.0})
    add_run("pix2pix", {"sub-01": 30.0}, fingerprint="e" * 64)
    add_run("pix2pix", {"sub-01": 30.0}, split="cv6", split_digest="6" * 64)
    leaderboard.record_scores(first, [make_score(value=40.0)], protocol=2)
    boards = rank(leaderboard)
    assert [(board.split, board.protocol, len(board.rows)) for board in boards] == [
        ("cv6", 1, 1),
        ("holdout", 2, 1),
        ("holdout", 1, 1),
        ("holdout", 1, 1),
    ]
    assert len(rank(leaderboard, split="cv6")) == 1


def test_two_conventions_of_one_metric_never_share_a_column(
    leaderboard: Leaderboard, make_record: MakeRecord, make_score: MakeScore
) -> None:
    for method, convention in (("a", "fid/one@1"), ("b", "fid/two@1")):
        run_id = leaderboard.plan(make_record(method))
        leaderboard.update(run_id, status="ok")
        leaderboard.record_scores(run_id, [make_score(None, 10.0, metric="fid", convention_id=convention)])
    board = _only(leaderboard)
    assert len(board.columns) == 2
    assert "fid [body, fid/two@1]" in board_as_rows(board)[1]


def test_a_missing_score_keeps_its_reason(
    leaderboard: Leaderboard, make_record: MakeRecord, make_score: MakeScore
) -> None:
    run_id = leaderboard.plan(make_record(test_participants=("sub-01",)))
    leaderboard.update(run_id, status="ok")
    missing = make_score(None, None, metric="fid", region="volume", reason="weights unavailable")
    leaderboard.record_scores(run_id, [make_score(), missing])
    board = _only(leaderboard)
    assert _cell(board, "pix2pix", "fid").reason == "weights unavailable"
    assert _row(board, "pix2pix").rank == 1
    assert board_as_rows(board)[0]["fid_reason"] == "weights unavailable"


def test_a_score_of_all_participants_has_no_mean_until_every_fold_was_run(
    leaderboard: Leaderboard, add_run: AddRun, make_score: MakeScore
) -> None:
    for fold, who in enumerate(("sub-01", "sub-02")):
        run_id = add_run("pix2pix", {who: 30.0}, fold=fold, split_participants=("sub-01", "sub-02"))
        leaderboard.record_scores(run_id, [make_score(None, 8.0 + 2 * fold, metric="fid")])
        cell = _cell(_only(leaderboard), "pix2pix", "fid")
        assert (cell.mean, cell.reason) == ((None, "not every fold was run"), (9.0, None))[fold]


def test_failures_are_listed_until_a_later_run_takes_their_place(
    leaderboard: Leaderboard, add_run: AddRun, make_record: MakeRecord
) -> None:
    failed = leaderboard.plan(make_record("cyclegan", seed=3))
    leaderboard.update(failed, status="diverged", error_message="the loss is not finite")
    add_run("cyclegan", {"sub-01": 29.0}, seed=0)
    board = _only(leaderboard)
    assert [run.id for run in board.unscored] == [failed]
    assert _row(board, "cyclegan").failed_seeds == (3,)
    add_run("cyclegan", {"sub-01": 29.0}, seed=3)
    board = _only(leaderboard)
    assert board.unscored == ()
    assert _row(board, "cyclegan").failed_seeds == ()


def test_a_run_repeated_by_force_counts_once_and_the_newest_counts(leaderboard: Leaderboard, add_run: AddRun) -> None:
    add_run("pix2pix", {"sub-01": 30.0})
    newest = add_run("pix2pix", {"sub-01": 40.0})
    board = _only(leaderboard)
    assert _cell(board, "pix2pix").mean == 40.0
    assert board.rows[0].run_ids == (newest,)


def test_times_are_averaged_over_runs_but_never_over_unlike_devices(leaderboard: Leaderboard, add_run: AddRun) -> None:
    for seed, seconds in ((0, 100.0), (1, 120.0)):
        run_id = add_run("pix2pix", {"sub-01": 30.0}, seed=seed)
        leaderboard.update(run_id, train_seconds=seconds, parameter_count=7)
    assert _only(leaderboard).rows[0].costs.train_seconds == 110.0
    run_id = add_run("pix2pix", {"sub-01": 30.0}, seed=2, device="cuda:0")
    leaderboard.update(run_id, train_seconds=3.0, parameter_count=7)
    (row,) = _only(leaderboard).rows
    assert (row.costs.train_seconds, row.costs.parameter_count, row.devices) == (None, 7, ("cpu", "cuda:0"))


def test_exports_carry_full_precision_and_no_formula(leaderboard: Leaderboard, add_run: AddRun) -> None:
    add_run("=HYPERLINK(1)", {"sub-01": 1 / 3 + 30})
    (row,) = csv.DictReader(io.StringIO(to_csv(rank(leaderboard))))
    assert row["method"] == "'=HYPERLINK(1)"
    assert float(row["psnr_body_suv20"]) == 1 / 3 + 30
    (board,) = json.loads(to_json(rank(leaderboard)))
    assert board["rows"][0]["method"] == "=HYPERLINK(1)"
    assert board["rows"][0]["participants"] == {"psnr_body_suv20": {"0": {"sub-01": 1 / 3 + 30}}}
