"""The page on what intervals and tests promise is what the simulation writes, and says nothing that it did not find."""

from __future__ import annotations

import re

import numpy as np
import pytest
from tests.benchmark.docs_reader import DOCS

from petbench_leaderboard.statistics import promises
from petbench_leaderboard.statistics.simulation import measures
from petbench_leaderboard.statistics.simulation import page as simulated
from petbench_leaderboard.statistics.simulation.scenarios import PARTICIPANTS, SCENARIOS, SEEDS, Setting

PAGE = (DOCS / "statistics.md").read_text(encoding="utf-8")
INTERVALS = ("Interval of a mean", "Interval of a paired difference")
EQUAL = "Two equal methods, one comparison"
SEVERAL = "Several methods, Holm's correction, rank intervals"


def section(title: str) -> str:
    return PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def tables(title: str) -> list[list[list[str]]]:
    """Return the tables of a section: rows of cells, without the head."""
    found = re.findall(r"(?:^\|.*\n)+", section(title), flags=re.MULTILINE)
    return [[line.strip("| \n").split(" | ") for line in table.strip().splitlines()[2:]] for table in found]


def numbers(cell: str) -> list[float]:
    return [float(number) for number in re.findall(r"\d+\.\d+", cell)]


def test_the_page_begins_with_what_the_code_promises_today() -> None:
    assert PAGE.startswith(simulated.head())


@pytest.mark.parametrize("title", INTERVALS)
def test_no_interval_on_the_page_covers_less_than_is_promised(title: str) -> None:
    for scenario, table in zip(SCENARIOS, tables(title), strict=True):
        known = [row for row in table if row[0] != "1" or row[1] == "0"]  # one seed knows nothing of another
        found = [value / 100 for row in known for cell in row[2:] for value in numbers(cell)]
        assert len(found) == (3 * len(SEEDS) - 2) * len(PARTICIPANTS)
        assert min(found) >= promises.COVERAGE[scenario]


def test_no_test_on_the_page_errs_more_often_than_is_promised() -> None:
    for scenario, table in zip(SCENARIOS, tables(EQUAL), strict=True):
        known = [row for row in table if row[0] != "1" or row[1] == "0"]
        assert max(numbers(cell)[0] / 100 for row in known for cell in row[2:]) <= promises.FALSELY_APART[scenario]
    (several,) = tables(SEVERAL)
    for row in several:
        for false, held in (numbers(cell) for cell in row[3:]):
            assert false / 100 <= promises.FAMILY_ERROR
            assert held / 100 >= 1.0 - promises.FAMILY_ERROR


@pytest.mark.parametrize("title", INTERVALS)
def test_the_numbers_on_the_page_are_those_of_the_code(title: str) -> None:
    """The first row of each table, drawn again; a change of the code that changes it needs `make statistics`."""
    measure = {INTERVALS[0]: measures.mean_coverage, INTERVALS[1]: measures.difference_coverage}[title]
    for scenario, table in zip(SCENARIOS, tables(title), strict=True):
        generator = np.random.default_rng(5)
        for participants, cell in zip(PARTICIPANTS[:4], table[0][2:], strict=False):
            found = measure(Setting(scenario=scenario, participants=participants), simulated.DATASETS, generator)
            assert 100 * found == pytest.approx(numbers(cell)[0], abs=0.8)  # five standard errors of their difference


@pytest.mark.slow
def test_the_page_has_every_table_that_the_simulation_writes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(simulated, "DATASETS", 20)
    monkeypatch.setattr(simulated, "FEWER_DATASETS", 20)

    def without_numbers(text: str) -> list[str]:
        return re.sub(r"\d[\d.,]*", "", text).splitlines()

    assert without_numbers(simulated.page()) == without_numbers(PAGE)
