"""A method declares whether it competes; what is made of the role does not ask for its name."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from tests.benchmark.installed import install_module

from petbench.registry import load_plugins

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.command import Petbench

pytestmark = pytest.mark.slow

PLUGIN = """
    from petbench import MethodSpec, hookimpl

    class Times:
        def __init__(self, factor):
            self.factor = factor

        def fit(self, data, run):
            pass

        def predict(self, scan):
            return scan.early * self.factor

        def state_dict(self):
            return {}

        def load_state_dict(self, state):
            pass

    def method(name, factor, **facts):
        return MethodSpec(name=name, summary="", build=lambda _: Times(factor), supervision="no-target", **facts)

    @hookimpl
    def petbench_methods():
        return [
            method("no-change", 1.0, role="reference"),
            method("brighter", 1.1),
            method("darker", 0.9, role="competitor"),
        ]
"""


@pytest.fixture
def installed(tmp_path: Path) -> dict[str, str]:
    return install_module(tmp_path / "site", "third_party_factors", PLUGIN)


def test_a_reference_of_a_third_party_is_listed_as_one_takes_no_rank_and_is_not_tested(
    ran: Callable[..., Petbench], body_dataset: Path, installed: dict[str, str], tmp_path: Path
) -> None:
    petbench = ran("identity")
    petbench("run", "-m", "no-change", "-m", "brighter", "-m", "darker", "-d", body_dataset, variables=installed)
    (board,) = petbench.json("leaderboard")
    rows = {row["method"]: row for row in board["rows"]}
    assert {method: row["role"] for method, row in rows.items()} == {
        "identity": "reference",
        "no-change": "reference",
        "brighter": "competitor",
        "darker": "competitor",
    }
    assert {method for method, row in rows.items() if row["rank"] is not None} == {"brighter", "darker"}
    assert {rows[method]["rank"] for method in ("brighter", "darker")} == {1, 2}
    assert rows["no-change"]["tested_rank"] is None
    (comparison,) = board["comparisons"]
    assert {comparison["first"].split(" · ")[0], comparison["second"].split(" · ")[0]} == {"brighter", "darker"}
    table = petbench("leaderboard").stdout
    (line,) = (line for line in table.splitlines() if "no-change" in line)
    assert line.split()[0] == "·"
    markdown = petbench("leaderboard", "--markdown").stdout
    assert sum(line.startswith(("| 1 |", "| 2 |")) for line in markdown.splitlines()) == 2
    assert "| ref | no-change |" in markdown
    assert "ref & no-change &" in petbench("leaderboard", "--latex").stdout
    petbench("report", "-o", tmp_path / "page")
    page = (tmp_path / "page" / "index.html").read_text(encoding="utf-8")
    kinds = re.findall(r'<tr class="([\w-]+)" .*?<th class="method .*?data-sort="([\w-]+)"', page, re.DOTALL)
    assert {method: kind for kind, method in kinds} == {method: row["role"] for method, row in rows.items()}


def test_predictions_of_another_program_compete(ran: Callable[..., Petbench], body_dataset: Path) -> None:
    petbench = ran("identity")
    (predictions,) = petbench.home.glob("runs/*/predictions")
    petbench("score", predictions, "--as", "theirs", "-d", body_dataset)
    (board,) = petbench.json("leaderboard")
    assert {each["method"]: (each["role"], each["rank"]) for each in board["rows"]} == {
        "identity": ("reference", None),
        "theirs": ("competitor", 1),
    }
    assert petbench.json("runs", "show", "1")["role"] == "reference"


def test_the_built_in_references_declare_themselves() -> None:
    roles = {name: spec.role for name, (spec, _) in load_plugins().methods().items()}
    assert {name for name, role in roles.items() if role == "reference"} == {"identity", "scale", "ridge", "kinetic"}
