"""Lesions drawn as RTSTRUCT and DICOM SEG, imported with the scans that they were drawn on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import highdicom
import numpy as np
import pydicom
import pytest
from skimage import draw
from tests.datasets.lesion_writer import (
    ANATOMY,
    EARLY,
    FIRST,
    FRAME,
    SHAPE,
    STEPS,
    ball,
    circle,
    points,
    sphere,
    write_rtstruct,
    write_scan,
    write_seg,
)

from petbench_datasets.bids.new_sidecar import frame_of_reference_name
from petbench_datasets.dataset.check import check_dataset
from petbench_datasets.dataset.reader import open_dataset
from petbench_datasets.errors import DataError
from petbench_datasets.importers.dicom import import_dicom
from petbench_datasets.tables import read_table

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

POLYGON_MASK: Any = draw.polygon2mask  # shipped without types
ONE, TWO = (-20.0, -20.0, 125.0), (20.0, 20.0, 130.0)
BY_RT_UTILS = Path(__file__).parents[1] / "data" / "rtstruct-by-rt-utils.dcm"


def labels(root: Path, participant: str = "sub-P1") -> tuple[NDArray[np.int16], dict[int, str]]:
    found = open_dataset(root).labels(participant, "lesions")
    assert found is not None
    return found


@pytest.mark.parametrize("kind", ["BINARY", "LABELMAP"])
def test_segments_come_back_voxel_by_voxel_with_their_names(kind: str, tmp_path: Path) -> None:
    scan = write_scan(tmp_path / "dicom")
    masks = {"left axilla": sphere(ONE, 14), "liver, dome": sphere(TWO, 11)}
    seg = write_seg(tmp_path / "seg.dcm", scan / "delayed", masks, kind=kind)
    report = import_dicom(scan, tmp_path / "d", lesions=seg)
    found, names = labels(tmp_path / "d")
    assert names == {1: "left axilla", 2: "liver, dome"}
    for number, mask in enumerate(masks.values(), start=1):
        assert np.array_equal(found == number, mask)
    (lesions,) = report.lesions
    assert lesions.millilitres == pytest.approx([mask.sum() * 0.1 for mask in masks.values()])
    assert [problem.message for problem in check_dataset(tmp_path / "d") if problem.severity == "error"] == []


def test_masks_that_another_program_traced_come_back_voxel_by_voxel(tmp_path: Path) -> None:
    """rt-utils 1.2.7 wrote the file from these masks: with a hole, in two parts, and one voxel wide."""
    ring = sphere(ONE, 18) & ~sphere(ONE, 9)
    two = sphere(TWO, 9) | sphere((20, -30, 110), 7)
    thin = np.zeros(SHAPE, dtype=bool)
    thin[10, 20, 2:9] = thin[10, 22, 4] = True
    import_dicom(write_scan(tmp_path / "dicom"), tmp_path / "d", lesions=BY_RT_UTILS)
    found, names = labels(tmp_path / "d")
    assert names == {1: "ring", 2: "two", 3: "thin"}
    for number, mask in enumerate((ring, two, thin), start=1):
        assert np.array_equal(found == number, mask), names[number]


def test_contours_of_another_image_are_drawn_by_the_nearest_plane_and_a_ball_has_its_volume(tmp_path: Path) -> None:
    """Drawn on a CT of 3 mm in the same frame of reference: matched by that alone."""
    contours = ball((-10.0, -5.0, 126.4), 24.0, 3.0)
    rtstruct = write_rtstruct(tmp_path / "rt.dcm", {"ball": contours}, series="1.2.77.99")
    (lesions,) = import_dicom(write_scan(tmp_path / "dicom"), tmp_path / "d", lesions=rtstruct).lesions
    assert lesions.millilitres[0] == pytest.approx(4 / 3 * np.pi * 2.4**3, rel=0.05)
    found, _ = labels(tmp_path / "d")
    by_height = {contour[0][2]: np.array(contour)[:, 1::-1] for contour in contours}
    for z in range(SHAPE[0]):
        height = FIRST[2] + STEPS[2] * z
        nearest = min(by_height, key=lambda each: abs(each - height))
        expected = np.zeros(SHAPE[1:], dtype=bool)
        if abs(nearest - height) < 1.5:
            expected = POLYGON_MASK(SHAPE[1:], (by_height[nearest] - FIRST[1::-1]) / STEPS[1::-1])
        assert np.array_equal(found[z] == 1, expected)


def test_segments_on_a_finer_turned_grid_are_taken_by_the_nearest_voxel(tmp_path: Path) -> None:
    random = np.random.default_rng(3)
    array = (random.random((20, 40, 45)) < 0.5).astype(np.uint8)
    tilt = np.radians(20)
    own = highdicom.Volume.from_attributes(
        array=array, coordinate_system="PATIENT", frame_of_reference_uid=FRAME,
        image_position=[-30.0, -41.0, 124.0], pixel_spacing=[1.5, 1.7], spacing_between_slices=1.1,
        image_orientation=[np.cos(tilt), 0, np.sin(tilt), 0, 1, 0],
    )  # fmt: skip
    scan = write_scan(tmp_path / "dicom")
    seg = write_seg(tmp_path / "seg.dcm", scan / "delayed", {"noise": array}, pixels=own)
    import_dicom(scan, tmp_path / "d", lesions=seg)
    homogeneous = np.concatenate([points(), np.ones((*SHAPE, 1))], axis=-1)
    index = np.rint((homogeneous @ np.linalg.inv(own.affine).T)[..., :3]).astype(int)
    there = ((index >= 0) & (index < array.shape)).all(axis=-1)
    expected = np.zeros(SHAPE, dtype=bool)
    expected[there] = array[tuple(index[there].T)] > 0
    assert expected.sum() > 200
    assert np.array_equal(labels(tmp_path / "d")[0] == 1, expected)


def test_lesions_among_the_scans_are_found_where_they_say_that_they_are(
    invoke: Callable[..., tuple[int, str]], tmp_path: Path
) -> None:
    scan = write_scan(tmp_path / "dicom")
    kinds = {"tumour": "GTV", "target": "PTV", "skin": "EXTERNAL", "spot": ""}
    regions = {name: ball(ONE, 12.0, 4.0) for name in kinds}
    write_rtstruct(scan / "rt.dcm", regions, kinds)
    write_seg(scan / "lesion.dcm", scan / "delayed", {"node": sphere(TWO, 11)})
    write_seg(scan / "organ.dcm", scan / "delayed", {"liver": sphere(TWO, 11)}, ANATOMY)
    write_rtstruct(scan / "elsewhere.dcm", {"tumour": ball(ONE, 12.0, 4.0)}, kinds, frame="1.2.99", series="1.2.98")
    code, said = invoke("datasets", "import", "dicom", scan, "--out", tmp_path / "d")
    assert code == 0, said
    assert labels(tmp_path / "d")[1] == {1: "node", 2: "tumour"}
    assert f"node {sphere(TWO, 11).sum() / 10:.3g} mL, tumour" in said
    assert "(target): no lesion, it says PTV" in said
    assert "(spot): no lesion, it does not say what it is" in said
    assert "organ.dcm: holds no lesion: it has liver (it says Anatomical Structure)" in said
    assert "elsewhere.dcm: refers to no series that is imported" in said


def test_of_a_file_that_is_named_all_structures_are_lesions_but_those_that_say_otherwise(tmp_path: Path) -> None:
    scan = write_scan(tmp_path / "dicom")
    write_seg(scan / "lesion.dcm", scan / "delayed", {"node": sphere(TWO, 11)})
    kinds = {"spot": "", "blob": "NONE", "skin": "EXTERNAL"}
    places = {"spot": ONE, "blob": TWO, "skin": ONE}
    rtstruct = write_rtstruct(tmp_path / "rt.dcm", {name: ball(at, 9.0, 4.0) for name, at in places.items()}, kinds)
    report = import_dicom(scan, tmp_path / "d", lesions=rtstruct)
    assert labels(tmp_path / "d")[1] == {1: "spot", 2: "blob"}
    assert [what for what, _ in report.skipped] == [f"{rtstruct} (skin)"]


def test_a_folder_of_objects_makes_one_mask_and_a_copy_of_an_object_is_no_second(tmp_path: Path) -> None:
    scan = write_scan(tmp_path / "dicom")
    write_rtstruct(tmp_path / "drawn" / "b.dcm", {"one": ball(ONE, 10.0, 4.0)})
    seg = write_seg(tmp_path / "drawn" / "a.dcm", scan / "delayed", {"two": sphere(TWO, 11)})
    (tmp_path / "drawn" / "copy.dcm").write_bytes(seg.read_bytes())
    import_dicom(scan, tmp_path / "d", lesions=tmp_path / "drawn")
    assert labels(tmp_path / "d")[1] == {1: "two", 2: "one"}
    table = read_table(next((tmp_path / "d").rglob("*desc-lesions_dseg.tsv")))
    assert [row["source"] for row in table] == ["SEG", "RTSTRUCT"]


@pytest.mark.parametrize(("series", "shift"), [(EARLY, 0.0), ("1.2.77.3", 8.0)])
def test_lesions_lie_on_the_grid_of_the_image_that_they_refer_to(
    series: str, shift: float, invoke: Callable[..., tuple[int, str]], tmp_path: Path
) -> None:
    """The table stood 8 mm higher in the delayed scan: its own grid, until resample brings all to one."""
    scan = write_scan(tmp_path / "dicom", shift=8.0)
    rtstruct = write_rtstruct(tmp_path / "rt.dcm", {"one": ball((-20, -20, 128), 10.0, 4.0)}, series=series)
    (lesions,) = import_dicom(scan, tmp_path / "d", lesions=rtstruct).lesions
    assert lesions.grid.affine[2, 3] == FIRST[2] + shift
    (sidecar,) = (tmp_path / "d").rglob("*desc-lesions_dseg.json")
    content = json.loads(sidecar.read_text())
    assert ("early" in content["Sources"][0]) == (series == EARLY)
    assert content["FrameOfReference"] == frame_of_reference_name(FRAME)
    assert invoke("datasets", "resample", tmp_path / "d", "--to", "early", "--out", tmp_path / "one")[0] == 0
    found, _ = labels(tmp_path / "one")
    first = open_dataset(tmp_path / "one").grid("sub-P1").affine[2, 3]
    z = (found == 1).nonzero()[0] * STEPS[2] + first
    assert (z.min(), z.max()) == (120.0, 136.0)


def test_each_session_gets_its_own_lesions(tmp_path: Path) -> None:
    for number, day in enumerate(("20200101", "20200601"), start=1):
        frame = f"1.2.66.{number}"
        folder = write_scan(tmp_path / "dicom" / str(number), SeriesInstanceUID=f"1.2.55.{number}")
        for path in folder.rglob("*.dcm"):
            dataset = pydicom.dcmread(path)
            dataset.SeriesDate = dataset.AcquisitionDate = dataset.StudyDate = day
            dataset.StudyInstanceUID, dataset.FrameOfReferenceUID = f"1.2.88.{number}", frame
            dataset.SeriesInstanceUID += f".{number}"
            dataset.SOPInstanceUID += f".{number}"
            dataset.save_as(path)
        drawn = {f"of {number}": ball(ONE, 8.0 + number, 4.0)}
        write_rtstruct(tmp_path / "drawn" / f"{number}.dcm", drawn, frame=frame, series="1.2.3")
    import_dicom(tmp_path / "dicom", tmp_path / "d", lesions=tmp_path / "drawn")
    for number in (1, 2):
        assert labels(tmp_path / "d", f"sub-P1_ses-{number}")[1] == {1: f"of {number}"}


def test_lesions_that_are_there_are_not_overwritten(tmp_path: Path) -> None:
    scan = write_scan(tmp_path / "dicom")
    rtstruct = write_rtstruct(tmp_path / "rt.dcm", {"one": [circle(ONE, 10.0)]})
    (tmp_path / "early").mkdir()
    (scan / "early").rename(tmp_path / "early" / "early")
    import_dicom(scan, tmp_path / "d", lesions=rtstruct)
    there: dict[Path, Any] = {path: path.read_bytes() for path in (tmp_path / "d").rglob("*") if path.is_file()}
    second = write_rtstruct(tmp_path / "rt2.dcm", {"two": [circle(ONE, 10.0)]})
    with pytest.raises(DataError, match="has lesions already"):
        import_dicom(tmp_path / "early", tmp_path / "d", lesions=second)
    assert {path: path.read_bytes() for path in (tmp_path / "d").rglob("*") if path.is_file()} == there


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("n/a", "lesion"), ("", "lesion"), ("  ", "lesion"), ("None", "lesion"), ('the "hot" one', "the 'hot' one"),
        ("a\tb", "a b"), ("a\r\nb", "a b"), ("red\x1b[31m", "red [31m"), ("Läsion, links", "Läsion, links"),
        ("=1+1", "=1+1"), ("y" * 64, "y" * 64),
    ],
)  # fmt: skip
def test_whatever_a_lesion_is_called_its_table_can_be_read(name: str, shown: str, tmp_path: Path) -> None:
    rtstruct = write_rtstruct(tmp_path / "rt.dcm", {name: ball(ONE, 12.0, 4.0)})
    import_dicom(write_scan(tmp_path / "dicom"), tmp_path / "d", lesions=rtstruct)
    assert labels(tmp_path / "d")[1] == {1: shown}
