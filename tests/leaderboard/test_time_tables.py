"""Times to a target, from histories in which every number can be read off by hand."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pytest
from tests.leaderboard.timed_runs import CPU, GPU

from petbench_leaderboard.ranking import rank
from petbench_leaderboard.records import FAILURES
from petbench_leaderboard.report import times as written
from petbench_leaderboard.timing.hardware import hardware_of
from petbench_leaderboard.timing.tables import BoardTimes, TimeRow, TimeTable, board_times
from petbench_leaderboard.timing.targets import REFERENCES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.leaderboard.conftest import MakeRecord
    from tests.leaderboard.timed_runs import TimedRuns

    from petbench_leaderboard.store import Leaderboard

FAST = [(10.0, 0.30), (20.0, 0.20), (30.0, 0.25)]
SLOW = [(40.0, 0.30), (80.0, 0.25), (120.0, 0.20)]
NEVER_THERE = [(10.0, 0.9), (20.0, 0.8)]


def times_of(leaderboard: Leaderboard, target_suv: float | None = None, **narrowed: Any) -> BoardTimes:
    (board,) = rank(leaderboard, **narrowed)
    return board_times(leaderboard, board, target_suv)


def only_table(leaderboard: Leaderboard, target_suv: float | None = None) -> TimeTable:
    (table,) = times_of(leaderboard, target_suv).tables
    return table


def rows_of(table: TimeTable) -> dict[str, TimeRow]:
    return {row.run.method: row for row in table.rows}


def test_a_row_has_the_median_and_the_range_over_its_seeds_and_is_compared_with_the_fastest(
    leaderboard: Leaderboard, add_timed: TimedRuns
) -> None:
    add_timed("kinetic", final=0.2)
    for seed, history in enumerate([FAST, [(5.0, 0.2)], [(12.0, 0.1)]]):
        add_timed("fast", history, seed=seed)
    for seed, history in enumerate([SLOW, SLOW, NEVER_THERE]):
        add_timed("slow", history, seed=seed)
    add_timed("poor", NEVER_THERE)
    table = only_table(leaderboard)
    assert [written.cells(table, row) for row in table.rows] == [
        ["fast", "small, 1,000 images, no track", "3 of 3 seeds", "12.0", "5.0 to 20.0", "1.00 ×"],
        ["slow", "small, 1,000 images, no track", "2 of 3 seeds", "120.0", "120.0 to never", "10.00 ×"],
        ["poor", "small, 1,000 images, no track", "0 of 1 seed", "never", "", "–"],
    ]


@pytest.mark.parametrize(
    ("times", "median"),
    [
        ([5.0], 5.0),
        ([5.0, 9.0], 7.0),
        ([5.0, None], math.inf),
        ([5.0, 9.0, None], 9.0),
        ([5.0, None, None], math.inf),
        ([1.0, 2.0, 4.0, None], 3.0),
    ],
)
def test_a_seed_that_never_arrives_is_in_the_median_and_leaves_none_where_half_of_them_do_not(
    leaderboard: Leaderboard, add_timed: TimedRuns, times: Sequence[float | None], median: float
) -> None:
    for seed, seconds in enumerate(times):
        add_timed("method", [(1.0, 0.9)] + ([(seconds, 0.1)] if seconds is not None else []), seed=seed)
    (row,) = only_table(leaderboard, 0.2).rows
    assert row.seconds == median
    assert (row.arrived, len(row.outcomes)) == (sum(time is not None for time in times), len(times))


@pytest.mark.parametrize("first", range(len(REFERENCES)))
def test_the_target_is_that_of_the_first_reference_in_the_declared_order_whichever_is_better(
    leaderboard: Leaderboard, add_timed: TimedRuns, first: int
) -> None:
    assert REFERENCES == ("kinetic", "ridge", "scale", "identity")
    for place, name in enumerate(REFERENCES[first:]):
        add_timed(name, final=0.3 - place / 100)
    add_timed("method", FAST)
    table = only_table(leaderboard)
    assert [(target.reference, target.suv) for target in table.targets] == [(REFERENCES[first], 0.3)]
    assert f"0.300 SUV, that of {REFERENCES[first]}’s final model" in written.title(table)
    notes = " ".join(written.notes(times_of(leaderboard)))
    for place, name in enumerate(REFERENCES[first + 1 :], start=1):
        assert f" of {name}, {0.3 - place / 100:.3f} SUV" in notes
    assert ("the target is an easy one" in notes) == (first < len(REFERENCES) - 1)


def test_the_target_is_the_mean_over_the_seeds_of_the_newest_row_of_a_reference(
    leaderboard: Leaderboard, add_timed: TimedRuns
) -> None:
    add_timed("kinetic", final=0.9, version="0.0.1")
    for seed, error in enumerate((0.2, 0.4)):
        add_timed("kinetic", final=error, seed=seed)
    add_timed("method", FAST)
    assert only_table(leaderboard).targets[0].suv == pytest.approx(0.3)


@pytest.mark.parametrize(
    "change",
    [
        {"distribution": "somebody-elses"},
        {"verification": "self-reported"},
        {"verification": "rescored", "submitter": "rival-lab"},
        {"verification": "reproduced", "submitter": "rival-lab"},
        {"changed_parameters": {"alpha": 9}},
        {"role": "competitor"},
        {"fingerprint": "e" * 64, "dataset": "another"},
    ],
    ids=lambda change: "-".join(map(str, next(iter(change.items())))),
)
def test_nobody_elses_reference_sets_a_target(
    leaderboard: Leaderboard, add_timed: TimedRuns, change: dict[str, Any]
) -> None:
    add_timed("scale", final=0.25)
    add_timed("kinetic", final=99.0, **change)
    add_timed("method", FAST)
    (board,) = rank(leaderboard, dataset="fdg-phantom-mini")
    (table,) = [found for found in board_times(leaderboard, board).tables if found.hardware]
    assert [(target.reference, target.suv) for target in table.targets] == [("scale", 0.25)]


def test_each_fold_has_its_own_target_and_one_without_a_reference_says_so(
    leaderboard: Leaderboard, add_timed: TimedRuns
) -> None:
    who = ("sub-01", "sub-02", "sub-03")
    add_timed("kinetic", final=0.25, fold=0, split_participants=who)
    add_timed("ridge", final=0.20, fold=1, split_participants=who)
    for fold in range(3):
        add_timed("method", FAST, fold=fold, split_participants=who)
    times = times_of(leaderboard)
    (table,) = times.tables
    (row,) = table.rows
    assert [(each.run.fold, each.seconds) for each in row.outcomes] == [(0, 20.0), (1, 20.0)]
    assert written.arrive(table, row) == "2 of 2 runs"
    assert "0.200 to 0.250 SUV by fold, that of the final model of kinetic in fold 0, ridge in fold 1" in written.title(
        table
    )
    assert times.untargeted == (2,)
    assert written.notes(times)[0].startswith("no target in fold 2: of none of kinetic, ridge, scale, identity")


def test_any_target_can_be_asked_for(leaderboard: Leaderboard, add_timed: TimedRuns) -> None:
    add_timed("kinetic", final=0.2)
    add_timed("method", FAST)
    assert rows_of(only_table(leaderboard, 0.30))["method"].seconds == 10.0
    assert rows_of(only_table(leaderboard, 0.19))["method"].seconds == math.inf
    assert "0.300 SUV, as asked for" in written.title(only_table(leaderboard, 0.30))


def test_times_on_different_hardware_share_no_table_and_no_fastest(
    leaderboard: Leaderboard, add_timed: TimedRuns
) -> None:
    add_timed("kinetic", final=0.2)
    add_timed("here", SLOW)
    add_timed("there", FAST, machine=GPU, device="cuda:0")
    add_timed("here", FAST, machine=CPU | {"threads": 8}, seed=1)
    add_timed("here", SLOW, machine=CPU | {"threads": 2, "engine": {"threads": 8}}, seed=2)
    found = {
        table.hardware: {row.run.method: (len(row.outcomes), written.ratio(table, row)) for row in table.rows}
        for table in times_of(leaderboard).tables
    }
    assert found == {
        "Fast Chip, 8 cores, 2 threads": {"here": (1, 1.0)},
        "Fast Chip, 8 cores, 8 threads": {"here": (2, 1.0)},
        "Some Card": {"there": (1, 1.0)},
    }


def test_a_run_that_was_made_again_on_other_hardware_keeps_its_time_on_the_first(
    leaderboard: Leaderboard, add_timed: TimedRuns
) -> None:
    add_timed("kinetic", final=0.2)
    add_timed("method", SLOW)
    add_timed("method", FAST, machine=GPU)
    found = {table.hardware: table.rows[0].seconds for table in times_of(leaderboard).tables}
    assert found == {"Fast Chip, 8 cores, 2 threads": 120.0, "Some Card": 20.0}


def test_the_same_card_is_one_hardware_wherever_it_is_plugged_in_and_what_is_not_recorded_has_no_name(
    leaderboard: Leaderboard, make_record: MakeRecord
) -> None:
    def name(**changes: Any) -> str:
        return hardware_of(leaderboard.run(leaderboard.plan(make_record(**changes))))

    assert name(machine=GPU, device="cuda:0") == name(machine=GPU, device="cuda:1") == "Some Card"
    assert name(machine={}, device="auto") == name(machine={"processor": "Fast Chip", "cores": 8}) == ""
    assert name(machine={"threads": 1}, device="mps") == "mps, processor of unknown name, 1 thread"
    assert name(machine=GPU | {"engine": {"processes": 2}}, device="cuda:0") == "2 × Some Card"
    shared = name(machine=CPU | {"engine": {"processes": 2, "threads": 1}}, device="cpu")
    assert shared == "Fast Chip, 8 cores, 2 processes of 1 thread"


@pytest.mark.parametrize("status", sorted(FAILURES))
def test_a_seed_that_failed_does_not_arrive_whatever_it_had_reached(
    leaderboard: Leaderboard, add_timed: TimedRuns, status: str
) -> None:
    add_timed("kinetic", final=0.2)
    add_timed("method", FAST)
    add_timed("method", FAST, seed=1, status=status)
    table = only_table(leaderboard)
    assert written.cells(table, table.rows[0])[2:] == [
        f"1 of 2 seeds (1 {status})", "never", "20.0 to never", "–"
    ]  # fmt: skip


def test_a_method_all_of_whose_seeds_failed_stands_in_the_table(leaderboard: Leaderboard, add_timed: TimedRuns) -> None:
    add_timed("kinetic", final=0.2)
    add_timed("method", FAST)
    for seed in range(2):
        add_timed("broken", None, seed=seed, status="failed")
    row = rows_of(only_table(leaderboard))["broken"]
    assert (row.arrived, len(row.outcomes), row.seconds) == (0, 2, math.inf)


def test_a_run_that_failed_before_its_hardware_was_recorded_counts_where_the_others_of_its_row_do(
    leaderboard: Leaderboard, add_timed: TimedRuns
) -> None:
    add_timed("kinetic", final=0.2)
    add_timed("method", FAST)
    add_timed("method", FAST, seed=1, machine=GPU)
    add_timed("method", None, seed=2, machine={}, status="failed")
    add_timed("broken", None, machine={}, status="failed")
    found = {
        (table.hardware, row.run.method): (row.arrived, len(row.outcomes))
        for table in times_of(leaderboard).tables
        for row in table.rows
    }
    assert found == {
        ("", "broken"): (0, 1),
        ("Fast Chip, 8 cores, 2 threads", "method"): (1, 2),
        ("Some Card", "method"): (1, 2),
    }


def test_a_run_that_was_stopped_counts_nowhere_and_a_later_success_takes_the_place_of_a_failure(
    leaderboard: Leaderboard, add_timed: TimedRuns
) -> None:
    add_timed("kinetic", final=0.2)
    add_timed("method", SLOW)
    add_timed("method", FAST, status="interrupted", seed=1)
    add_timed("method", None, status="failed", seed=2)
    add_timed("method", SLOW, seed=2)
    add_timed("method", FAST)  # again, by force
    add_timed("method", None, status="failed")  # and once more, after that
    (row,) = only_table(leaderboard).rows
    assert [(each.run.seed, each.seconds) for each in row.outcomes] == [(0, 20.0), (2, 120.0)]


UNKNOWN: dict[str, dict[str, Any]] = {
    "trained by another program": {"plugin": "external"},
    "self-reported": {"verification": "self-reported"},
    "submitted, not trained here": {"verification": "rescored", "submitter": "rival-lab"},
    "before protocol 2": {"protocol": 1},
    "no validation": {"history": ()},
    "history not noted, petbench score --runs all reads it": {"history": None},
}


@pytest.mark.parametrize("reason", UNKNOWN)
def test_a_run_of_which_nobody_knows_when_it_was_how_good_has_no_time_and_says_why(
    leaderboard: Leaderboard, add_timed: TimedRuns, make_record: MakeRecord, reason: str
) -> None:
    add_timed("kinetic", final=0.2)
    add_timed("method", SLOW)
    changes = {"history": FAST} | UNKNOWN[reason]
    run_id = add_timed("theirs", changes.pop("history"), **changes)
    if "protocol" in changes:  # it was scored again under the protocol of today
        scores = leaderboard.scores([run_id])
        leaderboard.record_scores(run_id, scores, protocol=2)
    (board,) = [board for board in rank(leaderboard) if board.protocol == 2]
    times = board_times(leaderboard, board)
    assert [list(rows_of(table)) for table in times.tables] == [["method"]]
    assert [(run.method, why) for run, why in times.without] == [("theirs", reason)]
    assert any(note.startswith("no time of theirs (") and note.endswith(reason) for note in written.notes(times))


def test_one_seed_without_a_history_counts_as_not_arriving_and_is_named(
    leaderboard: Leaderboard, add_timed: TimedRuns
) -> None:
    add_timed("kinetic", final=0.2)
    add_timed("method", FAST)
    add_timed("method", (), seed=1)
    (row,) = only_table(leaderboard).rows
    assert written.arrive(only_table(leaderboard), row) == "1 of 2 seeds (1 no validation)"


def test_many_rows_without_times_are_one_note_each_reason(leaderboard: Leaderboard, add_timed: TimedRuns) -> None:
    for number in range(9):
        add_timed(f"method-{number}", ())
    (note,) = written.notes(times_of(leaderboard))
    assert note.startswith("no time of method-")
    assert note.endswith("and 3 further rows: no validation")


def test_a_variant_stands_last_and_is_nobodys_fastest(leaderboard: Leaderboard, add_timed: TimedRuns) -> None:
    add_timed("kinetic", final=0.2)
    competing = add_timed("method", SLOW, parameters={"width": 16})
    variant = add_timed("method", FAST, parameters={"width": 8}, changed_parameters={"width": 8})
    for number, score in ((competing, 31.0), (variant, 30.0)):
        leaderboard.update(
            number, validation_score=score, validation_metric="psnr_body_suv20", validation_convention="c@1"
        )
    table = only_table(leaderboard)
    assert [(row.run.id, row.stands, row.seconds) for row in table.rows] == [
        (competing, True, 120.0), (variant, False, 20.0)
    ]  # fmt: skip
    assert [written.name(row) for row in table.rows] == ["method", "method (variant)"]
    assert [written.over_the_fastest(table, row) for row in table.rows] == ["1.00 ×", "0.17 ×"]


def test_where_no_row_of_a_method_competes_the_one_that_was_planned_first_stands_for_it(
    leaderboard: Leaderboard, add_timed: TimedRuns
) -> None:
    add_timed("kinetic", final=0.2)
    for width in (4, 8):
        add_timed("method", FAST, parameters={"width": width})
        add_timed("method", None, parameters={"width": width}, seed=1, status="failed")
    table = only_table(leaderboard)
    assert [(row.run.parameters["width"], row.stands) for row in table.rows] == [(4, True), (8, False)]


def test_a_condition_narrows_the_rows_and_leaves_the_target(leaderboard: Leaderboard, add_timed: TimedRuns) -> None:
    add_timed("kinetic", final=0.2)
    add_timed("method", FAST)
    add_timed("other", SLOW)
    times = times_of(leaderboard, where="method=other")
    (table,) = times.tables
    assert [(row.run.method, row.seconds) for row in table.rows] == [("other", 120.0)]
    assert table.targets[0].reference == "kinetic"
