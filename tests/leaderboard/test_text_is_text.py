"""Text is text in every output: what a stranger may call a thing changes nothing around it."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from petbench.cli.board_table import print_board
from petbench.cli.result import print_runs
from petbench.cli.run_summary import print_summary
from petbench.home import Home
from petbench_leaderboard.errors import LeaderboardError
from petbench_leaderboard.exports import to_csv, to_json
from petbench_leaderboard.ranking import rank
from petbench_leaderboard.report.publication.tables import to_latex, to_markdown

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.leaderboard.conftest import AddRun, MakeRecord, MakeScore

    from petbench_leaderboard.store import Leaderboard

VALUES = {"sub-01": 30.0, "sub-02": 31.0}

PLAIN = ["[/a]", "[bold red]", "[link=http://a]b", "a|b", "`a`", "</td>", "{{ a }}", "=1+1", "$x$", "50 %", "ä β"]
"""Texts that some output would take for its own, and that may be stored."""

OBEYED = ["\x1b[31m", "\x9b31m", "a\rb", "\u202egnp", "a\u2066b", "a\u200bb", "\ufeffa", "a\0b", "\ud800"]
"""Texts that a terminal obeys, or that deceive who reads them: stored nowhere."""


def terminal(leaderboard: Leaderboard, capsys: pytest.CaptureFixture[str]) -> str:
    (board,) = rank(leaderboard)
    print_board(board, None)
    print_runs(leaderboard.runs(), Home(Path(leaderboard.name).parent))
    return capsys.readouterr().out


@pytest.mark.parametrize("payload", PLAIN)
def test_the_terminal_shows_a_text_as_it_is(
    leaderboard: Leaderboard, add_run: AddRun, capsys: pytest.CaptureFixture[str], payload: str
) -> None:
    add_run("pix2pix", VALUES, preset=payload)
    shown = terminal(leaderboard, capsys)
    assert shown.count(payload) == 2  # on the board and in the list of runs


@pytest.mark.parametrize("payload", PLAIN)
def test_data_formats_give_a_text_back(leaderboard: Leaderboard, add_run: AddRun, payload: str) -> None:
    add_run("pix2pix", VALUES, preset=payload)
    boards = rank(leaderboard)
    assert json.loads(to_json(boards))[0]["rows"][0]["preset"] == payload
    (row,) = csv.DictReader(io.StringIO(to_csv(boards)))
    assert row["preset"] == (f"'{payload}" if payload.startswith("=") else payload)


@pytest.mark.parametrize(("write", "special"), [(to_markdown, "[|`<>&]"), (to_latex, "[&$%#<>|]")])
@pytest.mark.parametrize("payload", PLAIN)
def test_a_text_adds_no_cell_and_no_row_to_a_table(
    leaderboard: Leaderboard, add_run: AddRun, payload: str, write: Callable[..., str], special: str
) -> None:
    run_id = add_run("pix2pix", VALUES, preset="small")
    before = write(rank(leaderboard))
    leaderboard.delete(run_id)
    add_run("pix2pix", VALUES, preset=payload)
    after = write(rank(leaderboard))
    unescaped = rf"(?<!\\){special}"
    assert len(after.splitlines()) == len(before.splitlines())
    entities = re.compile(r"&(lt|gt|amp);")
    assert len(re.findall(unescaped, entities.sub("", after))) == len(re.findall(unescaped, entities.sub("", before)))


@pytest.mark.parametrize("field", ["preset", "version", "dataset", "precision", "device"])
@pytest.mark.parametrize("payload", OBEYED)
def test_a_text_that_is_obeyed_or_hidden_is_not_stored(
    leaderboard: Leaderboard, make_record: MakeRecord, payload: str, field: str
) -> None:
    with pytest.raises(LeaderboardError, match=f"{field} of pix2pix cannot be stored: a text with the hidden"):
        leaderboard.plan(make_record(**{field: payload}))
    assert leaderboard.runs() == []


@pytest.mark.parametrize("payload", OBEYED)
def test_what_an_exception_said_is_shown_spelled_out(
    leaderboard: Leaderboard, add_run: AddRun, capsys: pytest.CaptureFixture[str], payload: str
) -> None:
    add_run("mine", VALUES)
    failed = add_run("pix2pix", {}, status="failed", planned=("sub-01",))
    leaderboard.update(failed, error_message=payload, error_class=payload)
    shown = terminal(leaderboard, capsys)
    assert payload not in shown
    assert "\\" in shown
    assert json.loads(to_json(rank(leaderboard)))


@pytest.mark.parametrize("payload", PLAIN)
def test_the_tables_of_validation_and_of_references_and_a_runs_summary_show_a_name_as_it_is(
    leaderboard: Leaderboard,
    add_run: AddRun,
    make_score: MakeScore,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    payload: str,
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    add_run("identity", VALUES)
    add_run("kinetic", {who: value - 1.0 for who, value in VALUES.items()}, role="reference")
    run_id = add_run(payload, VALUES)
    leaderboard.record_validation_scores(run_id, [make_score("sub-09")])
    (board,) = rank(leaderboard, validation=True)
    print_board(board, None)
    shown = capsys.readouterr().out
    assert "over kinetic" in shown
    assert shown.count(payload) >= 3  # on the board, against the references and on validation
    print_summary(leaderboard, run_id, Home(tmp_path))
    assert payload in capsys.readouterr().out
