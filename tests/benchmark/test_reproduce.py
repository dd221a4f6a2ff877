"""`petbench reproduce` from outside: stopped in the middle, then finished by two processes that share the work."""

from __future__ import annotations

import json
import os
import re
import signal
import statistics
import subprocess
import sys
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image
from tests.benchmark.conftest import write_body_dataset
from tests.command import Petbench

from petbench.cli.main import cli
from petbench.reproduce.curves import read_curves
from petbench.reproduce.figure import choose_participant
from petbench.reproduce.paper import METHODS, REFERENCES, REPORTED, REPORTED_GAP_DECIBELS
from petbench.reproduce.profiles import RATES, TRIAL
from petbench.reproduce.results import PSNR_CONVENTIONS
from petbench_leaderboard.store import Leaderboard

if TYPE_CHECKING:
    from pathlib import Path

    from petbench_leaderboard.records import RunRow

ALL_RUNS = len(REFERENCES) + len(METHODS) * (len(RATES) + 2)
"""With the seed of the grid alone: under equal images all runs are of the grid."""


@dataclass(frozen=True)
class Shared:
    """An experiment that was stopped while the first network trained, and then finished by two processes.

    Attributes:
        petbench: the command in its home.
        dataset: that it ran on.
        page: the folder of the page.
        facts: what one of them printed as JSON.
        said: what each of them said.
    """

    petbench: Petbench
    dataset: Path
    page: Path
    facts: dict[str, Any]
    said: tuple[str, str]


def stored(petbench: Petbench) -> list[RunRow]:
    with Leaderboard.open(petbench.home / "leaderboard.db") as board:
        return board.runs()


def command(dataset: Path, page: Path) -> list[str]:
    return [
        "reproduce", "-d", str(dataset), "--profile", "trial", "--seeds", "0", "--device", "cpu", "--page", str(page),
    ]  # fmt: skip


def start(home: Path, arguments: list[str]) -> subprocess.Popen[str]:
    environment = os.environ | {
        "PETBENCH_HOME": str(home), "PETBENCH_OFFLINE": "1", "OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1",
    }  # fmt: skip
    pipe = subprocess.PIPE
    return subprocess.Popen(
        [sys.executable, "-m", "petbench", *arguments], env=environment, stdout=pipe, stderr=pipe, text=True
    )


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Shared:
    folder = tmp_path_factory.mktemp("reproduction")
    petbench, page = Petbench(folder / "home"), folder / "docs"
    dataset = write_body_dataset(folder / "bodies")
    arguments = command(dataset, page)
    with start(petbench.home, arguments) as process:
        assert process.stderr is not None
        try:
            said = []
            for line in process.stderr:
                said.append(line)
                if re.search(r"\d % train", line):
                    process.send_signal(signal.SIGINT)
                    break
            _, rest = process.communicate(timeout=120)
        finally:
            process.kill()
    errors = "".join(said) + rest
    assert process.returncode == 130, errors
    assert "the same command goes on from here and repeats nothing that is done" in errors
    assert "Traceback" not in errors
    assert not page.exists()
    states = {row.method: row.status for row in stored(petbench)}
    assert states == {**dict.fromkeys(REFERENCES, "ok"), "pix2pix": "interrupted"}
    with start(petbench.home, [*arguments, "--json"]) as first, start(petbench.home, arguments) as second:
        try:
            results = [first.communicate(timeout=500), second.communicate(timeout=500)]
        finally:
            first.kill()
            second.kill()
    for process, (_, errors) in zip((first, second), results, strict=True):
        assert process.returncode == 0, errors
        assert "Traceback" not in errors
    return Shared(petbench, dataset, page, json.loads(results[0][0]), (results[0][1], results[1][1]))


@pytest.mark.slow
def test_two_processes_share_the_runs_and_make_none_twice(shared: Shared) -> None:
    rows = [row for row in stored(shared.petbench) if row.method in (*METHODS, *REFERENCES)]
    assert len(rows) == ALL_RUNS
    assert {row.status for row in rows} == {"ok"}
    assert max(Counter(row.identity for row in rows).values()) == 1
    made = [set(re.findall(r"run (\d+) ok", said)) for said in shared.said]
    assert all(made), "each made some of them"
    assert made[0].isdisjoint(made[1])
    trained = {str(row.id) for row in rows if row.method in METHODS}
    assert made[0] | made[1] == trained, "the references were there, the stopped run was resumed"


@pytest.mark.slow
def test_a_stopped_run_is_resumed_and_not_begun_again(shared: Shared) -> None:
    first = min((row for row in stored(shared.petbench) if row.method == "pix2pix"), key=lambda row: row.id)
    assert first.status == "ok"
    assert first.budget == TRIAL.budgets["equal-images"]
    assert f"images={first.images_seen}" == TRIAL.budgets["equal-images"]


