"""A table for a paper: the columns and digits that somebody names, one thing in a cell, and LaTeX that compiles."""

from __future__ import annotations

import re
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from petbench.cli.main import cli
from petbench_leaderboard.errors import RequestError
from petbench_leaderboard.ranking import rank
from petbench_leaderboard.report.publication.chosen import COSTS, Digits
from petbench_leaderboard.report.publication.tables import export_table, to_latex, to_markdown
from petbench_leaderboard.store import Leaderboard

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.leaderboard.conftest import AddRun, MakeScore

    from petbench_leaderboard.board import Board

WHO = [f"sub-{number:02}" for number in range(9)]
EVIL = r"a_b & 50% of {C}\\D^2 ~ $x$ <é> #1"


@pytest.fixture
def leaderboard(tmp_path: Path) -> Iterator[Leaderboard]:
    """Give a leaderboard in a file alone: what is written does not depend on the database."""
    with Leaderboard.open(tmp_path / "leaderboard.db") as opened:
        yield opened


@pytest.fixture
def board(leaderboard: Leaderboard, add_run: AddRun, make_score: MakeScore) -> Board:
    rows: list[tuple[str, dict[str, Any]]] = [
        ("identity", {}),
        ("kinetic", {"role": "reference"}),
        ("cyclegan", {"preset": EVIL}),
    ]
    rows += [("pix2pix", {"parameters": {"learning_rate": rate}}) for rate in (0.001, 0.003)]
    for place, (method, facts) in enumerate(rows):
        values = {who: 28.123456 + 1.4 * place + number % 4 / 7 for number, who in enumerate(WHO)}
        run_id = add_run(method, values, **facts)
        leaderboard.update(run_id, train_seconds=61.0, parameter_count=11_400_000)
        leaderboard.record_validation_scores(run_id, [make_score("sub-20", 31.98765 + place)])
    (found,) = rank(leaderboard, validation=True)
    return found


def cells_of(text: str) -> dict[str, list[str]]:
    """Return the cells of a LaTeX table by method."""
    lines = text[text.index(r"\midrule") : text.index(r"\bottomrule")].splitlines()[1:]
    rows = [line.removesuffix(r" \\").split(" & ") for line in lines]
    return {row[1]: [row[0], *row[2:]] for row in rows}


def test_only_the_named_columns_stand_there_in_their_order_with_one_thing_in_a_cell(board: Board) -> None:
    names = ("train_seconds", "gain.psnr_body_suv20", "psnr_body_suv20", "validation.psnr_body_suv20", "over.kinetic")
    text = to_latex([board], names)
    (head,) = re.findall(r"\\toprule\n(.*) \\\\\n", text)
    assert head.split(" & ") == [
        "", "Method", "Training", "Gain in PSNR (body, dB)", r"PSNR (body, dB) $\uparrow$",
        r"Validation PSNR (body, dB) $\uparrow$", "Over kinetic",
    ]  # fmt: skip
    cells = cells_of(text)
    place, training, gain, mean, validation, over = cells[r"pix2pix learning\_rate=0.001"]
    assert (place, training, gain, validation) == ("variant", "1 min 1 s", "+4.20", "34.99") or place in "12"
    assert re.fullmatch(r"\d\d\.\d\d \$\\pm\$ 0\.\d\d", mean)
    competing = next(row for name, row in cells.items() if name.startswith("pix2pix") and row[0] in "12")
    assert re.fullmatch(r"\+\d\.\d\d \(\d\.\d\d to \d\.\d\d\), p (=|\$<\$|\\textless\{\}) 0\.\d+", competing[-1])
    assert over
    assert cells["identity"][-1] == "–" or cells["identity"][-1] == "--"
    assert "ceiling" not in text


def test_rows_of_one_method_are_named_by_what_differs_and_never_by_a_runs_number(board: Board, tmp_path: Path) -> None:
    text = to_latex([board], ["psnr_body_suv20"])
    assert {name for name in cells_of(text) if name.startswith("pix2pix")} == {
        r"pix2pix learning\_rate=0.001", r"pix2pix learning\_rate=0.003",
    }  # fmt: skip
    comparisons = export_table(board, 3, tmp_path / "c.tex").read_text(encoding="utf-8")
    assert not re.search(r"\brun \d", text + comparisons + to_latex([board]))
    with_settings = to_latex([board], ["settings", "psnr_body_suv20"])
    assert "& pix2pix & learning" in with_settings


