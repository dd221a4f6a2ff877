"""Every competing method is tested against every reference: a family of its own, on the board and in table 3."""

from __future__ import annotations

import csv
import io
import json
from html import unescape
from typing import TYPE_CHECKING

import numpy as np
import pytest
import scipy.stats
from rich.console import Console
from tests.leaderboard.conftest import ImagesAtHand

from petbench.cli import board_table
from petbench_leaderboard.exports import to_csv, to_json
from petbench_leaderboard.ranking import rank
from petbench_leaderboard.report.publication.tables import export_table, to_latex, to_markdown
from petbench_leaderboard.report.site.build import write_site
from petbench_leaderboard.statistics.analysis import analyse, row_key
from petbench_leaderboard.statistics.paired import compare_pairs
from petbench_leaderboard.statistics.promises import FAMILY_ERROR
from petbench_leaderboard.statistics.sentences import against_references

if TYPE_CHECKING:
    from pathlib import Path

    from tests.leaderboard.conftest import AddRun

    from petbench_leaderboard.board import Board
    from petbench_leaderboard.store import Leaderboard

PEOPLE = 12
BASE = np.random.default_rng(5).normal(30.0, 1.0, PEOPLE)
GAINS = {"identity": -3.0, "ridge": -2.0, "kinetic": 0.0, "pix2pix": 1.0, "unet": 0.05, "cyclegan": -1.5}
REFERENCES = ("identity", "ridge", "kinetic")


def values_of(place: int, gain: float) -> dict[str, float]:
    noise = np.random.default_rng(place).normal(0.0, 0.3, PEOPLE)
    return {f"sub-{who:02}": float(value) for who, value in enumerate(BASE + gain + noise)}


@pytest.fixture
def board(leaderboard: Leaderboard, add_run: AddRun) -> Board:
    for place, (method, gain) in enumerate(GAINS.items()):
        role = "reference" if method in REFERENCES else "competitor"
        add_run(method, values_of(place, gain), role=role)
    (found,) = rank(leaderboard)
    return found


def methods(key: str) -> str:
    return key.split(" · ", maxsplit=1)[0]


def test_each_method_is_compared_with_each_reference_as_scipy_does_and_corrected_among_these_alone(
    board: Board,
) -> None:
    statistics = analyse(board)
    assert statistics is not None
    found = {(methods(each.first), methods(each.second)): each for each in statistics.over_references}
    assert found.keys() == {(one, other) for one in GAINS if one not in REFERENCES for other in REFERENCES}
    raw = {}
    for (one, other), each in found.items():
        differences = np.array(
            [
                first - second
                for first, second in zip(
                    values_of(list(GAINS).index(one), GAINS[one]).values(),
                    values_of(list(GAINS).index(other), GAINS[other]).values(),
                    strict=True,
                )
            ]
        )
        assert each.difference == pytest.approx(differences.mean())
        wilcoxon = float(scipy.stats.wilcoxon(differences, method="exact").pvalue)
        assert each.wilcoxon_p == pytest.approx(wilcoxon)
        assert each.interval_p is not None
        raw[one, other] = max(wilcoxon, each.interval_p)
    order = sorted(raw, key=lambda pair: raw[pair])
    largest = 0.0
    for place, pair in enumerate(order):  # Holm's method by hand, over these nine and no others
        largest = max(largest, min(1.0, (len(order) - place) * raw[pair]))
        assert found[pair].adjusted_p == pytest.approx(largest)


def test_the_comparisons_of_methods_with_each_other_are_what_they_are_without_references(
    leaderboard: Leaderboard, add_run: AddRun, board: Board
) -> None:
    with_them = analyse(board)
    for run in leaderboard.runs():
        if run.method in REFERENCES:
            leaderboard.delete(run.id)
    (alone,) = rank(leaderboard)
    without = analyse(alone)
    assert with_them is not None
    assert without is not None
    assert with_them.comparisons == without.comparisons
    assert (without.references, without.over_references) == ((), ())
    assert against_references(alone, without) == ""


