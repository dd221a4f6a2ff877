"""A submission on a dataset whose measurements were reconstructed several times, of which the organizer names one."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
from tests.benchmark.conftest import write_body_dataset

from petbench_datasets.dataset.reader import open_dataset
from petbench_datasets.dataset.split import Split, load_split, write_split

if TYPE_CHECKING:
    from pathlib import Path

    from tests.command import Petbench


def _reconstructed_twice(root: Path) -> Path:
    """Write bodies whose every image is there as `rec-plain` and, as another participant's, as `rec-sharp`."""
    write_body_dataset(root)
    (fold,) = load_split(open_dataset(root), "holdout").folds
    names = sorted(path.name for path in root.glob("sub-*"))
    for name, other in zip(names, [*names[1:], names[0]], strict=True):
        for number, window in enumerate(("early", "delayed"), start=1):
            for whose, label in ((name, "plain"), (other, "sharp")):
                for ending in (".nii.gz", ".json"):
                    source = root / whose / "pet" / f"{whose}_trc-18FFDG_rec-{window}_pet{ending}"
                    shutil.copy(source, root / name / "pet" / f"{name}_trc-18FFDG_rec-{label}_run-{number}_pet{ending}")
    for path in [*root.rglob("*_rec-early_*"), *root.rglob("*_rec-delayed_*")]:
        path.unlink()
    shutil.rmtree(root / "splits")
    write_split(root, Split("holdout", open_dataset(root, reconstruction="plain").fingerprint, (fold,)))
    return root


@pytest.mark.slow
def test_the_organizer_names_the_reconstruction_and_the_row_is_scored_on_it(petbench: Petbench, tmp_path: Path) -> None:
    root = _reconstructed_twice(tmp_path / "bodies")
    petbench("run", "-m", "scale", "-d", root, "--reconstruction", "plain")
    file = tmp_path / "mine.petbench.zip"
    petbench("submit", "1", "-o", file)
    said = petbench("verify", file, "-d", root, code=1).stderr
    assert "--reconstruction plain or sharp" in said
    assert "other images" in petbench("verify", file, "-d", root, "--reconstruction", "sharp", code=1).stderr
    assert "agree" in petbench("verify", file, "-d", root, "--reconstruction", "plain").stdout
    database = ("--db", tmp_path / "organizer.db")
    petbench(*database, "leaderboard", "accept", file, "-d", root, "--reconstruction", "plain")
    assert petbench(*database, "score", "--runs", "all").stdout == "scored 1 run again\n"  # on the same images