@pytest.mark.parametrize(
    ("digits", "mean"), [("1", "28.3"), ("0", "28"), ("4", "28.3139"), ("3,psnr_body_suv20=1", "28.3")]
)
def test_digits_are_those_that_were_asked_for(board: Board, digits: str, mean: str) -> None:
    for names in ((), ("psnr_body_suv20",)):
        text = to_markdown([board], names, Digits.parse(digits)).replace("\\", "")
        (line,) = (line for line in text.splitlines() if "| identity |" in line)
        assert any(cell.strip().split(" ")[0] == mean for cell in line.split("|"))


@pytest.mark.parametrize("digits", ["", "x", "-1", "13", "=2", "psnr=", "2,,3", "1.5"])
def test_what_is_no_number_of_digits_is_refused(digits: str) -> None:
    with pytest.raises(RequestError, match="is no number of digits"):
        Digits.parse(digits)


def test_every_column_that_is_offered_can_be_chosen(board: Board) -> None:
    named = ("psnr_body_suv20", "gain.psnr_body_suv20", "normalized.psnr_body_suv20", "over.identity", "over.kinetic")
    every = ("settings", "seeds", *COSTS, *named, "validation.psnr_body_suv20")
    assert len(cells_of(to_latex([board], every))["cyclegan"]) == 1 + len(every)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--latex", "--columns", "psnr_body_suv2"), "did you mean 'psnr_body_suv20'"),
        (("--latex", "--columns", "over.kineti"), "did you mean 'over.kinetic'"),
        (("--latex", "--digits", "two"), "'two' is no number of digits"),
        (("--markdown", "--digits", "psnr=2"), "no metric of this table is called 'psnr'"),
        (("--columns", "psnr_body_suv20"), "are of the tables that --latex and --markdown print"),
        (("--csv", "--digits", "2"), "have every column and digit"),
    ],
)
def test_what_cannot_be_shown_is_refused_in_one_line(
    board: Board, leaderboard: Leaderboard, options: tuple[str, ...], message: str
) -> None:
    assert board.rows
    result = CliRunner().invoke(cli, ["--db", str(leaderboard.file), "leaderboard", *options])
    assert result.exit_code == 2
    assert message in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_the_command_prints_the_table(board: Board, leaderboard: Leaderboard) -> None:
    options = ("--latex", "--columns", "validation.psnr_body_suv20, psnr_body_suv20", "--digits", "1")
    result = CliRunner().invoke(cli, ["--db", str(leaderboard.file), "leaderboard", *options])
    assert result.exit_code == 0
    assert result.stdout.rstrip("\n") == to_latex(
        [board], ["validation.psnr_body_suv20", "psnr_body_suv20"], Digits(1)
    ).rstrip("\n")


@pytest.mark.slow
@pytest.mark.parametrize("names", [(), ("settings", "psnr_body_suv20", "over.kinetic", "train_seconds")])
def test_the_table_compiles_with_booktabs_alone(board: Board, tmp_path: Path, names: tuple[str, ...]) -> None:
    engine = next((found for name in ("pdflatex", "tectonic", "lualatex") if (found := shutil.which(name))), None)
    if engine is None:
        pytest.skip("no TeX is installed: `apt-get install texlive-latex-base` compiles the table")
    body = to_latex([board], names)
    document = f"\\documentclass{{article}}\n\\usepackage{{booktabs}}\n\\begin{{document}}\n{body}\\end{{document}}\n"
    (tmp_path / "table.tex").write_text(document, encoding="utf-8")
    options = [] if engine.endswith("tectonic") else ["-interaction=nonstopmode", "-halt-on-error"]
    done = subprocess.run([engine, *options, "table.tex"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:]
    assert (tmp_path / "table.pdf").read_bytes().startswith(b"%PDF")
