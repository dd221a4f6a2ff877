"""Dask distributed: a cluster by its scheduler's address, or one that is started on this machine and ends with us."""

from __future__ import annotations

import contextlib
import logging
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

from petbench.engine_spec import EngineUnreachableError, JobState
from petbench.engines import dask_task
from petbench.errors import PetbenchError, UsageError, one_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from distributed import Client, Future

    from petbench.engine_spec import Resources, Work

SLOT = "petbench"
"""The resource of a worker of which each run takes one, where workers declare it: `--resources petbench=1`."""
_MOST_WORKERS = 256
"""Of a cluster on this machine: more is a mistake in typing."""
_ANSWER_SECONDS = 20
_ENDED = {"finished": "", "error": "error", "cancelled": "cancelled", "lost": "lost"}


class Dask:
    """A Dask cluster.

    Args:
        client: connected to its scheduler.
        cluster: that ends with this process; None for somebody else's.
    """

    def __init__(self, client: Client, cluster: Any = None) -> None:
        self._client = client
        self._cluster = cluster
        self._futures: dict[str, Future[Any]] = {}

    def submit(self, work: Work) -> list[str]:
        """Submit a task a run; the scheduler keeps its result until it is fetched, whoever ends meanwhile."""
        jobs = []
        with _answers():
            workers = self._client.scheduler_info(n_workers=-1)["workers"].values()
            slots = {SLOT: 1} if any(SLOT in worker.get("resources", {}) for worker in workers) else None
            for folder in work.folders:
                # Workers of this machine see the folder.
                packed = b"" if self._cluster is not None else dask_task.packed_for(folder, work.options)
                job = f"petbench-{uuid.uuid4().hex}"
                future = self._client.submit(
                    dask_task.work, job, folder.name, packed, work.options, key=job, pure=False, resources=slots
                )
                self._client.publish_dataset(future, name=job)
                self._futures[job] = future
                jobs.append(job)
        return jobs

    def states(self, jobs: Sequence[str]) -> dict[str, JobState]:
        """Return where tasks are; the scheduler says which worker has which."""
        with _answers():
            there = {job: str(worker) for worker, tasks in self._client.processing().items() for job in tasks}
            published = set(self._client.list_datasets())
            return {job: self._state(job, there) for job in jobs if job in published}

    def stop(self, jobs: Sequence[str], *, now: bool) -> None:
        """Cancel tasks that wait, and end the programs of those that run."""
        with _answers():
            for job in jobs:
                self._client.run(dask_task.stop, job, now=now)
                if now and (future := self._future(job)) is not None:
                    future.cancel()

    def fetch(self, job: str, folder: Path) -> None:
        """Bring back what a task has made on a worker that does not share the folder, and where it was made."""
        with _answers():
            future = self._future(job)
            if future is not None and future.status == "finished":
                packed = future.result(timeout=_ANSWER_SECONDS)
                if packed is not None:
                    dask_task.bring_back(packed, folder)
            dask_task.note_places(folder, [facts for _, facts in self._client.get_events(job)])
            if future is not None:
                self._client.unpublish_dataset(job)
                self._futures.pop(job, None)

    def close(self) -> None:
        """Leave the scheduler; a cluster of this process ends."""
        for each in (self._client, self._cluster):
            if each is not None:
                with contextlib.suppress(Exception):  # it may have gone away before us
                    each.close()

    def _state(self, job: str, there: Mapping[str, str]) -> JobState:
        future = self._future(job)
        status = "lost" if future is None else str(future.status)
        if status in _ENDED:
            why = one_line(future.exception(timeout=_ANSWER_SECONDS)) if future and status == "error" else ""
            return JobState(phase="ended", word=why or _ENDED[status])
        return JobState(phase="running", where=there[job]) if job in there else JobState(phase="waiting")

    def _future(self, job: str) -> Future[Any] | None:
        """Return a task of this or an earlier process; None where the scheduler has forgotten it."""
        if job not in self._futures:
            try:
                self._futures[job] = self._client.get_dataset(job)
            except KeyError:
                return None
        return self._futures[job]


def connect(address: str, options: Mapping[str, str], resources: Resources) -> Dask:
    """Return the cluster at an address such as `tcp://10.0.0.1:8786`, or of a scheduler's file.

    Raises:
        UsageError: no address, or something that Dask's workers decide.
        EngineUnreachableError: nobody answers there.
    """
    from distributed import Client

    if not address:
        raise UsageError("--on dask needs the scheduler's address: --on dask:tcp://HOST:8786, or --on dask:FILE")
    _refuse(options, resources)
    given = {"scheduler_file": address} if Path(address).is_file() else {"address": address}
    try:
        client = Client(**given, timeout=_ANSWER_SECONDS)
    except (OSError, ValueError) as error:
        raise EngineUnreachableError(f"no Dask scheduler answers at {address}: {one_line(error)}") from None
    return Dask(client)


def start(address: str, options: Mapping[str, str], resources: Resources) -> Dask:
    """Return a cluster of this machine with as many workers as runs are to go on at once.

    Where each run has graphics cards, each worker sees its own alone.

    Raises:
        UsageError: the number is none, or something that Dask does not limit.
    """
    if not address.isascii() or not address.isdigit() or not 1 <= int(address) <= _MOST_WORKERS:
        raise UsageError(f"--on local:{address} is not understood; write how many runs go on at once: --on local:2")
    _refuse(options, resources, local=True)
    return _start(int(address), resources.gpus)


def _start(workers: int, cards: int) -> Dask:
    from distributed import Client, Nanny, Scheduler, SpecCluster

    def options(number: int) -> dict[str, Any]:
        visible = ",".join(str(card) for card in range(number * cards, (number + 1) * cards))
        return {
            "nthreads": 1,
            "resources": {SLOT: 1},
            "name": f"worker-{number}",
            "host": "127.0.0.1",
            "dashboard": False,
            "silence_logs": logging.ERROR,
            "env": {"CUDA_VISIBLE_DEVICES": visible} if cards else {},
        }

    cluster = SpecCluster(
        scheduler={"cls": Scheduler, "options": {"host": "127.0.0.1", "dashboard": False, "port": 0}},
        workers={number: {"cls": Nanny, "options": options(number)} for number in range(workers)},
        asynchronous=False,
        silence_logs=logging.ERROR,
    )
    return Dask(Client(cluster), cluster)


def _refuse(options: Mapping[str, str], resources: Resources, *, local: bool = False) -> None:
    for key in options:
        raise UsageError(f"--engine-option {key}: Dask takes none; its workers are started with their options")
    if resources.at_once is not None:
        raise UsageError("--at-once: of Dask the number of workers says how many runs go on at once")
    if resources.minutes is not None or resources.memory_gib is not None:
        raise UsageError("--minutes and --memory: Dask limits neither; --time-limit stops a run, workers limit memory")
    if resources.gpus and not local:
        raise UsageError("--gpus: each Dask worker has the cards with which it was started; start one worker a card")


@contextlib.contextmanager
def _answers() -> Iterator[None]:
    """Within the block, a scheduler that has gone away is one that gives no answer now."""
    from distributed.comm.core import CommClosedError

    try:
        yield
    except PetbenchError:
        raise
    except (OSError, TimeoutError, CommClosedError) as error:
        raise EngineUnreachableError(f"the Dask scheduler gives no answer: {one_line(error)}") from None
