"""A plugin's metric, as the documentation writes it, has its own column wherever scores are shown."""

from __future__ import annotations

import csv
import io
from html import unescape
from typing import TYPE_CHECKING

import pytest
from tests.benchmark.docs_reader import blocks_of
from tests.benchmark.installed import install_module
from tests.command import Petbench

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from tests.benchmark.made_runs import MadeRuns

pytestmark = pytest.mark.slow

METRIC = "total_uptake"


@pytest.fixture(scope="module")
def plugin(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    """Install the plugin of the page; return the variables that make it visible."""
    (source,) = (block.body for block in blocks_of("add-a-metric.md") if block.title == f"{METRIC}.py")
    return install_module(tmp_path_factory.mktemp("site"), METRIC, source)


@pytest.fixture(scope="module")
def home(
    made_runs: MadeRuns, body_dataset: Path, plugin: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Petbench:
    """Return a home with a run of `identity` and one of `scale`, scored with the plugin's metric."""
    petbench = made_runs.copy(tmp_path_factory.mktemp("plugin") / "home", "identity")
    petbench("run", "--method", "scale", "--dataset", body_dataset, variables=plugin)
    petbench("score", "--runs", "1", variables=plugin)
    return petbench


def test_json_and_csv_have_every_digit_and_json_says_how_the_metric_is_shown(home: Petbench) -> None:
    (board,) = home.json("leaderboard")
    (column,) = (column for column in board["columns"] if column["metric"] == METRIC)
    assert column == {
        "name": METRIC,
        "metric": METRIC,
        "region": "body",
        "convention_id": "total-uptake/body@1",
        "unit": "%",
        "higher_is_better": None,
        "label": "Total uptake",
        "detail": "body",
        "summary": "total uptake inside the body over the real image's",
        "decimals": 2,
        "best_value": 100.0,
        "shown": True,
        "place": column["place"],
    }
    assert column["place"] > max(other["place"] for other in board["columns"] if other["metric"] == "fd_randconv")
    rows = {row["method"]: row for row in csv.DictReader(io.StringIO(home("leaderboard", "--csv").stdout))}
    for row in board["rows"]:
        assert float(rows[row["method"]][METRIC]) == row[METRIC]


@pytest.mark.parametrize(
    ("form", "heading"),
    [
        ("--markdown", "| Total uptake (body, %) → 100 |"),
        ("--latex", r"& Total uptake (body, \%) $\rightarrow$ 100 &"),
    ],
)
def test_tables_have_the_metric_with_its_unit_best_value_and_decimals(home: Petbench, form: str, heading: str) -> None:
    (board,) = home.json("leaderboard")
    text = home("leaderboard", form).stdout
    assert heading in text
    for row in board["rows"]:
        assert f" {row[METRIC]:.2f} " in text


def test_the_terminal_has_the_metric_and_never_leaves_out_the_one_that_ranks(home: Petbench) -> None:
    (board,) = home.json("leaderboard")
    wide = home("leaderboard", variables={"COLUMNS": "250"}).stdout
    narrow = home("leaderboard", "--metric", METRIC, variables={"COLUMNS": "80"}).stdout
    for text in (wide, narrow):
        assert "Total uptake → 100" in text
        assert "body, %" in text
        for row in board["rows"]:
            assert f" {row[METRIC]:.2f}" in text


def test_the_site_has_the_metric_on_its_first_page_and_on_the_runs(home: Petbench, tmp_path: Path) -> None:
    (board,) = home.json("leaderboard")
    home("report", "-o", tmp_path / "site")
    first = unescape((tmp_path / "site" / "index.html").read_text(encoding="utf-8"))
    assert 'Total uptake <span title="100 % is best">→ 100</span><small>body, %</small>' in first
    assert "total uptake inside the body over the real image's; 100 % is best" in first
    for row in board["rows"]:
        assert f">{row[METRIC]:.2f}" in first
        page = unescape((tmp_path / "site" / "runs" / f"{row['runs'][0]}.html").read_text(encoding="utf-8"))
        assert page.count("Total uptake (body, %)") >= 2  # in the table, and as a chart
        assert f">{row[METRIC]:.2f}<" in page


def test_a_runs_scores_and_its_model_card_have_the_metric_and_need_no_plugin_for_it(
    home: Petbench, body_dataset: Path, tmp_path: Path
) -> None:
    (board,) = home.json("leaderboard")
    (row,) = (row for row in board["rows"] if row["method"] == "scale")
    (run,) = row["runs"]
    (line,) = (line for line in home("runs", "show", run).stdout.splitlines() if "Total uptake" in line)
    assert f" {row[METRIC]:.2f} " in line
    on_test, on_validation = (line for line in home("runs", "show", run, "--all").stdout.splitlines() if METRIC in line)
    assert f" {row[METRIC]:.2f} % " in on_test
    assert on_validation.split()[0] == "sub-03"
    (scan,) = (body_dataset / "sub-04" / "pet").glob("*early*.nii.gz")
    home("predict", run, scan, "-o", tmp_path / "delayed.nii.gz")
    card = (tmp_path / "delayed.card.md").read_text(encoding="utf-8")
    (line,) = (line for line in card.splitlines() if line.startswith("| Total uptake (body, %) |"))
    assert line.split(" | ")[1] == f"{row[METRIC]:.2f}"
    assert "| 100 % is best |" in line


def test_who_takes_the_leaderboard_over_needs_no_plugin_to_see_the_same_column(home: Petbench, tmp_path: Path) -> None:
    exported, database = tmp_path / "runs.jsonl", home.home / "leaderboard.db"
    home("leaderboard", "export", exported)
    by_file, by_merge = Petbench(tmp_path / "by-file"), Petbench(tmp_path / "by-merge")
    by_file("leaderboard", "import", exported, "--trusted")
    by_merge("leaderboard", "merge", database, "--trusted")
    for form in ("--latex", "--markdown"):
        expected = home("leaderboard", form).stdout
        assert by_file("leaderboard", form).stdout == expected
        assert by_merge("leaderboard", form).stdout == expected


def test_runs_from_before_the_plugin_get_the_column_when_they_are_scored_again(
    ran: Callable[..., Petbench], plugin: Mapping[str, str]
) -> None:
    petbench = ran("identity")
    assert "Total uptake" not in petbench("leaderboard", "--markdown").stdout
    petbench("score", "--runs", "all", variables=plugin)
    assert "Total uptake" in petbench("leaderboard", "--markdown").stdout
