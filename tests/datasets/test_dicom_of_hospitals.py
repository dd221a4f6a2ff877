"""More of what hospitals have: packed pixels, vendors' blocks in other places, sexes beside two."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pydicom
import pytest
from pydicom.data import get_testdata_file
from pydicom.encaps import encapsulate, generate_frames
from pydicom.uid import UID, JPEG2000Lossless, JPEGLosslessSV1, JPEGLSLossless, RLELossless
from tests.datasets import jpeg_lossless
from tests.datasets.dicom_writer import PIXELS, PLAIN, suv_per_value, write_series

from petbench_datasets.bids.scan import read_scan
from petbench_datasets.errors import DataError
from petbench_datasets.importers.dicom import import_dicom

if TYPE_CHECKING:
    from pathlib import Path


def pack(folder: Path, syntax: UID, frames: list[bytes], **changes: Any) -> None:
    """Put packed pixels into the files of a series."""
    for path, frame in zip(sorted(folder.iterdir()), frames, strict=True):
        dataset = pydicom.dcmread(path)
        dataset.PixelData = encapsulate([frame])
        dataset["PixelData"].VR = "OB"
        for name, value in changes.items():
            setattr(dataset, name, value)
        dataset.file_meta.TransferSyntaxUID = syntax
        dataset.save_as(path)


def imported(tmp_path: Path) -> np.ndarray[Any, Any]:
    (image,) = import_dicom(tmp_path / "dicom", tmp_path / "dataset").images
    return read_scan(image.path).suv()


def test_lossless_jpeg_is_read(tmp_path: Path) -> None:
    pytest.importorskip("libjpeg")
    write_series(tmp_path / "dicom", PIXELS)
    pack(tmp_path / "dicom", JPEGLosslessSV1, [jpeg_lossless.encode(plane.view(np.uint16)) for plane in PIXELS])
    assert np.allclose(imported(tmp_path), PIXELS * PLAIN, rtol=1e-6)


@pytest.mark.parametrize(
    ("name", "syntax", "decoder"),
    [
        ("MR_small_jpeg_ls_lossless.dcm", JPEGLSLossless, "libjpeg"),
        ("MR_small_jp2klossless.dcm", JPEG2000Lossless, "openjpeg"),
        ("MR_small_RLE.dcm", RLELossless, "pydicom"),
    ],
)
def test_files_that_other_programs_packed_are_read(name: str, syntax: UID, decoder: str, tmp_path: Path) -> None:
    pytest.importorskip(decoder)
    packed, plain = (pydicom.dcmread(str(get_testdata_file(file, download=False))) for file in (name, "MR_small.dcm"))
    pixels = np.abs(plain.pixel_array)
    assert (pixels == plain.pixel_array).all()
    write_series(tmp_path / "dicom", np.stack([pixels] * 3))
    frame = next(generate_frames(packed.PixelData, number_of_frames=1))
    same = {key: getattr(packed, key) for key in ("BitsStored", "HighBit", "PixelRepresentation")}
    pack(tmp_path / "dicom", syntax, [frame] * 3, **same)
    assert np.allclose(imported(tmp_path), np.stack([pixels] * 3) * PLAIN, rtol=1e-6)


def test_a_packing_that_nothing_here_unpacks_is_named_with_what_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Nothing:
        is_available = False

    monkeypatch.setattr("petbench_datasets.importers.dicom_volume.get_decoder", lambda _: Nothing())
    write_series(tmp_path / "dicom", PIXELS)
    pack(tmp_path / "dicom", JPEGLosslessSV1, [b"\xff\xd8" + bytes(100)] * len(PIXELS))
    with pytest.raises(DataError, match=r"packed as JPEG Lossless.*pip install 'petbench\[dicom\]'"):
        imported(tmp_path)
    assert not (tmp_path / "dataset").exists()


@pytest.mark.parametrize("block", [0x10, 0x11, 0x80, 0xFF])
def test_philips_factors_are_found_in_whichever_block_is_theirs(block: int, tmp_path: Path) -> None:
    private = {(0x7053, block << 8): ("DS", "0.001")}
    assert suv_per_value(tmp_path, Units="CNTS", private=private) == pytest.approx(0.002)


def test_another_makers_block_is_not_read_as_philips(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("tests.datasets.dicom_writer", fromlist=["x"]).OWNERS, 0x7053, "ELSCINT1")
    with pytest.raises(DataError, match="counts without Philips"):
        suv_per_value(tmp_path, Units="CNTS", private={(0x7053, 0x1000): ("DS", "0.001")})


@pytest.mark.parametrize("kind", ["LBM", "LBMJAMES128", "LBMJANMA", "IBW"])
def test_the_sex_other_has_the_mean_of_both_factors(kind: str, tmp_path: Path) -> None:
    factors = {sex: suv_per_value(tmp_path / sex, Units="GML", SUVType=kind, PatientSex=sex) for sex in ("M", "F", "O")}
    assert factors["O"] == pytest.approx((factors["M"] + factors["F"]) / 2)
    with pytest.raises(DataError, match="sex, which is missing"):
        suv_per_value(tmp_path / "none", Units="GML", SUVType=kind, PatientSex="")
