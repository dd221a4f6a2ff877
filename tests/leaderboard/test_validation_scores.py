"""Scores on validation participants stand beside the test scores, in every output by request, and in no test score."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import re
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

import petbench_leaderboard
from petbench_leaderboard.errors import LeaderboardError
from petbench_leaderboard.exports import to_csv, to_json
from petbench_leaderboard.ranking import rank
from petbench_leaderboard.report.publication.tables import to_latex, to_markdown
from petbench_leaderboard.report.validation import in_words
from petbench_leaderboard.schema import Score, ValidationMean
from petbench_leaderboard.score_rows import score_rows
from petbench_leaderboard.soundness import faults_of
from petbench_leaderboard.store import Leaderboard
from petbench_leaderboard.transfer import export_runs, import_runs, merge

if TYPE_CHECKING:
    from tests.leaderboard.conftest import AddRun, MakeScore

    from petbench_leaderboard.board import Board, Row

WHO = {"sub-01": 30.0, "sub-02": 31.0, "sub-03": 33.0}
VALIDATION = {0: {"sub-08": 40.0, "sub-09": 44.0}, 1: {"sub-08": 20.0, "sub-09": 23.0}}


@pytest.fixture
def filled(leaderboard: Leaderboard, add_run: AddRun, make_score: MakeScore) -> Leaderboard:
    """A reference, a method of two seeds that validate, and one that does not."""
    add_run("identity", {who: value - 2.0 for who, value in WHO.items()})
    for seed, values in VALIDATION.items():
        run_id = add_run("pix2pix", WHO, seed=seed)
        leaderboard.record_validation_scores(run_id, [make_score(who, value) for who, value in values.items()])
    add_run("cyclegan", WHO)
    return leaderboard


def everything(store: Leaderboard) -> list[str]:
    """Return all that is said of test scores."""
    boards = rank(store)
    texts = [to_json(boards), to_csv(boards), to_markdown(boards), to_latex(boards)]
    rows = list(score_rows(store))
    with store.reading() as session:
        stored = session.execute(sa.select(Score.run_id, Score.participant, Score.value)).all()
    scores = store.scores([run.id for run in store.runs()])
    return [*texts, repr(rows), repr(sorted(map(tuple, stored))), repr(scores)]


def of_method(boards: list[Board], method: str) -> Row:
    (board,) = boards
    (row,) = (row for row in board.rows if row.run.method == method)
    return row


def test_nothing_that_is_said_of_the_test_participants_changes_by_scores_on_validation(
    leaderboard: Leaderboard, add_run: AddRun, make_score: MakeScore
) -> None:
    runs = [add_run(method, WHO) for method in ("identity", "pix2pix", "cyclegan")]
    before = everything(leaderboard)
    for run_id in runs:
        # The very participants and metrics of the test, and worse: were one of them seen, a number would be another.
        absurd = [make_score(who, 1000.0 + run_id) for who in (*WHO, "sub-09")]
        absurd.append(make_score(None, 7.0, metric="fid", region="volume"))
        leaderboard.record_validation_scores(run_id, absurd)
    assert everything(leaderboard) == before
    assert len(leaderboard.runs(where="psnr_body_suv20>100")) == 0
    assert len(leaderboard.runs(where="validation.psnr_body_suv20>100")) == 3


def test_one_module_alone_reads_and_writes_them() -> None:
    package = Path(petbench_leaderboard.__file__).parent
    named = {
        path.relative_to(package).as_posix()
        for path in package.rglob("*.py")
        if re.search(r"\bValidationScore\b", path.read_text(encoding="utf-8")) and "migrations" not in path.parts
    }
    # schema declares the table; rows and score_tables take whichever they are handed; score_rows exports one by name.
    generic = {"schema.py", "rows.py", "score_tables.py", "score_rows.py", "soundness.py"}
    assert named - generic == {"validation_scores.py"}


def test_a_rows_mean_is_over_its_runs_and_stands_beside_its_rank(filled: Leaderboard) -> None:
    assert all(not row.validation for row in rank(filled)[0].rows)
    row = of_method(rank(filled, validation=True), "pix2pix")
    (cell,) = row.validation.values()
    assert cell.mean == fmean(fmean(values.values()) for values in VALIDATION.values())
    assert row.rank == of_method(rank(filled), "pix2pix").rank
    assert not of_method(rank(filled, validation=True), "cyclegan").validation


def test_no_participant_and_no_run_is_left_out_of_a_mean(
    filled: Leaderboard, add_run: AddRun, make_score: MakeScore
) -> None:
    filled.record_validation_scores(3, [make_score("sub-08", 20.0), make_score("sub-09", None, reason="no liver")])
    (cell,) = of_method(rank(filled, validation=True), "pix2pix").validation.values()
    assert (cell.mean, cell.reason) == (None, "run 3: no liver")
    assert filled.runs(where="validation.psnr_body_suv20>0") == []
    filled.record_validation_scores(3, [make_score("sub-08", 20.0), make_score("sub-09", 23.0)])
    assert len(filled.runs(where="validation.psnr_body_suv20>0")) == 2
    add_run("pix2pix", WHO, seed=2)  # which validates nobody
    (cell,) = of_method(rank(filled, validation=True), "pix2pix").validation.values()
    assert (cell.mean, cell.reason) == (None, "run 5: it has no such score")
    filled.update(5, status="diverged")
    (cell,) = of_method(rank(filled, validation=True), "pix2pix").validation.values()
    assert (cell.mean, cell.reason) == (None, "seed 2 diverged")


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("validation.psnr_body_suv20>30", [3, 2]),
        ("validation.psnr_body_suv20<30", []),
        ("validation.psnr_body_suv20=31.75", [3, 2]),
        ("not validation.psnr_body_suv20>30", [4, 1]),
        ("validation.psnr_body_suv20>30 and seed=1", [3]),
        ("validation.psnr_body_suv20>30 and psnr_body_suv20>32", []),
    ],
)
def test_conditions_choose_runs_by_them(filled: Leaderboard, condition: str, expected: list[int]) -> None:
    assert [run.id for run in filled.runs(where=condition)] == expected
    shown = {row.run.method for board in rank(filled, where=condition) for row in board.rows}
    assert shown == {filled.run(number).method for number in expected}


def test_a_name_that_is_nearly_one_is_suggested(filled: Leaderboard) -> None:
    with pytest.raises(LeaderboardError, match=r"did you mean 'validation\.psnr_body_suv20'"):
        filled.runs(where="validation.psnr_body_suv=3")
    with pytest.raises(LeaderboardError, match="is a number"):
        filled.runs(where="validation.psnr_body_suv20=good")


def test_the_means_follow_every_change(filled: Leaderboard) -> None:
    filled.delete(3)
    assert [run.id for run in filled.runs(where="validation.psnr_body_suv20=42")] == [2]
    filled.update(2, status="failed")
    assert filled.runs(where="validation.psnr_body_suv20>0") == []
    filled.delete(2)
    assert filled.validation_scores([2, 3]) == []
    with filled.reading() as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(ValidationMean)) == 0
    assert list(faults_of(filled)) == []


def test_json_and_csv_have_them_by_request_with_the_word_before_their_names(filled: Leaderboard) -> None:
    assert "validation_psnr" not in to_csv(rank(filled))
    boards = rank(filled, validation=True)
    (board,) = json.loads(to_json(boards))
    assert [column["name"] for column in board["validation_columns"]] == ["validation_psnr_body_suv20"]
    by_method = {row["method"]: row for row in csv.DictReader(io.StringIO(to_csv(boards)))}
    assert float(by_method["pix2pix"]["validation_psnr_body_suv20"]) == 31.75
    assert by_method["cyclegan"]["validation_psnr_body_suv20"] == ""
    assert next(row for row in board["rows"] if row["method"] == "pix2pix")["validation_psnr_body_suv20"] == 31.75


def test_an_export_of_scores_says_which_part_they_are_of_and_never_mixes_two(filled: Leaderboard) -> None:
    tested = list(score_rows(filled))
    validated = list(score_rows(filled, part="validation"))
    assert {(row["part"], row["participant"]) for row in tested} == {("test", who) for who in WHO}
    assert {(row["part"], row["participant"]) for row in validated} == {
        ("validation", "sub-08"),
        ("validation", "sub-09"),
    }
    assert {row["run"]: [] for row in validated}.keys() == {2, 3}


def test_they_go_from_one_leaderboard_to_another_and_twice_change_nothing(filled: Leaderboard, tmp_path: Path) -> None:
    path = tmp_path / "runs.jsonl"
    export_runs(filled, path)
    with Leaderboard.open(tmp_path / "other.db") as other:
        assert import_runs(other, path, trusted=True).new == 4
        uids = {run.uid: run.id for run in other.runs()}
        theirs = {(s.participant, s.value, s.metric): s.facts for s in other.validation_scores(uids.values())}
        ours = {(s.participant, s.value, s.metric): s.facts for s in filled.validation_scores([1, 2, 3, 4])}
        assert theirs == ours
        assert len(other.runs(where="validation.psnr_body_suv20=31.75")) == 2
        assert import_runs(other, path, trusted=True).known == 4


def test_those_that_a_known_run_lacks_are_added_by_a_merge(filled: Leaderboard, tmp_path: Path) -> None:
    path = tmp_path / "runs.jsonl"
    export_runs(filled, path)
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    old = [{name: value for name, value in line.items() if name != "validation_scores"} for line in lines]
    before = tmp_path / "before.jsonl"
    before.write_text("\n".join(map(json.dumps, old)), encoding="utf-8")  # as an earlier version wrote it
    with Leaderboard.open(tmp_path / "other.db") as other:
        import_runs(other, before, trusted=True)
        assert other.validation_scores([run.id for run in other.runs()]) == []
        done = import_runs(other, path, trusted=True)
        assert (done.new, done.more, done.known) == (0, 2, 2)
        with Leaderboard.open(tmp_path / "third.db") as third:
            merge(third, other.file or "", trusted=True)
            assert len(third.validation_scores([run.id for run in third.runs()])) == 4


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"value": 1e400}, "line 2|broken"),
        ({"value": True}, "value"),
        ({"participant": "Jane Doe"}, "participant"),
        ({"colour": "red"}, "colour"),
        ({"value": None, "reason": None}, "missing without a reason"),
        ({"region": ""}, "region"),
    ],
)
def test_a_file_that_says_what_no_score_may_be_is_refused_and_changes_nothing(
    filled: Leaderboard, tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    path = tmp_path / "runs.jsonl"
    export_runs(filled, path, where="seed=1")
    head, line = path.read_text(encoding="utf-8").splitlines()
    facts = json.loads(line)
    facts["validation_scores"][0] |= change
    path.write_text(f"{head}\n{json.dumps(facts)}\n", encoding="utf-8")
    with Leaderboard.open(tmp_path / "other.db") as other:
        with pytest.raises(LeaderboardError, match=message):
            import_runs(other, path, trusted=True)
        assert other.runs() == []


def test_a_score_given_twice_is_refused(filled: Leaderboard, make_score: MakeScore, tmp_path: Path) -> None:
    with pytest.raises(LeaderboardError, match="one score twice"):
        filled.record_validation_scores(1, [make_score("sub-08"), make_score("sub-08", 1.0)])
    path = tmp_path / "runs.jsonl"
    export_runs(filled, path, where="seed=1")
    head, line = path.read_text(encoding="utf-8").splitlines()
    facts = json.loads(line)
    facts["validation_scores"] *= 2
    path.write_text(f"{head}\n{json.dumps(facts)}\n", encoding="utf-8")
    with Leaderboard.open(tmp_path / "other.db") as other, pytest.raises(LeaderboardError, match="given twice"):
        import_runs(other, path)


def test_a_runs_means_in_words_name_how_many_validate_and_how_good_they_are(
    filled: Leaderboard, make_score: MakeScore
) -> None:
    assert in_words(filled.validation_scores([2])) == "on 2 validation participants: PSNR (body, dB) 42.00"
    assert in_words(filled.validation_scores([4])) == ""
    session_scores = [make_score(f"sub-08_ses-{name}", value) for name, value in (("a", 10.0), ("b", 20.0))]
    both = [*session_scores, make_score("sub-09", 30.0)]
    assert "22.50" in in_words(dataclasses.replace(score) for score in both)  # a person counts once
