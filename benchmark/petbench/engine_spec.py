"""What an engine promises petbench: a queue of other people's, such as Slurm, that runs programs on other machines.

petbench hands it folders and a command; it starts the command once for each folder, wherever and whenever it likes.
Plain data: nothing here imports torch.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol

from petbench.errors import PetbenchError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

API_VERSION = 1

JobPhase = Literal["waiting", "running", "ended", "gone"]
"""`gone`: the engine answers, and knows nothing of the job any more."""
Cause = Literal["", "cancelled", "memory"]


class EngineUnreachableError(PetbenchError):
    """The engine gives no answer now: nothing is known to have ended, and it is asked again later."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """What each job is to have.

    Attributes:
        cpus: cores, and as many threads of one operation.
        gpus: whole graphics cards.
        memory_gib: of main memory; None for what the engine gives unasked.
        minutes: after which the engine may stop a job; it is given time for a checkpoint before. None for the engine's
            own limit.
        at_once: jobs that run at one time; None for as many as the engine lets.
    """

    cpus: int = 1
    gpus: int = 0
    memory_gib: float | None = None
    minutes: int | None = None
    at_once: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """Jobs that are submitted together.

    Attributes:
        folders: one a job, on the machine that submits; each bears a name that no other has.
        command: what a job starts, before the folder's path.
        options: those of the command, of which it ends: for an engine that starts the program by another Python.
        when_stopped: the option of that command after which a job is told how to have itself started again, should
            something stop it before it is done; what has no checkpoint to go on from takes no notice of it.
        resources: of each job.
        home: the folder of petbench on the machine that submits, under which the folders lie.
    """

    folders: tuple[Path, ...]
    command: tuple[str, ...]
    when_stopped: str
    resources: Resources
    home: Path
    options: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class JobState:
    """Where a job is.

    Attributes:
        phase: what the engine says; the run's row decides whether the run has ended well.
        where: the machine, where one is known.
        word: the engine's own word for it, shown as it is.
        cause: why a job has ended, where submitting it again would not help.
    """

    phase: JobPhase
    where: str = ""
    word: str = ""
    cause: Cause = ""


class Engine(Protocol):
    """The verbs of an engine; each may raise `EngineUnreachableError`."""

    def submit(self, work: Work) -> Sequence[str]:
        """Submit jobs and return their ids, one a folder and in that order."""

    def states(self, jobs: Sequence[str]) -> Mapping[str, JobState]:
        """Return where jobs are, by their ids; of one that is left out nothing is known any more."""

    def stop(self, jobs: Sequence[str], *, now: bool) -> None:
        """End jobs: at once, or by SIGTERM to their command, which then writes a checkpoint."""

    def fetch(self, job: str, folder: Path) -> None:
        """Bring what a job has left into its folder; nothing to do where the jobs write into it themselves."""

    def close(self) -> None:
        """Let go of the engine, for good where its jobs end with this process."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineSpec:
    """One engine, described without importing what it needs.

    Attributes:
        name: a slug, as typed after `petbench run --on`.
        summary: one line.
        build: given what was typed after the name and a colon, the values of `--engine-option`, and the resources of
            the jobs, returns the engine; refuses what it does not know with a `PetbenchError`.
        outlives: whether the jobs go on when the process ends that submitted them.
        ask_seconds: how often the engine may be asked, at most.
        imports: modules without which it cannot work.
        install: what brings them, such as `petbench[dask]`.
        api: the version of this contract that the engine is written for.
    """

    name: str
    summary: str
    build: Callable[[str, Mapping[str, str], Resources], Engine]
    outlives: bool = True
    ask_seconds: float = 5.0
    imports: tuple[str, ...] = field(default=())
    install: str = ""
    api: int = API_VERSION
