"""Rows of one method are told apart by the settings in which they differ, in every output, and by no others."""

from __future__ import annotations

import io
from html import unescape
from typing import TYPE_CHECKING, Any

import pytest
from rich.console import Console
from tests.leaderboard.conftest import ImagesAtHand

from petbench.cli import board_table
from petbench_leaderboard.ranking import rank
from petbench_leaderboard.report.publication.tables import export_table, to_latex, to_markdown
from petbench_leaderboard.report.row_names import LONGEST, MOST_NAMED, differing_settings, names, settings
from petbench_leaderboard.report.site.build import write_site

if TYPE_CHECKING:
    from pathlib import Path

    from tests.leaderboard.conftest import AddRun

    from petbench_leaderboard.store import Leaderboard

WHO = {f"sub-{number:02}": 30.0 + number % 3 for number in range(8)}
BASE: dict[str, Any] = {"width": 16, "learning_rate": 1e-3, "beta": 0.5}


def told(leaderboard: Leaderboard, add_run: AddRun, *rows: dict[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Return what rows of one method are called, and in what they differ, in the order in which they were made."""
    runs = [add_run("pix2pix", WHO, **facts) for facts in rows]
    (board,) = rank(leaderboard)
    groups = [leaderboard.run(run_id).run_group for run_id in runs]
    called, differing = names(board.rows), differing_settings(board.rows)
    return [called[group] for group in groups], [differing[group] for group in groups]


def test_only_what_differs_is_named_and_a_preset_stands_for_its_parameters(
    leaderboard: Leaderboard, add_run: AddRun
) -> None:
    called, differing = told(
        leaderboard,
        add_run,
        {"parameters": BASE},
        {"parameters": BASE | {"learning_rate": 3e-3}, "changed_parameters": {"learning_rate": 3e-3}},
        {"parameters": {"width": 64, "learning_rate": 1e-3, "beta": 0.9}, "preset": "paper", "changed_parameters": {}},
    )
    assert differing == [
        ["small", "learning_rate=0.001"],
        ["small", "learning_rate=0.003"],
        ["paper", "learning_rate=0.001"],
    ]
    assert called == ["pix2pix small learning_rate=0.001", "pix2pix small learning_rate=0.003",
                      "pix2pix paper learning_rate=0.001"]  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"budget": "images=2000"}, ["pix2pix 1,000 images", "pix2pix 2,000 images"]),
        ({"precision": "bf16"}, ["pix2pix fp32", "pix2pix bf16"]),
        ({"version": "0.2.0"}, ["pix2pix petbench 0.1.0", "pix2pix petbench 0.2.0"]),
        ({"source_hash": "b" * 64}, ["pix2pix code aaaaaaaa", "pix2pix code bbbbbbbb"]),
        ({"version": "0.2.0", "source_hash": "b" * 64}, ["pix2pix petbench 0.1.0", "pix2pix petbench 0.2.0"]),
        ({"parameters": BASE | {"norm": "batch"}}, ["pix2pix norm=none", "pix2pix norm=batch"]),
        ({"verification": "self-reported", "submitter": "lab"}, ["pix2pix", "pix2pix (self-reported, of lab)"]),
        ({"seed": 1, "parameters": BASE | {"width": 8}}, ["pix2pix width=16", "pix2pix width=8"]),
    ],
)
def test_whatever_makes_another_row_tells_it_apart(
    leaderboard: Leaderboard, add_run: AddRun, changes: dict[str, Any], expected: list[str]
) -> None:
    assert told(leaderboard, add_run, {"parameters": BASE}, {"parameters": BASE} | changes)[0] == expected


def test_a_methods_only_row_and_rows_of_different_methods_go_by_their_names(
    leaderboard: Leaderboard, add_run: AddRun
) -> None:
    add_run("cyclegan", WHO, parameters=BASE | {"width": 8})
    assert told(leaderboard, add_run, {"parameters": BASE}) == (["pix2pix"], [[]])


def test_what_is_named_is_bounded_and_no_two_rows_are_called_the_same(
    leaderboard: Leaderboard, add_run: AddRun
) -> None:
    first = {f"p{number}": "x" * 90 for number in range(9)}
    called, differing = told(
        leaderboard, add_run, {"parameters": first}, *({"parameters": dict.fromkeys(first, end)} for end in "ab")
    )
    for parts in differing:
        assert len(parts) == MOST_NAMED + 1
        assert parts[-1] == "5 more"
        assert all(len(part) <= LONGEST + len("p0=") for part in parts)
    assert len(set(called)) == 3
    long = [{"parameters": {"note": "y" * 90 + end}} for end in "12"]  # alike as far as they are written
    called, _ = told(leaderboard, add_run, *long)
    assert len(set(called)) == 2


def test_what_tells_most_rows_apart_comes_first(leaderboard: Leaderboard, add_run: AddRun) -> None:
    sweep = [BASE | {"width": width, "beta": beta} for width in (8, 16) for beta in (0.1, 0.5, 0.9)]
    called, differing = told(leaderboard, add_run, *({"parameters": each} for each in sweep))
    assert differing[0] == ["beta=0.1", "width=8"]
    assert called[0] == "pix2pix beta=0.1 width=8"
    assert len(set(called)) == 6


def test_the_changed_parameters_of_one_row_are_bounded_too(leaderboard: Leaderboard, add_run: AddRun) -> None:
    many = {f"p{number}": number for number in range(9)}
    add_run("pix2pix", WHO, parameters=many, changed_parameters=many)
    (board,) = rank(leaderboard)
    (written,) = settings(board.rows).values()
    assert written == ["small", "p0=0", "p1=1", "p2=2", "p3=3", "5 more changed", "1,000 images", "no track"]


def test_every_output_shows_what_differs_in_the_row(
    leaderboard: Leaderboard, add_run: AddRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for rate in (0.001, 0.003):
        add_run("pix2pix", WHO, parameters=BASE | {"learning_rate": rate}, preset="paper")
    add_run("cyclegan", {who: value - 1.0 for who, value in WHO.items()})
    (board,) = rank(leaderboard)
    terminal = io.StringIO()
    monkeypatch.setattr(board_table, "standard_output", lambda: Console(file=terminal, width=120))
    board_table.print_board(board, None)
    site = unescape(write_site(leaderboard, ImagesAtHand(), tmp_path / "site").read_text(encoding="utf-8"))
    participants = export_table(board, 2, tmp_path / "participants.md").read_text(encoding="utf-8")
    for shown in ("0.001", "0.003"):
        assert f"learning_rate={shown}" in terminal.getvalue()
        assert f"learning_rate={shown}, paper" in site
        assert f"| pix2pix | learning_rate={shown}, paper" in to_markdown([board]).replace("\\", "")
        assert rf"& pix2pix & learning\_rate={shown}, paper" in to_latex([board])
        assert f"| pix2pix learning_rate={shown} |" in participants.replace("\\", "")
    assert "cyclegan learning_rate" not in participants.replace("\\", "")
