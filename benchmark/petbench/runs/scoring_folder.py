"""The folder of a run as a job sees it that scores the run's predictions again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from petbench.runs.folder import RunFolder

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

SCORE = "--score"
"""The option of a node's program that has it score a run instead of making it."""


@dataclass(frozen=True, slots=True)
class ScoringFolder(RunFolder):
    """A run's folder in which the job's own files have names of their own: where the run was made stays as it is."""

    @property
    def job_file(self) -> Path:
        """Which job scores the run, as JSON."""
        return self.path / "scoring-job.json"

    @property
    def order_file(self) -> Path:
        """What the node that scores the run is to know beside the plan, as JSON."""
        return self.path / "scoring-order.json"

    @property
    def row_file(self) -> Path:
        """What the node has scored, as JSON, or why it has not."""
        return self.path / "scored.json"

    @property
    def cancelled_file(self) -> Path:
        """A mark: nobody waits for the scores any more."""
        return self.path / "scoring-cancelled"


def folder_for(path: Path, options: Sequence[str]) -> RunFolder:
    """Return a run's folder for a node's program that is started with some options."""
    return ScoringFolder(path) if SCORE in options else RunFolder(path)
