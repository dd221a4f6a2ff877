"""What a fetch makes of files, whatever their number: few volumes in memory, and the disk's failures told apart."""

from __future__ import annotations

import errno
import json
import tracemalloc
from typing import TYPE_CHECKING

import numpy as np
import pytest
from filelock import FileLock
from tests.datasets import multimodal_hc_layout as layout
from tests.datasets.test_fetch import FETCH
from tests.datasets.test_fetch_failures import line_of

from petbench_datasets.errors import DataError
from petbench_datasets.fetching.images import make_images
from petbench_datasets.images.grid import Grid
from petbench_datasets.images.nifti_writer import write_frames
from petbench_datasets.sources import RawParticipant
from petbench_datasets.tasks.built_in import DEFAULT_TASK

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.datasets.hub_stand_in import Hub

    Invoke = Callable[..., tuple[int, str]]


def test_frames_are_read_one_at_a_time(tmp_path: Path) -> None:
    grid = Grid.regular((64, 64, 64), (4.0, 4.0, 4.0))
    volume = np.linspace(0.0, 1e4, 64**3, dtype=np.float32).reshape(grid.shape)
    raw = layout.write_layout(tmp_path / "hub", ("sub-000",)) / "train"
    stem = raw / "sub-000" / "ses-quadra" / "pet" / "sub-000_ses-quadra_trc-18FFDG_rec-acdynPSF_pet"
    for path in stem.parent.glob("*acdynOSEM*"), stem.parent.glob("*acstat*"):
        for other in path:
            other.unlink()
    write_frames(stem.with_name(f"{stem.name}.nii.gz"), (volume for _ in layout.STARTS), len(layout.STARTS), grid)
    # What the first call imports is no volume.
    make_images(RawParticipant(raw, "sub-000"), "sub-000", "early", tmp_path / "warm", DEFAULT_TASK)
    tracemalloc.start()
    make_images(RawParticipant(raw, "sub-000"), "sub-000", "early", tmp_path / "work", DEFAULT_TASK)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 12 * volume.nbytes < len(layout.STARTS) * volume.nbytes / 5


@pytest.mark.parametrize("told_as", ["OSError", "DataError"])
def test_a_disk_that_gets_full_while_images_are_made_is_no_fault_of_the_participant(
    hub: Hub, invoke: Invoke, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, told_as: str
) -> None:
    def full(*_: object) -> None:
        error = OSError(errno.ENOSPC, "No space left on device")
        if told_as == "OSError":
            raise error
        raise DataError("made: cannot be written") from error

    with monkeypatch.context() as patch:
        patch.setattr("petbench_datasets.fetching.cohort.make_images", full)
        code, said = invoke(*FETCH, "--to", tmp_path / "mhc", "--participants", 1)
    assert code == 1
    assert "the disk is full (No space left on device); free space and repeat the command" in line_of(said)
    hub.asked.clear()
    assert invoke(*FETCH, "--to", tmp_path / "mhc", "--participants", 1)[0] == 0
    assert not hub.asked


@pytest.mark.parametrize("cause", [MemoryError(), OSError(errno.EIO, "Input/output error")], ids=["memory", "disk"])
def test_what_the_machine_lacks_leaves_nobody_out(
    hub: Hub, invoke: Invoke, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cause: Exception
) -> None:
    def fails(*_: object) -> None:
        raise DataError("sub-000: needs what there is not") from cause

    with monkeypatch.context() as patch:
        patch.setattr("petbench_datasets.fetching.cohort.make_images", fails)
        code, said = invoke(*FETCH, "--to", tmp_path / "mhc", "--participants", 1)
    assert code == 1
    assert "needs what there is not" in line_of(said)
    assert invoke(*FETCH, "--to", tmp_path / "mhc", "--participants", 1)[0] == 0


def test_two_fetches_into_one_folder_are_refused(hub: Hub, invoke: Invoke, tmp_path: Path) -> None:
    (tmp_path / "mhc" / ".fetch").mkdir(parents=True)
    with FileLock(tmp_path / "mhc" / ".fetch" / "lock"):
        code, said = invoke(*FETCH, "--to", tmp_path / "mhc")
    assert code == 1
    assert "another process fetches into it" in line_of(said)


def test_the_list_says_which_are_fetched(invoke: Invoke) -> None:
    _, said = invoke("datasets", "list", "--json")
    listed = {one["name"]: one["fetch"] for one in json.loads(said)}
    assert listed["fdg-phantom-mini"] is None
    assert listed["multimodal-hc"]["reconstructions"] == ["acdynPSF", "acdynOSEM"]
    assert listed["multimodal-hc"]["bytes_of_all"] == 80 * listed["multimodal-hc"]["bytes_a_participant"]
    _, said = invoke("datasets", "list")
    assert "fetch" in next(line for line in said.splitlines() if "acrin-flt-breast" in line)
