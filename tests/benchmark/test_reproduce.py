"""`petbench reproduce`: the comparison from outside, stopped once in the middle, and its arithmetic by itself."""

from __future__ import annotations

import json
import os
import re
import signal
import statistics
import subprocess
import sys
from collections import defaultdict
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image
from tests.benchmark.conftest import Petbench, write_body_dataset

from petbench.cli.main import cli
from petbench.contract import DatasetShape
from petbench.home import Home
from petbench.methods import parameters
from petbench.registry import load_plugins
from petbench.reproduce.experiment import Experiment, plan_runs
from petbench.reproduce.figure import choose_participant
from petbench.reproduce.paper import REPORTED, REPORTED_GAP_DECIBELS
from petbench.reproduce.profiles import FULL, REDUCED, default_profile
from petbench.reproduce.results import PSNR_CONVENTIONS
from petbench_datasets.dataset.reader import open_dataset
from petbench_datasets.dataset.split import Fold, Split, write_split
from petbench_datasets.progress import silent
from petbench_leaderboard.store import Leaderboard

if TYPE_CHECKING:
    from pathlib import Path

    from petbench_leaderboard.records import RunRow

IMAGES = 64


def stored(petbench: Petbench) -> list[RunRow]:
    with Leaderboard.open(petbench.home / "leaderboard.db") as board:
        return board.runs()


def command(dataset: Path, page: Path) -> list[str]:
    return [
        "reproduce",
        "-d",
        str(dataset),
        "--seeds",
        "0",
        "--budget",
        f"images={IMAGES}",
        "--device",
        "cpu",
        "--page",
        str(page),
    ]


@pytest.fixture(scope="module")
def stopped_once(tmp_path_factory: pytest.TempPathFactory) -> tuple[Petbench, Path, str]:
    """A comparison that was stopped while pix2pix trained and then resumed: its home, its page's folder, its JSON."""
    folder = tmp_path_factory.mktemp("reproduction")
    petbench, page = Petbench(folder / "home"), folder / "docs"
    arguments = command(write_body_dataset(folder / "bodies"), page)
    environment = os.environ | {
        "PETBENCH_HOME": str(petbench.home), "PETBENCH_OFFLINE": "1", "OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1",
    }  # fmt: skip
    pipe = subprocess.PIPE
    with subprocess.Popen(
        [sys.executable, "-m", "petbench", *arguments], env=environment, stdout=pipe, stderr=pipe, text=True
    ) as process:
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
    assert "the same command resumes from its checkpoint" in errors
    assert "Traceback" not in errors
    assert not page.exists()
    assert {row.method: row.status for row in stored(petbench)} == {
        "identity": "ok", "scale": "ok", "pix2pix": "interrupted",
    }  # fmt: skip
    return petbench, page, petbench(*arguments, "--json").stdout


@pytest.mark.slow
def test_a_stopped_comparison_resumes_and_repeats_nothing(stopped_once: tuple[Petbench, Path, str]) -> None:
    petbench, _, _ = stopped_once
    rows = stored(petbench)
    assert sorted((row.method, row.status) for row in rows) == [
        ("cyclegan", "ok"), ("identity", "ok"), ("pix2pix", "ok"), ("scale", "ok"),
    ]  # fmt: skip
    assert {row.method: row.images_seen for row in rows if row.images_seen} == {"pix2pix": IMAGES, "cyclegan": IMAGES}


@pytest.mark.slow
def test_both_methods_had_the_same_networks_and_images(stopped_once: tuple[Petbench, Path, str]) -> None:
    petbench, _, _ = stopped_once
    of_method = {row.method: row.parameters for row in stored(petbench)}
    own = {"gan_loss", "l1_weight", "feature_weight", "cycle_weight", "identity_weight", "pool_size"}
    shared = [
        {key: value for key, value in of_method[name].items() if key not in own} for name in ("pix2pix", "cyclegan")
    ]
    assert shared[0] == shared[1]


@pytest.mark.slow
def test_the_page_and_the_json_hold_what_the_database_holds(stopped_once: tuple[Petbench, Path, str]) -> None:
    petbench, folder, printed = stopped_once
    facts, page = json.loads(printed), (folder / "reproduction.md").read_text(encoding="utf-8")
    means: dict[tuple[str, str], float] = {}
    with Leaderboard.open(petbench.home / "leaderboard.db") as board:
        for row in board.runs():
            values = defaultdict(list)
            for score in board.scores([row.id]):
                if score.participant and score.value is not None:
                    values[score.metric].append(score.value)
            means |= {(row.method, metric): statistics.fmean(values[metric]) for metric in PSNR_CONVENTIONS}
    lines = {line.split("`")[1]: line for line in page.splitlines() if line.startswith("| `")}
    for (method, metric), mean in means.items():
        assert facts["table"][method]["scores"][metric]["mean"] == pytest.approx(mean)
        assert f" {mean:.2f}" in lines[method]
    for name, shown in (("pix2pix", "pix2pix"), ("cyclegan", "CycleGAN")):
        gain = means[name, "psnr_body_suv20"] - means["identity", "psnr_body_suv20"]
        written = f"{gain:+.2f}" if round(gain, 2) else "0.00"
        assert f"{shown} {written} dB".replace("-", "\N{MINUS SIGN}") in page
    for gap in facts["gaps"]:
        expected = means["pix2pix", gap["metric"]] - means["cyclegan", gap["metric"]]
        assert gap["mean"] == pytest.approx(expected)
        written = f"{expected:+.2f}" if round(expected, 2) else "0.00"
        assert f"| {written} |".replace("-", "\N{MINUS SIGN}") in page  # the one participant's own gap


