"""The table of subgroups of a row: everybody who has a score is in one group of each factor."""

from __future__ import annotations

from statistics import fmean
from typing import TYPE_CHECKING

import pytest

from petbench_leaderboard.ranking import rank
from petbench_leaderboard.statistics.subgroups import subgroups

if TYPE_CHECKING:
    from tests.leaderboard.conftest import AddRun

    from petbench_leaderboard.store import Leaderboard

GROUPS = {
    "sub-01": {"sex": "female", "age": "up to 50"},
    "sub-02": {"sex": "male", "age": "up to 50"},
    "sub-03": {"sex": "male"},
    "sub-99": {"sex": "female"},
}
SCORES = {"sub-01": 30.0, "sub-02": 32.0, "sub-03": 37.0}


def test_a_rows_participants_are_grouped_with_their_values_and_means(leaderboard: Leaderboard, add_run: AddRun) -> None:
    for seed in (0, 1):
        run_id = add_run("pix2pix", {who: value + seed for who, value in SCORES.items()}, seed=seed)
        leaderboard.update(run_id, subgroups=GROUPS)
    (board,) = rank(leaderboard)
    (row,) = board.rows
    assert board.ranked_by is not None
    found = {(each.factor, each.group): each for each in subgroups(row, board.ranked_by)}
    assert list(found) == [("sex", "female"), ("sex", "male"), ("age", "up to 50")]
    male = found["sex", "male"]
    assert male.values == {"sub-02": 32.5, "sub-03": 37.5}
    assert (male.count, male.mean) == (2, 35.0)
    whole = [value for group in ("female", "male") for value in found["sex", group].values.values()]
    assert fmean(whole) == pytest.approx(row.cells[board.ranked_by].mean)


def test_a_row_of_which_nothing_is_known_has_no_subgroups(leaderboard: Leaderboard, add_run: AddRun) -> None:
    add_run("pix2pix", SCORES)
    (board,) = rank(leaderboard)
    assert board.ranked_by is not None
    assert subgroups(board.rows[0], board.ranked_by) == []
