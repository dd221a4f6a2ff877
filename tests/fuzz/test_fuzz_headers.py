"""Spoiled headers of scans: whatever is in them, the readers give an image or one line that names the file.

Seeds are kept: case `n` of a test is always the same file. `make fuzz` tries many more.
"""

from __future__ import annotations

import gzip
import io
import json
import os
import tracemalloc
from typing import TYPE_CHECKING, Any

import nibabel
import numpy as np
import pydicom
import pytest
from tests.datasets.dicom_writer import PIXELS, write_series

from petbench_datasets.bids.scan import read_scan
from petbench_datasets.errors import DataError
from petbench_datasets.images.grid import Grid
from petbench_datasets.images.nifti import read_image
from petbench_datasets.images.nifti_writer import write_image
from petbench_datasets.importers.dicom import import_dicom

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.random import Generator

pytestmark = pytest.mark.slow  # thousands of headers

nib: Any = nibabel
CASES = int(os.environ.get("PETBENCH_FUZZ_CASES", "500"))
GRID = Grid.regular((5, 6, 7), (3.0, 2.0, 1.5))
HEADER_BYTES = 352
MOST_BYTES = 64 * 1024**2
WILD = [
    b"\x00",
    b"\xff",
    b"\x7f\xff",
    b"\x80\x00",
    b"\x00\x00\x80\x7f",
    b"\x00\x00\xc0\x7f",
    b"\xff\xff\xff\x7f",
    b"9" * 8,
]


def spoiled(content: bytes, random: Generator, end: int) -> bytes:
    """Overwrite one to six places before `end` with random or telling bytes, or cut the file there."""
    changed = bytearray(content)
    for _ in range(random.integers(1, 7)):
        place = int(random.integers(0, end))
        piece = WILD[random.integers(len(WILD))] if random.random() < 0.5 else random.bytes(int(random.integers(1, 9)))
        changed[place : place + len(piece)] = piece
    return bytes(changed[: int(random.integers(0, end))]) if random.random() < 0.05 else bytes(changed)


def assert_read_or_refused(read: Callable[[], object], folder: Path) -> bool:
    """Return whether it was read; insist on one line that names the file, and on bounded memory."""
    tracemalloc.start()
    refusal = None
    try:
        read()
    except DataError as error:
        refusal = str(error)
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < MOST_BYTES
    assert refusal is None or ("\n" not in refusal and str(folder) in refusal), refusal
    return refusal is None


