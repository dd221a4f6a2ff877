"""Jobs of Ray's own job interface: one a run, on whichever node has room. All nodes share the folder of petbench."""

from __future__ import annotations

import contextlib
import shlex
import uuid
from typing import TYPE_CHECKING

from ray.job_submission import JobStatus, JobSubmissionClient

from petbench import EngineUnreachableError, JobState, PetbenchError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from petbench import Resources, Work

ADDRESS = "http://127.0.0.1:8265"
"""Of the dashboard of a Ray that was started on this machine by `ray start --head`."""

CHECKPOINT_SECONDS = 120
"""Between the request to stop and the end of a job; Ray's own default, 3 s, is too short for a checkpoint."""

_ENDED = {JobStatus.SUCCEEDED, JobStatus.FAILED, JobStatus.STOPPED}


class Ray:
    """A Ray cluster.

    Args:
        client: of its job interface.
    """

    def __init__(self, client: JobSubmissionClient) -> None:
        self._client = client

    def submit(self, work: Work) -> list[str]:
        """Submit a job a folder; a job's id is ours, so that one that was submitted twice would be refused."""
        wanted = work.resources
        memory = {} if wanted.memory_gib is None else {"entrypoint_memory": int(wanted.memory_gib * 2**30)}
        jobs = []
        with _answers():
            for folder in work.folders:
                job = f"petbench-{uuid.uuid4().hex}"
                self._client.submit_job(
                    entrypoint="exec " + shlex.join([*work.command, str(folder)]),
                    submission_id=job,
                    metadata={"petbench": folder.name},
                    entrypoint_num_cpus=wanted.cpus,
                    entrypoint_num_gpus=wanted.gpus,
                    runtime_env={"env_vars": {"RAY_JOB_STOP_WAIT_TIME_S": str(CHECKPOINT_SECONDS)}},
                    **memory,
                )
                jobs.append(job)
        return jobs

    def states(self, jobs: Sequence[str]) -> dict[str, JobState]:
        """Return where jobs are; of one that the cluster has forgotten nothing."""
        with _answers():
            there = {found.submission_id: found for found in self._client.list_jobs()}
        return {job: _state(there[job]) for job in jobs if job in there}

    def stop(self, jobs: Sequence[str], *, now: bool) -> None:
        """Ask jobs to end; Ray sends SIGTERM, and SIGKILL where that has not helped in time."""
        with _answers():
            for job in jobs:
                with contextlib.suppress(RuntimeError):  # it has ended, or was forgotten
                    self._client.stop_job(job)

    def fetch(self, job: str, folder: Path) -> None:
        """Nothing is to be brought: the nodes write into the folder."""

    def close(self) -> None:
        """The client holds no connection."""


def connect(address: str, options: Mapping[str, str], resources: Resources) -> Ray:
    """Return the cluster whose dashboard is at an address; the one of this machine if it is empty.

    Raises:
        PetbenchError: something is asked for that Ray decides itself.
        EngineUnreachableError: nobody answers there.
    """
    for key in options:
        raise PetbenchError(f"--engine-option {key}: Ray takes none; its nodes are started with their options")
    if resources.at_once is not None or resources.minutes is not None:
        raise PetbenchError("--at-once and --minutes: Ray runs as many jobs as its nodes have room for, with no limit")
    with _answers():
        return Ray(JobSubmissionClient(address or ADDRESS))


def _state(found) -> JobState:
    where = found.driver_info.node_ip_address if found.driver_info else ""
    if found.status in _ENDED:
        cause = "cancelled" if found.status == JobStatus.STOPPED else ""
        return JobState(phase="ended", where=where, word=found.status.lower(), cause=cause)
    if found.status == JobStatus.RUNNING:
        return JobState(phase="running", where=where, word="running")
    return JobState(phase="waiting", word="pending")


@contextlib.contextmanager
def _answers() -> Iterator[None]:
    """Within the block, a cluster that has gone away is one that gives no answer now."""
    try:
        yield
    except (OSError, ConnectionError) as error:  # what `requests` raises is an OSError
        raise EngineUnreachableError(f"Ray gives no answer: {str(error).splitlines()[0][:200]}") from None
