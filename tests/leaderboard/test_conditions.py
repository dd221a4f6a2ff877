"""What is recorded beside a run's identity, and what every output says where the runs of one row differ in it."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING, Any

import pytest
from tests.leaderboard.conftest import ImagesAtHand

from petbench_leaderboard.conditions import changes, conditions_of, differing
from petbench_leaderboard.exports import to_csv, to_json
from petbench_leaderboard.ranking import rank
from petbench_leaderboard.report.publication.tables import to_latex, to_markdown
from petbench_leaderboard.report.site.build import write_site

if TYPE_CHECKING:
    from pathlib import Path

    from tests.leaderboard.conftest import AddRun

    from petbench_leaderboard.store import Leaderboard

MACHINE: dict[str, Any] = {
    "processor": "A", "name": "GPU", "threads": 1, "python": "3.11.9", "float32_matmul_precision": "highest",
    "engine": {"compiled": False}, "source": {"commit": "c1", "modified_files": [], "plugin": {"commit": "p1"}},
}  # fmt: skip
ENVIRONMENT = {"torch": "2.13.0", "numpy": "2.0"}
OTHER: dict[str, tuple[dict[str, Any], dict[str, str]]] = {
    "threads 1, 8": ({"threads": 8}, {}),
    "processes 2, none": ({"engine": {"compiled": False, "processes": 2}}, {}),
    "processor A, B": ({"processor": "B"}, {}),
    "accelerator GPU, other": ({"name": "other"}, {}),
    "python 3.11.9, 3.12.0": ({"python": "3.12.0"}, {}),
    "float32 matmul precision high, highest": ({"float32_matmul_precision": "high"}, {}),
    "compiled False, True": ({"engine": {"compiled": True}}, {}),
    "commit of petbench c1, c2": ({"source": MACHINE["source"] | {"commit": "c2"}}, {}),
    "changed files of petbench a.py, none": ({"source": MACHINE["source"] | {"modified_files": ["a.py"]}}, {}),
    "commit of the plugin p1, p2": ({"source": MACHINE["source"] | {"plugin": {"commit": "p2"}}}, {}),
    "local code my_layers aa, none": ({"source": MACHINE["source"] | {"outside_identity": {"my_layers": "aa"}}}, {}),
    "files changed while it ran a.py, none": ({"source": MACHINE["source"] | {"changed_while_it_ran": ["a.py"]}}, {}),
    "resumed under other conditions none, threads 1 → 2": ({"resumed_under": ["threads 1 → 2"]}, {}),
    "own monai 1.3, none": ({"own_packages": {"monai": "1.3"}}, {}),
    "torch 2.12.0, 2.13.0": ({}, {"torch": "2.12.0"}),
    "scipy 1.14, none": ({}, {"scipy": "1.14"}),
}
WHO = ("sub-01", "sub-02")


@pytest.fixture
def two(leaderboard: Leaderboard, add_run: AddRun) -> Leaderboard:
    """Give two seeds of pix2pix, made under the same conditions, and one of a rival."""
    for method, seed in (("pix2pix", 0), ("pix2pix", 1), ("rival", 0)):
        run_id = add_run(method, dict.fromkeys(WHO, 30.0), seed=seed, split_participants=WHO)
        leaderboard.update(run_id, machine=MACHINE, environment=ENVIRONMENT)
    return leaderboard


@pytest.mark.parametrize("said", OTHER)
def test_each_condition_in_which_runs_of_one_row_differ_is_said(said: str, two: Leaderboard) -> None:
    assert all(row.differing == () for row in rank(two)[0].rows)
    machine, environment = OTHER[said]
    two.update(2, machine=MACHINE | machine, environment=ENVIRONMENT | environment)
    rows = {row.run.method: row.differing for row in rank(two)[0].rows}
    assert rows == {"pix2pix": (said,), "rival": ()}


def test_every_output_says_it(two: Leaderboard, tmp_path: Path) -> None:
    two.update(2, machine=MACHINE | {"threads": 8})
    boards = rank(two)
    note = "runs of one row differ in what is no part of their identity: pix2pix (threads 1, 8)"
    assert note in to_markdown(boards).replace("Runs of one", "runs of one")
    assert "threads 1, 8" in to_latex(boards)
    rows = {row["method"]: row for row in json.loads(to_json(boards))[0]["rows"]}
    assert (rows["pix2pix"]["differing"], rows["rival"]["differing"]) == (["threads 1, 8"], [])
    assert {row["differing"] for row in csv.DictReader(io.StringIO(to_csv(boards)))} == {"threads 1, 8", ""}
    write_site(two, ImagesAtHand(), tmp_path)
    assert any(note in page.read_text(encoding="utf-8") for page in tmp_path.rglob("*.html"))


def test_many_differences_are_counted_and_long_ones_are_cut(two: Leaderboard) -> None:
    two.update(2, environment={f"package-{number}": "1" for number in range(20)} | ENVIRONMENT)
    (row,) = (row for row in rank(two)[0].rows if row.run.method == "pix2pix")
    assert row.differing[-1] == "14 more"
    assert len(row.differing) == 7
    assert len(conditions_of({"processor": "x" * 1000}, {})["processor"]) == 60


@pytest.mark.parametrize("machine", [{"source": None}, {"source": "text", "engine": 3}, {"threads": {"a": [1]}}])
def test_what_somebody_else_wrote_there_breaks_nothing(machine: dict[str, Any]) -> None:
    assert isinstance(conditions_of(machine, {}), dict)


def test_what_has_changed_is_told_from_before_to_now() -> None:
    before = conditions_of(MACHINE, ENVIRONMENT)
    now = conditions_of(MACHINE | {"threads": 2}, {"torch": "2.14.0"})
    assert changes(before, now) == ["threads 1 → 2", "torch 2.13.0 → 2.14.0", "numpy 2.0 → none"]
    assert changes(before, before) == []
    assert differing([]) == ()