@pytest.mark.slow
def test_the_page_says_what_it_is_and_what_it_lacks(stopped_once: tuple[Petbench, Path, str]) -> None:
    _, folder, _ = stopped_once
    page = (folder / "reproduction.md").read_text(encoding="utf-8")
    assert "**reduced budget and narrower networks** (64 images a run) on" in page
    assert "**a CPU**: 1 seed, 1 test participant." in page
    assert "petbench reproduce --dataset bodies --split holdout --seeds 0 --profile auto --budget images=64" in page
    assert "57.85" in page
    assert "17.33" in page
    assert "+10.40" in page
    assert "No row `repeat-scan`: no repeat scan of sub-04" in page
    assert "No row `predictable`: no truth of sub-01" in page
    assert "PETBENCH_FID_WEIGHTS" in page or "weights" in page
    assert "FD-randconv" in page
    assert str(folder.parent) not in page, "a page names no folder of its machine"


@pytest.mark.slow
def test_the_figure_shows_the_four_images(stopped_once: tuple[Petbench, Path, str]) -> None:
    _, folder, printed = stopped_once
    path = folder / "figures" / "reproduction-figure-2.webp"
    with Image.open(path) as image:
        assert np.asarray(image.convert("L")).std() > 5.0
    page = (folder / "reproduction.md").read_text(encoding="utf-8")
    assert "the early image, pix2pix, cyclegan, the real delayed image" in page
    assert "](figures/reproduction-figure-2.webp)" in page
    assert json.loads(printed)["figure_participant"] == "sub-04"


def test_what_it_would_cost_is_said_before_anything_is_spent(body_dataset: Path, tmp_path: Path) -> None:
    runner = CliRunner(env={"PETBENCH_HOME": str(tmp_path / "home")})
    result = runner.invoke(cli, [*command(body_dataset, tmp_path / "docs"), "--dry-run"])
    assert result.exit_code == 0, result.output
    assert "reduced profile: 4 of 4 runs to make, the time is not known before the first of them" in result.stderr
    assert "cyclegan: 1 missing; 64 images a run" in result.stderr
    assert stored(Petbench(tmp_path / "home")) == []
    assert not (tmp_path / "docs").exists()
    assert not (tmp_path / "home" / "runs").exists()


def test_references_come_first_and_then_pairs_seed_by_seed(body_dataset: Path, tmp_path: Path) -> None:
    experiment = Experiment(dataset=str(body_dataset), split="holdout", seeds=(3, 1), profile=REDUCED)
    plans = plan_runs(experiment, Home(tmp_path), load_plugins(), silent)
    assert [(plan.method, plan.seed) for plan in plans] == [
        ("identity", 3), ("scale", 3), ("pix2pix", 3), ("cyclegan", 3), ("pix2pix", 1), ("cyclegan", 1),
    ]  # fmt: skip
    assert len({plan.identity for plan in plans}) == len(plans)


def test_every_fold_is_planned_with_the_participants_that_it_predicts(tmp_path: Path) -> None:
    root = write_body_dataset(tmp_path / "bodies")
    names = ("sub-01", "sub-02", "sub-03", "sub-04")
    folds = tuple(Fold((names[index - 3], names[index - 2]), (names[index - 1],), (names[index],)) for index in (2, 3))
    write_split(root, Split("cv2", open_dataset(root).fingerprint, folds))
    experiment = Experiment(dataset=str(root), split="cv2", seeds=(0,), profile=REDUCED)
    plans = plan_runs(experiment, Home(tmp_path), load_plugins(), silent)
    trained = [plan for plan in plans if plan.method == "cyclegan"]
    assert [(plan.fold, plan.test_participants) for plan in trained] == [(0, ("sub-03",)), (1, ("sub-04",))]
    assert {plan.split_participants for plan in plans} == {("sub-03", "sub-04")}


def test_the_paper_has_a_gap_of_ten_decibels() -> None:
    assert pytest.approx(10.4) == REPORTED_GAP_DECIBELS
    assert REPORTED["pix2pix"].fid < REPORTED["cyclegan"].fid


@pytest.mark.parametrize(("scores", "chosen"), [((30, 10, 20), "c"), ((1, 4, 3, 2), "d"), ((5,), "a"), ((2, 2), "a")])
def test_the_figure_shows_whose_early_image_scores_in_the_middle(scores: tuple[float, ...], chosen: str) -> None:
    assert choose_participant(dict(zip("abcd", scores, strict=False))) == chosen


def test_a_cuda_device_gets_the_full_setting_and_any_other_the_reduced_one() -> None:
    assert default_profile("cuda") is FULL
    assert default_profile("cpu") is REDUCED


@pytest.mark.parametrize("profile", [FULL, REDUCED], ids=["full", "reduced"])
def test_a_profile_fits_both_methods_and_gives_them_one_budget(profile: Any) -> None:
    shape = DatasetShape(participants=12, slices=4668, matrix=(128, 128))
    found = []
    for name in ("pix2pix", "cyclegan"):
        spec, _ = load_plugins().method(name)
        assert parameters.choose_preset(spec, profile.preset, shape) == profile.preset
        found.append(parameters.resolve(spec, profile.preset, profile.settings, profile.budget))
    same = ("images", "batch_size", "generator", "depth", "width", "norm", "residual", "discriminator_layers")
    assert [found[0][key] for key in same] == [found[1][key] for key in same]
