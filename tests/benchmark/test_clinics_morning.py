"""A clinic's morning: six patients with two time points, from the scanner's files to a report and back to DICOM."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pydicom
import pytest
from scipy import ndimage
from tests.datasets.dicom_writer import write_series
from tests.datasets.lesion_writer import ball, write_rtstruct

from petbench_datasets.dataset.folds import make_split
from petbench_datasets.dataset.reader import open_dataset
from petbench_datasets.images.grid import Grid
from petbench_datasets.images.nifti_writer import write_image

if TYPE_CHECKING:
    from pathlib import Path

    from tests.command import Petbench

SLICES, ROWS, COLUMNS = 12, 16, 16
SPACING, THICKNESS = 8, 6
SHIFTED_MILLIMETRES = 6.0  # one slice
WINDOWS = {"early": ("100700", 840_000), "delayed": ("104200", 1_260_000)}

Pixels = np.ndarray[Any, np.dtype[np.int16]]


def body(seed: int, columns: int = COLUMNS) -> Pixels:
    """Return a smooth body of stored values, unlike any other."""
    _, y, x = np.indices((SLICES, ROWS, columns))
    inside = ((y - 7.5) / 6.5) ** 2 + ((x - columns / 2 + 0.5) / (columns / 2 - 1.5)) ** 2 < 1
    texture = ndimage.gaussian_filter(np.random.default_rng(seed).uniform(0, 1, inside.shape), 1.2)
    texture = (texture - texture.min()) / (texture.max() - texture.min())
    return np.where(inside, 1500 + 9000 * texture, 0).astype(np.int16)


def scan(
    folder: Path, patient: str, seed: int, day: str = "20200101", shift: float = 0.0, columns: int = COLUMNS
) -> None:
    """Write a patient's two series as a scanner does; `shift` moves the table before the delayed one."""
    for number, (window, (clock, milliseconds)) in enumerate(WINDOWS.items()):
        moved = shift * number
        write_series(
            folder / window,
            body(10 * seed + number, columns),
            lambda index, moved=moved: {"ImagePositionPatient": [-60.0, -60.0, THICKNESS * index + moved]},  # type: ignore[misc]
            series=f"1.2.{seed}.{number}",
            PatientID=patient,
            StudyInstanceUID=f"1.2.{seed}",
            FrameOfReferenceUID=f"1.2.{seed}.9",
            SeriesDate=day,
            AcquisitionDate=day,
            SeriesTime=clock,
            AcquisitionTime=clock,
            ActualFrameDuration=milliseconds,
            PixelSpacing=[SPACING, SPACING],
            SliceThickness=THICKNESS,
            NumberOfSlices=SLICES,
            ImageType=["ORIGINAL", "PRIMARY"],
        )


def label_on_the_ct(dataset: Path, participant: str, pet: Grid) -> None:
    """Write organ labels as a program draws them on the CT: finer voxels, other edges, names beside them."""
    affine = pet.affine.copy()
    affine[:3, :3] /= 2.0
    affine[:3, 3] -= 1.0
    fine = Grid((2 * SLICES + 2, 2 * ROWS + 2, 2 * COLUMNS + 2), affine)
    labels = np.zeros(fine.shape, dtype=np.int16)
    labels[8:16, 10:20, 10:20] = 5
    folder = dataset / "derivatives" / "TotalSegmentator" / participant / "pet"
    write_image(folder / f"{participant}_desc-organs_dseg.nii.gz", labels, fine, dtype=np.int16)
    (folder / f"{participant}_desc-organs_dseg.tsv").write_text("index\tname\n5\tliver\n", encoding="utf-8")


