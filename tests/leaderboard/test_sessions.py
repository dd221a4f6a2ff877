"""Several sessions of one person are one observation, on the leaderboard and in every test."""

from __future__ import annotations

from statistics import fmean, stdev
from typing import TYPE_CHECKING

import numpy as np
import pytest

from petbench_leaderboard.board import Column
from petbench_leaderboard.metric_facts import MetricFacts
from petbench_leaderboard.ranking import rank
from petbench_leaderboard.report.columns import remark
from petbench_leaderboard.report.site.run_charts import _participants
from petbench_leaderboard.score_records import ScoreRow
from petbench_leaderboard.statistics.analysis import analyse
from petbench_leaderboard.statistics.intervals import mean_interval

if TYPE_CHECKING:
    from tests.leaderboard.conftest import AddRun

    from petbench_leaderboard.store import Leaderboard

SCORES = {
    "sub-01_ses-1": 30.0, "sub-01_ses-2": 34.0, "sub-02": 31.0, "sub-03_ses-a": 36.0, "sub-03_ses-b": 37.0,
    "sub-03_ses-c": 41.0,
}  # fmt: skip
PEOPLE = {"sub-01": 32.0, "sub-02": 31.0, "sub-03": 38.0}


def test_a_persons_sessions_are_one_value_their_mean(leaderboard: Leaderboard, add_run: AddRun) -> None:
    add_run("pix2pix", SCORES)
    (board,) = rank(leaderboard)
    assert board.ranked_by is not None
    assert board.participants == tuple(PEOPLE)
    cell = board.rows[0].cells[board.ranked_by]
    assert cell.values == pytest.approx(PEOPLE)
    assert cell.mean == pytest.approx(fmean(PEOPLE.values()))
    assert cell.standard_deviation == pytest.approx(stdev(PEOPLE.values()))


def test_the_interval_is_that_of_as_many_people(leaderboard: Leaderboard, add_run: AddRun) -> None:
    add_run("pix2pix", SCORES)
    (board,) = rank(leaderboard)
    found = analyse(board)
    assert found is not None
    (row,) = found.rows
    assert row is not None
    assert row.interval == mean_interval(np.array([list(PEOPLE.values())]))


def test_a_session_without_a_score_leaves_the_row_without_a_mean(leaderboard: Leaderboard, add_run: AddRun) -> None:
    add_run("pix2pix", SCORES)
    add_run("cyclegan", {who: value for who, value in SCORES.items() if who != "sub-03_ses-b"})
    (board,) = rank(leaderboard)
    assert board.ranked_by is not None
    cells = {row.run.method: row.cells[board.ranked_by] for row in board.rows}
    assert cells["cyclegan"].mean is None
    assert "sub-03_ses-b" in (cells["cyclegan"].reason or "")


def test_a_distance_says_of_how_many_people_its_slices_are() -> None:
    column = Column("kd", "volume", "kernel3@1", "", False, MetricFacts(label="KD", decimals=2))
    said = remark(column, {"n_real": 80, "participants": list(SCORES), "floor_reason": "no floor"})
    assert said == "N = 80 slices of 3 participants, no floor"


def test_the_chart_of_every_participant_says_the_mean_of_people() -> None:
    scores = [
        ScoreRow(
            run_id=1, protocol=2, participant=who, region="body", metric="psnr_body_suv20",
            convention_id="psnr/body/suv20@1", unit="dB", higher_is_better=True, value=value,
            facts=MetricFacts(label="PSNR", decimals=1),
        )
        for who, value in SCORES.items()
    ]  # fmt: skip
    (chart,) = _participants(scores, {})
    assert chart.description == "3 participants, mean 33.7 dB."
