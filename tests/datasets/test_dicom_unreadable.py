"""A file that cannot be read is never dropped in silence out of a series that it may belong to."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from tests.datasets.dicom_writer import write_series

from petbench_datasets.errors import DataError
from petbench_datasets.importers.dicom import import_dicom

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from petbench_datasets.importers.dataset import ImportReport

COUNT = 6
PIXELS = np.full((COUNT, 4, 4), 500, dtype=np.int16)
OTHER = {"SeriesTime": "104200", "AcquisitionTime": "104200", "ActualFrameDuration": 1260000}

DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "cut in its preamble": lambda content: content[:100],
    "cut after its preamble": lambda content: content[:140],
    "cut in its header": lambda content: content[:400],
    "no byte": lambda _: b"",
    "zeros": lambda content: bytes(len(content)),
    "text": lambda _: b"an error page of a proxy\n" * 40,
    "a length beyond its end": lambda content: content[:300] + b"\xff" * 64 + content[364:],
}


def _write(folder: Path, *, stated: bool, series: str = "1.2.3.1", **changes: Any) -> list[Path]:
    write_series(folder, PIXELS, None, series=series, **changes, NumberOfSlices=COUNT if stated else ...)
    return sorted(folder.glob(f"{series}-*.dcm"))


def _damage(path: Path, how: str) -> None:
    path.write_bytes(DAMAGES[how](path.read_bytes()))


def _import(tmp_path: Path) -> ImportReport:
    return import_dicom(tmp_path / "dicom", tmp_path / "dataset", skip_unusable=True)


@pytest.mark.parametrize("stated", [True, False])
@pytest.mark.parametrize("place", [0, 2, COUNT - 1])
@pytest.mark.parametrize("how", DAMAGES)
def test_a_series_that_lost_a_slice_is_left_out_and_the_other_is_kept(
    how: str, place: int, stated: bool, tmp_path: Path
) -> None:
    _damage(_write(tmp_path / "dicom" / "early", stated=stated)[place], how)
    _write(tmp_path / "dicom" / "delayed", stated=stated, series="1.2.3.2", **OTHER)
    report = _import(tmp_path)
    assert len(report.images) == 1
    reasons = " ".join(f"{what} {why}" for what, why in report.skipped)
    assert f"-{place:04d}.dcm" in reasons
    assert "early (WB AC)" in reasons
    with pytest.raises(DataError, match=f"-{place:04d}.dcm"):
        import_dicom(tmp_path / "dicom", tmp_path / "another")


@pytest.mark.parametrize("how", DAMAGES)
def test_a_series_whose_slices_are_counted_is_whole_whatever_lies_beside_it(how: str, tmp_path: Path) -> None:
    files = _write(tmp_path / "dicom", stated=True)
    shutil.copy(files[3], tmp_path / "dicom" / "again.dcm")
    _damage(tmp_path / "dicom" / "again.dcm", how)
    assert len(_import(tmp_path).images) == 1


def test_a_file_that_names_its_series_costs_no_other_one_in_its_folder(tmp_path: Path) -> None:
    early = _write(tmp_path / "dicom", stated=False)
    _write(tmp_path / "dicom", stated=False, series="1.2.3.10", **OTHER)  # begins as the other's UID does
    content = early[-1].read_bytes()
    early[-1].write_bytes(bytes(300) + content[300:])  # its beginning is lost, and the UID still stands in it
    report = _import(tmp_path)
    assert len(report.images) == 1
    assert sum("whether a slice is lost" in why for _, why in report.skipped) == 1


def test_where_nothing_says_whose_it_was_every_uncounted_series_of_the_folder_is_left_out(tmp_path: Path) -> None:
    early = _write(tmp_path / "dicom" / "a", stated=False)
    _write(tmp_path / "dicom" / "a", stated=False, series="1.2.3.2", **OTHER)
    _write(tmp_path / "dicom" / "b", stated=False, series="1.2.3.3", **OTHER)
    _damage(early[-1], "zeros")
    report = _import(tmp_path)
    assert len(report.images) == 1
    assert sum("whether a slice is lost" in why for _, why in report.skipped) == 2


@pytest.mark.parametrize("name", ["README.txt", "report.pdf", "DICOMDIR", "Thumbs.db", "._1.2.3.1-0000.dcm", "viewer"])
def test_what_is_called_no_slice_costs_no_series(name: str, tmp_path: Path) -> None:
    _write(tmp_path / "dicom", stated=False)
    (tmp_path / "dicom" / name).write_bytes(b"something else")
    assert len(import_dicom(tmp_path / "dicom", tmp_path / "dataset").images) == 1
