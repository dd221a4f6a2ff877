from __future__ import annotations

import csv
from typing import TYPE_CHECKING

import pytest

from petbench_leaderboard.errors import LeaderboardError
from petbench_leaderboard.ranking import rank
from petbench_leaderboard.report.publication.figures import FIGURES, export_figure
from petbench_leaderboard.report.publication.tables import TABLES, export_table
from petbench_leaderboard.statistics.analysis import analyse
from petbench_leaderboard.store import Leaderboard

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.leaderboard.conftest import AddRun

    from petbench_leaderboard.board import Board

WHO = [f"sub-{number:02}" for number in range(8)]
EVIL = "<script>$\\frac{"


@pytest.fixture
def leaderboard(tmp_path: Path) -> Iterator[Leaderboard]:
    """Give a leaderboard in a file alone: what is drawn does not depend on the database."""
    with Leaderboard.open(tmp_path / "leaderboard.db") as opened:
        yield opened


@pytest.fixture
def board(leaderboard: Leaderboard, add_run: AddRun) -> Board:
    for place, method in enumerate(("identity", "repeat-scan", "pix2pix", "cyclegan", EVIL)):
        values = {who: 28.0 + 1.4 * place + (number * 7 % 5) / (2 + place) for number, who in enumerate(WHO)}
        leaderboard.update(add_run(method, values), train_seconds=10.0 * (place + 1))
    (found,) = rank(leaderboard)
    return found


@pytest.mark.slow
@pytest.mark.parametrize("number", sorted(FIGURES))
@pytest.mark.parametrize(("suffix", "start"), [(".pdf", b"%PDF"), (".svg", b"<?xml"), (".png", b"\x89PNG")])
def test_every_figure_is_written_in_every_format_and_twice_alike(
    board: Board, tmp_path: Path, number: int, suffix: str, start: bytes
) -> None:
    first = export_figure(board, number, tmp_path / f"a{suffix}").read_bytes()
    assert first.startswith(start)
    assert first == export_figure(board, number, tmp_path / f"b{suffix}").read_bytes()
    if suffix == ".svg":
        assert b"<script" not in first
        assert b"pix2pix" in first
        assert b"<image" not in first


@pytest.mark.parametrize("number", sorted(TABLES))
@pytest.mark.slow
def test_every_table_is_written_in_every_format(board: Board, tmp_path: Path, number: int) -> None:
    for suffix in (".tex", ".md", ".csv"):
        text = export_table(board, number, tmp_path / f"table{suffix}").read_text()
        assert "pix2pix" in text
        if suffix == ".tex":
            assert text.count("{") - text.count("\\{") == text.count("}") - text.count("\\}")
        if suffix == ".md":
            assert "<script>" not in text


def test_every_comparison_stands_with_its_interval_what_it_could_find_and_whether_it_can_decide(
    board: Board, tmp_path: Path
) -> None:
    statistics = analyse(board)
    assert statistics is not None
    with export_table(board, 3, tmp_path / "comparisons.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    families = ["methods"] * len(statistics.comparisons) + ["references"] * len(statistics.over_references)
    assert [row["Family"] for row in rows] == families
    for row, found in zip(rows, (*statistics.comparisons, *statistics.over_references), strict=True):
        assert found.interval is not None
        assert (float(row["95 % from"]), float(row["to"])) == (found.interval.low, found.interval.high)
        assert float(row["Smallest detectable"]) == found.detectable_difference
        assert row["Apart"] == ("yes" if found.separated else "not found")
    text = export_table(board, 3, tmp_path / "comparisons.md").read_text()
    assert "95 % interval; smallest detectable" in text
    assert "One seed: intervals and tests are over participants alone" in text


def test_a_comparison_that_could_find_nothing_is_not_said_to_have_found_nothing(
    leaderboard: Leaderboard, add_run: AddRun, tmp_path: Path
) -> None:
    for place, method in enumerate(("pix2pix", "cyclegan")):
        add_run(method, {who: 28.0 + place + number / 7 for number, who in enumerate(WHO[:3])})
    (board,) = rank(leaderboard)
    with export_table(board, 3, tmp_path / "comparisons.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert row["Apart"] == "cannot decide"


def test_tables_for_papers_say_who_is_ahead_give_the_gains_interval_and_say_one_seed(
    board: Board, tmp_path: Path
) -> None:
    statistics = analyse(board)
    assert statistics is not None
    assert board.ranked_by is not None
    for suffix in (".md", ".tex"):
        text = export_table(board, 1, tmp_path / f"table{suffix}").read_text()
        assert "is ahead of" in text
        assert "One seed: intervals" in text
    interval = next(found.gain_interval for found in statistics.rows if found and found.gain_interval)
    text = export_table(board, 1, tmp_path / "table.md").read_text()
    assert f"({interval.low:.2f} to {interval.high:.2f})" in text


def test_names_are_on_the_left_and_numbers_on_the_right_of_their_columns(board: Board, tmp_path: Path) -> None:
    for number, texts in ((1, 3), (2, 1), (3, 3)):
        lines = export_table(board, number, tmp_path / "table.md").read_text().splitlines()
        (sides,) = (line.strip("| ").split(" | ") for line in lines if line.startswith("| :---"))
        assert sides == [":---"] * texts + ["---:"] * (len(sides) - texts)
        latex = export_table(board, number, tmp_path / "table.tex").read_text()
        assert f"{{{'l' * texts}{'r' * (len(sides) - texts)}}}" in latex


def test_the_csv_of_participants_has_every_digit(board: Board, tmp_path: Path) -> None:
    with export_table(board, 2, tmp_path / "participants.csv").open(newline="") as file:
        rows = {row[0]: row[1:] for row in csv.reader(file)}
    assert board.ranked_by is not None
    for row in board.rows:
        expected = row.cells[board.ranked_by].values
        assert [float(value) for value in rows[row.run.method]] == [expected[who] for who in board.participants]


def test_what_cannot_be_drawn_is_refused_in_one_line_and_leaves_no_file(
    leaderboard: Leaderboard, add_run: AddRun, tmp_path: Path
) -> None:
    add_run("alone", {"sub-01": 30.0})
    (board,) = rank(leaderboard)
    for number, name, message in (
        (9, "a.pdf", "there is no figure 9: 1 is every participant"),
        (1, "a.docx", "end the name in .pdf"),
        (2, "a.pdf", "needs two methods"),
        (3, "a.pdf", "at least 3 participants"),
        (4, "a.pdf", "no method has a training time"),
    ):
        with pytest.raises(LeaderboardError, match=message) as caught:
            export_figure(board, number, tmp_path / name)
        assert "\n" not in str(caught.value)
    with pytest.raises(LeaderboardError, match="there is no table 7"):
        export_table(board, 7, tmp_path / "a.csv")
    assert list(tmp_path.glob("a.*")) == []
