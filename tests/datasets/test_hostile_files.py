"""NIfTI and DICOM files that once did harm: each is refused in one line, and nothing is written."""

from __future__ import annotations

import shutil
import tracemalloc
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result
from tests import hostile_inputs

from petbench.cli.main import cli
from petbench_datasets.errors import DataError
from petbench_datasets.images.nifti import read_image

if TYPE_CHECKING:
    from pathlib import Path

MEBIBYTE = 2**20

IMAGES = {
    "datatype-4096": "data code 4096 not recognized",
    "voxoffset-inf": "cut short or damaged",
    "degenerate-affine": "its voxels measure 1e+30 x 12 x 20 mm",
    "spacing-1e9mm": "its voxels measure 1e+09 x 353.2 x 20 mm",
    "gzip-bomb-1GiB": "unpacks to more than the 82272 bytes that its header says",
}

SERIES = {
    # What cannot be read may have been a slice of any series that does not say how many slices it has.
    "cut": ("does not say what it holds, SOPClassUID (0008,0016)", ()),
    "unknown-vr": ("Unknown Value Representation", ()),
    "orientation-short": ("PixelSpacing (0028,0030) is missing", ("delayed",)),
    "nan-time": ("FrameReferenceTime (0054,1300) is nan", ("delayed",)),
    "inf-slope-half-written": ("RescaleIntercept (0028,1052) is nan", ("delayed",)),
}
"""What is said of each folder of two series, and which image is read where what is unusable may be left out."""


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return hostile_inputs.unpack(tmp_path_factory.mktemp("hostile"))


def say(home: Path, *arguments: str | Path) -> Result:
    runner = CliRunner(env={"PETBENCH_HOME": str(home), "PETBENCH_DB": "", "PETBENCH_OFFLINE": "1"})
    result = runner.invoke(cli, [str(each) for each in arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def the_line(result: Result) -> str:
    assert result.exit_code == 1, result.output
    (line,) = [line for line in result.stderr.splitlines() if line.startswith("error: ")]
    return line


def test_every_one_of_them_is_tried() -> None:
    mine = {f"nii-{name}.nii.gz" for name in IMAGES} | {f"dicom-{name}" for name in SERIES}
    assert mine == {name for name in hostile_inputs.names() if name.startswith(("nii-", "dicom-"))}


@pytest.mark.parametrize(("name", "words"), IMAGES.items(), ids=list(IMAGES))
def test_an_image_that_did_harm_is_refused_by_its_header_in_little_memory(name: str, words: str, inputs: Path) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(DataError) as caught:
            read_image(inputs / f"nii-{name}.nii.gz")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert peak < 16 * MEBIBYTE


@pytest.mark.parametrize("options", [(), ("--resample-to", "early")], ids=["", "resampled"])
@pytest.mark.parametrize(("name", "words"), IMAGES.items(), ids=list(IMAGES))
def test_an_import_that_names_such_an_image_writes_nothing(
    name: str, words: str, options: tuple[str, ...], inputs: Path, tmp_path: Path
) -> None:
    shutil.copyfile(inputs / f"nii-{name}.nii.gz", tmp_path / "early.nii.gz")
    table = tmp_path / "pairs.csv"
    table.write_text("participant,early,delayed,units\np1,early.nii.gz,early.nii.gz,SUV\n", encoding="utf-8")
    line = the_line(say(tmp_path, "datasets", "import", "nifti", table, "--out", tmp_path / "out", *options))
    assert words in line
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("name", "words", "left"), [(name, *said) for name, said in SERIES.items()], ids=list(SERIES))
def test_a_slice_that_did_harm_is_named_and_costs_its_series_alone(
    name: str, words: str, left: tuple[str, ...], inputs: Path, tmp_path: Path
) -> None:
    command = ("datasets", "import", "dicom", inputs / f"dicom-{name}", "--out", tmp_path / "out")
    assert words in the_line(say(tmp_path, *command))
    assert not (tmp_path / "out").exists()
    result = say(tmp_path, *command, "--skip-unusable")
    read = [window for window in ("early", "delayed") if list((tmp_path / "out").rglob(f"*{window}_pet.nii.gz"))]
    assert (tuple(read), result.exit_code) == (left, 0 if left else 1)
    assert words in (result.output if left else the_line(result))
