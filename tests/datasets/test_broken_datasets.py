"""What goes wrong with files and disks, met through the command itself: one line, exit 1, nothing lost."""

from __future__ import annotations

import gzip
import hashlib
import json
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from petbench_datasets.dataset.reader import open_dataset
from petbench_datasets.dataset.split import Fold, Split, write_split
from petbench_datasets.exporters.images import export_nifti
from petbench_datasets.images.nifti import read_image
from petbench_datasets.images.nifti_writer import write_image

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.command import Petbench
    from tests.datasets.conftest import DatasetWriter

pytestmark = pytest.mark.slow


def cut_short(writer: DatasetWriter) -> str:
    path = writer.image_path("sub-02", "delayed")
    path.write_bytes(path.read_bytes()[:-400])
    return "cut short"


def one_frame_time_missing(writer: DatasetWriter) -> str:
    writer.image_path("sub-02", "delayed").unlink()
    writer.sidecar_path("sub-02", "delayed").unlink()
    movie = np.stack([writer.voxels(seed) for seed in range(3)])
    times: dict[str, Any] = {"FrameTimesStart": [2520, 2940], "FrameDuration": [420, 420]}
    writer.image("sub-02", "dynamic", movie, **times)
    return "3 frames in the image but 2 FrameTimesStart"


def all_zero(writer: DatasetWriter) -> str:
    writer.image("sub-02", "delayed", np.zeros(writer.grid.shape, dtype=np.float32))
    return "every voxel"


def a_web_page(writer: DatasetWriter) -> str:
    page = b"<!DOCTYPE html><html><body>Please log in</body></html>" * 50
    writer.image_path("sub-02", "delayed").write_bytes(gzip.compress(page))
    return "HTML"


@pytest.mark.parametrize("damage", [cut_short, one_frame_time_missing, all_zero, a_web_page])
def test_a_damaged_image_stops_a_run_in_one_line_and_nothing_is_lost(
    damage: Callable[[DatasetWriter], str], writer: DatasetWriter, petbench: Petbench
) -> None:
    root = writer.dataset(3)
    petbench("datasets", "split", root)
    reason = damage(writer)
    before = _hashes(root)
    said = petbench.refusal("run", "--method", "identity", "--dataset", root)
    assert reason in said
    assert "sub-02" in said
    assert _hashes(root) == before
    listed = petbench("datasets", "check", root, code=1).stdout
    assert reason in listed


def test_a_full_disk_stops_an_import_in_one_line_and_leaves_nothing(
    writer: DatasetWriter, petbench: Petbench, tmp_path: Path
) -> None:
    table = export_nifti(open_dataset(writer.dataset(3)), tmp_path / "nifti")
    disk = tmp_path / "disk"
    disk.mkdir()
    within = _mounted(disk, "size=16k", "mkdir DISK/kept && echo mine > DISK/kept/notes.txt", after="ls -A DISK")
    command = ("datasets", "import", "nifti", table, "--out", disk / "dataset")
    said = petbench.process(*command, code=1, within=within)
    assert "No space left on device" in said.stderr
    assert len([line for line in said.stderr.splitlines() if line.startswith("error: ")]) == 1
    assert said.stdout.split() == ["kept"]


def test_a_read_only_home_is_named_in_one_line(petbench: Petbench, tmp_path: Path) -> None:
    petbench.home.mkdir()
    within = _mounted(petbench.home, "ro", "true")
    said = petbench.refusal("datasets", "build", "fdg-phantom-mini", within=within)
    assert str(petbench.home) in said
    assert "Read-only" in said


def test_a_dataset_that_is_shared_read_only_opens_by_its_name(petbench: Petbench, writer: DatasetWriter) -> None:
    place = petbench.home / "datasets"
    shutil.copytree(writer.dataset(3), place / "fdg-phantom-mini")
    within = _mounted(place, "ro", "true", bind=True)
    listed = petbench.process("datasets", "info", "fdg-phantom-mini", "--json", within=within).stdout
    assert len(json.loads(listed)["participants"]) == 3
    said = petbench.refusal("datasets", "info", "fdg-phantom", within=within)
    assert "Read-only" in said


def test_a_home_that_is_a_file_is_named_in_one_line(petbench: Petbench) -> None:
    petbench.home.write_text("notes")
    said = petbench.refusal("datasets", "build", "fdg-phantom-mini")
    assert str(petbench.home) in said
    assert petbench.home.read_text() == "notes"


def test_each_format_comes_back_through_the_command_within_one_step(
    writer: DatasetWriter, petbench: Petbench, tmp_path: Path
) -> None:
    root = writer.dataset(2)
    for form in ("dicom", "nifti", "bids"):
        petbench("datasets", "export", root, "--as", form, "--out", tmp_path / form)
    petbench("datasets", "import", "dicom", tmp_path / "dicom", "--out", tmp_path / "from-dicom")
    petbench("datasets", "import", "nifti", tmp_path / "nifti" / "pairs.tsv", "--out", tmp_path / "from-nifti")
    before = open_dataset(root)
    for folder, steps in (("from-dicom", 0.51), ("from-nifti", 0.0), ("bids", 0.0)):
        after = open_dataset(tmp_path / folder)
        assert after.participants == before.participants
        for name in before.participants:
            one, other = before.pair(name), after.pair(name)
            for volume, back in ((one.early, other.early), (one.delayed, other.delayed)):
                step = steps * volume.max(axis=(1, 2), keepdims=True) / 32767 + 2e-6 * volume
                assert (np.abs(back - volume) <= step).all()


