"""Multimodal-HC rebuilt small: its folders, names and frame table, with a body of few voxels.

After the data set's own scripts (github.com/DEPICT-RH/hedyPET): 69 frames of 20 x 2, 10 x 5, 15 x 10, 6 x 60, 10 x 120
and 8 x 300 s, `ses-quadra/pet`, organs on the grid of the CT below `derivatives/totalsegmentator`.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from petbench_datasets.images.grid import Grid
from petbench_datasets.images.nifti_writer import write_frames, write_image

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

DURATIONS = np.repeat([2.0, 5.0, 10.0, 60.0, 120.0, 300.0], [20, 10, 15, 6, 10, 8])
STARTS = np.cumsum(DURATIONS) - DURATIONS
INJECTED_AFTER_SECONDS = 3.0  # of the beginning of the scan, to which the scanner corrects the decay
HALF_LIFE_SECONDS = 6586.2
GRID = Grid.regular((12, 10, 10), (30.0, 20.0, 20.0))
CT_GRID = Grid.regular((24, 20, 20), (15.0, 10.0, 10.0))
WEIGHTS = {"sub-000": 83.0, "sub-001": 82.0, "sub-004": 77.0, "sub-015": 72.0}
DOSES_MBQ = {"sub-000": 35.108584, "sub-001": 29.023168, "sub-004": 28.886798, "sub-015": 30.480833}


def frames_of(name: str, reconstruction: str = "acdynPSF") -> NDArray[np.float32]:
    """Return the frames of a participant in Bq/mL, shape (t, z, y, x): a body with a liver and a brain, and noise."""
    random = np.random.default_rng([*name.encode(), *reconstruction.encode()])
    unit = DOSES_MBQ[name] * 1e3 / WEIGHTS[name]
    middle = (STARTS + DURATIONS / 2) / 60.0
    z, y, x = np.indices(GRID.shape)
    body = ((y - 4.5) ** 2 + (x - 4.5) ** 2 <= 16.0)[None]
    curves = 0.8 + 3.0 * np.exp(-middle / 10.0)[:, None, None, None] * np.ones(GRID.shape)
    curves += np.where(z > 9, (6.0 * (1 - np.exp(-middle / 25.0)))[:, None, None, None], 0.0)
    curves += np.where((z > 4) & (z < 7) & (x > 5), (3.0 * np.exp(-middle / 40.0))[:, None, None, None], 0.0)
    noise = random.normal(0.0, 0.05, (len(STARTS), *GRID.shape))
    # An iterative reconstruction knows nothing below zero.
    return (np.maximum(np.where(body, curves, 0.0) + noise, 0.0) * unit).astype(np.float32)


def write_layout(root: Path, names: tuple[str, ...] = tuple(WEIGHTS)) -> Path:
    """Write the data set as the host has it, below `root`."""
    _text(root / "README.md", "# Multimodal-HC\n")
    for name in names:
        pet = root / "train" / name / "ses-quadra" / "pet"
        for reconstruction in ("acdynPSF", "acdynOSEM"):
            stem = f"{name}_ses-quadra_trc-18FFDG_rec-{reconstruction}_pet"
            write_frames(pet / f"{stem}.nii.gz", frames_of(name, reconstruction), len(STARTS), GRID)
            _text(pet / f"{stem}.json", json.dumps(sidecar(name, STARTS, DURATIONS)))
        static = f"{name}_ses-quadra_trc-18FFDG_rec-acstatPSF_pet"
        write_image(pet / f"{static}.nii.gz", frames_of(name)[-4:].mean(axis=0), GRID)
        _text(pet / f"{static}.json", json.dumps(sidecar(name, np.array([3000.0]), np.array([1200.0]))))
        write_image(root / "train" / name / "ses-quadra" / "ct" / f"{name}_ses-quadra_ct.nii.gz", labels(), CT_GRID)
        stem = f"{name}_ses-quadra_rec-br38f_seg-total_dseg.nii.gz"
        write_image(
            root / "derivatives" / "totalsegmentator" / name / "ses-quadra" / "ct" / stem,
            labels(),
            CT_GRID,
            dtype=np.int16,
        )
    rows = [f"{name}\t{'F' if index % 2 else 'M'}\t{30 + index}\t{WEIGHTS[name]:g}" for index, name in enumerate(names)]
    _text(root / "train" / "participants.tsv", "\n".join(["participant_id\tsex\tage\tweight", *rows]) + "\n")
    _text(root / "train" / "participants.json", json.dumps({"weight": {"Units": "kg"}, "age": {"Units": "year"}}))
    return root


def labels() -> NDArray[np.int16]:
    """Return organs on the grid of the CT: a liver (5) and a brain (90)."""
    found = np.zeros(CT_GRID.shape, dtype=np.int16)
    found[10:14, 6:14, 12:16] = 5
    found[20:, 6:14, 6:14] = 90
    return found


def sidecar(name: str, starts: NDArray[np.float64], durations: NDArray[np.float64]) -> dict[str, Any]:
    """Return a sidecar as BIDS-PET asks for it; times from the beginning of the scan."""
    return {
        "Manufacturer": "Siemens Healthineers",
        "ManufacturersModelName": "Biograph128_Vision Quadra Edge",
        "Units": "Bq/mL",
        "TracerName": "FDG",
        "TracerRadionuclide": "F18",
        "InjectedRadioactivity": DOSES_MBQ[name],
        "InjectedRadioactivityUnits": "MBq",
        "ModeOfAdministration": "bolus",
        "TimeZero": "10:00:00",
        "ScanStart": 0,
        "InjectionStart": INJECTED_AFTER_SECONDS,
        "FrameTimesStart": starts.tolist(),
        "FrameDuration": durations.tolist(),
        "AcquisitionMode": "list mode",
        "ImageDecayCorrected": True,
        "ImageDecayCorrectionTime": 0,
        "ReconMethodName": "PSF+TOF 4i5s",
        "ReconMethodParameterLabels": ["iterations", "subsets"],
        "ReconMethodParameterUnits": ["none", "none"],
        "ReconMethodParameterValues": [4, 5],
        "ReconFilterType": "none",
        "AttenuationCorrection": "CT",
    }


def _text(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
