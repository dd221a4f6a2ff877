"""A seed counts as a participant does: none leaves a mean, and a row that lost one has no rank and says so."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING

import pytest
from tests.leaderboard.conftest import ImagesAtHand

from petbench_leaderboard.exports import to_csv, to_json
from petbench_leaderboard.ranking import rank
from petbench_leaderboard.records import FAILURES, STATUSES, Status
from petbench_leaderboard.report.publication.tables import to_latex, to_markdown
from petbench_leaderboard.report.site.build import write_site
from petbench_leaderboard.statistics.analysis import analyse

if TYPE_CHECKING:
    from pathlib import Path

    from tests.leaderboard.conftest import AddRun, MakeRecord, MakeScore

    from petbench_leaderboard.board import Board, Cell, Row
    from petbench_leaderboard.store import Leaderboard

WHO = tuple(f"sub-{number:02}" for number in range(1, 7))
SCORES = {who: 30.0 + number for number, who in enumerate(WHO)}
PLACE = {"test_participants": WHO, "split_participants": WHO}


@pytest.fixture
def three(leaderboard: Leaderboard, add_run: AddRun, make_record: MakeRecord) -> Leaderboard:
    """Give two finished seeds of pix2pix, runs 1 and 2, a third, run 3, and a rival with all of its three."""
    for seed in (0, 1):
        add_run("pix2pix", SCORES, seed=seed, split_participants=WHO)
    leaderboard.plan(make_record("pix2pix", seed=2, **PLACE))
    for seed in range(3):
        add_run("rival", dict.fromkeys(WHO, 20.0), seed=seed, split_participants=WHO)
    return leaderboard


def row_of(leaderboard: Leaderboard, method: str = "pix2pix") -> tuple[Board, Row, Cell]:
    (board,) = rank(leaderboard)
    (row,) = (row for row in board.rows if row.run.method == method)
    return board, row, next(iter(row.cells.values()))


@pytest.mark.parametrize("status", STATUSES)
def test_a_seed_that_failed_leaves_the_row_without_mean_and_rank_and_one_that_was_only_stopped_does_not(
    three: Leaderboard, status: Status
) -> None:
    three.update(3, status=status)
    _, row, cell = row_of(three)
    if status in FAILURES:
        assert (row.rank, cell.mean, row.failed_seeds, str(row.seed_coverage)) == (None, None, (2,), "2/3")
        assert cell.reason == f"2/3 seeds, seed 2 {status}"
        assert not row.competes
    else:
        assert (row.rank, cell.mean, row.failed_seeds, str(row.seed_coverage)) == (1, 32.5, (), "2/2")
    assert row.coverage.complete  # of the participants nobody is missing
    assert cell.by_seed == {0: SCORES, 1: SCORES}


def test_a_later_success_of_the_same_seed_takes_the_place_of_the_failure(three: Leaderboard, add_run: AddRun) -> None:
    three.update(3, status="out-of-memory")
    assert row_of(three)[1].rank is None
    add_run("pix2pix", SCORES, seed=2, split_participants=WHO)
    _, row, cell = row_of(three)
    assert (row.rank, row.seeds, cell.mean) == (1, (0, 1, 2), 32.5)


def test_a_retry_that_is_still_going_does_not_hide_the_failure(three: Leaderboard, make_record: MakeRecord) -> None:
    three.update(3, status="diverged")
    again = three.plan(make_record("pix2pix", seed=2, **PLACE))
    three.update(again, status="running")
    assert row_of(three)[1].rank is None


def test_one_failed_fold_loses_its_seed(leaderboard: Leaderboard, add_run: AddRun, make_record: MakeRecord) -> None:
    for fold in (0, 1):
        add_run("pix2pix", dict.fromkeys(WHO[3 * fold : 3 * fold + 3], 30.0), fold=fold, split_participants=WHO)
    add_run("pix2pix", dict.fromkeys(WHO[:3], 30.0), seed=1, fold=0, split_participants=WHO)
    _, row, cell = row_of(leaderboard)
    assert (row.rank, row.seeds, cell.mean) == (1, (0,), 30.0)  # a fold that was not run yet says nothing
    failed = leaderboard.plan(make_record("pix2pix", seed=1, fold=1, test_participants=WHO[3:], split_participants=WHO))
    leaderboard.update(failed, status="timed-out")
    _, row, cell = row_of(leaderboard)
    assert (row.rank, cell.mean, cell.reason) == (None, None, "1/2 seeds, seed 1 timed-out")


def test_a_finished_seed_that_lacks_one_participants_score_is_not_left_out_of_the_mean(
    leaderboard: Leaderboard, add_run: AddRun, make_score: MakeScore
) -> None:
    add_run("pix2pix", SCORES, seed=0, split_participants=WHO)
    second = add_run("pix2pix", SCORES, seed=1, split_participants=WHO)
    assert row_of(leaderboard)[1].rank == 1
    scores = [make_score(who, SCORES[who]) for who in WHO[:-1]]
    leaderboard.record_scores(second, [*scores, make_score(WHO[-1], None, reason="no such organ")])
    _, row, cell = row_of(leaderboard)
    assert (row.rank, row.seeds, str(row.coverage)) == (None, (0, 1), "5/6")
    assert (cell.mean, cell.reason) == (None, "no such organ")


def test_a_failure_counts_under_every_protocol_that_the_row_is_scored_by(
    three: Leaderboard, make_score: MakeScore
) -> None:
    three.update(3, status="diverged")
    for run_id in (1, 2):
        three.record_scores(run_id, [make_score(who, 31.0) for who in WHO], protocol=2)
    boards = {board.protocol: board for board in rank(three)}
    for board in boards.values():
        (row,) = (row for row in board.rows if row.run.method == "pix2pix")
        assert (row.rank, row.failed_seeds) == (None, (2,))
        assert [run.id for run in board.unscored] == [3]
    assert rank(three, best=5)[0].protocol == 2
    assert [row.rank for board in rank(three, best=5) for row in board.rows] == [None, 1, None]


def test_a_row_that_lost_a_seed_enters_no_test_and_costs_nobody_power(three: Leaderboard, add_run: AddRun) -> None:
    add_run("other", dict.fromkeys(WHO, 25.0), split_participants=WHO)
    three.update(3, status="diverged")
    board, _, _ = row_of(three)
    statistics = analyse(board)
    assert statistics is not None
    assert {(found.first.split()[0], found.second.split()[0]) for found in statistics.comparisons} == {
        ("other", "rival")
    }


def test_every_output_says_how_many_seeds_there_are_and_which_failed(three: Leaderboard, tmp_path: Path) -> None:
    three.update(3, status="diverged", error_message="the loss is not finite")
    board, _, _ = row_of(three)
    why = "a row that lost a seed has no mean and no rank: pix2pix 2/3 seeds, failed 2"
    markdown, latex = to_markdown([board]), to_latex([board])
    site = write_site(three, ImagesAtHand(), tmp_path).read_text(encoding="utf-8")
    assert "| 2/3 seeds | pix2pix |" in markdown
    assert "2/3 seeds & pix2pix &" in latex
    assert "<small>2/3 seeds</small>" in site
    assert "seeds 0, 1 (2 failed)" in site
    for text in (markdown, latex, site):
        assert why in text or why.capitalize() in text
    rows = [json.loads(to_json([board]))[0]["rows"], list(csv.DictReader(io.StringIO(to_csv([board]))))]
    for found in rows:
        (row,) = (row for row in found if row["method"] == "pix2pix")
        assert (row["seed_coverage"], row["rank"] or None) == ("2/3", None)
        assert row["psnr_body_suv20_reason"] == "2/3 seeds, seed 2 diverged"