@pytest.mark.slow
def test_the_rates_of_the_runs_are_the_best_of_the_grid_on_validation(shared: Shared) -> None:
    rows = stored(shared.petbench)
    for method in METHODS:
        of_grid = {
            row.parameters["learning_rate"]: row.validation_score
            for row in rows
            if row.method == method and row.budget == TRIAL.budgets["equal-images"]
        }
        assert sorted(of_grid) == sorted(RATES)  # type: ignore[type-var]
        best = max(RATES, key=lambda rate: of_grid[rate] or 0.0)
        assert shared.facts["rates"][method]["chosen"] == best
        others = [row for row in rows if row.method == method and row.budget != TRIAL.budgets["equal-images"]]
        assert [row.parameters["learning_rate"] for row in others] == [best, best]


@pytest.mark.slow
def test_the_page_and_the_json_hold_what_the_database_holds(shared: Shared) -> None:
    page = (shared.page / "reproduction-bodies.md").read_text(encoding="utf-8")
    means: dict[tuple[int, str], float] = {}
    with Leaderboard.open(shared.petbench.home / "leaderboard.db") as board:
        for row in board.runs():
            values = defaultdict(list)
            for score in board.scores([row.id]):
                if score.participant and score.value is not None:
                    values[score.metric].append(score.value)
            means |= {(row.id, metric): statistics.fmean(values[metric]) for metric in PSNR_CONVENTIONS}
    for name, of_set in shared.facts["sets"].items():
        for metric in PSNR_CONVENTIONS:
            expected = {method: means[of_set[method]["runs"][0], metric] for method in METHODS}
            for method in METHODS:
                assert of_set[method]["scores"][metric]["mean"] == pytest.approx(expected[method])
                assert f" {expected[method]:.2f}".replace("-", "\N{MINUS SIGN}") in page
            found = next(one for one in of_set["differences"] if one["metric"] == metric)
            assert found["mean"] == pytest.approx(expected["pix2pix"] - expected["cyclegan"])
            assert found["verdict"] == "undecided", f"one participant, {name}"


@pytest.mark.slow
def test_the_page_says_what_it_is_and_what_it_lacks(shared: Shared) -> None:
    page = (shared.page / "reproduction-bodies.md").read_text(encoding="utf-8")
    said = " ".join(page.split())
    assert "This is a trial of the command: it trained next to nothing" in said
    assert "**narrower networks**, on **a CPU**: one seed (0), 1 test participant." in said
    assert "petbench reproduce --dataset bodies --split holdout --seeds 0 --profile trial --device cpu" in page
    assert "more seeds: 1 asked for, 5 make the page complete" in page
    assert "1 participant can decide nothing" in page
    assert "57.85" in page
    assert "17.33" in page
    assert "+10.40" in page
    assert "No row `repeat-scan`: no repeat scan of sub-04" in page
    assert "No row `predictable`: no truth of sub-01" in page
    assert "PETBENCH_FID_WEIGHTS" in page or "weights" in page
    assert "FD-randconv" in page
    assert str(shared.page.parent) not in page, "a page names no folder of its machine"


@pytest.mark.slow
def test_the_validation_of_each_converged_run_is_on_the_page(shared: Shared) -> None:
    figure = (shared.page / "figures" / "reproduction-bodies-validation.svg").read_text(encoding="utf-8")
    assert "pix2pix" in figure
    assert "cyclegan" in figure
    curves = {curve["method"]: curve for curve in shared.facts["curves"]}
    assert set(curves) == set(METHODS)
    page = (shared.page / "reproduction-bodies.md").read_text(encoding="utf-8")
    assert "](figures/reproduction-bodies-validation.svg)" in page
    for curve in curves.values():
        assert curve["images"] == sorted(curve["images"])
        assert len(curve["images"]) == len(curve["mae_suv"]) >= 1
        assert curve["ended_by"] in ("patience", "budget")
        assert f"| {min(curve['mae_suv']):.4f} |" in page
    assert set(shared.facts["reference_validation_errors"]) == set(REFERENCES)


@pytest.mark.slow
def test_the_figure_shows_the_four_images(shared: Shared) -> None:
    with Image.open(shared.page / "figures" / "reproduction-bodies-figure-2.webp") as image:
        assert np.asarray(image.convert("L")).std() > 5.0
    page = (shared.page / "reproduction-bodies.md").read_text(encoding="utf-8")
    assert "the early image, pix2pix, cyclegan, the delayed image" in page
    assert "](figures/reproduction-bodies-figure-2.webp)" in page
    assert shared.facts["figure_participant"] == "sub-04"


