from __future__ import annotations

import dataclasses
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from petbench_leaderboard.errors import LeaderboardError
from petbench_leaderboard.ranking import rank
from petbench_leaderboard.report.publication.tables import to_latex, to_markdown
from petbench_leaderboard.store import Leaderboard
from petbench_leaderboard.transfer import Transfer, export_runs, import_runs, merge

if TYPE_CHECKING:
    from tests.leaderboard.conftest import AddRun, MakeRecord, MakeScore

DATA = Path(__file__).parent / "data"


@pytest.fixture
def other(tmp_path: Path, make_record: MakeRecord, make_score: MakeScore) -> Path:
    path = tmp_path / "other.db"
    with Leaderboard.open(path) as board:
        run_id = board.plan(make_record("elsewhere", test_participants=("sub-01",), log_path="runs/00001-x/run.log"))
        board.record_scores(run_id, [make_score("sub-01", 1 / 3, extra={"n": 4}), make_score(region="liver")])
        board.record_phase(run_id, "train", 2.5)
        board.record_source_diff(run_id, "-a\n+b\n")
        board.update(run_id, status="ok", train_seconds=0.1 + 0.2)
        board.plan(make_record("unfinished"))
    return path


def test_a_merge_takes_everything_once(leaderboard: Leaderboard, add_run: AddRun, other: Path) -> None:
    add_run("here", {"sub-01": 30.0})
    assert merge(leaderboard, other) == Transfer(new=2, more=0, known=0)
    assert merge(leaderboard, other) == Transfer(new=0, more=0, known=2)
    (run,) = leaderboard.runs(method="elsewhere")
    assert (run.id, run.status, run.train_seconds, run.log_path) == (2, "ok", 0.1 + 0.2, None)
    assert {(s.region, s.value) for s in leaderboard.scores([run.id])} == {("body", 1 / 3), ("liver", 30.0)}
    assert [phase.seconds for phase in leaderboard.phases(run.id)] == [2.5]
    assert leaderboard.source_diff(run.id) == "-a\n+b\n"
    (board,) = rank(leaderboard, best=9)
    assert [row.run.method for row in board.rows] == ["here", "elsewhere"]


@pytest.mark.slow
def test_a_second_merge_brings_the_end_of_a_run_and_new_scores_and_overwrites_nothing(
    leaderboard: Leaderboard, other: Path, make_score: MakeScore
) -> None:
    merge(leaderboard, other)
    with Leaderboard.open(other) as board:
        board.record_scores(1, [make_score("sub-01", 99.0), make_score("sub-01", 2.0, metric="mae_body_suv")])
        board.update(2, status="diverged", error_message="no")
    assert merge(leaderboard, other) == Transfer(new=0, more=2, known=0)
    scores = {s.metric: s.value for s in leaderboard.scores([1], regions=["body"])}
    assert scores == {"psnr_body_suv20": 1 / 3, "mae_body_suv": 2.0}
    assert leaderboard.run(2).error_message == "no"


def test_what_is_exported_comes_back_to_the_last_bit(leaderboard: Leaderboard, other: Path, tmp_path: Path) -> None:
    merge(leaderboard, other)
    assert export_runs(leaderboard, tmp_path / "all.jsonl") == 2
    assert export_runs(leaderboard, tmp_path / "one.jsonl", where="status=ok") == 1
    with Leaderboard.open(tmp_path / "third.db") as third:
        assert import_runs(third, tmp_path / "one.jsonl") == Transfer(new=1, more=0, known=0)
        assert import_runs(third, tmp_path / "all.jsonl") == Transfer(new=1, more=0, known=1)
        assert [run.uid for run in third.runs(status="ok")] == [run.uid for run in leaderboard.runs(status="ok")]
        assert third.scores([1]) == leaderboard.scores([1])
        assert third.source_diff(1) == leaderboard.source_diff(1) != ""
        assert third.run(1).created_at == leaderboard.run(1).created_at


