"""Several values of a setting: which texts name several, by the parameter's type, and what combinations they make."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pytest
from pydantic import BaseModel, Field

from petbench.contract import MethodSpec
from petbench.errors import UsageError
from petbench.home import Home
from petbench.plans.alternatives import MOST, alternatives, combinations
from petbench.plans.sweep import plan_sweep, what_varies
from petbench.registry import load_plugins
from petbench_datasets.progress import silent

if TYPE_CHECKING:
    from tests.command import Petbench


class Parameters(BaseModel):
    rate: float = Field(0.1, gt=0)
    width: int = 8
    kind: Literal["a", "b"] = "a"
    flag: bool = False
    name: str = ""
    maybe: str | None = None
    file: Path = Path("x")
    widths: list[int] = []
    pair: tuple[float, float] = (0.0, 1.0)
    table: dict[str, float] = {}


SPEC = MethodSpec(name="mine", summary="", parameters=Parameters)


@pytest.mark.parametrize(
    ("key", "text", "values"),
    [
        ("rate", "0.001", [0.001]),
        ("rate", "0.001,0.003", [0.001, 0.003]),
        ("rate", "1e-3, 3e-3 ,1e-2", [0.001, 0.003, 0.01]),
        ("rate", "[0.001, 0.003]", [0.001, 0.003]),
        ("width", "8,16", [8, 16]),
        ("kind", "a,b", ["a", "b"]),
        ("kind", '"a","b"', ["a", "b"]),
        ("flag", "true,false", [True, False]),
        ("name", "a,b", ["a,b"]),
        ("name", '["a,b", "c"]', ["a,b", "c"]),
        ("maybe", "a,b", ["a,b"]),
        ("maybe", "null", [None]),
        ("file", "/tmp/a,b", ["/tmp/a,b"]),
        ("widths", "[8,16]", [[8, 16]]),
        ("widths", "[8,16],[16,32]", [[8, 16], [16, 32]]),
        ("widths", "[[8,16],[16,32]]", [[8, 16], [16, 32]]),
        ("pair", "[0,1]", [[0, 1]]),
        ("pair", "[0,1],[0,2]", [[0, 1], [0, 2]]),
        ("table", '{"from": 1, "to": 2, "number": 3}', [{"from": 1, "to": 2, "number": 3}]),
        ("table", '{"a": 1, "b": 2},{"a": 3}', [{"a": 1, "b": 2}, {"a": 3}]),
        ("rate", "none", ["none"]),
    ],
)
def test_a_text_names_several_values_where_its_parameter_does_not_take_it_as_one(
    key: str, text: str, values: list[Any]
) -> None:
    assert alternatives(SPEC, key, text) == values


@pytest.mark.parametrize(("first", "last", "number"), [(1, 5, 5), (0.0001, 0.01, 3), (8, 128, 5), (2, 1, 7), (3, 3, 2)])
@pytest.mark.parametrize("scale", ["linear", "log"])
def test_a_range_is_that_of_numpy_with_its_ends_exactly(first: float, last: float, number: int, scale: str) -> None:
    made = alternatives(SPEC, "rate", f'{{"from": {first}, "to": {last}, "number": {number}, "scale": "{scale}"}}')
    expected = (np.linspace if scale == "linear" else np.geomspace)(first, last, number)
    np.testing.assert_allclose(made, expected, rtol=1e-11)
    assert (made[0], made[-1]) == (first, last)


def test_whole_numbers_of_a_range_are_whole() -> None:
    made = alternatives(SPEC, "width", '{"from": 8, "to": 128, "number": 5, "scale": "log"}')
    assert [(value, type(value)) for value in made] == [(each, int) for each in (8, 16, 32, 64, 128)]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"from": 1, "to": 2}', "says no 'number'"),
        ('{"from": 1, "to": 2, "number": 1}', "2 to 10,000 values, not 1"),
        ('{"from": 1, "to": 2, "number": 2.5}', "not 2.5"),
        ('{"from": 1, "to": 2, "number": true}', "not True"),
        ('{"from": 0, "to": 2, "number": 3, "scale": "log"}', "both ends must be above 0"),
        ('{"from": "a", "to": 2, "number": 3}', "from number to number"),
        ('{"from": 1, "to": 2, "number": 3, "scale": "lag"}', "did you mean 'log'"),
        ('{"from": 1, "to": 2, "number": 3, "scle": "log"}', "did you mean 'scale'"),
    ],
)
def test_a_range_that_makes_no_sense_is_refused_with_what_is_wrong(text: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        alternatives(SPEC, "rate", text)


def test_several_settings_multiply_and_the_last_changes_fastest() -> None:
    made = combinations(SPEC, ["rate=0.1,0.2", "name=a,b", "width=8,16,32"])
    expected = itertools.product(["rate=0.1", "rate=0.2"], ["name=a,b"], ["width=8", "width=16", "width=32"])
    assert made == list(expected)
    assert combinations(SPEC, []) == [()]


def test_a_setting_that_is_given_twice_is_refused() -> None:
    with pytest.raises(UsageError, match="rate is set 2 times"):
        combinations(SPEC, ["rate=0.1", "width=8", "rate=0.2"])


def test_more_combinations_than_anybody_runs_are_refused() -> None:
    many = ",".join(map(str, range(1, MOST // 2 + 2)))
    with pytest.raises(UsageError, match="more than 10,000 combinations"):
        combinations(SPEC, [f"width={many}", "flag=true,false"])


def test_a_sweep_has_every_combination_beside_seeds_and_folds_and_no_run_twice(
    tmp_path: Path, body_dataset: Path
) -> None:
    asked = {"dataset": str(body_dataset), "settings": ("learning_rate=0.001,1e-3,0.003", "width=4,8")}
    plans = plan_sweep(["pix2pix"], "0..1", "all", asked, Home(tmp_path), load_plugins(), silent)
    found = [(plan.parameters["learning_rate"], plan.parameters["width"], plan.seed) for plan in plans]
    assert found == list(itertools.product([0.001, 0.003], [4, 8], [0, 1]))
    assert what_varies(plans)[2] == "learning_rate=0.001, width=8"
    assert len({plan.identity for plan in plans}) == len(plans)


def test_a_value_out_of_its_range_is_refused_before_anything_runs(petbench: Petbench, body_dataset: Path) -> None:
    run = ("run", "--method", "pix2pix", "--dataset", body_dataset, "--set", "learning_rate=0.001,-1")
    said = petbench(*run, code=2).stderr
    assert "parameter 'learning_rate' of pix2pix" in said
    assert "-1" in said
    assert petbench.json("runs", "list") == []


def test_the_plan_shows_the_cells_of_a_sweep(petbench: Petbench, body_dataset: Path) -> None:
    asked = ("--method", "pix2pix", "--dataset", body_dataset, "--set", "width=4,8", "--seed", "0..1", "--no-test")
    cells = petbench.json("plan", *asked)["runs"]
    assert [(cell["parameters"]["width"], cell["seed"]) for cell in cells] == [(4, 0), (4, 1), (8, 0), (8, 1)]
    shown = petbench("plan", *asked).stdout
    assert shown.count("width=4") == shown.count("width=8") == 2
    assert "4 of 4 to run" in shown
