"""Budget, track and changed parameters stand on every row in every output."""

from __future__ import annotations

import csv
import io
import json
from html import unescape
from typing import TYPE_CHECKING, Any

import pytest
from rich.console import Console
from tests.leaderboard.conftest import ImagesAtHand

from petbench.cli import board_table
from petbench_leaderboard.exports import to_csv, to_json
from petbench_leaderboard.ranking import rank
from petbench_leaderboard.report.publication.tables import to_latex, to_markdown
from petbench_leaderboard.report.settings import settings
from petbench_leaderboard.report.site.build import write_site
from petbench_leaderboard.tracks import TRACKS, tracks_of

if TYPE_CHECKING:
    from pathlib import Path

    from tests.leaderboard.conftest import AddRun

    from petbench_leaderboard.board import Row
    from petbench_leaderboard.store import Leaderboard

CASES: dict[str, tuple[dict[str, Any], list[str], tuple[str, ...]]] = {
    "equal-images": (
        {"budget": TRACKS["equal-images"], "preset": "paper", "changed_parameters": {}},
        ["paper", "40,000 images", "equal images"],
        ("equal-images",),
    ),
    "equal-seconds": (
        {"budget": TRACKS["equal-seconds"], "changed_parameters": {"width": 8, "norm": "batch", "residual": True}},
        ["small", "width=8", "norm=batch", "residual=true", "10 min", "equal seconds"],
        ("equal-seconds",),
    ),
    "outside": (
        {"budget": "images=12000", "changed_parameters": {"betas": [0.5, 0.9]}},
        ["small", "betas=[0.5, 0.9]", "12,000 images", "no track"],
        (),
    ),
    "untrained": (
        {"budget": "images=0", "preset": "default", "parameters": {}, "changed_parameters": {}},
        ["default", "no training budget", "every track"],
        tuple(TRACKS),
    ),
    "elsewhere": (
        {"budget": "images=0", "preset": "", "plugin": "external", "parameters": {}, "changed_parameters": {}},
        ["unknown budget", "no track"],
        (),
    ),
    "tested-there": (
        {
            "budget": TRACKS["equal-images"],
            "plugin": "external",
            "distribution": "external-test",
            "changed_parameters": {"trained_on": "bodies"},
        },
        ["small", "trained_on=bodies", "40,000 images", "equal images"],
        ("equal-images",),
    ),
    "earlier": (
        {"budget": "images=48000"},
        ["small", "changes not noted", "48,000 images", "no track"],
        (),
    ),
}


@pytest.fixture
def rows(leaderboard: Leaderboard, add_run: AddRun) -> dict[str, Row]:
    for method, (facts, _, _) in CASES.items():
        add_run(method, {"sub-01": 30.0}, **facts)
    (board,) = rank(leaderboard)
    return {row.run.method: row for row in board.rows}


@pytest.mark.parametrize("method", CASES)
def test_a_row_says_what_it_was_allowed_and_what_was_changed(rows: dict[str, Row], method: str) -> None:
    _, expected, tracks = CASES[method]
    assert settings(rows[method]) == expected
    assert tracks_of(rows[method].run) == tracks


def test_every_output_has_them_on_every_row(
    leaderboard: Leaderboard, rows: dict[str, Row], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (board,) = rank(leaderboard)
    terminal = io.StringIO()
    monkeypatch.setattr(board_table, "standard_output", lambda: Console(file=terminal, width=120))
    board_table.print_board(board, None)
    site = unescape(write_site(leaderboard, ImagesAtHand(), tmp_path).read_text(encoding="utf-8"))
    latex = to_latex([board]).replace(r"\_", "_")
    markdown = to_markdown([board]).replace("\\", "")
    (of_json,) = json.loads(to_json([board]))
    exported = {row["method"]: row for row in of_json["rows"]}
    as_csv = {row["method"]: row for row in csv.DictReader(io.StringIO(to_csv([board])))}
    for method, (facts, expected, tracks) in CASES.items():
        written = ", ".join(expected)
        assert f">{written}<" in site
        assert f"| {method} | {written}; one seed: 0 |" in markdown
        assert f"& {method} & {written}; one seed: 0 &" in latex
        for part in expected:
            assert part in terminal.getvalue()
        assert exported[method]["budget"] == as_csv[method]["budget"] == facts["budget"]
        assert exported[method]["track"] == list(tracks)
        assert as_csv[method]["track"] == " ".join(tracks)
        assert exported[method]["changed_parameters"] == facts.get("changed_parameters")
        assert json.loads(as_csv[method]["changed_parameters"] or "null") == facts.get("changed_parameters")
