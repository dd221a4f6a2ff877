"""The example that computes every number of a board again agrees with it, and says so where a number was changed."""

from __future__ import annotations

import importlib
import itertools
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from scipy import stats
from tests.benchmark.conftest import write_body_dataset

from petbench_datasets.dataset.reader import open_dataset
from petbench_datasets.dataset.split import Fold, Split, write_split
from petbench_leaderboard.exports import to_json
from petbench_leaderboard.metric_facts import MetricFacts
from petbench_leaderboard.ranking import rank
from petbench_leaderboard.records import RunRecord
from petbench_leaderboard.score_records import ScoreRecord
from petbench_leaderboard.score_rows import score_rows, write_csv
from petbench_leaderboard.store import Leaderboard

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.command import Petbench

EXAMPLE = Path(__file__).parents[2] / "examples" / "independent-check"
MODULES = ("check", "tables", "inference", "images")
WHO = tuple(f"sub-{number:02}" for number in range(1, 13))
COLUMNS = {
    "psnr_body_suv20": ("body", True, None),
    "mae_body_suv": ("body", False, None),
    "noise_power_ratio": ("body", None, 1.0),
}


@pytest.fixture
def modules(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """The example's modules, imported as its script imports them."""
    monkeypatch.syspath_prepend(EXAMPLE)
    yield {name: importlib.import_module(name) for name in MODULES}
    for name in MODULES:
        sys.modules.pop(name, None)


def _record(method: str, **changes: Any) -> RunRecord:
    facts: dict[str, Any] = {
        "identity": f"{method}{changes}", "method": method, "plugin": "p", "distribution": "petbench", "version": "1",
        "source_hash": "a" * 64, "supervision": "paired", "role": "reference" if method == "identity" else "competitor",
        "preset": "small", "parameters": {}, "dataset": "invented", "fingerprint": "f" * 64, "split": "holdout",
        "split_digest": "5" * 64, "fold": 0, "seed": 0, "precision": "fp32", "budget": "images=1", "protocol": 1,
        "test_participants": WHO, "split_participants": WHO, "device": "cpu",
    }  # fmt: skip
    return RunRecord(**facts | changes)


def _scores(generator: np.random.Generator, level: float) -> list[ScoreRecord]:
    def score(who: str | None, metric: str, value: float, region: str, better: bool | None, **more: Any) -> ScoreRecord:
        return ScoreRecord(
            participant=who, region=region, metric=metric, convention_id=f"{metric}@1", value=value, unit="",
            higher_is_better=better, **more,
        )  # fmt: skip

    of_participants = [
        score(who, metric, level + generator.gamma(2.0), region, better, facts=MetricFacts(best_value=best))
        for metric, (region, better, best) in COLUMNS.items()
        for who in WHO
    ]
    return [*of_participants, score(None, "fid", level + 5.0, "volume", False, extra={"floor": 7.0})]


@pytest.fixture
def exported(tmp_path: Path) -> Callable[..., list[str]]:
    """Return what exports an invented leaderboard: seeds, variants, a failed seed, a tie, a best value."""

    def export(metric: str | None = None) -> list[str]:
        generator = np.random.default_rng(12)
        with Leaderboard.open("sqlite://") as store:
            for method, level, seeds in (("identity", 0.0, 1), ("a", 1.0, 3), ("b", 1.4, 2), ("c", 2.9, 1)):
                for seed in range(seeds):
                    _enter(store, _record(method, seed=seed), _scores(generator, level))
            for width in (2, 3):
                _enter(store, _record("b", parameters={"width": width}), _scores(generator, 3.0))
            same = _scores(generator, 2.0)
            for method in ("d", "e"):
                _enter(store, _record(method), same)
            _enter(store, _record("f"), _scores(generator, 2.0))
            store.update(store.plan(_record("f", seed=1)), status="diverged")
            boards = rank(store, metric=metric)
            with (tmp_path / "scores.csv").open("w", encoding="utf-8") as file:
                write_csv(score_rows(store), file)
        (tmp_path / "board.json").write_text(to_json(boards), encoding="utf-8")
        return [str(tmp_path / "scores.csv"), str(tmp_path / "board.json")]

    return export


def _enter(store: Leaderboard, record: RunRecord, scores: list[ScoreRecord]) -> None:
    run_id = store.plan(record)
    store.record_scores(run_id, scores)
    store.update(run_id, status="ok")


def _run(modules: dict[str, Any], monkeypatch: pytest.MonkeyPatch, arguments: list[str]) -> int:
    monkeypatch.setattr(sys, "argv", ["check.py", *arguments])
    return int(modules["check"].main())


@pytest.mark.parametrize("metric", COLUMNS)
@pytest.mark.slow
def test_every_number_of_a_board_follows_from_the_exported_scores(
    modules: dict[str, Any],
    exported: Callable[..., list[str]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    metric: str,
) -> None:
    assert _run(modules, monkeypatch, exported(metric)) == 0
    said = {line.split("  ")[0].strip(): line for line in capsys.readouterr().out.splitlines()}
    assert all(line.endswith("agrees") for line in said.values())
    for kind in (
        "means",
        "standard deviations",
        "gains",
        "floors",
        "ranks",
        "competing rows",
        "best of a method's rows",
    ):
        assert kind in said
    for kind in ("paired differences", "Wilcoxon's p", "p after Holm's correction"):
        assert " 10 compared" in said[kind]  # five methods compete: f lost a seed, the variants of b stand aside


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        (lambda board: board["rows"][0].update(psnr_body_suv20=30.0), "means"),
        (lambda board: board["rows"][1].update(mae_body_suv_standard_deviation=0.5), "standard deviations"),
        (lambda board: board["rows"][0].update(noise_power_ratio_gain=0.0), "gains"),
        (lambda board: board["rows"][0].update(fid_under_floor=None), "under floors"),
        (lambda board: board["rows"][0].update(rank=2), "ranks"),
        (lambda board: board["rows"][0].update(competes=False), "competing rows"),
        (lambda board: board["comparisons"][0].update(wilcoxon_p=0.04), "Wilcoxon's p"),
        (lambda board: board["comparisons"][2].update(adjusted_p=1e-4), "p after Holm's correction"),
        (lambda board: board["comparisons"][1].update(difference=0.0), "paired differences"),
    ],
)
@pytest.mark.slow
def test_a_number_that_was_changed_is_found(
    modules: dict[str, Any],
    exported: Callable[..., list[str]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    change: Callable[[dict[str, Any]], None],
    kind: str,
) -> None:
    scores, path = exported()
    boards = json.loads(Path(path).read_text(encoding="utf-8"))
    change(boards[0])
    Path(path).write_text(json.dumps(boards), encoding="utf-8")
    assert _run(modules, monkeypatch, [scores, path]) == 1
    assert any(line.startswith(kind) and "DIFFER" in line for line in capsys.readouterr().out.splitlines())


def test_its_wilcoxon_test_is_scipys_where_scipy_counts_all_signs(modules: dict[str, Any]) -> None:
    generator = np.random.default_rng(1)
    for count, levels in itertools.product((2, 5, 9), (2, 4, 100)):
        differences = generator.integers(-levels, levels + 1, count).astype(float)
        ranks = stats.rankdata(np.abs(differences)) * np.sign(differences)
        every = np.array(list(itertools.product((-1, 1), repeat=count))) @ np.abs(ranks)
        seen = ranks.sum()
        expected = min(1.0, 2 * min((every <= seen).mean(), (every >= seen).mean()))
        found = modules["inference"].wilcoxon_p(differences)
        assert found == pytest.approx(expected if np.any(differences) else 1.0)
    plain = generator.normal(0.4, 1.0, 11)
    assert modules["inference"].wilcoxon_p(plain) == pytest.approx(stats.wilcoxon(plain, method="exact").pvalue)


def test_its_interval_is_students_without_skewness_and_its_p_ends_at_zero(modules: dict[str, Any]) -> None:
    import pandas as pd

    values = np.array([[1.0, 2.0, 3.0, 4.0, 5.0]])
    expected = stats.t.interval(0.95, 4, loc=3.0, scale=stats.sem(values[0]))
    assert modules["inference"].interval_of_mean(pd.DataFrame(values)) == pytest.approx(expected)
    generator = np.random.default_rng(5)
    first, second = (pd.DataFrame(generator.gamma(2.0, size=(seeds, 9)) + 1.0 / seeds) for seeds in (1, 3))
    p = modules["inference"].p_of_interval(first, second)
    low, high = modules["inference"].interval_of_difference(first, second, 1.0 - p)
    assert min(abs(low), abs(high)) < 1e-6


@pytest.mark.slow
def test_it_agrees_with_a_leaderboard_of_real_runs_down_to_the_images(petbench: Petbench, tmp_path: Path) -> None:
    dataset = write_body_dataset(tmp_path / "bodies", 6)
    fold = Fold(("sub-01", "sub-02"), ("sub-03",), ("sub-04", "sub-05", "sub-06"))
    write_split(dataset, Split("holdout", open_dataset(dataset).fingerprint, (fold,)))
    for method in ("identity", "scale", "ridge"):
        petbench("run", "-m", method, "-d", dataset)
    for number, method in enumerate(("scale", "ridge"), start=1):
        (folder,) = (petbench.home / "runs").glob(f"{method}-*/predictions")
        petbench("score", folder, "-d", dataset, "--as", f"theirs {number}")
    petbench("scores", "export", "-o", tmp_path / "scores.csv")
    (tmp_path / "board.json").write_text(petbench("leaderboard", "--json").stdout, encoding="utf-8")
    petbench("datasets", "export", dataset, "--as", "nifti", "--out", tmp_path / "images")
    petbench("conventions", "1", "2", "3", "-o", tmp_path / "conventions.md")
    petbench("export-png", "2", "-o", tmp_path / "slices")
    options = {
        "images": tmp_path / "images", "dataset": dataset, "runs": petbench.home / "runs",
        "conventions": tmp_path / "conventions.md", "slices": f"2={tmp_path / 'slices'}",
    }  # fmt: skip
    files = (EXAMPLE / "check.py", tmp_path / "scores.csv", tmp_path / "board.json")
    command = [sys.executable, "-W", "error", *map(str, files)]
    command += [text for name, value in options.items() for text in (f"--{name}", str(value))]
    alone = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(command, capture_output=True, text=True, env=alone)
    assert done.returncode == 0, done.stdout + done.stderr
    compared = {line[:28].strip(): line for line in done.stdout.splitlines()}
    for kind in ("psnr_body_suv20", "psnr_volume_max", "psnr_slice_volume_max", "ssim_body_suv20", "mae_body_suv"):
        assert " 15 compared" in compared[kind]  # of five rows, three participants each
    assert {"the page of conventions", "exported slices", "Wilcoxon's p", "means", "gains"} <= compared.keys()


def test_it_needs_nothing_of_petbench() -> None:
    for name in MODULES:
        text = (EXAMPLE / f"{name}.py").read_text(encoding="utf-8")
        assert "import petbench" not in text
        assert "from petbench" not in text