def test_an_export_of_0_1_comes_in_todays_words(leaderboard: Leaderboard) -> None:
    assert import_runs(leaderboard, DATA / "export-0.1.0.jsonl", trusted=True).new == 2
    assert {(run.method, run.role, run.supervision, run.verification) for run in leaderboard.runs()} == {
        ("identity", "reference", "no-target", "own"),
        ("repeat-scan", "repeat-scan", "external", "own"),
    }
    (board,) = rank(leaderboard)
    assert [row.cells[board.columns[-1]].mean for row in board.rows] == [45.02790479068803, 30.82523182556653]


def test_a_row_that_nobody_here_has_verified_is_self_reported(
    leaderboard: Leaderboard, other: Path, tmp_path: Path
) -> None:
    merge(leaderboard, other, trusted=False)
    assert {run.verification for run in leaderboard.runs()} == {"self-reported"}
    with Leaderboard.open(tmp_path / "own.db") as own:
        merge(own, other)
        export_runs(own, tmp_path / "rows.jsonl")
        assert {run.verification for run in own.runs()} == {"own"}
        assert import_runs(own, tmp_path / "rows.jsonl", trusted=False).known == 2
        assert {run.verification for run in own.runs()} == {"own"}


def test_self_reported_scores_do_not_join_a_row_that_was_verified_here(
    leaderboard: Leaderboard, other: Path, make_score: MakeScore
) -> None:
    merge(leaderboard, other)
    (here,) = leaderboard.runs(method="elsewhere")
    before = leaderboard.scores([here.id])
    with Leaderboard.open(other) as foreign:
        (there,) = foreign.runs(method="elsewhere")
        foreign.record_scores(there.id, [make_score(None, 0.001, metric="fid")])
    assert merge(leaderboard, other, trusted=False).more == 0
    assert leaderboard.scores([here.id]) == before
    assert merge(leaderboard, other).more == 1


def test_a_run_that_was_verified_here_under_another_name_is_not_merged_a_second_time(
    leaderboard: Leaderboard, other: Path
) -> None:
    with Leaderboard.open(other) as foreign:
        (theirs,) = foreign.runs(method="elsewhere")
        scores = foreign.scores([theirs.id])
    leaderboard.merge_run(dataclasses.replace(theirs, uid="accepted-here"), scores, [])
    assert merge(leaderboard, other, trusted=False) == Transfer(new=1, more=0, known=1)  # the unfinished one is new
    (row,) = leaderboard.runs(method="elsewhere")
    assert (row.uid, row.verification) == ("accepted-here", "own")
    assert merge(leaderboard, other) == Transfer(new=1, more=1, known=0)  # of one's own, two runs of one identity stay


def test_a_verified_row_replaces_the_same_run_that_was_only_self_reported(
    leaderboard: Leaderboard, other: Path, make_score: MakeScore
) -> None:
    merge(leaderboard, other, trusted=False)
    (reported,) = leaderboard.runs(method="elsewhere")
    leaderboard.record_scores(reported.id, [make_score("sub-01", 99.0), make_score(None, 0.001, metric="fid")])
    assert merge(leaderboard, other) == Transfer(new=0, more=2, known=0)
    assert {run.verification for run in leaderboard.runs()} == {"own"}
    with Leaderboard.open(other) as foreign:
        (there,) = foreign.runs(method="elsewhere")
        wanted = [(score.metric, score.region, score.value) for score in foreign.scores([there.id])]
    assert [(score.metric, score.region, score.value) for score in leaderboard.scores([reported.id])] == wanted
    (board,) = rank(leaderboard)
    (row,) = board.rows
    assert row.run.verification == "own"
    assert 1 / 3 in {cell.mean for cell in row.cells.values()}
    assert 99.0 not in {cell.mean for cell in row.cells.values()}
    assert merge(leaderboard, other) == Transfer(new=0, more=0, known=2)


