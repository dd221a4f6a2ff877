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
from tests.benchmark.conftest import Petbench, write_body_cohort

from petbench.cli.main import cli
from petbench.contract import CohortShape
from petbench.registry import load_plugins
from petbench.reproduce.figure import choose_patient
from petbench.reproduce.paper import REPORTED, REPORTED_GAP_DECIBELS
from petbench.reproduce.profiles import FULL, REDUCED, default_profile
from petbench.reproduce.results import PSNR_CONVENTIONS, gather
from petbench.runs import parameters
from petbench_leaderboard.records import RunRecord, RunRow, ScoreRecord
from petbench_leaderboard.store import Leaderboard

if TYPE_CHECKING:
    from pathlib import Path

IMAGES = 64


def stored(petbench: Petbench) -> Leaderboard:
    return Leaderboard.open(petbench.home / "leaderboard.db")


def command(cohort: Path, page: Path) -> list[str]:
    return [
        "reproduce",
        "-d",
        str(cohort),
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
    """A comparison that was stopped while pix2pix trained and then went on: its home, its page's folder, its JSON."""
    folder = tmp_path_factory.mktemp("reproduction")
    petbench, page = Petbench(folder / "home"), folder / "docs"
    arguments = command(write_body_cohort(folder / "bodies"), page)
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
    assert "the same command goes on from its checkpoint" in errors
    assert "Traceback" not in errors
    assert not page.exists()
    assert {row.method: row.status for row in stored(petbench).runs()} == {
        "identity": "ok", "scale": "ok", "pix2pix": "interrupted",
    }  # fmt: skip
    return petbench, page, petbench(*arguments, "--json").stdout


def test_a_stopped_comparison_goes_on_and_repeats_nothing(stopped_once: tuple[Petbench, Path, str]) -> None:
    petbench, _, _ = stopped_once
    rows = stored(petbench).runs()
    assert sorted((row.method, row.status) for row in rows) == [
        ("cyclegan", "ok"), ("identity", "ok"), ("pix2pix", "ok"), ("scale", "ok"),
    ]  # fmt: skip
    assert {row.method: row.images_seen for row in rows if row.images_seen} == {"pix2pix": IMAGES, "cyclegan": IMAGES}


def test_both_methods_had_the_same_networks_and_images(stopped_once: tuple[Petbench, Path, str]) -> None:
    petbench, _, _ = stopped_once
    of_method = {row.method: row.parameters for row in stored(petbench).runs()}
    own = {"gan_loss", "l1_weight", "feature_weight", "cycle_weight", "identity_weight", "pool_size"}
    shared = [
        {key: value for key, value in of_method[name].items() if key not in own} for name in ("pix2pix", "cyclegan")
    ]
    assert shared[0] == shared[1]


def test_the_page_and_the_json_hold_what_the_database_holds(stopped_once: tuple[Petbench, Path, str]) -> None:
    petbench, folder, printed = stopped_once
    facts, page = json.loads(printed), (folder / "reproduction.md").read_text(encoding="utf-8")
    board = stored(petbench)
    means: dict[tuple[str, str], float] = {}
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
    for gap in facts["gaps"]:
        expected = means["pix2pix", gap["metric"]] - means["cyclegan", gap["metric"]]
        assert gap["mean"] == pytest.approx(expected)
        written = f"{expected:+.2f}" if round(expected, 2) else "0.00"
        assert f"| {written} |".replace("-", "\N{MINUS SIGN}") in page  # the one patient's own gap


def test_the_page_says_what_it_is_and_what_it_lacks(stopped_once: tuple[Petbench, Path, str]) -> None:
    _, folder, _ = stopped_once
    page = (folder / "reproduction.md").read_text(encoding="utf-8")
    assert "**reduced budget and narrower networks** (64 images a run) on" in page
    assert "**a CPU**: 1 seed, 1 test patient." in page
    assert "petbench reproduce --dataset bodies --split holdout --seeds 0 --profile auto --budget images=64" in page
    assert "57.85" in page
    assert "17.33" in page
    assert "+10.40" in page
    assert "no second realisation of sub-04" in page
    assert "PETBENCH_FID_WEIGHTS" in page or "weights" in page
    assert "FD-randconv" in page
    assert str(folder.parent) not in page, "a page names no folder of its machine"


def test_the_figure_shows_the_four_images(stopped_once: tuple[Petbench, Path, str]) -> None:
    _, folder, printed = stopped_once
    path = folder / "figures" / "reproduction-figure-2.webp"
    with Image.open(path) as image:
        assert np.asarray(image.convert("L")).std() > 5.0
    page = (folder / "reproduction.md").read_text(encoding="utf-8")
    assert "the early image, pix2pix, cyclegan, the real delayed image" in page
    assert "](figures/reproduction-figure-2.webp)" in page
    assert json.loads(printed)["figure_patient"] == "sub-04"


def test_what_it_would_cost_is_said_before_anything_is_spent(body_cohort: Path, tmp_path: Path) -> None:
    runner = CliRunner(env={"PETBENCH_HOME": str(tmp_path / "home")})
    result = runner.invoke(cli, [*command(body_cohort, tmp_path / "docs"), "--dry-run"])
    assert result.exit_code == 0, result.output
    assert "reduced profile: 4 of 4 runs to make, the time is not known before the first of them" in result.stderr
    assert "cyclegan: 1 missing; 64 images a run" in result.stderr
    assert stored(Petbench(tmp_path / "home")).runs() == []
    assert not (tmp_path / "docs").exists()
    assert not (tmp_path / "home" / "runs").exists()


def record(method: str, seed: int, fold: int, patients: tuple[str, ...], everyone: tuple[str, ...]) -> RunRecord:
    return RunRecord(
        identity=f"{method}{seed}{fold}",
        method=method,
        plugin="gan",
        distribution="petbench",
        version="0.1.0",
        source_hash="0",
        supervision="paired",
        preset="paper",
        parameters={},
        dataset="d",
        fingerprint="f",
        split="cv2",
        split_digest="s",
        fold=fold,
        seed=seed,
        precision="fp32",
        budget="images=8",
        protocol=1,
        test_participants=patients,
        split_participants=everyone,
    )


PATIENTS = ("sub-01", "sub-02", "sub-03", "sub-04")


@pytest.fixture
def invented(tmp_path: Path) -> tuple[Leaderboard, list[RunRow], dict[str, Any]]:
    """Two methods, two seeds and two folds of two patients each, with drawn scores, shape (seeds, patients)."""
    store = Leaderboard.open(tmp_path / "leaderboard.db")
    random = np.random.default_rng(3)
    scores = {"pix2pix": random.normal(40.0, 2.0, (2, 4)), "cyclegan": random.normal(33.0, 2.0, (2, 4))}
    rows = []
    for method, table in scores.items():
        for seed in range(2):
            for fold in range(2):
                patients = PATIENTS[2 * fold : 2 * fold + 2]
                run_id = store.plan(record(method, seed, fold, patients, PATIENTS))
                found = [
                    ScoreRecord(
                        participant=who, region="volume", metric=metric, convention_id=metric,
                        value=float(table[seed, PATIENTS.index(who)]), unit="dB", higher_is_better=True,
                    )
                    for metric in PSNR_CONVENTIONS for who in patients
                ]  # fmt: skip
                store.record_scores(run_id, found)
                store.update(run_id, status="ok")
                rows.append(store.run(run_id))
    return store, rows, scores


def test_the_gap_is_paired_by_patient_over_seeds_and_folds(
    invented: tuple[Leaderboard, list[RunRow], dict[str, Any]],
) -> None:
    store, rows, scores = invented
    difference = scores["pix2pix"] - scores["cyclegan"]
    results = gather(rows, ("cyclegan", "pix2pix"), store)
    for gap in results.gaps:
        assert gap.mean == pytest.approx(difference.mean())
        assert gap.standard_deviation == pytest.approx(difference.mean(axis=0).std(ddof=1))
        assert gap.seed_standard_deviation == pytest.approx(difference.mean(axis=1).std(ddof=1))
        assert gap.by_participant == pytest.approx(dict(zip(PATIENTS, difference.mean(axis=0), strict=True)))
        assert gap.error_ratio == pytest.approx(10 ** (difference.mean() / 20))
        assert gap.interval is not None
        assert difference.mean() in gap.interval
        assert gap.wilcoxon_p == pytest.approx(0.125)  # 2 / 2⁴, as pix2pix is better in all four


def test_the_table_gives_the_spread_of_patients_and_that_of_seeds(
    invented: tuple[Leaderboard, list[RunRow], dict[str, Any]],
) -> None:
    store, rows, scores = invented
    results = gather(rows, ("cyclegan", "pix2pix", "noise-ceiling"), store)
    assert [line.name for line in results.lines] == ["cyclegan", "pix2pix"]
    for name, table in scores.items():
        cell = results.line(name).cells["psnr_volume_max"]
        assert cell.mean == pytest.approx(table.mean())
        assert cell.standard_deviation == pytest.approx(table.mean(axis=0).std(ddof=1))
        assert cell.seed_standard_deviation == pytest.approx(table.mean(axis=1).std(ddof=1))


def test_the_paper_has_a_gap_of_ten_decibels() -> None:
    assert pytest.approx(10.4) == REPORTED_GAP_DECIBELS
    assert REPORTED["pix2pix"].fid < REPORTED["cyclegan"].fid


@pytest.mark.parametrize(("scores", "chosen"), [((30, 10, 20), "c"), ((1, 4, 3, 2), "d"), ((5,), "a"), ((2, 2), "a")])
def test_the_figure_shows_whose_early_image_scores_in_the_middle(scores: tuple[float, ...], chosen: str) -> None:
    assert choose_patient(dict(zip("abcd", scores, strict=False))) == chosen


def test_a_cuda_device_gets_the_full_setting_and_any_other_the_reduced_one() -> None:
    assert default_profile("cuda") is FULL
    assert default_profile("cpu") is REDUCED


@pytest.mark.parametrize("profile", [FULL, REDUCED], ids=["full", "reduced"])
def test_a_profile_fits_both_methods_and_gives_them_one_budget(profile: Any) -> None:
    shape = CohortShape(patients=12, slices=4668, matrix=(128, 128))
    found = []
    for name in ("pix2pix", "cyclegan"):
        spec, _ = load_plugins().method(name)
        assert parameters.choose_preset(spec, profile.preset, shape) == profile.preset
        found.append(parameters.resolve(spec, profile.preset, profile.settings, profile.budget))
    same = ("images", "batch_size", "generator", "depth", "width", "norm", "residual", "discriminator_layers")
    assert [found[0][key] for key in same] == [found[1][key] for key in same]