def test_spoiled_nifti_headers(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    write_image(tmp_path / "whole.nii.gz", np.random.default_rng(0).random(GRID.shape, dtype=np.float32), GRID)
    content = gzip.decompress((tmp_path / "whole.nii.gz").read_bytes())
    read = 0
    for case in range(CASES):
        random = np.random.default_rng([1, case])
        packed = case % 2 == 0
        path = tmp_path / ("spoiled.nii.gz" if packed else "spoiled.nii")
        damaged = spoiled(content, random, HEADER_BYTES)
        path.write_bytes(gzip.compress(damaged, 1) if packed else damaged)
        read += assert_read_or_refused(lambda file=path: read_image(file), tmp_path)  # type: ignore[misc]
    assert 0.05 * CASES < read < 0.95 * CASES  # some survive, so that the readers were really reached
    assert capfd.readouterr() == ("", "")  # nibabel's log is not for the user


def test_every_field_of_a_nifti_header_at_its_extremes(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    write_image(tmp_path / "whole.nii.gz", np.ones(GRID.shape, dtype=np.float32), GRID)
    content = gzip.decompress((tmp_path / "whole.nii.gz").read_bytes())
    for name in nib.Nifti1Header().structarr.dtype.names:
        offset, size = nib.Nifti1Header().structarr.dtype.fields[name][1], nib.Nifti1Header().structarr[name].nbytes
        for value in WILD:
            damaged = bytearray(content)
            damaged[offset : offset + size] = (value * size)[:size]
            (tmp_path / "one.nii").write_bytes(bytes(damaged))
            assert_read_or_refused(lambda: read_image(tmp_path / "one.nii"), tmp_path)
    assert capfd.readouterr() == ("", "")


def test_spoiled_dicom_headers(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    write_series(tmp_path / "whole", PIXELS[:1])
    (source,) = (tmp_path / "whole").iterdir()
    content = source.read_bytes()
    end = len(content) - PIXELS[0].nbytes
    (tmp_path / "dicom").mkdir()
    for case in range(CASES):
        random = np.random.default_rng([2, case])
        (tmp_path / "dicom" / "slice.dcm").write_bytes(spoiled(content, random, end))
        out = tmp_path / f"out{case}"
        assert_read_or_refused(lambda to=out: import_dicom(tmp_path / "dicom", to), tmp_path)  # type: ignore[misc]
    assert capfd.readouterr() == ("", "")


def test_spoiled_dicom_elements(tmp_path: Path) -> None:
    """Whole files whose elements have wild values: they reach what byte noise seldom does."""
    texts = ["", "0", "-1", "1e30", "1e-30", "inf", "nan", "abc", "\\", "1\\2", "99999999", "00010101", "é", "9" * 16]
    write_series(tmp_path / "whole", PIXELS[:1])
    (source,) = (tmp_path / "whole").iterdir()
    (tmp_path / "dicom").mkdir()
    for case in range(CASES):
        random = np.random.default_rng([3, case])
        dataset = pydicom.dcmread(source)
        item = dataset.RadiopharmaceuticalInformationSequence[0]
        for _ in range(random.integers(1, 3)):
            owner = item if random.random() < 0.3 else dataset
            tags = [element.tag for element in owner if element.VR not in {"SQ", "OW", "UI"}]
            tag = tags[random.integers(len(tags))]
            owner[tag] = pydicom.DataElement(tag, "LO", texts[random.integers(len(texts))])
        buffer = io.BytesIO()
        dataset.save_as(buffer)
        (tmp_path / "dicom" / "slice.dcm").write_bytes(buffer.getvalue())
        out = tmp_path / f"out{case}"
        assert_read_or_refused(lambda to=out: import_dicom(tmp_path / "dicom", to), tmp_path)  # type: ignore[misc]


def test_spoiled_sidecars(tmp_path: Path) -> None:
    wild: list[Any] = [
        None,
        True,
        [],
        {},
        [[]],
        "",
        "n/a",
        "x",
        -1,
        0,
        1e30,
        1615280400,
        float("inf"),
        float("nan"),
        [1, "a"],
    ]
    fields: dict[str, Any] = {
        "Units": "Bq/mL",
        "TracerName": "FDG",
        "TracerRadionuclide": "F18",
        "InjectedRadioactivity": 250,
        "InjectedRadioactivityUnits": "MBq",
        "TimeZero": "10:00:00",
        "ScanStart": 0,
        "InjectionStart": 0,
        "FrameTimesStart": [420.0],
        "FrameDuration": [840.0],
        "ImageDecayCorrected": True,
        "ImageDecayCorrectionTime": 0,
        "AttenuationCorrection": "CT",
        "DecayFactor": [1.0],
        "ModeOfAdministration": "bolus",
        "PatientWeight": 70,
        "SourceWitnesses": [],
        "TracerAllowed": False,
        "InjectionEnd": 10,
        "RadiopharmaceuticalStartTime": "10:00:00",
    }
    image = tmp_path / "sub-01_pet.nii.gz"
    write_image(image, np.ones(GRID.shape, dtype=np.float32), GRID)
    for case in range(CASES):
        random = np.random.default_rng([4, case])
        content = dict(fields)
        for name in random.choice(list(fields), 3):
            content[str(name)] = wild[random.integers(len(wild))]
        text = json.dumps(content)
        if random.random() < 0.2:
            text = text[: int(random.integers(len(text)))]
        (tmp_path / "sub-01_pet.json").write_text(text)
        assert_read_or_refused(lambda: read_scan(image).suv(), tmp_path)


@pytest.mark.parametrize("depth", [100_000])
def test_a_sidecar_nested_too_deep_is_one_line(depth: int, tmp_path: Path) -> None:
    image = tmp_path / "sub-01_pet.nii.gz"
    write_image(image, np.ones(GRID.shape, dtype=np.float32), GRID)
    (tmp_path / "sub-01_pet.json").write_text("[" * depth + "]" * depth)
    assert not assert_read_or_refused(lambda: read_scan(image), tmp_path)


def test_a_header_that_promises_more_than_the_file_holds_takes_no_memory(tmp_path: Path) -> None:
    write_series(tmp_path / "dicom", PIXELS[:1], each=None)
    (path,) = (tmp_path / "dicom").iterdir()
    dataset = pydicom.dcmread(path)
    dataset.Rows = dataset.Columns = 65535
    dataset.save_as(path)
    assert not assert_read_or_refused(lambda: import_dicom(tmp_path / "dicom", tmp_path / "out"), tmp_path)
    header = nib.Nifti1Header()
    header.set_data_shape((30000, 30000, 30000))
    header.set_sform(np.eye(4), 1)
    header["magic"], header["vox_offset"] = b"n+1", 352
    (tmp_path / "huge.nii.gz").write_bytes(gzip.compress(bytes(header.binaryblock) + bytes(4000)))
    assert not assert_read_or_refused(lambda: read_image(tmp_path / "huge.nii.gz"), tmp_path)
