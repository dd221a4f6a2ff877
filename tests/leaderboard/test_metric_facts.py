"""What is shown of a metric is stored with its scores, and goes wherever they go."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config

import petbench_leaderboard
from petbench_leaderboard.errors import LeaderboardError
from petbench_leaderboard.metric_facts import MetricFacts
from petbench_leaderboard.ranking import rank
from petbench_leaderboard.report import columns
from petbench_leaderboard.store import Leaderboard
from petbench_leaderboard.transfer import export_runs, import_runs, merge

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.leaderboard.conftest import MakeRecord, MakeScore

    from petbench_leaderboard.board import Column

FACTS = MetricFacts(label="Shift", detail="body", summary="the mean shift", decimals=2, best_value=0.0, place=7)


def enter(board: Leaderboard, record: MakeRecord, score: MakeScore, method: str, facts: MetricFacts | None) -> int:
    """Store a run with one score of a metric that is shown as `facts` say."""
    run_id = board.plan(record(method))
    board.record_scores(run_id, [score(metric="shift", higher_is_better=None, unit="%", facts=facts)])
    board.update(run_id, status="ok")
    return run_id


def column(board: Leaderboard, metric: str = "shift") -> Column:
    (ranked,) = rank(board)
    (found,) = (one for one in ranked.columns if one.metric == metric)
    return found


def test_a_column_is_shown_as_its_metric_says(
    leaderboard: Leaderboard, make_record: MakeRecord, make_score: MakeScore
) -> None:
    enter(leaderboard, make_record, make_score, "pix2pix", FACTS)
    found = column(leaderboard)
    assert found.facts == FACTS
    assert columns.heading(found) == "Shift (body, %)"
    assert columns.arrow(found) == "→ 0"
    assert columns.direction(found) == "0 % is best"
    assert columns.value(found, -1.239) == "−1.24"


def test_a_metric_of_which_nothing_is_said_has_a_column_headed_by_its_name(
    leaderboard: Leaderboard, make_record: MakeRecord, make_score: MakeScore
) -> None:
    enter(leaderboard, make_record, make_score, "pix2pix", None)
    (board,) = rank(leaderboard)
    (found,) = columns.shown_columns(board)
    assert (columns.heading(found), columns.arrow(found)) == ("shift (body, %)", "")
    assert columns.value(found, 1.23456) == "1.235"


def test_what_is_said_beside_a_score_has_the_metrics_decimals_too(
    leaderboard: Leaderboard, make_record: MakeRecord, make_score: MakeScore
) -> None:
    enter(leaderboard, make_record, make_score, "pix2pix", replace(FACTS, decimals=4))
    found = column(leaderboard)
    assert columns.remark(found, {"n_real": 7, "floor": -7.32612}) == "N = 7 slices, real against real −7.3261"
    assert columns.remark(found, {"low": -1.0, "high": 1.23456}) == "limits −1.0000 to 1.2346"


def test_what_ranks_has_a_column_even_where_its_metric_is_not_shown(
    leaderboard: Leaderboard, make_record: MakeRecord, make_score: MakeScore
) -> None:
    enter(leaderboard, make_record, make_score, "pix2pix", replace(FACTS, shown=False))
    for metric, expected in ((None, []), ("shift", ["shift"])):
        (board,) = rank(leaderboard, metric=metric)
        assert [one.metric for one in columns.shown_columns(board)] == expected


def test_scoring_again_takes_the_newest_description(
    leaderboard: Leaderboard, make_record: MakeRecord, make_score: MakeScore
) -> None:
    enter(leaderboard, make_record, make_score, "pix2pix", FACTS)
    enter(leaderboard, make_record, make_score, "cyclegan", replace(FACTS, label="Bias"))
    assert column(leaderboard).facts.label == "Bias"
    enter(leaderboard, make_record, make_score, "unet", None)
    assert column(leaderboard).facts.label == "Bias"


@pytest.mark.parametrize("by", ["merge", "file"])
def test_a_foreign_leaderboard_brings_its_metrics_and_renames_none_that_are_known(
    leaderboard: Leaderboard, make_record: MakeRecord, make_score: MakeScore, tmp_path: Path, by: str
) -> None:
    path, database = tmp_path / "runs.jsonl", tmp_path / "foreign.db"
    with Leaderboard.open(database) as foreign:
        enter(foreign, make_record, make_score, "pix2pix", FACTS)
        export_runs(foreign, path)

    def take(board: Leaderboard) -> None:
        merge(board, database) if by == "merge" else import_runs(board, path)

    with Leaderboard.open(tmp_path / "fresh.db") as fresh:
        take(fresh)
        assert column(fresh).facts == FACTS
    enter(leaderboard, make_record, make_score, "cyclegan", replace(FACTS, label="Ours"))
    take(leaderboard)
    assert column(leaderboard).facts.label == "Ours"


def test_a_file_says_how_a_metric_is_shown_once_and_not_with_every_score(
    leaderboard: Leaderboard, make_record: MakeRecord, make_score: MakeScore, tmp_path: Path
) -> None:
    run_id = enter(leaderboard, make_record, make_score, "pix2pix", FACTS)
    leaderboard.record_scores(run_id, [make_score(who, metric="shift", facts=FACTS) for who in ("sub-01", "sub-02")])
    export_runs(leaderboard, tmp_path / "runs.jsonl")
    _, line = (tmp_path / "runs.jsonl").read_text(encoding="utf-8").splitlines()
    (metric,) = json.loads(line)["metrics"]
    assert {name: metric[name] for name in asdict(FACTS)} == asdict(FACTS)
    assert line.count("the mean shift") == 1


def without_metrics(path: Path) -> None:
    """Turn a file of runs into one as 0.1.0 wrote it, which said nothing of metrics."""
    head, *lines = path.read_text(encoding="utf-8").splitlines()
    runs = [{name: value for name, value in json.loads(line).items() if name != "metrics"} for line in lines]
    path.write_text("\n".join([head, *map(json.dumps, runs)]) + "\n", encoding="utf-8")


def without_table(path: Path) -> None:
    """Take a database back to before the table of metrics."""
    config = Config()
    config.set_main_option("script_location", str(Path(petbench_leaderboard.__file__).parent / "migrations"))
    engine = sa.create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "0004")
    engine.dispose()


def of_an_old_file(path: Path, folder: Path) -> Path:
    with Leaderboard.open(path) as old:
        export_runs(old, folder / "runs.jsonl")
    without_metrics(folder / "runs.jsonl")
    with Leaderboard.open(folder / "new.db") as new:
        import_runs(new, folder / "runs.jsonl")
    return folder / "new.db"


def of_an_old_database(path: Path, folder: Path) -> Path:
    without_table(path)
    return path


@pytest.mark.parametrize("brought", [of_an_old_file, of_an_old_database])
def test_what_0_1_0_left_has_the_columns_that_it_had_then(
    tmp_path: Path, make_record: MakeRecord, make_score: MakeScore, brought: Callable[[Path, Path], Path]
) -> None:
    with Leaderboard.open(tmp_path / "old.db") as old:
        run_id = enter(old, make_record, make_score, "pix2pix", None)
        old.record_scores(run_id, [make_score(metric=name, facts=None) for name in ("ssim_body_suv20", "kid")])
    with Leaderboard.open(brought(tmp_path / "old.db", tmp_path)) as board:
        assert columns.heading(column(board, "ssim_body_suv20")).startswith("SSIM (body")
        assert column(board, "ssim_body_suv20").facts.decimals == 3
        assert not column(board, "kid").facts.shown
        assert column(board).facts == MetricFacts()  # a plugin's


@pytest.mark.parametrize("facts", [{"label": "two\nlines"}, {"decimals": -1}, {"decimals": 40}])
def test_facts_that_no_table_can_show_are_refused(facts: dict[str, Any]) -> None:
    with pytest.raises(LeaderboardError, match=next(iter(facts))):
        MetricFacts(**facts)
