from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from petbench_datasets.dataset.contact_sheet import contact_sheet, coronal_projection
from petbench_datasets.dataset.info import dataset_info
from petbench_datasets.dataset.reader import open_dataset
from petbench_datasets.dataset.split import Fold, Split, write_split

if TYPE_CHECKING:
    from pathlib import Path

    from tests.datasets.conftest import DatasetWriter


def test_a_dataset_is_described(writer: DatasetWriter) -> None:
    dataset = open_dataset(writer.dataset(2, sex=["F", "M"]))
    write_split(dataset.root, Split("holdout", dataset.fingerprint, (Fold(("sub-01",), (), ("sub-02",)),)))
    write_split(dataset.root, Split("stale", "0" * 64, (Fold(("sub-01",), (), ("sub-02",)),)))
    info = dataset_info(dataset)
    assert info.fingerprint == dataset.fingerprint
    first = info.participants[0]
    assert (first.name, first.sex, first.body_weight, first.shape) == ("sub-01", "F", "70.0", (6, 8, 8))
    assert first.spacing_millimetres == pytest.approx((20.0, 10.0, 10.0))
    pair = dataset.pair("sub-01")
    assert first.early.suv_maximum == pytest.approx(float(pair.early.max()))
    assert first.delayed is not None
    assert first.delayed.suv_mean_body == pytest.approx(float(pair.delayed[dataset.body_mask("sub-01")].mean()))
    assert (first.early.start_seconds, first.early.stop_seconds, first.early.coverage) == (420, 1260, 1.0)
    assert info.splits[0].folds == ((1, 0, 1),)
    assert info.splits[1].problem is not None


def test_a_projection_shows_the_head_up_and_the_right_side_on_the_left(writer: DatasetWriter) -> None:
    volume = np.zeros(writer.grid.shape, np.float32)
    volume[5, 3, 0] = 7.0  # top slice, the participant's right
    picture, aspect = coronal_projection(volume, writer.grid)
    assert picture[0, 0] == 7.0
    assert aspect == pytest.approx(2.0)


def test_the_contact_sheet_is_a_picture(writer: DatasetWriter, tmp_path: Path) -> None:
    dataset = open_dataset(writer.dataset(7))
    contact_sheet(dataset, tmp_path / "sheet.png")
    with Image.open(tmp_path / "sheet.png") as picture:
        assert picture.width > picture.height * 0.5
        assert np.asarray(picture.convert("L")).std() > 5
