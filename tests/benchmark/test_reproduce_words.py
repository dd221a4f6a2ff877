"""Numbers of the page: an interval that leaves out 0 never reads as if it reached it."""

from __future__ import annotations

import pytest

from petbench.reproduce.contrast import Difference
from petbench.reproduce.tables import Notes, _difference
from petbench.reproduce.words import telling_decimals
from petbench_leaderboard.board import Column
from petbench_leaderboard.metric_facts import MetricFacts
from petbench_leaderboard.statistics.intervals import Interval

COLUMN = Column("mae", "body", "mae@1", "SUV", False, MetricFacts(label="MAE", decimals=3))


@pytest.mark.parametrize(
    ("interval", "written"),
    [
        (Interval(-0.0359, -0.0004), "**−0.0180 (−0.0359 to −0.0004)**"),
        (Interval(-0.0359, -0.00004), "**−0.01800 (−0.03590 to −0.00004)**"),
        (Interval(-0.0359, -0.000004), "**−0.01800 (−0.03590 to 0.00000)**"),  # two more at most
        (Interval(-0.0359, -0.0006), "**−0.018 (−0.036 to −0.001)**"),
    ],
)
def test_a_difference_in_bold_shows_on_which_side_of_zero_it_lies(interval: Interval, written: str) -> None:
    one = Difference(column=COLUMN, mean=-0.018, interval=interval, separated=True)
    assert _difference(one, Notes()) == written


def test_an_interval_over_zero_is_as_short_as_ever() -> None:
    one = Difference(column=COLUMN, mean=0.0002, interval=Interval(-0.003, 0.0004))
    assert _difference(one, Notes()) == "0.000 (−0.003 to 0.000)"


@pytest.mark.parametrize(
    ("low", "high", "decimals"), [(0.4, 2.0, 1), (0.04, 2.0, 2), (-3.0, -0.004, 3), (-1.0, 1.0, 1)]
)
def test_decimals_are_added_only_where_an_end_would_read_as_zero(low: float, high: float, decimals: int) -> None:
    assert telling_decimals(Interval(low, high), 1) == decimals
    assert telling_decimals(None, 1) == 1
