"""The sentence under a board says what its statistics allow, in every case that a board can be in."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import pytest

from petbench_leaderboard.board import Board
from petbench_leaderboard.metric_facts import MetricFacts
from petbench_leaderboard.ranking import rank
from petbench_leaderboard.statistics.analysis import analyse
from petbench_leaderboard.statistics.intervals import difference_interval
from petbench_leaderboard.statistics.sentences import caveats, separation

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray
    from tests.leaderboard.conftest import AddRun

    from petbench_leaderboard.board import Column
    from petbench_leaderboard.store import Leaderboard

Enter: TypeAlias = "Callable[..., NDArray[np.float64]]"


def people(values: NDArray[np.float64]) -> dict[str, float]:
    return {f"sub-{number:02}": float(value) for number, value in enumerate(values)}


@pytest.fixture
def enter(add_run: AddRun) -> Enter:
    """Enter a run whose scores are those of everybody plus a shift and a little noise."""

    def add(
        method: str, shift: float, participants: int = 16, seed: int = 0, noise: float = 0.2
    ) -> NDArray[np.float64]:
        base = np.random.default_rng(77).normal(29.0, 2.0, participants)
        own = np.random.default_rng([sum(method.encode()), seed]).normal(0.0, noise, participants)
        scores = base + shift + own
        add_run(method, people(scores), seed=seed)
        return scores

    return add


def said(leaderboard: Leaderboard, column: Column | None = None) -> str:
    (board,) = rank(leaderboard)
    return separation(board, analyse(board, column))


def test_a_method_that_is_ahead_is_said_to_be_so_by_how_much_and_with_the_interval(
    leaderboard: Leaderboard, enter: Enter
) -> None:
    ours, theirs = enter("pix2pix", 2.0), enter("cyclegan", 0.0)
    interval = difference_interval(ours, theirs)
    assert interval is not None
    assert said(leaderboard) == (
        f"pix2pix is ahead of cyclegan by {(ours - theirs).mean():.2f} dB (95 % interval {interval.low:.2f} to "
        f"{interval.high:.2f}) with 16 participants and one seed."
    )


def test_methods_that_cannot_be_told_apart_come_with_the_difference_that_would_have_been_found(
    leaderboard: Leaderboard, enter: Enter
) -> None:
    for seed in range(3):
        enter("unet", 0.0, seed=seed, noise=0.5)
        enter("ridge-net", 0.0, seed=seed, noise=0.5)
    (board,) = rank(leaderboard)
    statistics = analyse(board)
    assert statistics is not None
    (comparison,) = statistics.comparisons
    assert comparison.detectable_difference is not None
    best, other = (row.run.method for row in board.rows)
    assert separation(board, statistics) == (
        f"{best} cannot be told apart from {other} (smallest detectable difference "
        f"{comparison.detectable_difference:.2f} dB) with 16 participants and 3 seeds."
    )


def test_the_best_that_is_ahead_of_all_is_followed_by_how_the_next_stands(
    leaderboard: Leaderboard, enter: Enter
) -> None:
    for method, shift in (("pix2pix", 4.0), ("unet", 1.0), ("ridge-net", 1.02), ("cyclegan", -3.0)):
        enter(method, shift)
    sentence = said(leaderboard)
    assert sentence.startswith("pix2pix is ahead of ")
    first, second = sentence.split("; ")
    assert ", and of " in first
    assert "cyclegan" in first
    assert "cannot be told apart from" in second
    assert ", but it is ahead of cyclegan by " in second
    assert second.endswith("with 16 participants and one seed.")


def test_of_many_methods_at_most_as_many_are_named_as_can_be_read(leaderboard: Leaderboard, enter: Enter) -> None:
    for number in range(9):
        enter(f"method-{number}", 0.0)
    sentence = said(leaderboard)
    assert " and 5 others (smallest detectable difference " in sentence
    assert sentence.count("method-") == 4


@pytest.mark.parametrize(("participants", "methods", "needed"), [(2, 2, 6), (3, 2, 6), (5, 2, 6), (6, 3, 7), (7, 4, 8)])
def test_too_few_participants_are_said_to_decide_nothing_and_never_to_make_ties(
    leaderboard: Leaderboard, enter: Enter, participants: int, methods: int, needed: int
) -> None:
    for number in range(methods):
        enter(f"method-{number}", 3.0 * number, participants=participants)
    sentence = said(leaderboard)
    comparisons = methods * (methods - 1) // 2
    need = "1 comparison needs" if comparisons == 1 else f"{comparisons} comparisons need"
    assert sentence.startswith(
        f"No test can tell these {methods} methods apart with {participants} participants and one seed: {need} at "
        f"least {needed} participants; the mean of method-{methods - 1} is better than that of method-{methods - 2} by "
    )
    assert ("95 % interval" in sentence) == (participants >= 3)
    assert "tie" not in sentence
    assert "told apart from" not in sentence


def test_one_participant_is_said_to_decide_nothing(leaderboard: Leaderboard, enter: Enter) -> None:
    enter("pix2pix", 2.0, participants=1)
    enter("cyclegan", 0.0, participants=1)
    assert said(leaderboard) == "One test participant: no test can tell these methods apart."


def test_one_method_is_compared_with_the_early_image(leaderboard: Leaderboard, enter: Enter) -> None:
    enter("pix2pix", 2.0)
    assert said(leaderboard) == ""
    enter("identity", 0.0)
    (board,) = rank(leaderboard)
    statistics = analyse(board)
    assert statistics is not None
    found = statistics.rows[0]
    assert found is not None
    assert found.gain_interval is not None
    gain = board.rows[0].cells[statistics.column].gain
    assert separation(board, statistics) == (
        f"pix2pix is ahead of identity by {gain:.2f} dB (95 % interval {found.gain_interval.low:.2f} to "
        f"{found.gain_interval.high:.2f}) with 16 participants and one seed."
    )


@pytest.mark.parametrize(
    ("shift", "participants", "expected"),
    [
        (-2.0, 16, "pix2pix is behind identity by 2.0"),
        (0.0, 16, "pix2pix cannot be told apart from identity (smallest detectable difference 0."),
        (
            2.0,
            4,
            "No test can tell pix2pix from identity with 4 participants and one seed: 1 comparison needs at least 6",
        ),
        (-2.0, 4, "the mean of pix2pix is worse than that of identity by "),
        (2.0, 1, "One test participant: no test can tell pix2pix from identity."),
    ],
)
def test_one_method_may_be_behind_the_early_image_or_not_to_be_told_from_it(
    leaderboard: Leaderboard, enter: Enter, shift: float, participants: int, expected: str
) -> None:
    enter("pix2pix", shift, participants)
    enter("identity", 0.0, participants)
    sentence = said(leaderboard)
    assert expected in sentence


def test_where_lower_is_better_the_lower_is_ahead_and_amounts_stay_positive(
    leaderboard: Leaderboard, enter: Enter
) -> None:
    ours, theirs = enter("pix2pix", 2.0), enter("cyclegan", 0.0)
    (board,) = rank(leaderboard)
    assert board.ranked_by is not None
    error = replace(board.ranked_by, metric="mae", unit="SUV", higher_is_better=False)
    board = replace(
        board,
        ranked_by=error,
        columns=(error,),
        rows=tuple(replace(row, cells={error: row.cells[board.ranked_by]}) for row in board.rows),
    )
    interval = difference_interval(ours, theirs)
    assert interval is not None
    sentence = separation(board, analyse(board))
    assert sentence.startswith(
        f"cyclegan is ahead of pix2pix by {(ours - theirs).mean():.2f} SUV (95 % interval {interval.low:.2f} to "
        f"{interval.high:.2f})"
    )


def test_a_number_without_a_unit_stands_alone_and_one_that_rounds_to_nothing_keeps_two_digits(
    leaderboard: Leaderboard, enter: Enter
) -> None:
    enter("pix2pix", 0.004, noise=0.0001)
    enter("cyclegan", 0.0, noise=0.0001)
    (board,) = rank(leaderboard)
    assert board.ranked_by is not None
    plain = replace(board.ranked_by, unit="1", facts=MetricFacts(decimals=2))
    rows = tuple(replace(row, cells={plain: row.cells[board.ranked_by]}) for row in board.rows)
    board = replace(board, ranked_by=plain, columns=(plain,), rows=rows)
    assert separation(board, analyse(board)).startswith("pix2pix is ahead of cyclegan by 0.004 (95 % interval 0.00")


def test_of_a_metric_without_a_direction_nothing_is_said(leaderboard: Leaderboard, enter: Enter) -> None:
    enter("pix2pix", 2.0)
    enter("cyclegan", 0.0)
    (board,) = rank(leaderboard)
    assert board.ranked_by is not None
    neither = replace(board.ranked_by, higher_is_better=None)
    rows = tuple(replace(row, cells={neither: row.cells[board.ranked_by]}) for row in board.rows)
    board = replace(board, ranked_by=neither, rows=rows)
    statistics = analyse(board)
    assert statistics is not None
    assert [row and (row.gain_interval, row.rank_interval, row.tested_rank) for row in statistics.rows] == [
        (None, None, None)
    ] * 2
    assert separation(board, statistics) == ""


def test_rows_of_one_method_are_told_apart_by_as_few_settings_as_do(leaderboard: Leaderboard, add_run: AddRun) -> None:
    base = np.random.default_rng(1).normal(30.0, 2.0, 16)
    add_run("pix2pix", people(base + 2.0), parameters={"width": 8})
    add_run("pix2pix", people(base), distribution="another")  # a method of the same name, of other people
    (board,) = rank(leaderboard)
    assert separation(board, analyse(board)).startswith("pix2pix width=8 is ahead of pix2pix width=16 by 2.00 dB")


def test_another_column_is_spoken_of_in_its_own_order(leaderboard: Leaderboard, enter: Enter) -> None:
    enter("pix2pix", 2.0)
    enter("cyclegan", 0.0)
    (board,) = rank(leaderboard)
    assert board.ranked_by is not None
    other = replace(board.ranked_by, region="volume", higher_is_better=False)
    cells = [row.cells[board.ranked_by] for row in board.rows]
    rows = tuple(
        replace(row, cells={board.ranked_by: cell, other: cell}) for row, cell in zip(board.rows, cells, strict=True)
    )
    both = replace(board, columns=(board.ranked_by, other), rows=rows)
    assert separation(both, analyse(both)).startswith("pix2pix is ahead of cyclegan")
    assert separation(both, analyse(both, other)).startswith("cyclegan is ahead of pix2pix")


def test_seeds_are_counted_and_where_they_differ_said_from_to(leaderboard: Leaderboard, enter: Enter) -> None:
    enter("cyclegan", 0.0)
    for seed in range(3):
        enter("pix2pix", 6.0, seed=seed)
    assert said(leaderboard).endswith("with 16 participants and 1 to 3 seeds.")


def test_nothing_is_said_of_an_empty_board() -> None:
    board = Board(
        dataset="d", fingerprint="f", split="s", split_digest="x", protocol=2, participants=("sub-01",),
        ranked_by=None, columns=(), rows=(), unscored=(),
    )  # fmt: skip
    assert separation(board, analyse(board)) == ""
    assert caveats(board) == []


def test_a_board_says_that_its_participants_were_matched_and_of_whom_it_has_one_seed(
    leaderboard: Leaderboard, add_run: AddRun
) -> None:
    base = np.random.default_rng(1).normal(30.0, 2.0, 8)
    for seed in range(2):
        add_run("pix2pix", people(base + 2.0), seed=seed, sampling="independent")
    (board,) = rank(leaderboard)
    assert caveats(board) == []
    add_run("cyclegan", people(base))
    (board,) = rank(leaderboard)
    (one_seed,) = caveats(board)
    assert one_seed.startswith("One seed of cyclegan: intervals and tests are over participants alone")
    add_run("unet", people(base + 1.0), sampling="matched")
    (board,) = rank(leaderboard)
    matched, one_seed = caveats(board)
    assert matched == (
        "The participants of fdg-phantom-mini were matched to the statistics of a population and not drawn "
        "independently: intervals and tests over them do not hold."
    )
    assert one_seed.startswith("One seed of unet and cyclegan: ")


def test_a_board_of_single_seeds_says_so_once(leaderboard: Leaderboard, enter: Enter) -> None:
    enter("cyclegan", 0.0)
    enter("pix2pix", 2.0)
    enter("identity", 0.0)
    (board,) = rank(leaderboard)
    (one_seed,) = caveats(board)
    assert one_seed.startswith("One seed: intervals and tests are over participants alone, for this one training")


def test_the_gains_interval_is_over_the_same_identity_as_the_gain(
    leaderboard: Leaderboard, enter: Enter, add_run: AddRun
) -> None:
    ours, theirs = enter("pix2pix", 2.0), enter("identity", 0.0)
    add_run("identity", people(ours + 5.0), distribution="somebody-elses")
    (board,) = rank(leaderboard)
    statistics = analyse(board)
    assert statistics is not None
    assert board.ranked_by is not None
    (found,) = (found for found in statistics.rows if found and found.key.startswith("pix2pix"))
    (row,) = (row for row in board.rows if row.run.method == "pix2pix")
    assert row.cells[board.ranked_by].gain == pytest.approx((ours - theirs).mean())
    assert found.gain_interval == difference_interval(ours, theirs)
