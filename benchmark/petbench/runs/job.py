"""What the process of a run is given: which run, where, and the user's settings."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict

from petbench.settings import Settings


class Job(BaseModel):
    """One run for one process, sent to it on standard input: a database's URL may hold a password.

    Attributes:
        run_id: the row.
        folder: of the run.
        settings: of the user.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    run_id: int
    folder: Path
    settings: Settings
