"""Build a simulated dataset: participants side by side, each kept as soon as it is done."""

from __future__ import annotations

import multiprocessing
import os
import queue
import shutil
import signal
import threading
from concurrent.futures import FIRST_EXCEPTION, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from typing import TYPE_CHECKING, Any

import psutil
from filelock import FileLock

from petbench_datasets.dataset.reader import open_dataset
from petbench_datasets.dataset.split import write_split
from petbench_datasets.errors import DataError
from petbench_phantom.participant import simulate
from petbench_phantom.population import population
from petbench_phantom.splits import splits
from petbench_phantom.writing import (
    is_complete,
    other_settings,
    settings_path,
    write_dataset,
    write_missing_labels,
    write_participant,
    write_settings,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from petbench_datasets.progress import Progress
    from petbench_phantom.participant import Images
    from petbench_phantom.population import Participant
    from petbench_phantom.spec import PhantomSpec

_VOLUMES_HELD = 30  # doubles a voxel that simulating one participant needs at its peak, generously


def build_phantom(spec: PhantomSpec, folder: Path, progress: Progress) -> None:
    """Build the dataset of `spec` at `folder`, or complete one that was interrupted; safe to call again.

    Raises:
        DataError: the folder cannot be written or holds another dataset, or the images are not those that the
            profile's fingerprint promises.
    """
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(folder.with_name(f".{folder.name}.lock")):
            _build(spec, folder, progress)
    except BrokenProcessPool as error:
        raise DataError(
            f"{folder}: a worker process was ended, perhaps for want of memory; run again, finished participants stay"
        ) from error
    except OSError as error:
        raise DataError(
            f"{folder}: cannot be written ({error.strerror or error}); free space or permit writing there, then run "
            "again: finished participants stay"
        ) from error


def _build(spec: PhantomSpec, folder: Path, progress: Progress) -> None:
    _check_settings(spec, folder)
    _remove_partial(folder)
    people = population(spec)
    missing = [person.index for person in people if not is_complete(folder, person.name)]
    if missing:
        for index in missing:  # an image folder without its derivatives counts as absent: begin it anew
            shutil.rmtree(folder / people[index].name, ignore_errors=True)
        _simulate_all(spec, folder, [people[index] for index in missing], progress)
    write_missing_labels(spec, people, folder, progress)
    write_dataset(spec, people, folder)
    dataset = open_dataset(folder, progress)
    if spec.fingerprint and dataset.fingerprint != spec.fingerprint:
        raise DataError(
            f"{folder}: the images' fingerprint is {dataset.fingerprint[:12]}, not {spec.fingerprint[:12]} as "
            f"published for {spec.name}; remove the folder and build again, with constraints.txt's numpy and scipy "
            "if it differs again"
        )
    for split in splits(spec, dataset.fingerprint):
        write_split(folder, split)


def _remove_partial(folder: Path) -> None:
    """Remove what an interrupted build was writing."""
    for place in (folder, folder / "derivatives" / "phantom"):
        for left in place.glob(".partial-*"):
            shutil.rmtree(left, ignore_errors=True)


def _check_settings(spec: PhantomSpec, folder: Path) -> None:
    """Write the settings into a new folder; refuse a folder that was begun with others."""
    if settings_path(folder).exists():
        if others := other_settings(spec, folder):
            raise DataError(
                f"{folder}: holds a dataset of other settings ({', '.join(others)}); remove the folder or name another"
            )
        return
    if any(folder.glob("sub-*")):
        raise DataError(f"{folder}: holds scans that petbench did not simulate; name another folder")
    write_settings(spec, folder)


def _simulate_all(spec: PhantomSpec, folder: Path, missing: list[Participant], progress: Progress) -> None:
    workers, device = _places(spec, len(missing))
    what = f"simulating {spec.name}" + (f" on {device}" if device else "")
    total, done = float(spec.participants), dict.fromkeys(range(spec.participants), 1.0)
    done |= dict.fromkeys((person.index for person in missing), 0.0)

    def report(index: int, fraction: float) -> None:
        done[index] = fraction
        progress(what, sum(done.values()), total)

    progress(what, sum(done.values()), total)
    if workers == 1:
        for person in missing:
            _simulate_one(spec, folder, person, device, report)
        return
    context = multiprocessing.get_context("spawn")
    news: Any = context.Queue()
    with ProcessPoolExecutor(workers, mp_context=context, initializer=_remember, initargs=(news,)) as pool:
        jobs = {pool.submit(_worker, spec, folder, person, device) for person in missing}
        try:
            while jobs:
                finished, jobs = wait(jobs, timeout=0.2, return_when=FIRST_EXCEPTION)
                _drain(news, report)
                for job in finished:
                    job.result()
        except BaseException:
            for child in multiprocessing.active_children():
                child.terminate()
            pool.shutdown(wait=True, cancel_futures=True)
            _remove_partial(folder)
            raise


def _places(spec: PhantomSpec, missing: int) -> tuple[int, str | None]:
    """Return how many participants to simulate at a time, and the device that projects, if one does."""
    from petbench_phantom.device import find_device  # loads torch

    workers, found = min(missing, _fitting(spec)), find_device(spec)
    if found is None or 2 * found[1] <= workers:  # where only few fit, the CPU alone finishes sooner
        return workers, None
    return min(workers, found[1]), found[0]


def _simulate_one(
    spec: PhantomSpec, folder: Path, person: Participant, device: str | None, report: Callable[[int, float], None]
) -> None:
    def progress(fraction: float) -> None:
        report(person.index, 0.95 * fraction)

    images = None if device is None else _simulate_on(device, spec, person, progress)
    write_participant(spec, person, images or simulate(spec, person, progress), folder)
    report(person.index, 1.0)


def _simulate_on(
    device: str, spec: PhantomSpec, person: Participant, progress: Callable[[float], None]
) -> Images | None:
    """Simulate on a device; None where it gives up, out of memory for one: the CPU gives the same bits."""
    from petbench_phantom.device import DeviceProjector

    try:
        return simulate(spec, person, progress, partial(DeviceProjector, device=device))
    except RuntimeError:
        return None


_news: Any = None  # the queue on which a worker process reports its progress


def _remember(news: Any) -> None:
    global _news  # noqa: PLW0603 - a queue can be handed to a spawned process only when it starts
    _news = news
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to answer
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """Leave no process behind when the parent is killed: a pool's worker would wait for work for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _worker(spec: PhantomSpec, folder: Path, person: Participant, device: str | None) -> None:
    _simulate_one(spec, folder, person, device, lambda who, fraction: _news.put((who, fraction)))


def _drain(news: Any, report: Callable[[int, float], None]) -> None:
    while True:
        try:
            report(*news.get_nowait())
        except queue.Empty:
            return


def _fitting(spec: PhantomSpec) -> int:
    """Return how many participants CPU and memory allow at a time."""
    voxels = spec.shape[0] * spec.shape[1] * spec.shape[2]
    need = _VOLUMES_HELD * 8 * voxels * (3 if spec.reconstruction == "3d" else 1)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(cores, int(psutil.virtual_memory().available // need)))
