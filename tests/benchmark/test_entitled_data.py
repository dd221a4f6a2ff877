"""One rule of what a supervision may see, whatever is asked and wherever the volumes lie: on disk, or in a job."""

from __future__ import annotations

import typing
from typing import TYPE_CHECKING

import numpy as np
import pytest

from petbench import Scan
from petbench.contract import Supervision, TrainingData
from petbench.errors import PluginError
from petbench.methods.program.protocol import Job
from petbench.methods.program.runner import job_data
from petbench.methods.program.validation_input import read_pairs, write_pairs
from petbench.methods.scan_files import write_scan
from petbench.testing.images import SmallData
from petbench.training.entitled_data import EntitledData
from petbench.training.volumes import gather_validation, gather_volumes
from petbench_datasets.dataset.reader import open_dataset
from petbench_datasets.dataset.split import load_split

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from petbench.contract import Volume

    Make = Callable[[Supervision, Path, Path], EntitledData]

SUPERVISIONS = typing.get_args(Supervision)
ACCESSORS = [name for name, value in vars(TrainingData).items() if callable(value) and not name.startswith("_")]

#: What each accessor gives out, by supervision; whatever is not here is refused.
ENTITLED = {
    ("paired", "scans"): "scans",
    ("paired", "delayed"): "delayed",
    ("paired", "pairs"): "pairs",
    ("unpaired", "scans"): "scans",
    ("unpaired", "delayed"): "delayed",
    ("no-target", "scans"): "scans",
}


def from_a_dataset(supervision: Supervision, body_dataset: Path, folder: Path) -> EntitledData:
    dataset = open_dataset(body_dataset)
    return gather_volumes(dataset, load_split(dataset, "holdout").folds[0], supervision, folder=folder)


def from_a_job(supervision: Supervision, body_dataset: Path, folder: Path) -> EntitledData:
    """Return what a program's job holds, which petbench wrote from what the harness's own process is entitled to."""
    data = from_a_dataset(supervision, body_dataset, folder)
    scans = tuple(write_scan(folder, str(number), scan) for number, scan in enumerate(data.scans()))
    delayed = data.delayed() if supervision != "no-target" else ()
    names = tuple(f"{number}-delayed.npy" for number in range(len(delayed)))
    for name, volume in zip(names, delayed, strict=True):
        np.save(folder / name, volume)
    job = Job(stage="fit", method="m", parameters={}, supervision=supervision, seed=0, scans=scans, delayed=names)
    return job_data(job, folder)


@pytest.fixture(params=[from_a_dataset, from_a_job], ids=["dataset", "job"])
def make(request: pytest.FixtureRequest) -> Make:
    found: Make = request.param
    return found


def sums(volumes: Iterable[Volume]) -> list[float]:
    return sorted(float(volume.sum()) for volume in volumes)


@pytest.mark.parametrize("accessor", ACCESSORS)
@pytest.mark.parametrize("supervision", SUPERVISIONS)
def test_each_accessor_gives_what_the_supervision_entitles_to_of_training_participants_alone(
    supervision: Supervision, accessor: str, make: Make, body_dataset: Path, tmp_path: Path
) -> None:
    data = make(supervision, body_dataset, tmp_path)
    entitled = ENTITLED.get((supervision, accessor))
    if entitled is None:
        with pytest.raises(PluginError, match=f"supervision is `{supervision}`: it gets no"):
            getattr(data, accessor)()
        return
    dataset = open_dataset(body_dataset)
    pairs = [dataset.pair(name) for name in load_split(dataset, "holdout").folds[0].train]
    found = getattr(data, accessor)()
    assert len(found) == len(pairs)
    if entitled == "pairs":
        for (scan, delayed), pair in zip(found, pairs, strict=True):
            assert np.array_equal(scan.early, pair.early)
            assert np.array_equal(delayed, pair.delayed)
    elif entitled == "scans":
        assert sums(scan.early for scan in found) == sums(pair.early for pair in pairs)
    else:
        assert sums(found) == sums(pair.delayed for pair in pairs)


def test_an_unpaired_method_learns_no_pair_from_the_order_of_what_it_is_given(body_dataset: Path) -> None:
    dataset = open_dataset(body_dataset)
    fold = load_split(dataset, "holdout").folds[0]
    belongs = {}
    for name in fold.train:
        pair = dataset.pair(name)
        belongs[float(pair.early.sum())] = float(pair.delayed.sum())
    together = []
    for seed in range(12):
        data = gather_volumes(dataset, fold, "unpaired", seed=seed)
        given = zip(data.scans(), data.delayed(), strict=True)
        together.append(all(belongs[float(scan.early.sum())] == float(late.sum()) for scan, late in given))
    assert 0 < sum(together) < len(together)  # by chance alone: two participants, two orders


def test_the_small_data_of_the_checks_follow_the_same_rule() -> None:
    for supervision in SUPERVISIONS:
        data = SmallData(supervision)
        for accessor in ACCESSORS:
            if (supervision, accessor) in ENTITLED:
                assert len(getattr(data, accessor)()) > 0
            else:
                with pytest.raises(PluginError, match="it gets no"):
                    getattr(data, accessor)()


def test_validation_pairs_are_the_harness_s_and_reach_its_own_program_whole(body_dataset: Path, tmp_path: Path) -> None:
    dataset = open_dataset(body_dataset)
    pairs = gather_validation(dataset, ("sub-03",), folder=tmp_path)
    with (tmp_path / "input").open("w+b") as file:
        write_pairs(file, pairs)
        ((scan, delayed),) = read_pairs(file, tmp_path)
    assert np.array_equal(scan.early, dataset.pair("sub-03").early)
    assert np.array_equal(delayed, dataset.pair("sub-03").delayed)
    with (tmp_path / "nothing").open("w+b") as file:
        assert len(read_pairs(file, tmp_path)) == 0


def test_what_a_method_changes_it_changes_for_itself_alone(make: Make, body_dataset: Path, tmp_path: Path) -> None:
    data = make("paired", body_dataset, tmp_path)
    data.scans()[0].early[:] = -1
    data.pairs()[0][1][:] = -1
    assert data.scans()[0].early.min() >= 0
    assert data.delayed()[0].min() >= 0


def test_a_slice_of_the_volumes_reads_none_of_them() -> None:
    read: list[int] = []

    def reads(number: int) -> Callable[[], Scan]:
        def scan() -> Scan:
            read.append(number)
            return Scan(np.full((1, 1, 1), number, dtype=np.float32))

        return scan

    scans = EntitledData("no-target", [reads(number) for number in range(4)], []).scans()
    half = scans[2:]
    assert len(half) == 2
    assert read == []
    assert [float(scan.early.max()) for scan in half] == [2.0, 3.0]