def test_the_sentences_say_who_is_ahead_of_which_reference_with_amount_and_p(board: Board) -> None:
    said = against_references(board, analyse(board))
    assert said.startswith("pix2pix is ahead of the reference kinetic: better by ")
    assert "dB (95 % interval " in said
    assert ", p = 0.00" in said or ", p < 0.001" in said
    assert "Against kinetic, ahead: pix2pix; not told apart: unet; behind: cyclegan." in said
    assert "Against identity, ahead: pix2pix, unet and cyclegan." in said or "Against ridge and identity" in said


def test_of_a_reference_with_several_rows_the_newest_counts_and_rows_of_others_are_none(
    leaderboard: Leaderboard, add_run: AddRun, board: Board
) -> None:
    add_run("kinetic", values_of(2, -9.0), role="reference", parameters={"other": 1})
    add_run("ridge", values_of(1, 5.0), role="reference", verification="self-reported", submitter="lab")
    add_run("organ-scale", values_of(8, 5.0), role="privileged")
    (new,) = rank(leaderboard)
    statistics = analyse(new)
    assert statistics is not None
    newest = {row.run.method: row_key(row) for row in sorted(new.rows, key=lambda row: row.newest) if row.is_own}
    assert set(statistics.references) == {newest[name] for name in REFERENCES}


def test_too_few_participants_decide_nothing_and_that_is_said(leaderboard: Leaderboard, add_run: AddRun) -> None:
    few = dict(list(values_of(0, 0.0).items())[:4])
    add_run("kinetic", {who: value - 5.0 for who, value in few.items()}, role="reference")
    add_run("identity", {who: value - 6.0 for who, value in few.items()})
    add_run("pix2pix", few)
    add_run("unet", {who: value + 1.0 for who, value in few.items()})
    (board,) = rank(leaderboard)
    statistics = analyse(board)
    said = against_references(board, statistics)
    assert said.startswith("No test can tell a method from a reference with 4 participants and one seed: 4 comparisons")
    assert "kinetic by" in said


def test_every_output_has_the_differences_and_their_p(
    leaderboard: Leaderboard, board: Board, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    statistics = analyse(board)
    assert statistics is not None
    first = next(each for each in statistics.over_references if methods(each.second) == "kinetic")
    (of_json,) = json.loads(to_json([board]))
    assert len(of_json["reference_comparisons"]) == len(statistics.over_references)
    assert of_json["references_in_words"] == against_references(board, statistics)
    row = next(row for row in csv.DictReader(io.StringIO(to_csv([board]))) if row["method"] == methods(first.first))
    assert float(row["over_kinetic"]) == first.difference
    assert float(row["over_kinetic_p"]) == first.adjusted_p
    assert first.interval is not None
    assert (float(row["over_kinetic_low"]), float(row["over_kinetic_high"])) == (
        first.interval.low, first.interval.high,
    )  # fmt: skip
    with export_table(board, 3, tmp_path / "comparisons.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["Family"] == "references"]
    assert [(row["First"], row["Second"]) for row in rows] == [
        (methods(each.first), methods(each.second)) for each in statistics.over_references
    ]
    for text in (to_markdown([board]), to_latex([board])):
        assert "is ahead of the reference kinetic" in text
    terminal = io.StringIO()
    monkeypatch.setattr(board_table, "standard_output", lambda: Console(file=terminal, width=160))
    board_table.print_board(board, None)
    assert "over kinetic" in terminal.getvalue()
    assert f"{first.difference:+.2f} (" in terminal.getvalue()
    site = unescape(write_site(leaderboard, ImagesAtHand(), tmp_path / "site").read_text(encoding="utf-8"))
    assert "Against the references" in site
    assert f"{first.difference:+.2f} (" in site


@pytest.mark.slow
def test_where_no_method_differs_from_a_reference_few_datasets_find_that_any_does() -> None:
    generator, datasets, false = np.random.default_rng(11), 150, 0
    for _ in range(datasets):
        people = generator.normal(0.0, 1.0, 12)
        tables = {name: people + generator.normal(0.0, 0.3, 12) for name in ("a", "b", "c", "ridge", "kinetic")}
        scores = {name: {str(who): float(value) for who, value in enumerate(of)} for name, of in tables.items()}
        pairs = [(one, other) for one in "abc" for other in ("ridge", "kinetic")]
        false += any(each.separated for each in compare_pairs(scores, pairs))
    assert false <= scipy.stats.binom.ppf(0.999, datasets, FAMILY_ERROR)
