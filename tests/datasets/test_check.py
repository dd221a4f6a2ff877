from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import numpy as np

from petbench_datasets.dataset.check import check_dataset
from petbench_datasets.dataset.reader import open_dataset
from petbench_datasets.dataset.split import Fold, Split, write_split

if TYPE_CHECKING:
    from pathlib import Path

    from tests.datasets.conftest import DatasetWriter


def errors(root: Path) -> list[str]:
    found = check_dataset(root)
    assert all("\n" not in problem.message for problem in found)
    return [problem.message for problem in found if problem.severity == "error"]


def warnings_of(root: Path) -> list[str]:
    return [problem.message for problem in check_dataset(root) if problem.severity == "warning"]


def test_a_whole_dataset_has_no_problem_but_a_missing_split(writer: DatasetWriter) -> None:
    root = writer.dataset(3)
    assert errors(root) == []
    assert ["no split yet" in warning for warning in warnings_of(root)] == [True]
    fingerprint = open_dataset(root).fingerprint
    write_split(root, Split("holdout", fingerprint, (Fold(("sub-01",), ("sub-02",), ("sub-03",)),)))
    assert check_dataset(root) == []


def test_everything_wrong_is_listed_at_once_with_its_file(writer: DatasetWriter) -> None:
    root = writer.dataset(9)
    nan = writer.voxels(3)
    nan[0, 0, 0] = np.nan
    bad_voxel = writer.image("sub-02", "delayed", nan)
    truncated = writer.image_path("sub-03", "early")
    truncated.write_bytes(truncated.read_bytes()[:-100])
    writer.image_path("sub-04", "delayed").unlink()
    writer.sidecar_path("sub-05", "early").write_text("{")
    copied = writer.image("sub-06", "delayed", writer.voxels(10))  # its own early image
    shutil.rmtree(root / "sub-07")
    html = writer.image_path("sub-08", "early")
    html.write_text("<html></html>")
    weights: dict[str, object] = {f"sub-{number:02d}": 70 for number in range(1, 9)}
    writer.participants(weights | {"sub-01": "n/a"})
    found = errors(root)
    expected = [
        "body_weight for sub-01",
        str(bad_voxel),
        str(truncated),
        f"{root / 'sub-04'}: no delayed image",
        str(writer.sidecar_path("sub-05", "early")),
        str(copied),
        f"{root / 'sub-07'}: no such folder",
        str(html),
        "does not list sub-09",
    ]
    for words in expected:
        assert any(words in message for message in found), (words, found)


def test_the_same_pixels_under_two_names_are_listed(writer: DatasetWriter) -> None:
    root = writer.dataset(3)
    writer.image("sub-03", "early", writer.voxels(0))
    assert ["same voxels as sub-01" in message for message in errors(root)] == [True]


def test_splits_are_checked_too(writer: DatasetWriter) -> None:
    root = writer.dataset(3)
    write_split(root, Split("old", "0" * 64, (Fold(("sub-01",), (), ("sub-03",)),)))
    (root / "splits" / "broken.json").write_text("{")
    found = errors(root)
    assert any("old.json" in message and "fingerprint" in message for message in found)
    assert any("broken.json" in message for message in found)


def test_what_only_looks_odd_is_a_warning(writer: DatasetWriter) -> None:
    root = writer.dataset(2)
    writer.image("sub-01", "early", writer.voxels(0), InjectedRadioactivityUnits="Bq")
    writer.image("sub-02", "delayed", writer.voxels(3) * 1e-4, FrameDuration=[1100])
    found = warnings_of(root)
    assert any("taken as MBq" in warning for warning in found)
    assert any("covers 87%" in warning for warning in found)
    assert any("highest SUV" in warning for warning in found)
    assert errors(root) == []


def test_a_folder_that_holds_nothing_is_a_problem_and_no_crash(tmp_path: Path) -> None:
    assert len(errors(tmp_path)) == 2
