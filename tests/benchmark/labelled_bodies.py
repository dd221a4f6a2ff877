"""The dataset of bodies with what methods may ask for beside the early image: organs drawn on it, a CT, sex and age."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import numpy as np

from petbench_datasets.dataset.reader import open_dataset
from petbench_datasets.images.nifti_writer import write_image

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

NAMES = {1: "liver", 2: "brain"}


def labelled_bodies(bodies: Path, folder: Path, *, without: Sequence[str] = (), made_from: str = "early") -> Path:
    """Copy the dataset to a folder and add to it; return the folder.

    Args:
        bodies: the dataset.
        folder: must not exist.
        without: participants who get no labels.
        made_from: what the labels' sidecar says they were made from.
    """
    shutil.copytree(bodies, folder)
    dataset = open_dataset(folder)
    drawn = folder / "derivatives" / "drawn"
    for number, name in enumerate(dataset.participants):
        early, grid = dataset.early(name)
        anat = drawn / name / "anat"
        labels = np.where(early > 2.5, 1, 0).astype(np.int16)
        labels[early.shape[0] * 4 // 5 :] *= 2
        labels[0, 0, number] = 1  # no two participants have the same ones
        if name not in without:
            write_image(anat / f"{name}_desc-organs_dseg.nii.gz", labels, grid, dtype=np.int16)
        write_image(anat / f"{name}_ct.nii.gz", np.where(early > 0.1, 40, -1000).astype(np.float32), grid)
    (drawn / "desc-organs_dseg.json").write_text(json.dumps({"DerivedFrom": [made_from]}))
    (drawn / "ct.json").write_text(json.dumps({"DerivedFrom": ["ct"]}))
    rows = "".join(f"{number}\t{name}\n" for number, name in NAMES.items())
    (drawn / "desc-organs_dseg.tsv").write_text(f"index\tname\n{rows}")
    table = "participant_id\tsex\tage\theight\tbody_weight\n" + "".join(
        f"{name}\tF\t{50 + number}\t1.7\t70.0\n" for number, name in enumerate(dataset.participants)
    )
    (folder / "participants.tsv").write_text(table)
    return folder
