from __future__ import annotations

import multiprocessing
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest

from petbench_leaderboard.errors import LeaderboardError
from petbench_leaderboard.ranking import rank
from petbench_leaderboard.score_records import ScoreRecord
from petbench_leaderboard.store import Leaderboard

if TYPE_CHECKING:
    from tests.leaderboard.conftest import MakeRecord, MakeScore


def test_a_planned_run_is_read_back_as_it_was_given(leaderboard: Leaderboard, make_record: MakeRecord) -> None:
    record = make_record(parameters={"width": 16, "names": ["a", "b"]}, test_participants=("sub-06",), seed=2**40)
    row = leaderboard.run(leaderboard.plan(record))
    assert (row.status, row.phase, row.error_message) == ("planned", None, None)
    assert row.parameters == record.parameters
    assert row.test_participants == ("sub-06",)
    assert row.seed == 2**40
    assert row.run_group == record.run_group
    assert row.created_at.tzinfo is UTC


def test_changes_are_kept_and_everything_else_stays(leaderboard: Leaderboard, make_record: MakeRecord) -> None:
    run_id = leaderboard.plan(make_record())
    leaderboard.update(run_id, status="failed", phase="train", error_class="ValueError", error_message="no")
    leaderboard.update(run_id, train_seconds=0.1 + 0.2, parameter_count=11_370_000)
    row = leaderboard.run(run_id)
    assert (row.status, row.phase, row.error_class) == ("failed", "train", "ValueError")
    assert row.train_seconds == 0.1 + 0.2
    assert row.parameter_count == 11_370_000


def test_a_time_in_another_zone_comes_back_as_the_same_instant(
    leaderboard: Leaderboard, make_record: MakeRecord
) -> None:
    moment = datetime(2026, 1, 1, 1, 30, tzinfo=timezone(timedelta(hours=5)))
    run_id = leaderboard.plan(make_record())
    leaderboard.update(run_id, started_at=moment)
    started = leaderboard.run(run_id).started_at
    assert started == moment
    assert started is not None
    assert started.hour == 20


def test_an_unknown_status_column_or_run_is_refused_by_name(leaderboard: Leaderboard, make_record: MakeRecord) -> None:
    run_id = leaderboard.plan(make_record())
    with pytest.raises(LeaderboardError, match="'finished' is no status: use one of planned"):
        leaderboard.update(run_id, status="finished")  # type: ignore[arg-type]
    with pytest.raises(LeaderboardError, match="no changeable column 'method'"):
        leaderboard.update(run_id, method="other")  # type: ignore[call-arg]
    with pytest.raises(LeaderboardError, match="no run 99"):
        leaderboard.update(99, status="ok")
    with pytest.raises(LeaderboardError, match="no run 99"):
        leaderboard.record_phase(99, "train", 1.0)
    with pytest.raises(LeaderboardError, match=f"no run {2**64}"):
        leaderboard.run(2**64)


def test_scores_come_back_to_the_last_bit(
    leaderboard: Leaderboard, make_record: MakeRecord, make_score: MakeScore
) -> None:
    run_id = leaderboard.plan(make_record())
    given = [
        make_score("sub-06", 1 / 3, extra={"voxels": 7}),
        make_score(None, None, metric="fid", region="volume", reason="weights unavailable", higher_is_better=False),
    ]
    leaderboard.record_scores(run_id, given)
    found = {score.metric: score for score in leaderboard.scores([run_id])}
    assert found["psnr_body_suv20"].value == 1 / 3
    assert found["psnr_body_suv20"].extra == {"voxels": 7}
    assert found["psnr_body_suv20"].protocol == 1
    assert found["fid"].participant is None
    assert (found["fid"].value, found["fid"].reason) == (None, "weights unavailable")


def test_new_scores_replace_those_of_the_same_metric_and_protocol_only(
    leaderboard: Leaderboard, make_record: MakeRecord, make_score: MakeScore
) -> None:
    run_id = leaderboard.plan(make_record())
    leaderboard.record_scores(run_id, [make_score("sub-05"), make_score("sub-06"), make_score(metric="mae_body_suv")])
    leaderboard.record_scores(run_id, [make_score("sub-06", 31.0)])
    leaderboard.record_scores(run_id, [make_score("sub-06", 99.0)], protocol=2)
    kept = {(s.protocol, s.metric, s.participant): s.value for s in leaderboard.scores([run_id])}
    assert kept == {
        (1, "psnr_body_suv20", "sub-06"): 31.0,
        (1, "mae_body_suv", "sub-01"): 30.0,
        (2, "psnr_body_suv20", "sub-06"): 99.0,
    }


def test_a_score_given_twice_stores_nothing(
    leaderboard: Leaderboard, make_record: MakeRecord, make_score: MakeScore
) -> None:
    run_id = leaderboard.plan(make_record())
    with pytest.raises(LeaderboardError, match="one score twice"):
        leaderboard.record_scores(run_id, [make_score("sub-06", 1.0), make_score("sub-06", 2.0)])
    assert leaderboard.scores([run_id]) == []


def test_a_score_that_is_not_a_number_or_missing_without_a_reason_is_refused(make_score: MakeScore) -> None:
    for value in (float("nan"), float("inf"), -float("inf"), 1.1e100):
        with pytest.raises(LeaderboardError, match=r"psnr_body_suv20 of sub-01 is .*, which no mean can hold"):
            make_score(value=value)
    with pytest.raises(LeaderboardError, match="missing without a reason"):
        make_score(value=None)


