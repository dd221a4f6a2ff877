"""A stranger with the organizer's images: he makes submissions of any predictions, and forges their plans."""

from __future__ import annotations

import hashlib
import json
import zipfile
from typing import TYPE_CHECKING, Any

import numpy as np

from petbench.home import Home
from petbench.plans.datasets import NamedDataset
from petbench.plans.planner import Place
from petbench.runs.external import score_external
from petbench.runs.scorer import Scorer
from petbench.submissions import contents
from petbench.submissions.accept import accept
from petbench.submissions.verify import verified
from petbench.submissions.write import write_submission
from petbench_datasets.dataset.reader import open_dataset
from petbench_datasets.dataset.split import load_split
from petbench_datasets.images.nifti_writer import write_image
from petbench_leaderboard.store import Leaderboard

if TYPE_CHECKING:
    from pathlib import Path

    from petbench_leaderboard.records import RunRow

TEST = "sub-04"
"""Whom the one fold of the body dataset tests."""


def place(root: Path) -> Place:
    dataset = open_dataset(root)
    return Place("bodies", dataset, load_split(dataset, "holdout"), 0)


def predict(root: Path, folder: Path, *, noise: float = 0.0, seed: int = 0) -> Path:
    """Write the early image of the test participant as its prediction, with noise."""
    pair = open_dataset(root).pair(TEST)
    factor = np.random.default_rng(seed).normal(1.0, noise, pair.early.shape).clip(0.1, 3.0)
    write_image(folder / f"{TEST}.nii.gz", (pair.early * factor).astype(np.float32), pair.grid)
    return folder


def enter(root: Path, home: Path, leaderboard: Leaderboard, predictions: Path, name: str) -> RunRow:
    """Enter predictions as `petbench score --as NAME` does."""
    scorer = Scorer(cache=Home(home).cache, offline=True)
    return score_external(place(root), predictions, name, home=Home(home), leaderboard=leaderboard, scorer=scorer)


def submit(root: Path, folder: Path, predictions: Path, name: str) -> Path:
    """Return a submission of predictions, made in a home of its own."""
    with Leaderboard.open("sqlite://") as leaderboard:
        row = enter(root, folder / "home", leaderboard, predictions, name)
        path = folder / f"{name}.petbench.zip"
        write_submission([row.id], path, home=Home(folder / "home"), leaderboard=leaderboard)
    return path


def forged(path: Path, plan: dict[str, Any], run: dict[str, Any] | None = None) -> Path:
    """Return a copy whose plan says something else, with an identity and hashes that fit, and reports no scores."""
    files = files_of(path)
    facts = json.loads(files["runs/0/plan.json"]) | plan
    identity = contents.parse_plan(facts, "plan.json").identity
    files["runs/0/plan.json"] = json.dumps(facts).encode()
    of_run = json.loads(files["runs/0/run.json"]) | {"identity": identity} | (run or {})
    files["runs/0/run.json"] = json.dumps(of_run).encode()
    files["runs/0/scores.json"] = b"[]"
    return write(path.with_name(f"forged-{identity[:8]}-{path.name}"), files)


def files_of(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def write(path: Path, files: dict[str, bytes]) -> Path:
    """Write files as a submission whose manifest agrees with all of them."""
    manifest = json.loads(files["manifest.json"])
    manifest["files"] = {
        name: {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
        for name, content in files.items()
        if name != "manifest.json"
    }
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in (files | {"manifest.json": json.dumps(manifest).encode()}).items():
            archive.writestr(name, content)
    return path


def accepted(
    root: Path, home: Path, leaderboard: Leaderboard, path: Path, submitter: str | None = None
) -> list[tuple[RunRow, bool]]:
    """Verify and accept as `petbench leaderboard accept` does."""
    scorer = Scorer(cache=Home(home).cache, offline=True)
    with verified(path, lambda name: NamedDataset(name, open_dataset(root)), scorer) as found:
        return accept(found, Home(home), leaderboard, submitter=submitter)
