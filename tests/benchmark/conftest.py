"""What the tests of the harness share: a home, a small dataset with a body in it, and the command itself."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from tests.benchmark.made_runs import MadeRuns
from tests.command import Petbench
from tests.made_once import made_once, shared_folder

from petbench_datasets.dataset.reader import open_dataset
from petbench_datasets.dataset.split import Fold, Split, write_split
from petbench_datasets.images.grid import Grid
from petbench_datasets.images.nifti_writer import write_image
from petbench_datasets.tasks.built_in import DEFAULT_TASK

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

GRID = Grid.regular((20, 32, 32), (20.0, 12.0, 12.0))
DOSE_MEGABECQUEREL, WEIGHT_KILOGRAMS = 250.0, 70.0
TIMES_SECONDS = {"early": (420.0, 840.0), "delayed": (2520.0, 1260.0)}


@pytest.fixture
def petbench(tmp_path: Path) -> Petbench:
    return Petbench(tmp_path / "home")


@pytest.fixture(scope="session")
def made_runs(tmp_path_factory: pytest.TempPathFactory, body_dataset: Path) -> MadeRuns:
    """Give runs on the dataset of bodies that nobody makes twice in a session."""
    return MadeRuns(shared_folder(tmp_path_factory) / "made-runs", body_dataset)


@pytest.fixture
def ran(made_runs: MadeRuns, tmp_path: Path) -> Callable[..., Petbench]:
    """Return what gives the test a home of its own with runs in it, each by its method or the words of its command."""
    return lambda *runs: made_runs.copy(tmp_path / "home", *runs)


def write_body_dataset(root: Path, count: int = 4, seed: int = 0) -> Path:
    """Write a BIDS-PET dataset of ellipsoid bodies: a liver that washes out, a brain that fills, noise.

    The last participant is for testing, the one before for validation.
    """
    random = np.random.default_rng(seed)
    names = [f"sub-{number:02d}" for number in range(1, count + 1)]
    for name in names:
        for window, image in zip(TIMES_SECONDS, _early_and_delayed_suv(random), strict=True):
            _write_scan(root, name, window, image)
    table = "participant_id\tsex\tbody_weight\n" + "".join(f"{name}\tF\t{WEIGHT_KILOGRAMS}\n" for name in names)
    (root / "participants.tsv").write_text(table, encoding="utf-8")
    (root / "dataset_description.json").write_text('{"Name": "bodies", "BIDSVersion": "1.10.0"}', encoding="utf-8")
    fold = Fold(tuple(names[:-2]), (names[-2],), (names[-1],))
    write_split(root, Split("holdout", open_dataset(root).fingerprint, (fold,)))
    return root


@pytest.fixture(scope="session")
def body_dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_once(shared_folder(tmp_path_factory) / "datasets" / "bodies", write_body_dataset)


@pytest.fixture(scope="session")
def kinetic_cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a dynamic cohort that has every window of three tasks."""
    from tests.benchmark.task_cohort import EARLY_ONE, LATE_ONE, write_cohort  # which draws a population

    folder = shared_folder(tmp_path_factory) / "datasets" / "kinetics"
    return made_once(folder, lambda root: write_cohort(root, DEFAULT_TASK, EARLY_ONE, LATE_ONE))


def _early_and_delayed_suv(random: np.random.Generator) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    z, y, x = np.meshgrid(*(np.linspace(-1, 1, size) for size in GRID.shape), indexing="ij")
    size = random.uniform(0.9, 1.1)
    body = (x / 0.8) ** 2 + (y / 0.5) ** 2 < size
    brain = (x / 0.3) ** 2 + (y / 0.3) ** 2 + ((z - 0.8) / 0.2) ** 2 < 1
    liver = ((x + 0.3) / 0.35) ** 2 + (y / 0.35) ** 2 + (z / 0.25) ** 2 < 1
    early = np.where(brain, 4.0, np.where(liver, 3.7, np.where(body, 0.8, 0.0)))
    delayed = np.where(brain, 7.0, np.where(liver, 2.4, np.where(body, 0.7, 0.0)))
    noise = [random.normal(1.0, 0.05, GRID.shape).clip(0.5, 1.5) for _ in range(2)]
    return (early * noise[0] * size).astype(np.float32), (delayed * noise[1] * size).astype(np.float32)


def _write_scan(root: Path, name: str, window: str, suv: np.ndarray[Any, Any]) -> None:
    bq_per_ml = suv * (DOSE_MEGABECQUEREL * 1e6 / (WEIGHT_KILOGRAMS * 1000))
    path = root / name / "pet" / f"{name}_trc-18FFDG_rec-{window}_pet.nii.gz"
    write_image(path, bq_per_ml.astype(np.float32), GRID)
    start, duration = TIMES_SECONDS[window]
    sidecar = {
        "Units": "Bq/mL",
        "TracerName": "FDG",
        "TracerRadionuclide": "F18",
        "InjectedRadioactivity": DOSE_MEGABECQUEREL,
        "InjectedRadioactivityUnits": "MBq",
        "TimeZero": "10:00:00",
        "ScanStart": 0,
        "InjectionStart": 0,
        "FrameTimesStart": [start],
        "FrameDuration": [duration],
        "ImageDecayCorrected": True,
        "ImageDecayCorrectionTime": 0,
    }
    path.with_name(path.name.replace(".nii.gz", ".json")).write_text(json.dumps(sidecar), encoding="utf-8")
