"""Scores in long form: every number that a board is made of, and no other."""

from __future__ import annotations

import csv
import io
import json
from statistics import fmean
from typing import TYPE_CHECKING, Any

import pytest

from petbench_leaderboard.metric_facts import MetricFacts
from petbench_leaderboard.ranking import rank
from petbench_leaderboard.score_rows import FIELDS, score_rows, write_csv, write_json

if TYPE_CHECKING:
    from tests.leaderboard.conftest import AddRun, MakeRecord, MakeScore

    from petbench_leaderboard.store import Leaderboard

WHO = ("sub-01", "sub-02")


@pytest.fixture
def filled(leaderboard: Leaderboard, add_run: AddRun, make_record: MakeRecord, make_score: MakeScore) -> Leaderboard:
    add_run("identity", {"sub-01": 28.0, "sub-02": 27.0})
    for seed in (0, 1):
        run_id = add_run("pix2pix", {"sub-01": 30.0 + seed, "sub-02": 31.0 / 3}, seed=seed)
        leaderboard.record_scores(
            run_id,
            [
                make_score("sub-01", -4.5, metric="organ_bias", region="liver", unit="%", higher_is_better=None,
                           facts=MetricFacts(best_value=0.0)),
                make_score(None, 8.0, metric="fid", region="volume", higher_is_better=False, extra={"floor": 9.5}),
                make_score(None, None, metric="kid", region="volume", higher_is_better=False, reason="no weights"),
            ],
        )  # fmt: skip
    add_run("pix2pix", {"sub-01": 33.0, "sub-02": 33.0}, budget="images=9")
    failed = leaderboard.plan(make_record("cyclegan"))
    leaderboard.update(failed, status="diverged")
    add_run("pix2pix", {"sub-01": 40.0}, dataset="other", split="cv5")
    return leaderboard


def rows_of(leaderboard: Leaderboard, **chosen: Any) -> list[dict[str, Any]]:
    return list(score_rows(leaderboard, **chosen))


def test_there_is_one_row_a_participant_metric_and_region_and_its_mean_is_the_boards(filled: Leaderboard) -> None:
    rows = rows_of(filled, dataset="fdg-phantom-mini")
    assert all(tuple(row) != () and set(row) == set(FIELDS) for row in rows)
    keys = [(row["run"], row["metric"], row["region"], row["participant"]) for row in rows]
    assert len(set(keys)) == len(rows) == 14
    (board,) = rank(filled, dataset="fdg-phantom-mini")
    for row in board.rows:
        values = [
            score["value"] for score in rows if score["run"] in row.run_ids and score["metric"] == "psnr_body_suv20"
        ]
        assert board.ranked_by is not None
        assert row.cells[board.ranked_by].mean == pytest.approx(fmean(values), rel=1e-15)
        competes = {score["competes"] for score in rows if score["run"] in row.run_ids}
        assert competes == {row.competes}


def test_a_row_says_all_of_its_run_its_metric_and_its_scale(filled: Leaderboard) -> None:
    (fid,) = (row for row in rows_of(filled, metrics=["fid"]) if row["seed"] == 1)
    run = filled.run(3)
    assert fid == {
        "run": 3, "uid": run.uid, "row": run.run_group[:12], "method": "pix2pix", "role": "competitor",
        "competes": True, "dataset": "fdg-phantom-mini", "fingerprint": "f" * 64, "split": "holdout", "fold": 0,
        "seed": 1, "task": "fdg-7-21-to-42-63@1", "protocol": 1, "part": "test", "participant": None, "metric": "fid",
        "convention_id": "psnr/body/suv20@1", "region": "volume", "unit": "dB", "higher_is_better": False,
        "best_value": None, "value": 8.0, "floor": 9.5,
        "reason": None,
    }  # fmt: skip
    bias = rows_of(filled, metrics=["organ_bias"])[0]
    assert (bias["region"], bias["best_value"], bias["higher_is_better"]) == ("liver", 0.0, None)
    (kid, _) = rows_of(filled, metrics=["kid"])
    assert (kid["value"], kid["reason"]) == (None, "no weights")


