"""Sweeps in TOML files: what they mean, what is refused and on which line, and that a written one is read as it was."""

from __future__ import annotations

import itertools
import json
import re
import tomllib
from typing import TYPE_CHECKING, Any

import pytest
from tests.benchmark.docs_reader import DOCS

from petbench.errors import UsageError
from petbench.home import Home
from petbench.plans.sweep_file import SweepFile
from petbench.plans.sweep_request import SweepRequest, requested
from petbench.plans.sweep_writer import sweep_text
from petbench.plans.toml_lines import line_of
from petbench.registry import load_plugins
from petbench_datasets.progress import silent
from petbench_leaderboard.tracks import TRACKS

if TYPE_CHECKING:
    from pathlib import Path

    from tests.command import Petbench

    from petbench.plans.run_plan import RunPlan

REGISTRY = load_plugins()

WHOLE = """
# learning rates
methods = ["pix2pix", "unet"]
dataset = "{dataset}"
split = "holdout"
seeds = [0, 2]
folds = "all"
budget = "images=64"
device = "cpu"
precision = "fp32"
compile = "off"
cuda_graphs = "off"
deterministic = true
no_test = true
time_limit_seconds = 60
isolated = true

[settings]
width = 4
learning_rate = {{ from = 0.0001, to = 0.01, number = 3, scale = "log" }}
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "sweep.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_file_says_all_that_the_command_line_can(tmp_path: Path, body_dataset: Path) -> None:
    file = SweepFile.read(written(tmp_path, WHOLE.format(dataset=body_dataset)))
    file.check(REGISTRY)
    request = requested(file, {})
    plans = request.plans(Home(tmp_path), REGISTRY, silent)
    cells = [(plan.method, plan.parameters["learning_rate"], plan.seed) for plan in plans]
    assert cells == list(itertools.product(["pix2pix", "unet"], [0.0001, 0.001, 0.01], [0, 2]))
    assert {(plan.parameters["width"], plan.budget, plan.purpose, plan.device, plan.compile) for plan in plans} == {
        (4, "images=64", "no-test", "cpu", "off")
    }
    assert all(plan.deterministic for plan in plans)
    assert (request.time_limit_seconds, request.isolated) == (60, True)


def test_what_is_said_of_one_method_comes_before_what_is_said_of_all(tmp_path: Path, body_dataset: Path) -> None:
    text = f"""
    dataset = "{body_dataset}"
    preset = "paper"
    settings.width = 4
    settings.images = 64
    [methods.pix2pix]
    preset = "mini"
    settings = {{ width = [8, 16] }}
    [methods.unet]
    """
    plans = requested(SweepFile.read(written(tmp_path, text)), {}).plans(Home(tmp_path), REGISTRY, silent)
    assert [(plan.method, plan.preset, plan.parameters["width"], plan.budget) for plan in plans] == [
        ("pix2pix", "mini", 8, "images=64"),
        ("pix2pix", "mini", 16, "images=64"),
        ("unet", "paper", 4, "images=64"),
    ]


@pytest.mark.parametrize(
    ("typed", "changed"),
    [
        ({"methods": ("unet",)}, {"method": "unet"}),
        ({"seeds": "7"}, {"seed": 7}),
        ({"settings": ("width=8",)}, {"width": 8}),
        ({"budget": "images=32"}, {"budget": "images=32"}),
        ({"settings": ("images=32",)}, {"budget": "images=32"}),
        ({"track": "equal-images"}, {"budget": TRACKS["equal-images"]}),
        ({"device": "auto"}, {"device": "auto"}),
    ],
)
def test_what_is_typed_comes_before_what_the_file_says(
    tmp_path: Path, body_dataset: Path, typed: dict[str, Any], changed: dict[str, Any]
) -> None:
    text = f"""
    methods = ["pix2pix"]
    dataset = "{body_dataset}"
    budget = "images=64"
    seeds = 3
    device = "cpu"
    settings.width = 4
    """
    (plan,) = requested(SweepFile.read(written(tmp_path, text)), typed).plans(Home(tmp_path), REGISTRY, silent)
    found = {"method": plan.method, "seed": plan.seed, "budget": plan.budget, "device": plan.device}
    before = {"method": "pix2pix", "seed": 3, "width": 4, "budget": "images=64", "device": "cpu"}
    assert found | {"width": plan.parameters["width"]} == before | changed


def test_images_of_the_file_give_way_to_a_budget_that_is_typed(tmp_path: Path, body_dataset: Path) -> None:
    path = written(tmp_path, f'methods = ["pix2pix"]\ndataset = "{body_dataset}"\nsettings.images = 64\n')
    (plan,) = requested(SweepFile.read(path), {"budget": "images=32"}).plans(Home(tmp_path), REGISTRY, silent)
    assert (plan.budget, plan.parameters["images"]) == ("images=32", 32)


BROKEN = [
    ("methods = [", "no TOML: "),
    ("sead = 3", "line 1: no key of a sweep is called 'sead'; did you mean 'seeds'?"),
    ('\n\nmethods = ["pix2px"]', "line 3: no method is called 'pix2px'; did you mean 'pix2pix'?"),
    ("[methods.pix2px]", "line 1: no method is called 'pix2px'; did you mean 'pix2pix'?"),
    ('[methods.unet]\npresets = "mini"', "line 2: no key of a sweep is called 'presets'; did you mean 'preset'?"),
    ('[methods.unet]\npreset = "mino"', "line 2: no preset of unet is called 'mino'; did you mean 'mini'?"),
    (
        'methods = ["unet"]\n[settings]\nwidth = 8\n# slow\nlerning_rate = 0.1',
        "line 5: no parameter of unet is called 'lerning_rate'; did you mean 'learning_rate'?",
    ),
    (
        "[methods.unet.settings]\nwidth = [\n 8,\n 16,\n]\nlearning_rate = [\n  0.1,\n  -1,\n]\n",
        "line 6: parameter 'learning_rate' of unet: input should be greater than 0 (given: -1)",
    ),
    (
        "[methods.unet]\nsettings.width = { from = 1, to = 2 }",
        'line 2: the range width={"from": 1, "to": 2} says no \'number\'',
    ),
    ("[methods.unet]\nsettings.width = 2026-01-01", "line 2: width cannot be 2026-01-01"),
    ("\nbudget = 64", "line 2: budget: input should be a valid string (given: 64)"),
    ('\nbudget = "64"', "line 2: the budget '64' is not understood"),
    ('\nseeds = "0-3"', "line 2: seeds '0-3' is not understood"),
    ("seeds = 0.5", "line 1: seeds: input should be a valid string (given: 0.5)"),
    ('folds = "2..1"', "line 1: folds '2..1' is not understood"),
    ('track = "equal"', "line 1: no track is called 'equal'; did you mean 'equal-images'?"),
    ('device = "gpu"', "line 1: "),
    ('precision = "fp16"', "line 1: precision: input should be 'fp32' or 'bf16' (given: 'fp16')"),
    ("no_test = 1", "line 1: no_test: input should be a valid boolean (given: 1)"),
    ("time_limit_seconds = 0", "line 1: time_limit_seconds: input should be greater than 0 (given: 0)"),
    ("methods = 3", "line 1: methods: "),
]


@pytest.mark.parametrize(("text", "said"), BROKEN)
def test_what_is_wrong_is_said_in_one_line_with_file_key_and_line(tmp_path: Path, text: str, said: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(UsageError) as refused:
        SweepFile.read(path).check(REGISTRY)
    message = str(refused.value)
    assert message.startswith(f"{path}")
    assert said in message
    assert "\n" not in message


def test_the_file_in_the_documentation_is_one(tmp_path: Path, body_dataset: Path) -> None:
    (block,) = re.findall(r"```toml\n(.*?)```", (DOCS / "sweeps.md").read_text(encoding="utf-8"), re.DOTALL)
    file = SweepFile.read(written(tmp_path, block))
    file.check(REGISTRY)
    asked = {"dataset": str(body_dataset), "budget": "images=64"}
    plans = requested(file, asked).plans(Home(tmp_path), REGISTRY, silent)
    found = [(plan.method, plan.parameters["learning_rate"], plan.seed) for plan in plans if plan.method == "pix2pix"]
    assert found == list(itertools.product(["pix2pix"], [0.0001, 0.001, 0.01], [0, 1, 2]))
    assert [plan.parameters["width"] for plan in plans if plan.method == "unet"] == [16, 16, 16, 32, 32, 32]


def test_a_file_that_is_no_text_or_missing_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "sweep.toml"
    with pytest.raises(UsageError, match="cannot be read"):
        SweepFile.read(path)
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(UsageError, match="no text in UTF-8"):
        SweepFile.read(path)


def test_without_a_method_anywhere_it_is_said_how_to_name_one(petbench: Petbench, tmp_path: Path) -> None:
    assert "--method NAME" in petbench("run", code=2).stderr
    assert "--method NAME" in petbench("plan", "--config", written(tmp_path, "seeds = 1"), code=2).stderr


def test_the_line_of_a_key_is_found_whatever_the_file_looks_like() -> None:
    text = '# [a]\n"a" . b = """\nb = 1\n"""\n\n[a.c]\n\n  d = [ # d\n 1,\n 2]\n'
    assert tomllib.loads(text) == {"a": {"b": "b = 1\n", "c": {"d": [1, 2]}}}
    places = [(("a",), 2), (("a", "b"), 2), (("a", "c"), 6), (("a", "c", "d"), 8), (("a", "c", "d", 1), 8)]
    assert [line_of(text, path) for path, _ in places] == [line for _, line in places]
    assert line_of(text, ("a", "missing")) == 2
    assert line_of(text, ("missing",)) is None


COMMANDS: list[tuple[str, ...]] = [
    ("-m", "pix2pix"),
    ("-m", "pix2pix", "-m", "unet", "--seed", "0..3", "--fold", "all"),
    ("-m", "unet", "--set", "learning_rate=0.001,3e-3", "--set", "width=4,8", "--no-test"),
    ("-m", "unet", "--preset", "mini", "--budget", "images=128", "--device", "cpu", "--compile", "off"),
    ("-m", "unet", "--track", "equal-images", "--precision", "bf16", "--cuda-graphs", "off", "--deterministic"),
    ("-m", "unet", "--budget", "seconds=2.5", "--time-limit", "60", "--isolated", "--seed", "3,1"),
    ("-m", "unet", "--set", "images=64,128", "--set", "learning_rate=1e-05"),
    ("-m", "identity", "-m", "scale"),
]


def facts(plans: list[RunPlan]) -> list[tuple[Any, ...]]:
    return [(plan.identity, plan.purpose, plan.device, plan.compile, plan.cuda_graphs, plan.preset) for plan in plans]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_sweep_that_was_written_is_read_as_the_same_runs_in_the_same_order(
    petbench: Petbench, body_dataset: Path, tmp_path: Path, command: tuple[str, ...]
) -> None:
    path = tmp_path / "sweep.toml"
    typed = petbench.json("plan", "-d", body_dataset, *command, "--write-config", path)
    assert petbench.json("plan", "--config", path) == typed
    again = tmp_path / "again.toml"
    petbench("plan", "--config", path, "--write-config", again)
    assert again.read_text(encoding="utf-8") == path.read_text(encoding="utf-8")


def test_what_two_methods_take_differently_is_written_for_each(tmp_path: Path, body_dataset: Path) -> None:
    text = f"""
    dataset = "{body_dataset}"
    [methods.pix2pix]
    settings.width = [4, 8]
    [methods.unet]
    preset = "mini"
    """
    request = requested(SweepFile.read(written(tmp_path, text)), {"seeds": "1"})
    before = request.plans(Home(tmp_path), REGISTRY, silent)
    file = SweepFile.read(written(tmp_path, sweep_text(request, REGISTRY)))
    assert facts(requested(file, {}).plans(Home(tmp_path), REGISTRY, silent)) == facts(before)


def test_every_default_is_written_so_that_it_is_read_back(tmp_path: Path) -> None:
    request = requested(None, {"methods": ("unet",)})
    assert requested(SweepFile.read(written(tmp_path, sweep_text(request, REGISTRY))), {}) == request
    odd = 'a "name"\\ with\x7f, \u00fcmlaut and \n line'
    changed = SweepRequest(methods=request.methods, split=odd, dataset=odd)
    assert requested(SweepFile.read(written(tmp_path, sweep_text(changed, REGISTRY))), {}) == changed


def test_a_file_that_is_there_is_not_written_over(petbench: Petbench, body_dataset: Path, tmp_path: Path) -> None:
    path = written(tmp_path, "seeds = 1")
    said = petbench("plan", "-m", "unet", "-d", body_dataset, "--write-config", path, code=2).stderr
    assert "exists; choose another name" in said
    assert path.read_text(encoding="utf-8") == "seeds = 1"


@pytest.mark.slow
def test_a_sweep_in_a_file_is_run_as_one_that_was_typed(petbench: Petbench, body_dataset: Path, tmp_path: Path) -> None:
    path = written(tmp_path, f'methods = ["scale"]\ndataset = "{body_dataset}"\nseeds = [0, 1]\nno_test = true\n')
    ended = json.loads(petbench("run", "--config", path, "--seed", "1..2", "--json").stdout)
    assert [(run["seed"], run["status"], run["purpose"]) for run in ended["runs"]] == [
        (1, "ok", "no-test"),
        (2, "ok", "no-test"),
    ]