def test_runs_are_found_by_identity_newest_first_and_filtered(
    leaderboard: Leaderboard, make_record: MakeRecord
) -> None:
    first = leaderboard.plan(make_record(identity="1" * 64))
    second = leaderboard.plan(make_record(identity="1" * 64))
    other = leaderboard.plan(make_record("cyclegan"))
    leaderboard.update(other, status="diverged")
    assert [row.id for row in leaderboard.find("1" * 64)] == [second, first]
    assert [row.id for row in leaderboard.runs()] == [other, second, first]
    assert [row.id for row in leaderboard.runs(method="cyclegan", status="diverged")] == [other]
    assert leaderboard.runs(method="cyclegan", status="ok") == []


def test_a_deleted_run_takes_its_scores_and_phases_along(
    leaderboard: Leaderboard, make_record: MakeRecord, make_score: MakeScore
) -> None:
    run_id = leaderboard.plan(make_record())
    leaderboard.record_scores(run_id, [make_score()])
    leaderboard.record_phase(run_id, "train", 2.5)
    assert [phase.seconds for phase in leaderboard.phases(run_id)] == [2.5]
    leaderboard.delete(run_id)
    assert leaderboard.scores([run_id]) == []
    assert leaderboard.phases(run_id) == []
    assert leaderboard.runs() == []


def test_the_difference_from_the_commit_is_kept_replaced_and_goes_with_its_run(
    leaderboard: Leaderboard, make_record: MakeRecord
) -> None:
    run_id, other = leaderboard.plan(make_record()), leaderboard.plan(make_record("cyclegan"))
    assert leaderboard.source_diff(run_id) == ""
    leaderboard.record_source_diff(run_id, "-a\n+\0b\n")
    leaderboard.record_source_diff(other, "-c\n")
    assert leaderboard.source_diff(run_id) == "-a\n+\\x00b\n"
    leaderboard.record_source_diff(run_id, "")
    assert leaderboard.source_diff(run_id) == ""
    leaderboard.delete(other)
    assert leaderboard.source_diff(other) == ""
    with pytest.raises(LeaderboardError, match=f"no run {other}"):
        leaderboard.record_source_diff(other, "-d\n")


def test_scores_of_more_runs_than_a_database_takes_parameters(
    leaderboard: Leaderboard, make_record: MakeRecord, make_score: MakeScore
) -> None:
    run_id = leaderboard.plan(make_record())
    leaderboard.record_scores(run_id, [make_score()])
    assert [score.run_id for score in leaderboard.scores(range(5_000))] == [run_id]


_PROCESSES = 50

_WRITER = """
from petbench_leaderboard.records import (RunRecord)
from petbench_leaderboard.score_records import (ScoreRecord)
from petbench_leaderboard.store import Leaderboard
with Leaderboard.open(location) as board:
    for number in range(2):
        run = board.plan(RunRecord(
            identity=f"{writer}-{number}", method="m", plugin="p", distribution="d", version="1", source_hash="",
            supervision="no-target", preset=None, parameters={}, dataset="c", fingerprint="", split="s",
            split_digest="", fold=0, seed=100 * number + writer, precision="fp32", budget="images=1", protocol=1))
        board.record_scores(run, [ScoreRecord(
            participant=None, region="body", metric="m", convention_id="m@1", value=float(writer), unit="",
            higher_is_better=True)])
        board.update(run, status="ok")
"""


@pytest.mark.slow
def test_fifty_processes_that_open_a_new_leaderboard_at_once_and_write_lose_nothing(location: str) -> None:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["petbench_leaderboard.store"])
    writers = [
        context.Process(target=exec, args=(_WRITER, {"location": location, "writer": n})) for n in range(_PROCESSES)
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(timeout=240)
    assert [writer.exitcode for writer in writers] == [0] * _PROCESSES
    with Leaderboard.open(location) as board:
        runs = board.runs(status="ok")
        assert len({row.identity for row in runs}) == 2 * _PROCESSES
        assert len({row.uid for row in runs}) == 2 * _PROCESSES
        assert len(board.scores(row.id for row in runs)) == 2 * _PROCESSES
        (ranked,) = rank(board, metric="m", best=10)
    assert len(ranked.rows[0].run_ids) == 2 * _PROCESSES


def test_a_score_record_is_plain_data_that_compares_by_value(make_score: MakeScore) -> None:
    assert make_score() == make_score()
    assert isinstance(make_score(), ScoreRecord)


def test_the_state_changes_with_every_run_phase_score_and_status_and_only_then(
    leaderboard: Leaderboard, make_record: MakeRecord, make_score: MakeScore
) -> None:
    states = [leaderboard.state()]
    run_id = leaderboard.plan(make_record())
    states.append(leaderboard.state())
    leaderboard.record_phase(run_id, "train", 1.0)
    states.append(leaderboard.state())
    leaderboard.update(run_id, status="ok")
    states.append(leaderboard.state())
    for value in (30.0, 31.0):
        leaderboard.record_scores(run_id, [make_score(value=value)])
        states.append(leaderboard.state())
    leaderboard.delete(run_id)
    assert len(set(states)) == 6
    assert leaderboard.state() == states[0]
