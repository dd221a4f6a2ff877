"""What a task decides of its board goes with the rows: nobody who reads them needs the task itself."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from petbench_datasets.tasks.built_in import DEFAULT_TASK
from petbench_leaderboard.board_tasks import ranking_metrics
from petbench_leaderboard.errors import LeaderboardError
from petbench_leaderboard.metric_facts import MetricFacts
from petbench_leaderboard.ranking import rank
from petbench_leaderboard.report.site.organ_tables import organ_tables
from petbench_leaderboard.store import Leaderboard
from petbench_leaderboard.transfer import export_runs, import_runs, merge

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.leaderboard.conftest import MakeRecord, MakeScore

    from petbench_datasets.tasks.task import Task

BY_ERROR = replace(DEFAULT_TASK, name="by-error", ranking_metrics=("mae_body_suv",))
BY_WHAT_NOBODY_SCORED = replace(DEFAULT_TASK, name="by-two", ranking_metrics=("theirs", "mae_body_suv"))
OF_FILE = replace(BY_ERROR, name="of-file", of_file=True)
SCORES = {"sharp": (30.0, 0.3), "smooth": (28.0, 0.2), "poor": (20.0, 0.9)}
"""PSNR and mean absolute error of three methods: by the one `sharp` is best, by the other `smooth`."""

BY_PSNR, BY_MAE = ["sharp", "smooth", "poor"], ["smooth", "sharp", "poor"]


@pytest.fixture
def fill(leaderboard: Leaderboard, make_record: MakeRecord, make_score: MakeScore) -> Callable[..., Leaderboard]:
    """Return what enters the three methods for a task; its definition is left out where rows of before are meant."""

    def filled(*tasks: Task, definition: Any = ..., **changes: Any) -> Leaderboard:
        for task in tasks:
            known = task.content() if definition is ... else definition
            for method, (psnr, mae) in SCORES.items():
                run_id = leaderboard.plan(make_record(method, task=task.id, task_definition=known, **changes))
                leaderboard.update(run_id, status="ok")
                error = make_score(
                    "sub-01", mae, metric="mae_body_suv", convention_id="mae/body/suv@1", unit="SUV",
                    higher_is_better=False,
                )  # fmt: skip
                leaderboard.record_scores(run_id, [make_score("sub-01", psnr), error])
        return leaderboard

    return filled


def order(leaderboard: Leaderboard, task: Task, **asked: Any) -> list[str]:
    (board,) = rank(leaderboard, task=task.id, **asked)
    assert [row.rank for row in board.rows] == list(range(1, len(board.rows) + 1))
    return [row.run.method for row in board.rows]


def test_each_board_is_ordered_by_what_its_own_task_ranks_by(fill: Callable[..., Leaderboard]) -> None:
    leaderboard = fill(DEFAULT_TASK, BY_ERROR, OF_FILE, BY_WHAT_NOBODY_SCORED)
    assert order(leaderboard, DEFAULT_TASK) == BY_PSNR
    for task in (BY_ERROR, OF_FILE, BY_WHAT_NOBODY_SCORED):
        assert order(leaderboard, task) == BY_MAE
        assert order(leaderboard, task, best=2) == BY_MAE[:2]
    ranked_by = {board.task: board.ranked_by.metric for board in rank(leaderboard) if board.ranked_by}
    assert ranked_by == {
        DEFAULT_TASK.id: "psnr_body_suv20",
        **{task.id: "mae_body_suv" for task in (BY_ERROR, OF_FILE, BY_WHAT_NOBODY_SCORED)},
    }


def test_what_somebody_asks_for_goes_before_what_the_task_ranks_by(fill: Callable[..., Leaderboard]) -> None:
    leaderboard = fill(DEFAULT_TASK, BY_ERROR)
    assert order(leaderboard, BY_ERROR, metric="psnr_body_suv20") == BY_PSNR
    assert order(leaderboard, DEFAULT_TASK, metric="mae_body_suv") == BY_MAE


def test_a_row_of_before_ranks_as_before(fill: Callable[..., Leaderboard]) -> None:
    assert order(fill(BY_ERROR, definition={}), BY_ERROR) == BY_PSNR


@pytest.mark.parametrize("definition", [{"from": "a later petbench"}, {**BY_ERROR.content(), "more": 1}, {"name": 3}])
def test_a_definition_that_cannot_be_read_decides_nothing(
    definition: dict[str, object], fill: Callable[..., Leaderboard]
) -> None:
    assert order(fill(BY_ERROR, definition=definition), BY_ERROR) == BY_PSNR
    assert ranking_metrics(definition) == ranking_metrics({})


@pytest.mark.parametrize("trusted", [True, False])
def test_the_order_survives_a_file_of_runs_and_another_leaderboard(
    trusted: bool, fill: Callable[..., Leaderboard], tmp_path: Path
) -> None:
    here = fill(DEFAULT_TASK, BY_ERROR, OF_FILE)
    export_runs(here, tmp_path / "runs.jsonl")
    with Leaderboard.open(tmp_path / "theirs.db") as theirs, Leaderboard.open(tmp_path / "third.db") as third:
        import_runs(theirs, tmp_path / "runs.jsonl", trusted=trusted)
        merge(third, tmp_path / "theirs.db", trusted=trusted)
        for each in (theirs, third):
            assert order(each, DEFAULT_TASK) == BY_PSNR
            assert order(each, BY_ERROR) == order(each, OF_FILE) == BY_MAE
            assert {run.task: dict(run.task_definition) for run in each.runs()} == {
                task.id: task.content() for task in (DEFAULT_TASK, BY_ERROR, OF_FILE)
            }


def lines(path: Path) -> tuple[str, list[dict[str, Any]]]:
    head, *rest = path.read_text(encoding="utf-8").splitlines()
    return head, [json.loads(line) for line in rest]


def test_a_file_of_runs_of_before_has_no_definition_and_ranks_as_before(
    fill: Callable[..., Leaderboard], tmp_path: Path
) -> None:
    export_runs(fill(BY_ERROR), tmp_path / "runs.jsonl")
    head, found = lines(tmp_path / "runs.jsonl")
    for each in found:
        del each["run"]["task_definition"]
    (tmp_path / "runs.jsonl").write_text("\n".join([head, *map(json.dumps, found)]) + "\n", encoding="utf-8")
    with Leaderboard.open(tmp_path / "theirs.db") as theirs:
        import_runs(theirs, tmp_path / "runs.jsonl")
        assert order(theirs, BY_ERROR) == BY_PSNR


@pytest.mark.parametrize(
    ("task", "definition"),
    [
        (BY_ERROR, DEFAULT_TASK.content()),
        (BY_ERROR, {**BY_ERROR.content(), "version": 2}),
        (OF_FILE, {**OF_FILE.content(), "ranking_metrics": ["psnr_body_suv20"]}),
    ],
)
def test_a_row_from_elsewhere_that_defines_another_task_than_its_own_is_refused(
    task: Task, definition: dict[str, object], fill: Callable[..., Leaderboard], tmp_path: Path
) -> None:
    export_runs(fill(task), tmp_path / "runs.jsonl")
    head, found = lines(tmp_path / "runs.jsonl")
    found[1]["run"]["task_definition"] = definition
    (tmp_path / "runs.jsonl").write_text("\n".join([head, *map(json.dumps, found)]) + "\n", encoding="utf-8")
    with Leaderboard.open(tmp_path / "theirs.db") as theirs:
        with pytest.raises(LeaderboardError, match=rf"line 3, is broken \(it is of the task {task.id}, and defines "):
            import_runs(theirs, tmp_path / "runs.jsonl")
        assert not theirs.runs()


def test_what_somebody_sends_does_not_decide_by_what_rows_that_were_made_here_rank(
    fill: Callable[..., Leaderboard], leaderboard: Leaderboard
) -> None:
    theirs = replace(BY_ERROR, ranking_metrics=("psnr_body_suv20",))  # the same id, of a package that changed
    fill(theirs, verification="self-reported", submitter="somebody", source_hash="b" * 64)
    assert order(leaderboard, BY_ERROR)[0] == "sharp"
    fill(BY_ERROR)
    assert ranks_by(leaderboard, BY_ERROR) == "mae_body_suv"
    fill(theirs, source_hash="c" * 64)  # made here later: the first row of a board decides
    assert ranks_by(leaderboard, BY_ERROR) == "mae_body_suv"


def test_runs_that_were_repeated_for_a_task_that_has_changed_decide_the_order_once_all_were(
    fill: Callable[..., Leaderboard], leaderboard: Leaderboard, make_record: MakeRecord, make_score: MakeScore
) -> None:
    by_psnr = replace(BY_ERROR, ranking_metrics=("psnr_body_suv20",)).content()
    failed = leaderboard.plan(make_record("sharp", task=BY_ERROR.id, task_definition=by_psnr, seed=9))
    leaderboard.update(failed, status="failed")  # the first of all, and it counts for nothing
    fill(BY_ERROR)
    for seed, fold in ((1, 0), (0, 1), (0, 0)):  # of another seed or fold is no repetition
        for method, (psnr, mae) in SCORES.items():
            assert ranks_by(leaderboard, BY_ERROR) == "mae_body_suv", (method, seed, fold)
            record = make_record(method, task=BY_ERROR.id, task_definition=by_psnr, seed=seed, fold=fold)
            run_id = leaderboard.plan(record)
            leaderboard.update(run_id, status="ok")
            error = make_score(
                "sub-01", mae, metric="mae_body_suv", convention_id="mae/body/suv@1", unit="SUV", higher_is_better=False
            )
            leaderboard.record_scores(run_id, [make_score("sub-01", psnr), error])
    assert ranks_by(leaderboard, BY_ERROR) == "psnr_body_suv20"


def ranks_by(leaderboard: Leaderboard, task: Task) -> str:
    (board,) = rank(leaderboard, task=task.id)
    assert board.ranked_by is not None
    return board.ranked_by.metric


@pytest.mark.parametrize(
    ("shown", "organs"),
    [
        ((), ["grey matter", "spleen", "liver"]),
        (("liver", "grey_matter"), ["liver", "grey matter"]),
        (("prostate", "liver"), ["liver"]),
        (("prostate",), ["grey matter", "spleen", "liver"]),
    ],
)
def test_a_participants_table_shows_the_organs_of_the_task_in_its_order(
    shown: tuple[str, ...],
    organs: list[str],
    fill: Callable[..., Leaderboard],
    leaderboard: Leaderboard,
    make_score: MakeScore,
) -> None:
    fill(replace(DEFAULT_TASK, name="of-some", shown_organs=shown))
    facts = MetricFacts(label="MAE", detail="organ", decimals=2, shown=False)
    for run in leaderboard.runs():
        of_organs = [
            make_score(
                "sub-01", value, region=name, metric="organ_mae_suv", convention_id="mae/organ/suv@1", unit="SUV",
                higher_is_better=False, facts=facts,
            )
            for name, value in (("liver", 0.1), ("grey_matter", 0.9), ("spleen", 0.5))
        ]  # fmt: skip
        leaderboard.record_scores(run.id, of_organs)
    (board,) = rank(leaderboard)
    (table,) = organ_tables(leaderboard, board, {"sub-01"})["sub-01"]
    assert [name for name, _ in table.rows] == organs
