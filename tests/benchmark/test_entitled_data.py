"""One rule of what a supervision may see, wherever the volumes lie: in a dataset's copies, a job's files, or memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from petbench.errors import PluginError
from petbench.methods.program.protocol import Job, VolumeFiles
from petbench.methods.program.runner import job_data
from petbench.testing.images import SmallData
from petbench.training.entitled_data import EntitledData

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from petbench.contract import Supervision

    Make = Callable[[Supervision, Path], EntitledData]


def from_memory(supervision: Supervision, _folder: Path) -> EntitledData:
    return SmallData(supervision)


def from_a_job(supervision: Supervision, folder: Path) -> EntitledData:
    names = ("0.npy", "1.npy")
    for name in names:
        np.save(folder / name, np.full((2, 2, 2), 1.0 + int(name[0]), dtype=np.float32))
    pair = VolumeFiles(early="0.npy", delayed="1.npy")
    job = Job(
        stage="fit", method="m", parameters={}, supervision=supervision, seed=0, early=names, delayed=names,
        validation=(pair,),
    )  # fmt: skip
    return job_data(job, folder)


@pytest.fixture(params=[from_memory, from_a_job], ids=["memory", "job"])
def make(request: pytest.FixtureRequest) -> Make:
    found: Make = request.param
    return found


def test_paired_data_gives_everything(make: Make, tmp_path: Path) -> None:
    data = make("paired", tmp_path)
    assert len(data.pairs()) == len(data.early()) == len(data.delayed()) > 0
    for (early, delayed), one, other in zip(data.pairs(), data.early(), data.delayed(), strict=True):
        assert np.array_equal(early, one)
        assert np.array_equal(delayed, other)
    assert len(data.validation_pairs()) == 1


def test_unpaired_data_gives_no_pairs(make: Make, tmp_path: Path) -> None:
    data = make("unpaired", tmp_path)
    assert len(data.delayed()) > 0
    with pytest.raises(PluginError, match="supervision is `unpaired`: it gets no pairs; declare `paired`"):
        data.pairs()


def test_data_without_a_target_gives_no_delayed_volume_at_all(make: Make, tmp_path: Path) -> None:
    data = make("no-target", tmp_path)
    assert len(data.early()) > 0
    with pytest.raises(PluginError, match="supervision is `no-target`: it gets no delayed volume"):
        data.delayed()
    with pytest.raises(PluginError, match="gets no pairs"):
        data.pairs()
    assert len(data.validation_pairs()) == 0


def test_what_a_method_changes_it_changes_for_itself_alone(make: Make, tmp_path: Path) -> None:
    data = make("paired", tmp_path)
    data.early()[0][:] = -1
    data.pairs()[0][1][:] = -1
    assert data.early()[0].min() >= 0
    assert data.delayed()[0].min() >= 0


def test_a_slice_of_the_volumes_reads_none_of_them() -> None:
    read: list[int] = []

    def reads(number: int) -> Callable[[], np.ndarray[tuple[int, ...], np.dtype[np.float32]]]:
        def volume() -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
            read.append(number)
            return np.full((1, 1, 1), number, dtype=np.float32)

        return volume

    early = EntitledData("no-target", [reads(number) for number in range(4)], [], []).early()
    half = early[2:]
    assert len(half) == 2
    assert read == []
    assert [float(volume.max()) for volume in half] == [2.0, 3.0]