def test_an_import_says_what_the_image_amounts_to(writer: DatasetWriter, petbench: Petbench, tmp_path: Path) -> None:
    root = writer.dataset(1)
    petbench("datasets", "export", root, "--as", "dicom", "--out", tmp_path / "dicom")
    said = petbench("datasets", "import", "dicom", tmp_path / "dicom", "--out", tmp_path / "back").stdout
    voxels, grid = read_image(writer.image_path("sub-01", "early"))
    megabecquerel = float(voxels.sum(dtype=np.float64)) * grid.voxel_millilitres / 1e6
    assert (
        f"SUV maximum {voxels.max() * 70e3 / 250e6:.1f}, {100 * megabecquerel / 250:.0f} % of the dose in view" in said
    )


@pytest.mark.parametrize(("megabecquerel", "refused"), [(2.5, False), (1.0, True)])
def test_more_activity_than_was_injected_is_doubted_and_far_more_is_refused(
    megabecquerel: float, refused: bool, writer: DatasetWriter, petbench: Petbench, tmp_path: Path
) -> None:
    table = tmp_path / "pairs.csv"
    for window, seed in (("early", 1), ("delayed", 2)):
        write_image(tmp_path / f"{window}.nii.gz", writer.voxels(seed), writer.grid)
    header = "participant,early,delayed,units,weight_kg,dose_mbq,decay_correction,early_start_min,early_duration_min,"
    cells = f"one,early.nii.gz,delayed.nii.gz,Bq/mL,70,{megabecquerel},ADMIN,7,14,42,21"
    table.write_text(f"{header}delayed_start_min,delayed_duration_min\n{cells}\n")
    command = ("datasets", "import", "nifti", table, "--out", tmp_path / "dataset")
    if refused:
        assert f"dose_mbq is {megabecquerel:g} MBq, but the image holds" in petbench.refusal(*command)
        assert not (tmp_path / "dataset").exists()
    else:
        assert "more activity in view than was injected" in petbench(*command).stdout


def _hashes(root: Path) -> dict[str, str]:
    files = [path for path in root.rglob("*") if path.is_file()]
    return {str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def _mounted(place: Path, options: str, before: str, after: str = "true", *, bind: bool = False) -> tuple[str, ...]:
    """Return a prefix that runs a command with a small file system of its own, or its own files, mounted at `place`.

    `before` and `after` are shell commands, in which DISK is the place. Skips where the kernel does not permit it.
    """
    tool = shutil.which("unshare")
    prefix = [str(tool), "--map-root-user", "--mount"]
    mount = f'mount -t tmpfs -o {options} none "{place}"'
    if bind:
        mount = f'mount --bind "{place}" "{place}" && mount -o remount,bind,{options} "{place}"'
    if tool is None or subprocess.run([*prefix, "sh", "-c", mount], capture_output=True, check=False).returncode:
        pytest.skip("this machine does not permit a file system of one's own (unshare --map-root-user --mount)")
    first, last = (command.replace("DISK", f'"{place}"') for command in (before, after))
    return (*prefix, "sh", "-c", f'{mount} && {first} && {{ "$@"; code=$?; {last}; exit $code; }}', "sh")


def other_images(writer: DatasetWriter) -> str:
    _split(writer, ("sub-01",), ("sub-02",), ("sub-03",))
    writer.image("sub-02", "delayed", writer.voxels(77))
    return "made for a dataset with fingerprint"


def one_participant_in_two_parts(writer: DatasetWriter) -> str:
    _split(writer, ("sub-01", "sub-03"), ("sub-02",), ("sub-03",))
    return "has sub-03 in both train and test"


def the_same_pixels_under_two_names(writer: DatasetWriter) -> str:
    writer.image("sub-03", "delayed", writer.voxels(1))  # those of sub-01
    _split(writer, ("sub-01",), ("sub-02",), ("sub-03",))
    return "hold the same voxels under two names"


def an_incomplete_pair(writer: DatasetWriter) -> str:
    _split(writer, ("sub-01",), ("sub-02",), ("sub-03",))
    writer.image_path("sub-02", "delayed").unlink()
    writer.sidecar_path("sub-02", "delayed").unlink()
    return "no delayed image"


@pytest.mark.parametrize(
    "mislead", [other_images, one_participant_in_two_parts, the_same_pixels_under_two_names, an_incomplete_pair]
)
def test_a_run_refuses_what_would_mislead(
    mislead: Callable[[DatasetWriter], str], writer: DatasetWriter, petbench: Petbench
) -> None:
    root = writer.dataset(3)
    reason = mislead(writer)
    assert reason in petbench.refusal("run", "--method", "identity", "--dataset", root)


def _split(writer: DatasetWriter, train: tuple[str, ...], validation: tuple[str, ...], test: tuple[str, ...]) -> None:
    fold = Fold(train, validation, test)
    write_split(writer.root, Split("holdout", open_dataset(writer.root).fingerprint, (fold,)))
