"""A dynamic cohort without noise: each frame is what the simulator's kinetics hold in it, so windows have an answer."""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING, Any

import numpy as np

from petbench_datasets.dataset.reader import open_dataset
from petbench_datasets.dataset.split import Fold, Split, write_split
from petbench_datasets.images.grid import Grid
from petbench_datasets.images.nifti_writer import write_image
from petbench_datasets.tasks.built_in import BUILT_IN
from petbench_phantom.population import population
from petbench_phantom.spec import PROFILES

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from petbench_datasets.tasks.task import Task
    from petbench_phantom.population import Participant

EARLY_ONE, LATE_ONE = BUILT_IN["fdg-0-10-to-50-60"], BUILT_IN["fdg-60-to-120"]
MINE = """
name = "flt-5-15-to-60-100"
version = 1
summary = "for tests"
tracer = "FLT"
radionuclide = "F18"
early_minutes = [5, 15]
delayed_minutes = [60, 100]
source = "nobody's: for tests"
"""
GRID = Grid.regular((20, 32, 32), (20.0, 12.0, 12.0))
EDGES_MINUTES = (0, 5, 7, 10, 15, 21, 42, 50, 60, 63, 75, 100, 120, 135)
"""Of its frames: the edges of every window that the tests ask for are among them."""
REGIONS = ("muscle", "liver", "grey_matter")
PEOPLE = population(PROFILES["fdg-phantom-mini"])[:4]


def regions() -> NDArray[np.int64]:
    """Return where each organ of `REGIONS` lies, from 1; 0 outside of the body. Shape (z, y, x)."""
    z, y, x = np.meshgrid(*(np.linspace(-1, 1, size) for size in GRID.shape), indexing="ij")
    body = (x / 0.8) ** 2 + (y / 0.5) ** 2 < 1
    brain = (x / 0.3) ** 2 + (y / 0.3) ** 2 + ((z - 0.8) / 0.2) ** 2 < 1
    liver = ((x + 0.3) / 0.35) ** 2 + (y / 0.35) ** 2 + (z / 0.25) ** 2 < 1
    return np.where(brain & body, 3, np.where(liver & body, 2, np.where(body, 1, 0)))


def mean_suv(person: Participant, window_seconds: tuple[float, float]) -> NDArray[np.float64]:
    """Return the mean image of a window by the closed integrals of the kinetics. Shape (z, y, x)."""
    start, stop = (seconds / 60.0 for seconds in window_seconds)
    levels = [0.0, *(person.curves[organ].mean(start, stop) for organ in REGIONS)]
    return np.array(levels)[regions()]


def write_cohort(root: Path, *tasks: Task, **changes: Any) -> Path:
    """Write the cohort, with a split `holdout` for the first task and one named after each other task.

    Args:
        root: its folder.
        tasks: that it has splits for.
        changes: of fields of its sidecars.
    """
    frames = list(itertools.pairwise(60.0 * minutes for minutes in EDGES_MINUTES))
    for person in PEOPLE:
        unit = person.dose_megabecquerel * 1e6 / (1000.0 * person.weight_kilograms)
        voxels = np.stack([mean_suv(person, frame) * unit for frame in frames]).astype(np.float32)
        path = root / person.name / "pet" / f"{person.name}_trc-18FFDG_rec-dynamic_pet.nii.gz"
        write_image(path, voxels, GRID)
        sidecar = {
            "Units": "Bq/mL",
            "TracerName": "FDG",
            "TracerRadionuclide": "F18",
            "InjectedRadioactivity": person.dose_megabecquerel,
            "InjectedRadioactivityUnits": "MBq",
            "TimeZero": "10:00:00",
            "ScanStart": 0,
            "InjectionStart": 0,
            "FrameTimesStart": [start for start, _ in frames],
            "FrameDuration": [stop - start for start, stop in frames],
            "ImageDecayCorrected": True,
            "ImageDecayCorrectionTime": 0,
            "AttenuationCorrection": "CT",
        }
        path.with_name(path.name.replace(".nii.gz", ".json")).write_text(json.dumps(sidecar | changes))
        mask = root / "derivatives" / "truth" / person.name / "anat" / f"{person.name}_desc-body_mask.nii.gz"
        write_image(mask, (regions() > 0).astype(np.uint8), GRID, dtype=np.uint8)
    rows = "".join(f"{person.name}\t{person.sex}\t{person.weight_kilograms}\n" for person in PEOPLE)
    (root / "participants.tsv").write_text("participant_id\tsex\tbody_weight\n" + rows, encoding="utf-8")
    (root / "dataset_description.json").write_text('{"Name": "kinetics", "BIDSVersion": "1.10.0"}', encoding="utf-8")
    names = [person.name for person in PEOPLE]
    fold = Fold(tuple(names[:-2]), (names[-2],), (names[-1],))
    for number, task in enumerate(tasks):
        fingerprint = open_dataset(root, task=task).fingerprint
        write_split(root, Split("holdout" if number == 0 else task.name, fingerprint, (fold,), task.id))
    return root
