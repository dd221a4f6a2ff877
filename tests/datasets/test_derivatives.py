from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from petbench_datasets.dataset.reader import open_dataset
from petbench_datasets.errors import DataError
from petbench_datasets.images.grid import Grid
from petbench_datasets.images.nifti_writer import write_image

if TYPE_CHECKING:
    from pathlib import Path

    from tests.datasets.conftest import DatasetWriter


def derivative(
    writer: DatasetWriter, name: str, values: Any, dtype: Any = np.float32, grid: Grid | None = None
) -> Path:
    path = writer.root / "derivatives" / "phantom" / "sub-01" / f"sub-01_{name}.nii.gz"
    write_image(path, values, grid or writer.grid, dtype=dtype)
    return path


def test_labels_come_with_their_names(writer: DatasetWriter) -> None:
    dataset = open_dataset(writer.dataset(1))
    assert dataset.labels("sub-01") is None
    values = np.random.default_rng(0).integers(0, 3, writer.grid.shape)
    derivative(writer, "desc-organs_dseg", values, np.int16)
    with pytest.raises(DataError, match="index and name"):
        dataset.labels("sub-01")
    (writer.root / "derivatives" / "phantom" / "dseg.tsv").write_text("index\tname\n1\tliver\n2\tbrain\n")
    found = dataset.labels("sub-01")
    assert found is not None
    assert np.array_equal(found[0], values)
    assert found[1] == {1: "liver", 2: "brain"}


def test_labels_on_another_grid_are_refused(writer: DatasetWriter) -> None:
    dataset = open_dataset(writer.dataset(1))
    derivative(writer, "desc-organs_dseg", np.ones((3, 4, 4)), np.int16, Grid.regular((3, 4, 4), (40.0, 20.0, 20.0)))
    with pytest.raises(DataError, match="resample"):
        dataset.labels("sub-01")


def test_a_body_mask_of_the_dataset_is_used_and_otherwise_one_is_made(writer: DatasetWriter) -> None:
    root = writer.dataset(1)
    grid = Grid.regular((12, 20, 20), (10.0, 10.0, 10.0))
    z, y, x = np.indices(grid.shape)
    body = ((y - 9.5) ** 2 + (x - 9.5) ** 2 < 36) & (z > 1)
    hole = ((y - 9.5) ** 2 + (x - 9.5) ** 2 < 4) & (z > 3)
    voxels = np.where(body & ~hole, 4000.0, 0.0).astype(np.float32)
    voxels[6, 1, 1] = 3000.0  # a stray hot voxel outside
    for window, factor in (("early", 1.0), ("delayed", 0.7)):
        writer.image("sub-01", window, voxels * np.float32(factor), grid)
    dataset = open_dataset(root)
    mask = dataset.body_mask("sub-01")
    assert mask.dtype == np.bool_
    assert mask[body].all()
    assert not mask[6, 1, 1]
    assert (mask & ~body).sum() < 0.5 * body.sum()
    derivative(writer, "desc-body_mask", body, np.uint8, grid)
    assert np.array_equal(dataset.body_mask("sub-01"), body)


def test_other_derivatives_are_found_by_their_ending(writer: DatasetWriter) -> None:
    dataset = open_dataset(writer.dataset(1))
    assert dataset.derivative("sub-01", "desc-truth_pet") is None
    derivative(writer, "desc-truth_pet", writer.voxels(9))
    assert np.array_equal(dataset.derivative("sub-01", "desc-truth_pet"), writer.voxels(9))  # type: ignore[arg-type]