@pytest.mark.parametrize(
    ("chosen", "runs"),
    [
        ({}, {1, 2, 3, 4, 6}),
        ({"dataset": "other"}, {6}),
        ({"split": "holdout"}, {1, 2, 3, 4}),
        ({"where": "method=pix2pix and seed=1"}, {3}),
        ({"where": "psnr_body_suv20>32"}, {4, 6}),
        ({"metrics": ["organ_bias", "kid"]}, {2, 3}),
        ({"protocol": 1, "where": "role=reference"}, {1}),
    ],
)
def test_filters_narrow_the_scores(filled: Leaderboard, chosen: dict[str, Any], runs: set[int]) -> None:
    assert {row["run"] for row in rows_of(filled, **chosen)} == runs


def test_who_competes_is_said_of_the_whole_board_whatever_is_exported(filled: Leaderboard) -> None:
    assert {row["competes"] for row in rows_of(filled, where="budget='images=9'")} == {False}


def test_a_run_that_a_newer_one_has_replaced_is_left_out_in_each_protocol_by_itself(
    filled: Leaderboard, add_run: AddRun, make_score: MakeScore
) -> None:
    filled.record_scores(2, [make_score(who, 35.0) for who in WHO], protocol=2)
    newer = add_run("pix2pix", dict.fromkeys(WHO, 36.0), seed=0)
    protocols = {(row["run"], row["protocol"]) for row in rows_of(filled, dataset="fdg-phantom-mini")}
    assert protocols == {(1, 1), (2, 2), (3, 1), (4, 1), (newer, 1)}
    assert {row["run"] for row in rows_of(filled, protocol=2)} == {2}
    # Where the newer run lacks the metric, the older one's score does not step in: it is not on the board either.
    assert {row["run"] for row in rows_of(filled, metrics=["fid"])} == {3}


def test_csv_and_json_hold_the_same_to_the_last_digit(filled: Leaderboard, make_score: MakeScore) -> None:
    filled.record_scores(1, [make_score("sub-01", 2 / 3), make_score("sub-02", 1 / 3)])
    as_csv, as_json = io.StringIO(), io.StringIO()
    count = write_csv(score_rows(filled), as_csv)
    assert write_json(score_rows(filled), as_json) == count
    found = list(csv.DictReader(io.StringIO(as_csv.getvalue())))
    assert tuple(found[0]) == FIELDS
    assert len(found) == count
    for of_csv, of_json in zip(found, json.loads(as_json.getvalue()), strict=True):
        for field in FIELDS:
            assert of_csv[field] == ("" if of_json[field] is None else str(of_json[field]))
    assert {"0.6666666666666666", "0.3333333333333333"} <= {row["value"] for row in found}


def test_a_name_that_a_spreadsheet_would_run_is_only_text(leaderboard: Leaderboard, add_run: AddRun) -> None:
    add_run("=HYPERLINK(1)", {"sub-01": 1.0})
    text = io.StringIO()
    write_csv(score_rows(leaderboard), text)
    assert ",'=HYPERLINK(1)," in text.getvalue()


def test_nothing_is_a_header_or_an_empty_list(leaderboard: Leaderboard) -> None:
    as_csv, as_json = io.StringIO(), io.StringIO()
    assert write_csv(score_rows(leaderboard), as_csv) == write_json(score_rows(leaderboard), as_json) == 0
    assert as_csv.getvalue().strip() == ",".join(FIELDS)
    assert json.loads(as_json.getvalue()) == []


def test_only_a_few_rows_are_in_memory_at_a_time(leaderboard: Leaderboard, add_run: AddRun) -> None:
    for number in range(130):
        add_run("pix2pix", {"sub-01": 30.0}, parameters={"width": number})
    progress: list[tuple[float, float]] = []
    rows = score_rows(leaderboard, progress=lambda _what, done, total: progress.append((done, total)))
    assert progress == []  # nothing is read before it is asked for
    next(rows)
    assert progress == [(0, 130)]
    assert len(list(rows)) == 129
    assert progress == [(0, 130), (50, 130), (100, 130), (130, 130)]
