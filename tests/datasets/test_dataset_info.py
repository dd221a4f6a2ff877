from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from petbench_datasets.dataset.contact_sheet import contact_sheet, coronal_projection
from petbench_datasets.dataset.explain import explain_participant
from petbench_datasets.dataset.info import dataset_info
from petbench_datasets.dataset.reader import open_dataset
from petbench_datasets.dataset.split import Fold, Split, write_split
from petbench_datasets.errors import DataError
from petbench_datasets.images.decay import average_count_seconds

if TYPE_CHECKING:
    from pathlib import Path

    from tests.datasets.conftest import DatasetWriter


HALF_LIFE = 6586.2


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


def test_a_participant_is_explained_with_witnesses_and_what_disagreed(writer: DatasetWriter) -> None:
    writer.dataset(2)
    agreed = 2 ** ((420 + average_count_seconds(840, HALF_LIFE)) / HALF_LIFE)
    writer.image(
        "sub-01", "early", writer.voxels(0), DecayFactor=[agreed], DecayCorrectionFactor=[agreed],
        ImageDecayCorrectionTime=420, RadionuclideTotalDose=250e6,
    )  # fmt: skip
    (delayed, early) = explain_participant(writer.root, "01")
    assert not early.refused
    found = {finding.quantity: finding for finding in early.findings}
    assert len(found["the injected dose"].witnesses) == 2
    assert found["the decay reference"].against == ("ImageDecayCorrectionTime 420 s",)
    assert "7.0-21.0 min" in early.measured
    assert delayed.findings


def test_what_is_refused_is_explained_too_and_other_participants_do_not_matter(writer: DatasetWriter) -> None:
    writer.dataset(2)
    writer.image("sub-01", "early", writer.voxels(0), AttenuationCorrection="none")
    writer.sidecar_path("sub-02", "early").write_text("{")
    (_, early) = explain_participant(writer.root, "sub-01")
    assert "not corrected for attenuation" in early.refused
    with pytest.raises(DataError, match="did you mean 'sub-01'"):
        explain_participant(writer.root, "sub-001")