@pytest.mark.slow
def test_a_clinics_morning_from_import_to_a_report_and_back_to_dicom(petbench: Petbench, tmp_path: Path) -> None:
    dicom, raw, dataset = tmp_path / "dicom", tmp_path / "raw", tmp_path / "morning"
    scan(dicom / "a", "A 1", 1)
    scan(dicom / "b-march", "B", 2, day="20200301")
    scan(dicom / "b-june", "B", 3, day="20200601")
    scan(dicom / "c", "C", 4, shift=SHIFTED_MILLIMETRES)
    scan(dicom / "d", "D", 5)
    scan(dicom / "e", "E", 6, columns=2 * COLUMNS)
    scan(dicom / "f", "F", 7)
    write_series(dicom / "f" / "mip", body(99)[:1], series="1.2.7.9", PatientID="F", StudyInstanceUID="1.2.7")

    tumour = ball((0.0, 0.0, 36.0), 20.0, 3.0)  # drawn on a CT of the same table, with the skin around it
    kinds = {"tumour": "GTV", "skin": "EXTERNAL"}
    write_rtstruct(
        dicom / "f" / "rtstruct.dcm",
        dict.fromkeys(kinds, tumour),
        kinds,
        frame="1.2.7.9",
        series="1.2.7.8",
        patient="F",
    )

    said = petbench("datasets", "import", "dicom", dicom, "--out", raw).stdout
    assert "one slice, not a volume" in said
    assert "sub-F_desc-lesions_dseg.nii.gz from" in said
    assert "(skin): no lesion, it says EXTERNAL" in said
    label_on_the_ct(raw, "sub-D", Grid((SLICES, ROWS, COLUMNS), _affine()))
    found = petbench("datasets", "check", raw, code=1).stdout
    errors = [line for line in found.splitlines() if line.startswith("error:")]
    assert len(errors) == 2
    assert any("sub-C" in line and "moved by 6 mm along z (towards the head)" in line for line in errors)
    assert any("sub-D_desc-organs_dseg" in line and "lies elsewhere than the PET images" in line for line in errors)

    petbench("datasets", "resample", raw, "--to", "early", "--out", dataset)
    assert "errors: 0" in petbench("datasets", "check", dataset).stdout
    opened = open_dataset(dataset)
    names = ("sub-A1", "sub-B_ses-1", "sub-B_ses-2", "sub-C", "sub-D", "sub-E", "sub-F")
    assert opened.participants == names
    assert opened.grid("sub-C").shape[0] == SLICES - 1  # what both measured
    labels = opened.labels("sub-D")
    assert labels is not None
    assert labels[0].max() == 5
    lesions = opened.labels("sub-F", "lesions")
    assert lesions is not None
    assert lesions[1] == {1: "tumour"}
    volume = (lesions[0] == 1).sum() * opened.grid("sub-F").voxel_millilitres
    assert volume == pytest.approx(4 / 3 * np.pi * 2.0**3, rel=0.1)

    # Whoever is wider than the others is tested, and so is whoever has two exams: nothing is learnt from either.
    seed = next(seed for seed in range(1000) if _is_wanted(make_split(opened, "s", test=3, validation=1, seed=seed)))
    petbench("datasets", "split", dataset, "--test", "3", "--validation", "1", "--seed", str(seed))
    row = petbench.json("run", "-m", "identity", "-d", dataset)
    assert row["status"] == "ok"
    petbench("run", "-m", "scale", "-d", dataset)
    petbench("report", "-o", tmp_path / "site")
    page = (tmp_path / "site" / "index.html").read_text(encoding="utf-8")
    assert "3 test participants" in page  # two sessions are one of them
    assert (tmp_path / "site" / "participants").is_dir()

    petbench("datasets", "export", dataset, "--as", "dicom", "--out", tmp_path / "back")
    petbench("datasets", "import", "dicom", tmp_path / "back", "--out", tmp_path / "again")
    again = open_dataset(tmp_path / "again")
    assert again.participants == names
    for name in names:
        before, after = opened.pair(name), again.pair(name)
        assert np.abs(after.early - before.early).max() < 1e-3 * before.early.max()
        assert np.abs(after.delayed - before.delayed).max() < 1e-3 * before.delayed.max()

    wide = dicom / "e" / "early"
    refused = petbench("predict", "1", wide, "-o", tmp_path / "e", "--as", "dicom", code=1).stderr
    assert "lies outside the model's field" in refused
    petbench("predict", "1", wide, "-o", tmp_path / "e", "--as", "dicom", "--allow", "outside-field")
    (card,) = tmp_path.rglob("*card*.md")
    assert "## Scores on 3 test participants" in card.read_text(encoding="utf-8")
    predicted = [pydicom.dcmread(path) for path in sorted((tmp_path / "e").glob("*.dcm"))]
    assert len(predicted) == SLICES
    assert {header.PatientID for header in predicted} == {"E"}
    assert {header.StudyInstanceUID for header in predicted} == {"1.2.6"}
    both = petbench("predict", "1", dicom, "-o", tmp_path / "all.nii.gz", code=1).stderr
    assert "holds PET series of" in both


def _affine() -> np.ndarray[Any, np.dtype[np.float64]]:
    return np.array([[-SPACING, 0, 0, 60], [0, -SPACING, 0, 60], [0, 0, THICKNESS, 0], [0, 0, 0, 1]], dtype=np.float64)


def _is_wanted(split: Any) -> bool:
    return {"sub-E", "sub-B_ses-1", "sub-B_ses-2"} <= set(split.test_participants)
