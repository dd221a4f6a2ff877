"""Spoiled images of many frames, RTSTRUCT and SEG objects: an image or a mask, or one line that names the file.

Seeds are kept: case `n` of a test is always the same file. `make fuzz` tries many more.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from tests.datasets.dicom_writer import PIXELS, write_series
from tests.datasets.lesion_writer import ball, sphere, write_rtstruct, write_scan, write_seg
from tests.datasets.test_dicom_converted import COMMON, convert
from tests.datasets.test_dicom_enhanced import write_enhanced
from tests.fuzz.test_fuzz_headers import CASES, assert_read_or_refused, spoiled

from petbench_datasets.bids.scan import read_scan
from petbench_datasets.importers.dicom import import_dicom
from petbench_datasets.importers.dicom_files import find_drawn
from petbench_datasets.importers.lesion_voxels import drawn_voxels

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.random import Generator

    from petbench_datasets.images.grid import Grid

TEXTS = ["", "0", "-1", "1e30", "1e-30", "inf", "nan", "abc", "\\", "1\\2", "99999999", "00010101", "é", "9" * 16]
SHARES = {
    "enhanced": 4,
    "converted": 16,
    "RTSTRUCT": 4,
    "SEG": 10,
}  # of CASES: each of these takes longer than a header


def items_of(dataset: Any) -> Iterator[Any]:
    """Yield a header and every item in it."""
    yield dataset
    for element in dataset:
        if element.VR == "SQ":
            for item in element.value:
                yield from items_of(item)


def with_wild_elements(content: bytes, random: Generator) -> bytes:
    """Change, empty or remove one to three elements anywhere in a file; or a whole sequence."""
    dataset = pydicom.dcmread(io.BytesIO(content))
    for _ in range(random.integers(1, 4)):
        owners = [owner for owner in items_of(dataset) if len(owner)]
        owner = owners[random.integers(len(owners))]
        tags = [element.tag for element in owner if element.VR not in {"OW", "OB"}]
        if not tags:
            continue
        tag = tags[random.integers(len(tags))]
        chance = random.random()
        if chance < 0.2:
            del owner[tag]
        elif owner[tag].VR == "SQ":
            owner[tag] = pydicom.DataElement(tag, "SQ", [] if chance < 0.5 else [Dataset()])
        elif chance < 0.6 and owner[tag].VR in {"US", "FD", "UL"}:
            wild = [0, 1, 65535, 300] if owner[tag].VR != "FD" else [0.0, -1.0, 1e30, float("inf"), float("nan")]
            owner[tag] = pydicom.DataElement(tag, owner[tag].VR, wild[random.integers(len(wild))])
        else:
            owner[tag] = pydicom.DataElement(tag, "LO", TEXTS[random.integers(len(TEXTS))])
    buffer = io.BytesIO()
    dataset.save_as(buffer)
    return buffer.getvalue()


def damaged(content: bytes, case: int, test: int, end: int) -> bytes:
    random = np.random.default_rng([test, case])
    return with_wild_elements(content, random) if case % 2 else spoiled(content, random, end)


@pytest.mark.parametrize("kind", ["enhanced", "converted"])
def test_spoiled_multi_frame_images(kind: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    source = tmp_path / "whole" / "enhanced.dcm"
    if kind == "enhanced":
        write_enhanced(tmp_path / "whole")
    else:
        convert(write_series(tmp_path / "classic", PIXELS, **COMMON), source)
    content = source.read_bytes()
    end = len(content) - len(pydicom.dcmread(source).PixelData)
    (tmp_path / "dicom").mkdir()
    read = 0
    for case in range(CASES // SHARES[kind]):
        (tmp_path / "dicom" / "enhanced.dcm").write_bytes(damaged(content, case, 5 + 3 * (kind == "converted"), end))
        out = tmp_path / f"out{case}"
        read += assert_read_or_refused(lambda to=out: import_dicom(tmp_path / "dicom", to), tmp_path)  # type: ignore[misc]
    assert 0 < read < CASES // SHARES[kind]
    assert capfd.readouterr() == ("", "")


@pytest.fixture(scope="module")
def scan(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_scan(tmp_path_factory.mktemp("scan"))


@pytest.fixture(scope="module")
def grid(scan: Path, tmp_path_factory: pytest.TempPathFactory) -> Grid:
    report = import_dicom(scan, tmp_path_factory.mktemp("dataset") / "d")
    return read_scan(report.images[0].path).grid


@pytest.mark.parametrize("kind", ["RTSTRUCT", "SEG"])
def test_spoiled_drawings(kind: str, scan: Path, grid: Grid, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "drawn.dcm"
    if kind == "SEG":
        write_seg(path, scan / "early", {"a": sphere((-20, -20, 125), 14), "b": sphere((20, 20, 130), 11)})
    else:
        write_rtstruct(path, {"a": ball((-20, -20, 125), 12, 4), "b": ball((20, 20, 130), 9, 4)}, {"a": "GTV"})
    content = path.read_bytes()

    def draw() -> None:
        for one in find_drawn(path):
            for voxels in drawn_voxels(one, one.structures, grid):
                assert voxels.inside.shape == grid.shape

    drawn = 0
    for case in range(CASES // SHARES[kind]):
        path.write_bytes(damaged(content, case, 6 + (kind == "SEG"), len(content)))
        drawn += assert_read_or_refused(draw, tmp_path)
    assert 0 < drawn < CASES // SHARES[kind]
    assert capfd.readouterr() == ("", "")