def test_a_row_without_scores_verifies_none(leaderboard: Leaderboard, other: Path) -> None:
    merge(leaderboard, other, trusted=False)
    (reported,) = leaderboard.runs(method="elsewhere")
    with closing(sqlite3.connect(other)) as unscored, unscored:
        unscored.execute("DELETE FROM scores")
    merge(leaderboard, other)
    assert leaderboard.run(reported.id).verification == "self-reported"
    assert leaderboard.scores([reported.id])


def test_a_broken_file_is_refused_with_its_line_and_changes_nothing(
    leaderboard: Leaderboard, other: Path, tmp_path: Path
) -> None:
    merge(leaderboard, other)
    good = tmp_path / "runs.jsonl"
    export_runs(leaderboard, good)
    lines = good.read_text().splitlines()
    with Leaderboard.open(tmp_path / "new.db") as new:
        for text, message in (
            ("\n".join([*lines, "{"]), "line 4, is broken"),
            ("\n".join([lines[0], '{"run": {}}']), "line 2, is broken"),
            (lines[1], "no file of runs that this petbench knows"),
            ("", "is empty"),
        ):
            (tmp_path / "bad.jsonl").write_text(text)
            with pytest.raises(LeaderboardError, match=message) as caught:
                import_runs(new, tmp_path / "bad.jsonl")
            assert "\n" not in str(caught.value)
            assert new.runs() == []
        with pytest.raises(LeaderboardError, match="cannot be read"):
            import_runs(new, tmp_path / "missing.jsonl")


def test_a_merge_with_nothing_or_with_something_else_is_refused(leaderboard: Leaderboard, tmp_path: Path) -> None:
    with pytest.raises(LeaderboardError, match="there is no leaderboard at"):
        merge(leaderboard, tmp_path / "missing.db")
    assert not (tmp_path / "missing.db").exists()
    with closing(sqlite3.connect(tmp_path / "else.db")) as connection, connection:
        connection.execute("CREATE TABLE runs (distance REAL)")
    with pytest.raises(LeaderboardError, match="another program"):
        merge(leaderboard, tmp_path / "else.db")


def test_tables_for_a_paper_carry_rounded_numbers_and_escape_names(leaderboard: Leaderboard, add_run: AddRun) -> None:
    add_run("identity", {"sub-01": 29.0, "sub-02": 28.0})
    add_run("a_b|<i>&50%", {"sub-01": 30.8349, "sub-02": 31.2})
    markdown, latex = to_markdown(rank(leaderboard)), to_latex(rank(leaderboard))
    settings = "small, changes not noted, 1,000 images, no track; one seed: 0"
    assert f"| 1 | a\\_b\\|&lt;i&gt;&amp;50% | {settings} | 31.02 ± 0.26 (+2.52) |" in markdown
    name = r"a\_b\textbar{}\textless{}i\textgreater{}\&50\%"
    assert rf"1 & {name} & {settings} & 31.02 $\pm$ 0.26 (+2.52) &" in latex
    assert "positive where better" in markdown
    assert "positive where better" in latex
    assert latex.count(r"\begin{table}") == latex.count(r"\end{table}") == 1


@pytest.mark.parametrize(
    ("diff", "cut"),
    [("+ a line\n" * 2000, False), ("+ a line\n" * 5000, True), ("+ \u202e\0 hidden", False), ("\u202e" * 9000, True)],
)
def test_a_difference_of_any_length_and_kind_is_kept_as_it_can_be_exported_and_imported(
    diff: str, cut: bool, leaderboard: Leaderboard, add_run: AddRun, tmp_path: Path
) -> None:
    number = add_run("pix2pix", {"sub-01": 30.0})
    leaderboard.record_source_diff(number, diff)
    kept = leaderboard.source_diff(number)
    assert kept.endswith("characters\n") == cut
    assert export_runs(leaderboard, tmp_path / "runs.jsonl") == 1
    with Leaderboard.open(tmp_path / "other.db") as other:
        import_runs(other, tmp_path / "runs.jsonl")
        assert other.source_diff(other.runs()[0].id) == kept
