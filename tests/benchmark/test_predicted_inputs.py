"""What `petbench predict` gives a method beside the early image: as the scan or its user says it; else a line."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any, get_args

import nibabel
import numpy as np
import pydicom
import pytest
from pydicom.dataset import FileDataset, FileMetaDataset
from tests.benchmark.labelled_bodies import labelled_bodies

from petbench.errors import DataError
from petbench.runs.input_scan import read_input_scan
from petbench.runs.predicted_inputs import NO_INPUTS, GivenInputs, InputReader
from petbench.scan import NEEDS, Need
from petbench_datasets.bids.scan import NOTHING_GIVEN, Given
from petbench_datasets.dataset.reader import open_dataset
from petbench_datasets.images.grid import Grid
from petbench_datasets.importers.dicom_person import person_in_header

if TYPE_CHECKING:
    from pathlib import Path

    from petbench import Scan

TRAINED = {1: "liver", 2: "brain"}


@pytest.fixture(scope="module")
def bodies(body_dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return labelled_bodies(body_dataset, tmp_path_factory.mktemp("labelled") / "bodies")


def scan_path(root: Path) -> Path:
    return root / "sub-04" / "pet" / "sub-04_trc-18FFDG_rec-early_pet.nii.gz"


@pytest.fixture
def lone(bodies: Path, tmp_path: Path) -> Path:
    """Write the scan by itself, stored in SUV: nothing says who it is."""
    early, grid = open_dataset(bodies).early("sub-04")
    from petbench_datasets.images.nifti_writer import write_image

    write_image(tmp_path / "early_pet.nii.gz", early, grid)
    content = {
        "Units": "g/mL", "TracerName": "FDG", "TracerRadionuclide": "F18", "FrameTimesStart": [420.0],
        "FrameDuration": [840.0], "AttenuationCorrection": "CT",
    }  # fmt: skip
    (tmp_path / "early_pet.json").write_text(json.dumps(content))
    return tmp_path / "early_pet.nii.gz"


def read(
    path: Path, *needs: Need, given: Given = NOTHING_GIVEN, inputs: GivenInputs = NO_INPUTS, grid: Grid | None = None
) -> Scan:
    scan = read_input_scan(path, given, frames="frames" in needs)
    reader = InputReader(scan, path, grid or scan.grid, given, inputs, TRAINED)
    return reader.read(scan.image, needs, "method")


def test_a_scan_of_a_dataset_brings_what_the_dataset_says_of_it(bodies: Path) -> None:
    scan = read(scan_path(bodies), *(need for need in NEEDS if need != "frames"))
    dataset = open_dataset(bodies)
    labels, _ = dataset.labels("sub-04") or (None, None)
    assert scan.facts == {
        "spacing_mm": [20.0, 12.0, 12.0], "weight_kg": 70.0, "dose_mbq": 250.0, "sex": "female", "height_m": 1.7,
        "age_years": 53.0, "early_minutes": [7.0, 21.0], "delayed_minutes": [42.0, 63.0],
        "label_names": {"1": "liver", "2": "brain"},
    }  # fmt: skip
    assert np.array_equal(np.asarray(scan.labels), np.asarray(labels))
    assert np.array_equal(np.asarray(scan.ct), np.where(scan.early > 0.1, 40, -1000))


@pytest.mark.parametrize(
    ("need", "message"),
    [
        ("weight", "does not say the body weight; give it with --weight KG"),
        ("dose", "does not say the injected activity; give it with --dose MBQ"),
        ("sex", "does not say it; give it with --sex"),
        ("height", "does not say it; give it with --height M"),
        ("age", "does not say it; give it with --age YEARS"),
        ("times", "does not say when after the injection it was measured"),
        ("frames", "has one frame of the early image; give the dynamic one"),
        ("ct", "comes with no file of a CT registered to it; give it with --ct FILE"),
        ("labels", "comes with no file of organ labels; give it with --labels FILE"),
    ],
)
def test_what_nobody_says_is_asked_for_in_one_line(need: Need, message: str, lone: Path) -> None:
    with pytest.raises(DataError) as caught:
        read(lone, need)
    assert str(caught.value).startswith(f"method needs {need}: {lone}")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_every_need_is_tried_above_but_the_voxel_size_which_every_image_has(lone: Path) -> None:
    (mark,) = test_what_nobody_says_is_asked_for_in_one_line.pytestmark  # type: ignore[attr-defined]
    assert {need for need, _ in mark.args[1]} | {"spacing"} == set(get_args(Need))
    assert read(lone, "spacing").spacing_mm == (20.0, 12.0, 12.0)


def test_what_the_user_says_goes_before_the_files(bodies: Path, lone: Path) -> None:
    given = Given(weight_kilograms=81.0, injected_bq=3e8)
    said = GivenInputs(sex="male", height_m=1.9, age_years=33.0)
    for path in (scan_path(bodies), lone):
        scan = read(path, "weight", "dose", "sex", "height", "age", given=given, inputs=said)
        assert scan.facts == {
            "weight_kg": 81.0, "dose_mbq": 300.0, "sex": "male", "height_m": 1.9, "age_years": 33.0,
        }  # fmt: skip


def test_labels_and_ct_are_laid_on_the_model_s_grid_the_former_by_name(bodies: Path, tmp_path: Path) -> None:
    folder = bodies / "derivatives" / "drawn" / "sub-04" / "anat"
    nib: Any = nibabel
    own: Any = nib.load(folder / "sub-04_desc-organs_dseg.nii.gz")
    turned = own.as_reoriented(nib.orientations.axcodes2ornt(("R", "A", "S")))
    other = nib.Nifti1Image((np.asarray(turned.dataobj) * 7).astype(np.int16), turned.affine)
    nib.save(other, tmp_path / "mine.nii.gz")
    (tmp_path / "mine.tsv").write_text("index\tname\n7\tliver\n14\tbrain\n21\tspleen\n")
    coarse = Grid.regular((10, 16, 16), (40.0, 24.0, 24.0))
    scan = read(scan_path(bodies), "labels", "ct", grid=coarse, inputs=GivenInputs(labels=tmp_path / "mine.nii.gz"))
    labels, grid = open_dataset(bodies).labels("sub-04"), open_dataset(bodies).grid("sub-04")
    assert labels is not None
    from petbench_datasets.images.grid import resample_labels

    assert np.array_equal(np.asarray(scan.labels), resample_labels(labels[0], grid, coarse))
    assert np.asarray(scan.ct).shape == coarse.shape
    assert scan.label_names == TRAINED


@pytest.mark.parametrize(
    ("names", "message"),
    [("index\tname\n1\tspleen\n2\tcolon\n", "none of its labels is called as one that the model knows, such as liver")],
)
def test_labels_of_which_the_model_knows_none_are_refused(
    names: str, message: str, bodies: Path, tmp_path: Path
) -> None:
    source = bodies / "derivatives" / "drawn" / "sub-04" / "anat" / "sub-04_desc-organs_dseg.nii.gz"
    (tmp_path / "mine.nii.gz").write_bytes(source.read_bytes())
    (tmp_path / "mine.tsv").write_text(names)
    with pytest.raises(DataError, match=message):
        read(scan_path(bodies), "labels", inputs=GivenInputs(labels=tmp_path / "mine.nii.gz"))
    with pytest.raises(DataError, match="no such file; correct --labels FILE"):
        read(scan_path(bodies), "labels", inputs=GivenInputs(labels=tmp_path / "nothing.nii.gz"))


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ({"PatientSex": "F", "PatientAge": "061Y", "PatientSize": "1.62"}, {"sex": "F", "age": "61", "height": "1.62"}),
        ({"PatientSex": "", "PatientAge": "018M"}, {"age": "1.5"}),
        ({}, {}),
    ],
)
def test_a_dicom_header_says_who_the_person_is(
    header: dict[str, str], expected: dict[str, str], tmp_path: Path
) -> None:
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    dataset = FileDataset(str(tmp_path / "a.dcm"), {}, file_meta=meta, preamble=b"\0" * 128)
    for name, value in header.items():
        setattr(dataset, name, value)
    dataset.save_as(tmp_path / "a.dcm")
    found = person_in_header(tmp_path / "a.dcm")
    assert found == expected
    assert not math.isnan(float(found.get("age", "0")))
