"""Scores of two protocols in one leaderboard: a table, a condition and a mean are of one of them alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from petbench_leaderboard.exports import board_as_rows
from petbench_leaderboard.ranking import rank
from petbench_leaderboard.score_records import of_newest_protocol

if TYPE_CHECKING:
    from tests.leaderboard.conftest import AddRun, MakeScore

    from petbench_leaderboard.board import Board
    from petbench_leaderboard.store import Leaderboard


@pytest.fixture
def both(leaderboard: Leaderboard, add_run: AddRun, make_score: MakeScore) -> Leaderboard:
    """Give two runs of protocol 1, of which one was scored again under protocol 2, and one of protocol 2."""
    add_run("identity", {"sub-01": 29.0})
    add_run("pix2pix", {"sub-01": 31.0})
    leaderboard.record_scores(2, [make_score("sub-01", 99.0)], protocol=2)
    add_run("pix2pix", {"sub-01": 35.0}, protocol=2)
    return leaderboard


def by_protocol(boards: list[Board]) -> dict[int, list[tuple[str, float | None]]]:
    return {
        board.protocol: [(row.run.method, row.cells[board.columns[0]].mean) for row in board.rows] for board in boards
    }


def test_each_protocol_has_a_board_of_its_own_and_no_number_of_the_other(both: Leaderboard) -> None:
    found = by_protocol(rank(both))
    assert found == {2: [("pix2pix", 99.0), ("pix2pix", 35.0)], 1: [("pix2pix", 31.0), ("identity", 29.0)]}
    for board in rank(both):
        assert {row["protocol"] for row in board_as_rows(board)} == {board.protocol}
    gains = {board.protocol: [row.cells[board.columns[0]].gain for row in board.rows] for board in rank(both)}
    assert gains == {2: [None, None], 1: [2.0, 0.0]}  # the identity of protocol 1 is none of protocol 2


def test_a_condition_on_a_score_means_the_score_of_the_board_it_chooses_rows_of(both: Leaderboard) -> None:
    assert by_protocol(rank(both, where="psnr_body_suv20<32")) == {1: [("pix2pix", 31.0), ("identity", 29.0)]}
    assert by_protocol(rank(both, where="not psnr_body_suv20<32"))[2] == [("pix2pix", 99.0), ("pix2pix", 35.0)]
    assert by_protocol(rank(both, where="psnr_body_suv20>90")) == {2: [("pix2pix", 99.0)]}
    assert by_protocol(rank(both, where="psnr_body_suv20>90", best=1)) == {2: [("pix2pix", 99.0)]}


def test_of_a_run_with_both_the_newest_scores_are_shown(both: Leaderboard) -> None:
    assert [(score.protocol, score.value) for score in of_newest_protocol(both.scores([2]))] == [(2, 99.0)]
    assert [(score.protocol, score.value) for score in of_newest_protocol(both.scores([1]))] == [(1, 29.0)]
    assert of_newest_protocol([]) == []
