"""What a Dask worker does: start the program of a node for one run, on the folder itself or on a copy of it.

Imported by name on the worker, which needs petbench installed and nothing else. Its own `PETBENCH_HOME` decides: where
that is the home of the machine that submits, the run is made in place; else its folder is sent, and sent back.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import socket
import subprocess
import sys
import tarfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from petbench.errors import DataError
from petbench.home import Home
from petbench.runs.folder import RunFolder
from petbench.runs.job_note import tries_of
from petbench.runs.scoring_folder import SCORE, ScoringFolder, folder_for
from petbench.settings import Settings
from petbench_datasets.files import write_text

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

_ANY, _SCORED = RunFolder(Path()), ScoringFolder(Path())
_STAYS_HERE = frozenset(path.name for path in (_ANY.job_file, _SCORED.job_file, _ANY.lock))
"""What of a run's folder is not sent to a node."""
_WEIGHTS = ".pt"
"""How files end that hold weights: no scores need them."""
_OF_SCORES = (_SCORED.row_file.name, _SCORED.node_log.name)
"""All that a node sends back that has scored a run."""
_STAYS = _STAYS_HERE | {
    path.name for path in (_ANY.plan_file, _ANY.order_file, _ANY.maker_file, _ANY.cancelled_file, _ANY.tries_file)
}
"""What of it is not taken from one."""

_running: dict[str, subprocess.Popen[bytes]] = {}
_cancelled: set[str] = set()
_lock = threading.Lock()


def work(job: str, name: str, packed: bytes, options: Sequence[str]) -> bytes | None:
    """Make a run on this worker, and return its folder packed; None where it was made in place.

    A task runs in a thread, which takes no signals, and a process of its own keeps the worker free of CUDA.

    Args:
        job: id of the task.
        name: of the run's folder.
        packed: the folder as it is on the machine that submits.
        options: of the program, before the folder.
    """
    home = Home(Settings.read().home)
    folder = folder_for(home.runs / name, options)
    shared = folder.job_file.is_file()  # which is never sent
    if not shared:
        unpack(packed, folder.path)
    if SCORE not in options:
        tell_where(job)
    command = [sys.executable, "-m", "petbench.engines.node", *options, "--home", str(home.folder), str(folder.path)]
    with folder.node_log.open("ab") as output:
        with _lock:
            if job in _cancelled:
                return None
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
            _running[job] = process
        try:
            process.wait()
        finally:
            with _lock:
                del _running[job]
    if shared:
        return None
    left = pack(folder.path, only=_OF_SCORES if SCORE in options else ())
    shutil.rmtree(folder.path, ignore_errors=True)  # what goes on elsewhere has its checkpoints with it
    return left


def stop(job: str, *, now: bool) -> None:
    """End a job that this worker runs; run on every worker."""
    with _lock:
        _cancelled.add(job)
        process = _running.get(job)
        if process is None:
            return
        command = process.args
        assert isinstance(command, list), "as it was started"
        folder_for(Path(str(command[-1])), command).cancelled_file.touch()
        process.kill() if now else process.terminate()


def tell_where(job: str) -> None:
    """Tell the scheduler where a job runs: of a worker that dies nothing else is left."""
    from distributed import get_worker

    worker = get_worker()
    cards = os.environ.get("CUDA_VISIBLE_DEVICES", "")
    worker.log_event(job, {"host": socket.gethostname(), "job": str(worker.name), "gpus": cards})


def packed_for(folder: Path, options: Sequence[str]) -> bytes:
    """Return a run's folder packed for a node's program with some options."""
    return pack(folder, without_weights=SCORE in options)


def pack(folder: Path, *, only: Collection[str] = (), without_weights: bool = False) -> bytes:
    """Return a folder as a compressed archive.

    Args:
        folder: of a run.
        only: names of the files that are wanted; none for all but those that stay on this machine.
        without_weights: leave out models and checkpoints.
    """
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz", compresslevel=1) as archive:
        for path in sorted(folder.rglob("*")):
            wanted = path.name in only if only else path.name not in _STAYS_HERE
            wanted = wanted and not (without_weights and path.suffix == _WEIGHTS)
            if wanted and path.is_file() and not path.is_symlink():
                archive.add(path, path.relative_to(folder).as_posix(), recursive=False)
    return packed.getvalue()


def unpack(packed: bytes, folder: Path, *, leave: Collection[str] = ()) -> None:
    """Unpack an archive into a folder, but for files that are to stay as they are.

    Raises:
        DataError: the archive holds what is no file of a run.
    """
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with tarfile.open(fileobj=io.BytesIO(packed), mode="r:gz") as archive:
            members = [member for member in archive if member.name not in leave]
            archive.extractall(folder, members, filter="data")
    except (tarfile.TarError, OSError, EOFError) as error:
        raise DataError(f"{folder}: what came back from the node cannot be unpacked ({error})") from None


def bring_back(packed: bytes, folder: Path) -> None:
    """Take what a node has made into the run's own folder."""
    unpack(packed, folder, leave=_STAYS)


def note_places(folder: Path, places: Sequence[dict[str, object]]) -> None:
    """Note where a run was begun or went on, where its node could not write that here."""
    run = RunFolder(folder)
    if len(places) > len(tries_of(run)):
        write_text(run.tries_file, "".join(json.dumps(place) + "\n" for place in places))
