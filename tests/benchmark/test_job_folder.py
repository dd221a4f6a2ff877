"""What a method's process leaves in the folder of its job is taken as what it must be, or refused."""

from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from petbench.errors import PluginError
from petbench.runs.method_process.job_folder import JobFolder

if TYPE_CHECKING:
    from pathlib import Path


class Folder:
    """A job's folder with something in the place of a prediction."""

    def __init__(self, path: Path) -> None:
        self.job = JobFolder(path / "job")
        self.job.prepare(path / "training")

    def take(self) -> np.ndarray[Any, Any]:
        return self.job.take_prediction(0, (2, 3, 4), "the prediction")

    def put(self, volume: object) -> None:
        np.save(self.job.predicted(0), volume, allow_pickle=True)  # type: ignore[arg-type]


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


@pytest.mark.parametrize("kind", ["<f4", ">f4", "<f8", "<i2", "u1"])
def test_a_prediction_of_real_numbers_is_taken_as_float32_and_its_file_is_gone(folder: Folder, kind: str) -> None:
    volume = np.arange(24).reshape(2, 3, 4).astype(kind)
    folder.put(np.asfortranarray(volume))
    taken = folder.take()
    assert taken.dtype == np.float32
    np.testing.assert_array_equal(taken, volume)
    assert not folder.job.predicted(0).exists()


@pytest.mark.parametrize(
    ("volume", "message"),
    [
        (np.zeros((2, 3, 4), dtype=complex), "is of type complex128"),
        (np.zeros((2, 3, 4), dtype=bool), "is of type bool"),
        (np.zeros((2, 3, 4), dtype=object), "is of type object"),
        (np.zeros((2, 3, 4), dtype="U3"), "is of type <U3"),
        (np.zeros((4, 3, 2), dtype=np.float32), r"has \(4, 3, 2\) voxels, not \(2, 3, 4\)"),
        (np.zeros((200, 30, 4), dtype=np.float32), "bytes of voxels"),
        (np.float32(1), r"has \(\) voxels"),
    ],
)
def test_a_prediction_that_is_no_volume_of_real_numbers_is_refused(folder: Folder, volume: Any, message: str) -> None:
    folder.put(volume)
    with pytest.raises(PluginError, match=message):
        folder.take()


def test_a_header_that_promises_more_than_the_file_has_allocates_nothing(folder: Folder) -> None:
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": "<f4", "fortran_order": False, "shape": (10**6, 10**6)})
    folder.job.predicted(0).write_bytes(file.getvalue())
    with pytest.raises(PluginError, match="voxels, not"):
        folder.take()


def test_a_link_or_a_pipe_in_a_prediction_s_place_is_never_followed(folder: Folder, tmp_path: Path) -> None:
    np.save(tmp_path / "target.npy", np.zeros((2, 3, 4), dtype=np.float32))
    folder.job.predicted(0).symlink_to(tmp_path / "target.npy")
    with pytest.raises(PluginError, match="cannot be read back"):
        folder.take()
    folder.job.predicted(0).unlink()
    os.mkfifo(folder.job.predicted(0))
    with pytest.raises(PluginError, match="is no file"):
        folder.take()
    folder.job.model.symlink_to(tmp_path / "target.npy")
    with pytest.raises(PluginError, match="there is none"):
        folder.job.take_model(tmp_path / "model.pt")


def test_what_a_run_learnt_moves_into_the_job_and_back(tmp_path: Path) -> None:
    training = tmp_path / "run" / "training"
    training.mkdir(parents=True)
    (training / "log.jsonl").write_text("{}", encoding="utf-8")
    job = JobFolder(tmp_path / "job")
    job.prepare(training)
    assert (job.training / "log.jsonl").exists()
    assert not training.exists()
    (job.training / "more").write_text("more", encoding="utf-8")
    job.prepare(training)  # after a kill that left it all behind
    job.give_back(training)
    assert sorted(path.name for path in training.iterdir()) == ["log.jsonl", "more"]
    assert not job.path.exists()
