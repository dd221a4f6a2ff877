"""Lesions that are not, or not surely, where the scan is: one line, and nothing is written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from tests.datasets.lesion_writer import (
    ANATOMY,
    EARLY,
    SHAPE,
    ball,
    circle,
    sphere,
    write_rtstruct,
    write_scan,
    write_seg,
)

from petbench_datasets.dataset.check import check_dataset
from petbench_datasets.dataset.reader import open_dataset
from petbench_datasets.errors import DataError
from petbench_datasets.exporters.register import register_dataset
from petbench_datasets.importers.dicom import import_dicom

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from petbench_datasets.images.grid import Grid
    from petbench_datasets.images.registration import Rigid

ONE, TWO = (-20.0, -20.0, 125.0), (20.0, 20.0, 130.0)


def refused(scan: Path, lesions: Path | None, out: Path) -> str:
    with pytest.raises(DataError) as caught:
        import_dicom(scan, out, lesions=lesions)
    assert "\n" not in str(caught.value)
    assert not out.exists()
    return str(caught.value)


def bent(centre: tuple[float, float, float]) -> list[list[float]]:
    contour = circle(centre, 10.0)
    contour[7][2] += 2.0
    return contour


RTSTRUCTS: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "another frame of reference": ({"a": [circle(ONE, 9)]}, {"frame": "1.2.9", "series": "1.2.8"}, "is that of none"),
    "a series of another frame": ({"a": [circle(ONE, 9)]}, {"frame": "1.2.9"}, "but the series that it refers to"),
    "another patient": ({"a": [circle(ONE, 9)]}, {"patient": "P-2"}, "PatientID is 'P-2', but 'P-1'"),
    "outside": ({"a": [circle((60.0, 0.0, 125.0), 20)]}, {}, "run up to 30 mm outside the image"),
    "above": ({"a": [circle((0.0, 0.0, 190.0), 20)]}, {}, "mm outside the image"),
    "no plane": ({"a": [bent(ONE)]}, {}, "lie up to"),
    "between the voxels": ({"speck": [circle((-20.1, -20.1, 124.0), 0.5)]}, {}, "holds no voxel of the image"),
    "overlapping": ({"a": ball(ONE, 12, 4), "b": ball((-17, -20, 125), 12, 4)}, {}, "overlaps"),
    "the same twice": ({"a": ball(ONE, 12, 4), "b": ball(ONE, 12, 4)}, {}, "overlaps"),
    "a point": ({"a": [[[0.0, 0.0, 125.0]]]}, {"geometric": "POINT"}, "'POINT', which encloses nothing"),
    "no contours": ({"a": []}, {}, "has no contours"),
    "other things": ({"a": [circle(ONE, 9)]}, {"types": {"a": "ORGAN"}}, "holds no lesion: it has a (it says ORGAN)"),
    "no structures": ({}, {}, "without structures"),
    "no frame": ({"a": [circle(ONE, 9)]}, {"frame": ""}, "without FrameOfReferenceUID"),
}


@pytest.mark.parametrize("case", RTSTRUCTS)
def test_an_rtstruct_that_does_not_fit_is_refused(case: str, tmp_path: Path) -> None:
    regions, options, words = RTSTRUCTS[case]
    lesions = write_rtstruct(tmp_path / "rt.dcm", regions, **options)
    said = refused(write_scan(tmp_path / "dicom"), lesions, tmp_path / "d")
    assert words in said
    assert "rt.dcm" in said


@pytest.mark.parametrize(
    ("masks", "options", "words"),
    [
        ({"a": sphere(ONE, 14)}, {"kind": "FRACTIONAL"}, "FRACTIONAL"),
        ({"a": sphere(ONE, 14), "b": sphere((-15, -20, 125), 14)}, {}, "overlaps"),
        ({"a": sphere(ONE, 14), "b": np.zeros(SHAPE, dtype=bool)}, {}, "(b): an empty segment"),
        ({"a": sphere(ONE, 14)}, {"PatientID": "P-2"}, "PatientID is 'P-2'"),
        ({"a": sphere(ONE, 14)}, {"FrameOfReferenceUID": "1.2.9"}, "FrameOfReferenceUID 1.2.9, but the series"),
        ({"a": sphere(ONE, 14)}, {"category": ANATOMY}, "holds no lesion"),
        ({"a": sphere(ONE, 14)}, {"Rows": 60000, "Columns": 60000}, "more pixels than the file holds"),
        ({"a": sphere(ONE, 14)}, {"PixelData": b"ab"}, "seg.dcm"),
    ],
)
def test_a_segmentation_that_does_not_fit_is_refused(
    masks: dict[str, Any], options: dict[str, Any], words: str, tmp_path: Path
) -> None:
    scan = write_scan(tmp_path / "dicom")
    lesions = write_seg(tmp_path / "seg.dcm", scan / "delayed", masks, **options)
    assert words in refused(scan, lesions, tmp_path / "d")


def test_a_segmentation_that_runs_outside_the_image_is_refused(tmp_path: Path) -> None:
    scan = write_scan(tmp_path / "dicom")
    whole = write_scan(tmp_path / "elsewhere", shift=40.0)
    top = np.zeros(SHAPE, dtype=bool)
    top[-3:, 10:12, 10:12] = True
    lesions = write_seg(tmp_path / "seg.dcm", whole / "delayed", {"a": top})
    assert "runs up to 38 mm outside the image" in refused(scan, lesions, tmp_path / "d")


def test_what_holds_no_lesions_at_all_is_refused(tmp_path: Path) -> None:
    scan = write_scan(tmp_path / "dicom")
    assert "no RTSTRUCT or SEG object" in refused(scan, next((scan / "early").iterdir()), tmp_path / "d")
    assert "a folder without RTSTRUCT or SEG object" in refused(scan, scan / "early", tmp_path / "d")
    assert "no such file or folder" in refused(scan, tmp_path / "nothing", tmp_path / "d")


def test_lesions_of_two_images_of_one_pair_are_refused(tmp_path: Path) -> None:
    scan = write_scan(tmp_path / "dicom", shift=8.0)
    write_rtstruct(tmp_path / "drawn" / "a.dcm", {"a": [circle(ONE, 9)]}, series=EARLY)
    write_rtstruct(tmp_path / "drawn" / "b.dcm", {"b": [circle(TWO, 9)]})
    assert "drawn on two images of one pair" in refused(scan, tmp_path / "drawn", tmp_path / "d")


def test_lesions_that_were_found_and_cannot_be_used_can_be_left_out(
    invoke: Callable[..., tuple[int, str]], tmp_path: Path
) -> None:
    scan = write_scan(tmp_path / "dicom")
    write_rtstruct(scan / "rt.dcm", {"a": [bent(ONE)]}, {"a": "GTV"})
    code, said = invoke("datasets", "import", "dicom", scan, "--out", tmp_path / "d")
    assert code == 1
    assert "--skip-unusable leaves it out" in " ".join(said.split())
    code, said = invoke("datasets", "import", "dicom", scan, "--out", tmp_path / "d", "--skip-unusable")
    assert code == 0, said
    assert "left out:" in said
    assert open_dataset(tmp_path / "d").labels("sub-P1", "lesions") is None


def test_without_highdicom_a_segmentation_is_refused_with_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    scan = write_scan(tmp_path / "dicom")
    lesions = write_seg(tmp_path / "seg.dcm", scan / "delayed", {"a": sphere(ONE, 14)})
    monkeypatch.setitem(__import__("sys").modules, "highdicom", None)
    assert "pip install 'petbench[lesions]'" in refused(scan, lesions, tmp_path / "d")


def test_lesions_drawn_on_a_delayed_scan_that_is_moved_move_with_it_even_where_the_grids_are_alike(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The participant left the table: one coordinate is two places, and the mask is of the delayed scan's."""
    scan = write_scan(tmp_path / "dicom", FrameOfReferenceUID="1.2.77.8")
    mask = sphere(ONE, 14)
    import_dicom(scan, tmp_path / "d", lesions=write_seg(tmp_path / "s.dcm", scan / "delayed", {"a": mask}))
    moved = np.eye(4)
    moved[:3, 3] = [5.0, -10.0, 8.0]  # (right, anterior, superior): one voxel, two and two

    def found(*_: object) -> Rigid:
        from petbench_datasets.images.registration import Rigid

        return Rigid(moved, np.zeros(3), (0.1, 0.5))

    monkeypatch.setattr("petbench_datasets.exporters.register.rigid_registration", found)
    register_dataset(tmp_path / "d", tmp_path / "r")
    dataset = open_dataset(tmp_path / "r")
    got = dataset.labels("sub-P1", "lesions")
    assert got is not None
    grid, whole = dataset.grid("sub-P1"), open_dataset(tmp_path / "d").grid("sub-P1")
    expected = np.roll(mask, (2, 2, -1), axis=(0, 1, 2))  # (z, y, x) towards head, back and left
    assert np.array_equal(got[0] == 1, expected[_box(whole, grid)])
    assert [problem for problem in check_dataset(tmp_path / "r") if problem.severity == "error"] == []


def _box(whole: Grid, part: Grid) -> tuple[slice, ...]:
    start = np.rint(np.linalg.inv(whole.affine) @ part.affine[:, 3])[2::-1].astype(int)
    return tuple(slice(low, low + size) for low, size in zip(start, part.shape, strict=True))


def test_check_says_that_a_mask_is_of_neither_image(tmp_path: Path) -> None:
    scan = write_scan(tmp_path / "dicom")
    import_dicom(scan, tmp_path / "d", lesions=write_rtstruct(tmp_path / "rt.dcm", {"a": [circle(ONE, 9)]}))
    (sidecar,) = (tmp_path / "d").rglob("*desc-lesions_dseg.json")
    sidecar.write_text(sidecar.read_text().replace('"FrameOfReference": "', '"FrameOfReference": "0'))
    messages = [problem.message for problem in check_dataset(tmp_path / "d") if problem.severity == "error"]
    assert any("was drawn in another frame of reference" in message for message in messages)
