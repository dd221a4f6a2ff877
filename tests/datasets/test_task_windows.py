"""One cohort by several tasks: each window's image is what was measured in it, of the task's tracer alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from petbench_datasets.bids.scan import read_scan
from petbench_datasets.dataset.check import check_dataset
from petbench_datasets.dataset.info import dataset_info
from petbench_datasets.dataset.reader import open_dataset
from petbench_datasets.errors import DataError
from petbench_datasets.exporters.dicom import export_dicom
from petbench_datasets.exporters.images import export_bids, export_nifti
from petbench_datasets.exporters.resample import resample_dataset
from petbench_datasets.images.decay import HALF_LIFE_SECONDS
from petbench_datasets.importers.dicom import import_dicom
from petbench_datasets.importers.nifti import import_nifti
from petbench_datasets.tasks.built_in import BUILT_IN, DEFAULT_TASK
from petbench_datasets.tasks.task_file import TASK_FILE

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.datasets.conftest import DatasetWriter

HOURS = 3600.0
COPPER = BUILT_IN["cu64-1h-to-24h"]
FDG_TASKS = [task for task in BUILT_IN.values() if task.tracer == "FDG"]
EDGES = np.arange(0.0, 8160.0, 60.0)
"""Of a dynamic scan of a minute a frame, until 135 min: the edges of every window of FDG are among them."""


def suv(seconds: float | np.ndarray) -> float | np.ndarray:
    """Return the uptake in time, without an unknown: 3 e^(-t/40 min) + t/60 min."""
    minutes = np.asarray(seconds) / 60.0
    return 3.0 * np.exp(-minutes / 40.0) + minutes / 60.0


def mean_suv(start: float, stop: float) -> float:
    """Return its mean in a window by its integral in closed form."""
    a, b = start / 60.0, stop / 60.0
    return float((120.0 * (np.exp(-a / 40.0) - np.exp(-b / 40.0)) + (b**2 - a**2) / 120.0) / (b - a))


@pytest.fixture
def dynamic(writer: DatasetWriter) -> Path:
    """Write three participants with every minute of 135, each frame the mean of the uptake in it."""
    names = [f"sub-{number:02d}" for number in range(1, 4)]
    writer.participants(dict.fromkeys(names, 70.0))
    means = np.array([mean_suv(start, start + 60.0) for start in EDGES[:-1]])
    for number, name in enumerate(names):
        relief = 1.0 + 0.1 * np.random.default_rng(number).random(writer.grid.shape)
        voxels = (means[:, None, None, None] * relief * 250e6 / 70000.0).astype(np.float32)
        times = {"FrameTimesStart": EDGES[:-1].tolist(), "FrameDuration": [60.0] * len(means)}
        writer.image(name, "dynamic", voxels, **times)
    return writer.root


@pytest.mark.parametrize("task", FDG_TASKS, ids=lambda task: task.name)
def test_each_task_takes_its_own_windows_of_one_dynamic_cohort(task: Any, dynamic: Path) -> None:
    dataset = open_dataset(dynamic, task=task)
    relief = 1.0 + 0.1 * np.random.default_rng(0).random(dataset.grid("sub-01").shape)
    pair, plan = dataset.pair("sub-01"), dataset.plans["sub-01"]
    for image, window, (name, seconds) in zip(
        (pair.early, pair.delayed), (plan.early, plan.delayed), task.windows_seconds.items(), strict=True
    ):
        assert window.name == name
        assert window.effective_seconds == seconds
        assert np.allclose(image, mean_suv(*seconds) * relief, rtol=1e-5)
    assert dataset.task == task
    assert dataset_info(dataset).task == task.id


def test_two_tasks_on_one_cohort_have_two_fingerprints_and_one_cache(dynamic: Path) -> None:
    prints = {open_dataset(dynamic, task=task).fingerprint for task in FDG_TASKS}
    assert len(prints) == len(FDG_TASKS)
    assert prints == {open_dataset(dynamic, task=task).fingerprint for task in FDG_TASKS}


def test_the_file_beside_a_cohort_decides_its_windows(dynamic: Path) -> None:
    (dynamic / TASK_FILE).write_text('task = "fdg-60-to-120"\n', encoding="utf-8")
    assert open_dataset(dynamic).plans["sub-01"].delayed.effective_seconds == (7200.0, 8100.0)
    assert open_dataset(dynamic, task=DEFAULT_TASK).plans["sub-01"].delayed.effective_seconds == (2520.0, 3780.0)


def test_a_window_that_a_cohort_has_not_is_named_with_its_times(writer: DatasetWriter) -> None:
    writer.dataset()
    with pytest.raises(DataError, match=r"20% of the early window \(60-75 min after injection\), and at least 50%"):
        open_dataset(writer.root, task=BUILT_IN["fdg-60-to-120"])


def test_how_much_of_a_window_must_be_there_is_the_tasks(writer: DatasetWriter) -> None:
    writer.participants({"sub-01": 70.0})
    half = {"early": (3600.0, 460.0), "delayed": (7200.0, 460.0)}
    for number, (window, (start, length)) in enumerate(half.items()):
        writer.image("sub-01", window, writer.voxels(number), FrameTimesStart=[start], FrameDuration=[length])
    assert open_dataset(writer.root, task=BUILT_IN["fdg-60-to-120"]).plans["sub-01"].early.coverage > 0.5


def copper(writer: DatasetWriter, corrected: str, **changes: Any) -> Path:
    """Write what Cu-64 counts of a body whose SUV is 2.5 in the first hour and 7.5 a day later."""
    half_life, unit = HALF_LIFE_SECONDS["Cu64"], 200e6 / 80000.0
    writer.participants({"sub-01": 80.0})
    for window, start, length, value in (("early", 3600.0, 1200.0, 2.5), ("delayed", 24 * HOURS, 1800.0, 7.5)):
        rate = np.log(2.0) / half_life
        decayed = (np.exp(-rate * start) - np.exp(-rate * (start + length))) / (rate * length)
        to = {"none": 1.0, "scan": np.exp(-rate * start) / decayed, "injection": 1.0 / decayed}[corrected]
        if corrected == "scan":
            decayed = decayed * to
        elif corrected == "injection":
            decayed = 1.0
        relief = 1.0 + 0.1 * np.random.default_rng(len(window)).random(writer.grid.shape)
        fields = {
            "TracerName": "64Cu-DOTATATE",
            "TracerRadionuclide": "Cu64",
            "InjectedRadioactivity": 200.0,
            "FrameTimesStart": [start],
            "FrameDuration": [length],
            "ImageDecayCorrected": corrected != "none",
            "ImageDecayCorrectionTime": {"none": ..., "scan": start, "injection": 0.0}[corrected],
        }
        writer.image("sub-01", window, (value * relief * unit * decayed).astype(np.float32), **{**fields, **changes})
    return writer.root


@pytest.mark.parametrize("corrected", ["none", "scan", "injection"])
def test_decay_over_a_day_is_corrected_by_the_half_life_of_copper(corrected: str, writer: DatasetWriter) -> None:
    dataset = open_dataset(copper(writer, corrected), task=COPPER)
    pair = dataset.pair("sub-01")
    for image, window, value in ((pair.early, "early", 2.5), (pair.delayed, "delayed", 7.5)):
        relief = 1.0 + 0.1 * np.random.default_rng(len(window)).random(image.shape)
        assert np.allclose(image, value * relief, rtol=1e-5)


@pytest.mark.parametrize(
    ("root", "task", "words"),
    [
        ({"TracerName": "18F-PSMA-1007"}, DEFAULT_TASK, "is of 18F-PSMA-1007 (TracerName), not FDG"),
        ({"TracerName": "PSMA-1007"}, DEFAULT_TASK, "is of F-18 PSMA-1007 (TracerName), not FDG"),
        ({"TracerName": "PSMA-1007", "TracerRadionuclide": ...}, DEFAULT_TASK, "is of PSMA-1007 (TracerName), not FDG"),
        ({"TracerRadionuclide": "Ga68"}, DEFAULT_TASK, "is of the radionuclide Ga68, not F18"),
        ({}, COPPER, "is of F-18 FDG (TracerName), not DOTATATE: the task cu64-1h-to-24h@1 is of Cu-64 DOTATATE"),
        ({"TracerName": "n/a"}, COPPER, "is of the radionuclide F18, not Cu64"),
    ],
)
def test_a_scan_of_another_tracer_is_refused_by_whatever_reads_the_cohort(
    root: dict[str, Any], task: Any, words: str, writer: DatasetWriter
) -> None:
    writer.participants({"sub-01": 70.0})
    for number, window in enumerate(("early", "delayed")):
        writer.image("sub-01", window, writer.voxels(number), **root)
    with pytest.raises(DataError) as caught:
        open_dataset(writer.root, task=task)
    assert str(caught.value).startswith(f"{writer.sidecar_path('sub-01', 'early').parent}")
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    found = [problem.message for problem in check_dataset(writer.root, task=task) if problem.severity == "error"]
    assert found
    assert all(words in message for message in found)


def test_a_scan_that_says_nothing_of_its_tracer_is_used_with_a_warning(writer: DatasetWriter) -> None:
    writer.participants({"sub-01": 70.0})
    for number, window in enumerate(("early", "delayed")):
        writer.image("sub-01", window, writer.voxels(number), TracerName=...)
    assert open_dataset(writer.root).participants == ("sub-01",)
    said = [problem.message for problem in check_dataset(writer.root) if problem.severity == "warning"]
    assert sum("TracerName is missing: whether it is the tracer of the task cannot be told" in one for one in said) == 2


def by_bids(root: Path, out: Path) -> Path:
    export_bids(open_dataset(root, task=COPPER), out)
    return out


def by_resampling(root: Path, out: Path) -> Path:
    resample_dataset(root, out, task=COPPER)
    return out


def by_nifti(root: Path, out: Path) -> Path:
    import_nifti(export_nifti(open_dataset(root, task=COPPER), out.with_name("nifti")), out, task=COPPER)
    return out


def by_dicom(root: Path, out: Path) -> Path:
    export_dicom(open_dataset(root, task=COPPER), out.with_name("dicom"))
    import_dicom(out.with_name("dicom"), out, task=COPPER)
    return out


@pytest.mark.parametrize("way", [by_bids, by_resampling, by_nifti, by_dicom])
def test_a_cohort_of_copper_comes_back_from_every_format(
    way: Callable[[Path, Path], Path], writer: DatasetWriter, tmp_path: Path
) -> None:
    before = open_dataset(copper(writer, "scan"), task=COPPER).pair("sub-01")
    back = open_dataset(way(writer.root, tmp_path / "back"), task=COPPER)
    (name,) = back.participants
    after = back.pair(name)
    assert np.allclose(after.early, before.early, rtol=1e-3)
    assert np.allclose(after.delayed, before.delayed, rtol=1e-3)
    for scan in back.plans[name].scans:
        assert read_scan(scan.path, task=COPPER).radionuclide == "Cu64"
    with pytest.raises(DataError, match=r"not FDG|not F18"):
        open_dataset(back.root, task=DEFAULT_TASK)


def test_an_import_refuses_what_the_task_is_not_of(writer: DatasetWriter, tmp_path: Path) -> None:
    export_dicom(open_dataset(copper(writer, "scan"), task=COPPER), tmp_path / "dicom")
    with pytest.raises(DataError, match="the radionuclide is Cu64, not F18"):
        import_dicom(tmp_path / "dicom", tmp_path / "back")
    assert not (tmp_path / "back").exists()
