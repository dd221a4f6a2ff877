"""What the process of a run is given: which run, where, and the user's settings."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict

from petbench.runs.scoring.messages import MetricPlugin
from petbench.settings import Settings


class Job(BaseModel):
    """One run for one process, sent to it on standard input: a database's URL may hold a password.

    Attributes:
        run_id: the row.
        folder: of the run.
        settings: of the user.
        python: the interpreter of the method's process.
        environment: the variables that process may have.
        isolated: whether it is to be shut in.
        modules: of the method's plugin, through which its files are found; the run's process imports none of them.
        metrics: the plugins whose metrics are scored.
        parent: the process with which the run ends, however that ends; 0 where it goes on without it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    run_id: int
    folder: Path
    settings: Settings
    python: str
    environment: dict[str, str]
    isolated: bool = False
    modules: tuple[str, ...] = ()
    metrics: tuple[MetricPlugin, ...] = ()
    parent: int = 0