@pytest.mark.slow
def test_the_departure_from_the_early_image_is_that_of_the_prediction_files(shared: Shared) -> None:
    for of_set in shared.facts["sets"].values():
        for method in METHODS:
            departure = of_set["departures"][method]
            assert departure["seeds"] == 1
            assert departure["moved"] > 0.0
    page = (shared.page / "reproduction-bodies.md").read_text(encoding="utf-8")
    moved = shared.facts["sets"]["converged"]["departures"]["cyclegan"]["moved"]
    assert f"| `cyclegan`, until converged | one seed | {moved:.3f} |" in page


@pytest.mark.slow
def test_the_page_can_be_written_again_without_a_run(shared: Shared, tmp_path: Path) -> None:
    before = len(stored(shared.petbench))
    result = shared.petbench(*command(shared.dataset, tmp_path / "again"), "--page-only")
    assert f"all {ALL_RUNS} runs are there" in result.stderr
    assert len(stored(shared.petbench)) == before
    first, second = (
        (folder / "reproduction-bodies.md").read_text(encoding="utf-8") for folder in (shared.page, tmp_path / "again")
    )
    # Whether references can be made is found out where runs are made.
    assert first.split("## Has CycleGAN")[1] == second.split("## Has CycleGAN")[1]


def test_what_it_would_cost_is_said_before_anything_is_spent(body_dataset: Path, tmp_path: Path) -> None:
    runner = CliRunner(env={"PETBENCH_HOME": str(tmp_path / "home")})
    result = runner.invoke(cli, [*command(body_dataset, tmp_path / "docs"), "--dry-run"])
    assert result.exit_code == 0, result.output
    assert "trial profile on bodies, split holdout" in result.stderr
    assert f"{ALL_RUNS} of {ALL_RUNS} runs to make, for how long no past run shows" in result.stderr
    assert result.stdout.count(" missing ") == len(REFERENCES) + len(METHODS) * len(RATES)
    assert result.stdout.count(" waiting ") == 2 * 2
    assert result.stdout.count(" shared ") == 2
    assert stored(Petbench(tmp_path / "home")) == []
    assert not (tmp_path / "docs").exists()
    assert not (tmp_path / "home" / "runs").exists()


def test_a_dry_run_lists_every_run_as_json(body_dataset: Path, tmp_path: Path) -> None:
    runner = CliRunner(env={"PETBENCH_HOME": str(tmp_path / "home")})
    result = runner.invoke(cli, [*command(body_dataset, tmp_path / "docs"), "--dry-run", "--json"])
    found = json.loads(result.stdout)
    assert [one["learning_rate"] for one in found if one["part"] == "rates"] == [
        rate for rate in RATES for _ in METHODS
    ]
    assert {one["state"] for one in found if one["part"] == "converged"} == {"waiting"}
    assert {one["identity"] for one in found if one["state"] == "waiting"} == {None}


def test_a_page_of_nothing_is_refused_in_one_line(body_dataset: Path, tmp_path: Path) -> None:
    runner = CliRunner(env={"PETBENCH_HOME": str(tmp_path / "home")})
    result = runner.invoke(cli, [*command(body_dataset, tmp_path / "docs"), "--page-only"])
    assert result.exit_code == 1
    assert "no run of pix2pix or CycleGAN is on the leaderboard yet" in result.stderr
    assert not (tmp_path / "docs").exists()


def test_a_part_that_there_is_not_is_refused_with_those_that_there_are(body_dataset: Path, tmp_path: Path) -> None:
    runner = CliRunner(env={"PETBENCH_HOME": str(tmp_path / "home")})
    result = runner.invoke(cli, [*command(body_dataset, tmp_path / "docs"), "--only", "rate"])
    assert result.exit_code == 2
    assert "'rates', 'equal-images', 'equal-seconds', 'converged'" in result.stderr


def test_the_paper_has_a_gap_of_ten_decibels() -> None:
    assert pytest.approx(10.4) == REPORTED_GAP_DECIBELS
    assert REPORTED["pix2pix"].fid < REPORTED["cyclegan"].fid


@pytest.mark.parametrize(("scores", "chosen"), [((30, 10, 20), "c"), ((1, 4, 3, 2), "d"), ((5,), "a"), ((2, 2), "a")])
def test_the_figure_shows_whose_early_image_scores_in_the_middle(scores: tuple[float, ...], chosen: str) -> None:
    assert choose_participant(dict(zip("abcd", scores, strict=False))) == chosen


def test_there_is_no_curve_of_what_has_no_log(tmp_path: Path) -> None:
    from petbench.home import Home

    assert read_curves({}, Home(tmp_path)) == []
