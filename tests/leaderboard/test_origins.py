"""Strangers' rows and one's own never mix, and every output says whose a row is."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from petbench.cli.board_table import print_board
from petbench_datasets.errors import PetbenchError
from petbench_leaderboard import admissions
from petbench_leaderboard.exports import to_csv, to_json
from petbench_leaderboard.ranking import rank
from petbench_leaderboard.report.publication.tables import export_table, to_latex, to_markdown
from petbench_leaderboard.store import Leaderboard
from petbench_leaderboard.transfer import export_runs, import_runs, merge

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.leaderboard.conftest import AddRun, MakeRecord, MakeScore

    from petbench_leaderboard.board import Board

WHO = ("sub-01", "sub-02", "sub-03")
OTHERS = ("rescored", "reproduced", "self-reported")


def only(leaderboard: Leaderboard) -> Board:
    (board,) = rank(leaderboard)
    return board


def mean(board: Board, *, own: bool) -> float | None:
    (row,) = [row for row in board.rows if row.run.method == "pix2pix" and row.is_own is own]
    assert board.ranked_by
    return row.cells[board.ranked_by].mean


@pytest.mark.parametrize("origin", OTHERS)
def test_a_row_that_differs_in_nothing_but_its_origin_is_not_pooled_with_ones_own(
    leaderboard: Leaderboard, add_run: AddRun, origin: str
) -> None:
    add_run("pix2pix", dict.fromkeys(WHO, 31.0), seed=0)
    add_run("pix2pix", dict.fromkeys(WHO, 5.0), seed=1, verification=origin, submitter="rival")
    board = only(leaderboard)
    assert (mean(board, own=True), mean(board, own=False)) == (31.0, 5.0)


@pytest.mark.parametrize(
    "scored_by",
    [
        {"convention_id": "a/convention/of/his/own@1"},
        {"metric": "psnr_body_suv20_no_urinary", "convention_id": "no-urinary@1"},
        {"region": "abdomen"},
    ],
)
def test_what_somebody_sends_does_not_decide_by_what_the_other_rows_are_ranked(
    leaderboard: Leaderboard,
    add_run: AddRun,
    make_record: MakeRecord,
    make_score: MakeScore,
    scored_by: dict[str, str],
) -> None:
    add_run("identity", dict.fromkeys(WHO, 20.0), plugin="baselines")
    add_run("pix2pix", dict.fromkeys(WHO, 30.0))
    before = only(leaderboard)
    sent = make_record("winner", test_participants=WHO, verification="self-reported", submitter="rival")
    run_id = leaderboard.plan(sent)
    leaderboard.record_scores(run_id, [make_score(who, 99.0, **scored_by) for who in WHO])
    leaderboard.update(run_id, status="ok")
    after = only(leaderboard)
    assert after.ranked_by == before.ranked_by
    own = {row.run.method: (row.rank, str(row.coverage)) for row in after.rows if row.is_own}
    assert own == {"pix2pix": (1, "3/3"), "identity": (None, "3/3")}


@pytest.mark.parametrize("field", ["region", "metric", "convention_id"])
def test_a_score_without_a_metric_a_region_or_a_convention_is_not_taken_in(
    leaderboard: Leaderboard, add_run: AddRun, tmp_path: Path, field: str
) -> None:
    add_run("pix2pix", dict.fromkeys(WHO, 30.0))
    export_runs(leaderboard, tmp_path / "runs.jsonl")
    first, line = (tmp_path / "runs.jsonl").read_text(encoding="utf-8").splitlines()[:2]
    run = json.loads(line)
    run["scores"][0][field] = ""
    (tmp_path / "runs.jsonl").write_text(f"{first}\n{json.dumps(run)}\n", encoding="utf-8")
    with Leaderboard.open("sqlite://") as other:
        with pytest.raises(PetbenchError, match=field):
            import_runs(other, tmp_path / "runs.jsonl", trusted=False)
        assert other.runs() == []


@pytest.mark.parametrize("plugin", ["gan", "external"])
@pytest.mark.parametrize("origin", OTHERS)
def test_rows_of_two_submitters_are_not_pooled_and_of_one_are(
    leaderboard: Leaderboard, add_run: AddRun, origin: str, plugin: str
) -> None:
    for seed, submitter, value in ((0, "a", 30.0), (1, "a", 32.0), (1, "b", 2.0)):
        add_run("m", dict.fromkeys(WHO, value), seed=seed, verification=origin, submitter=submitter, plugin=plugin)
    board = only(leaderboard)
    column = board.ranked_by
    assert column
    assert {row.run.submitter: row.cells[column].mean for row in board.rows} == {"a": 31.0, "b": 2.0}


@pytest.mark.parametrize("origin", OTHERS)
@pytest.mark.parametrize("method", ["identity", "predictable"])
def test_what_others_are_measured_by_is_ones_own(
    leaderboard: Leaderboard, add_run: AddRun, origin: str, method: str
) -> None:
    plugin = {"plugin": "baselines"}
    add_run("identity", dict.fromkeys(WHO, 20.0), **plugin)
    add_run("predictable", dict.fromkeys(WHO, 40.0), **plugin)
    add_run("pix2pix", dict.fromkeys(WHO, 30.0))
    add_run(method, dict.fromkeys(WHO, 1.0), verification=origin, submitter="rival", **plugin)
    board = only(leaderboard)
    assert board.ranked_by
    (row,) = [row for row in board.rows if row.run.method == "pix2pix"]
    cell = row.cells[board.ranked_by]
    assert (cell.gain, cell.normalized_score) == (10.0, 0.5)


def test_whom_a_stranger_claims_to_predict_costs_no_other_row_its_rank(
    leaderboard: Leaderboard, add_run: AddRun
) -> None:
    add_run("pix2pix", dict.fromkeys(WHO, 30.0))
    more = dict.fromkeys((*WHO, "sub-99"), 31.0)
    add_run("claimed", more, verification="self-reported", submitter="rival")
    board = only(leaderboard)
    assert board.participants == WHO
    assert {row.run.method: row.rank for row in board.rows}["pix2pix"] is not None


@pytest.mark.parametrize("origin", OTHERS)
@pytest.mark.parametrize(("value", "flagged"), [(35.9, False), (36.0, True), (99.0, True)])
def test_a_score_of_others_at_or_above_the_repeat_scan_is_flagged(
    leaderboard: Leaderboard, add_run: AddRun, origin: str, value: float, flagged: bool
) -> None:
    add_run("repeat-scan", dict.fromkeys(WHO, 36.0))
    add_run("mine", dict.fromkeys(WHO, 37.0))
    add_run("winner", dict.fromkeys(WHO, value), verification=origin, submitter="rival")
    board = only(leaderboard)
    assert {row.run.method for row in board.rows if row.reaches_repeat_scan} == ({"winner"} if flagged else set())
    assert ("repeat scan, as no prediction should" in to_markdown([board])) is flagged


OUTPUTS: dict[str, Callable[[Board], str]] = {
    "JSON": lambda board: to_json([board]),
    "CSV": lambda board: to_csv([board]),
    "Markdown": lambda board: to_markdown([board]),
    "LaTeX": lambda board: to_latex([board]),
}


@pytest.mark.parametrize("origin", OTHERS)
@pytest.mark.parametrize("output", OUTPUTS)
def test_every_output_says_whose_a_row_is(leaderboard: Leaderboard, add_run: AddRun, origin: str, output: str) -> None:
    add_run("winner", dict.fromkeys(WHO, 99.0), verification=origin, submitter="rival-lab")
    shown = OUTPUTS[output](only(leaderboard))
    assert origin in shown
    assert "rival-lab" in shown


@pytest.mark.parametrize("origin", OTHERS)
@pytest.mark.parametrize("number", [1, 2])
@pytest.mark.parametrize("ending", [".md", ".tex", ".csv"])
def test_tables_say_whose_a_row_is(
    leaderboard: Leaderboard, add_run: AddRun, tmp_path: Path, origin: str, number: int, ending: str
) -> None:
    add_run("winner", dict.fromkeys(WHO, 99.0), verification=origin, submitter="rival-lab")
    path = export_table(only(leaderboard), number, tmp_path / f"table{ending}")
    assert origin in path.read_text(encoding="utf-8")


@pytest.mark.parametrize("origin", OTHERS)
def test_the_terminal_says_whose_a_row_is(
    leaderboard: Leaderboard, add_run: AddRun, capsys: pytest.CaptureFixture[str], origin: str
) -> None:
    add_run("winner", dict.fromkeys(WHO, 99.0), verification=origin, submitter="rival-lab")
    print_board(only(leaderboard), None)
    shown = capsys.readouterr().out
    assert f"{origin}, of" in shown
    assert "rows that name no origin were made here" in shown


def test_a_claimed_run_ends_no_run_of_ones_own_and_adds_nothing_to_another_submitters(
    leaderboard: Leaderboard, add_run: AddRun, tmp_path: Path
) -> None:
    add_run("pix2pix", dict.fromkeys(WHO, 30.0))
    path = tmp_path / "rows.jsonl"
    export_runs(leaderboard, path)
    line = json.loads(path.read_text(encoding="utf-8").splitlines()[1])
    leaderboard.update(1, status="interrupted")
    assert import_runs(leaderboard, path, trusted=False).known == 1
    assert leaderboard.run(1).status == "interrupted"
    line["run"]["uid"], line["run"]["identity"] = "c" * 32, "d" * 64
    head = path.read_text(encoding="utf-8").splitlines()[0]
    path.write_text(f"{head}\n{json.dumps(line)}\n", encoding="utf-8")
    assert import_runs(leaderboard, path, trusted=False, submitter="a").new == 1
    assert import_runs(leaderboard, path, trusted=False, submitter="a").known == 1
    assert import_runs(leaderboard, path, trusted=False, submitter="b").known == 1


def test_the_log_says_what_came_in_when_whose_and_from_which_file(
    leaderboard: Leaderboard, add_run: AddRun, tmp_path: Path
) -> None:
    with Leaderboard.open(tmp_path / "theirs.db"):
        pass
    add_run("pix2pix", dict.fromkeys(WHO, 30.0))
    path = tmp_path / "rows.jsonl"
    export_runs(leaderboard, path)
    with Leaderboard.open(tmp_path / "here.db") as here:
        import_runs(here, path, trusted=False)
        merge(here, tmp_path / "theirs.db", trusted=False)
        (entry,) = admissions.log(here)
        assert (entry.action, entry.submitter, entry.method) == ("imported", "rows.jsonl", "pix2pix")
        assert (entry.source, len(entry.digest), entry.uid) == ("rows.jsonl", 64, leaderboard.run(1).uid)
        here.delete(entry.run_id, beside=lambda session, run: admissions.note(session, "removed", [run.uid], source=""))
        assert [each.action for each in admissions.log(here)] == ["removed", "imported"]


def test_the_same_voxels_are_found_again(leaderboard: Leaderboard, add_run: AddRun) -> None:
    first = add_run("pix2pix", dict.fromkeys(WHO, 30.0))
    second = add_run("unet", dict.fromkeys(WHO, 30.0))
    with leaderboard.writing() as session:
        admissions.note_voxels(session, first, {"sub-01": "a" * 64, "sub-02": ""})
    assert admissions.with_voxels(leaderboard, ["a" * 64, "b" * 64, ""]) == {"a" * 64: first}
    assert [run.id for run in admissions.without_voxels(leaderboard, leaderboard.runs())] == [second]
    leaderboard.delete(first)
    assert admissions.with_voxels(leaderboard, ["a" * 64]) == {}
