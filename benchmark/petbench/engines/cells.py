"""The runs that are handed over to an engine or are with it already: one cell each."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from petbench.engine_spec import JobState
from petbench.errors import DataError
from petbench.runs.job_note import JobNote
from petbench.runs.scoring_folder import SCORE, ScoringFolder

if TYPE_CHECKING:
    from petbench.plans.run_plan import RunPlan
    from petbench.runs.folder import RunFolder

WAITING = JobState(phase="waiting")


@dataclass(slots=True)
class Cell:
    """One run with an engine.

    Attributes:
        place: of its plan among those that were asked for.
        plan: what is run.
        run_id: its row.
        folder: of the run; a `ScoringFolder` where it is scored again, and not made.
        note: which job makes it.
        state: where the job is, as was last known.
        unseen: how often in a row the engine has said that the job is over while the run is not.
        is_attached: whether it was with the engine before.
        read_at: when the row's file, which was read last, was written; 0 before.
    """

    place: int
    plan: RunPlan
    run_id: int
    folder: RunFolder
    note: JobNote
    state: JobState = field(default=WAITING)
    unseen: int = 0
    is_attached: bool = False
    read_at: float = 0.0

    @property
    def name(self) -> str:
        """Method, fold and seed, in words."""
        return f"{self.plan.method} fold {self.plan.fold} seed {self.plan.seed}"

    @property
    def is_scoring(self) -> bool:
        """Whether the run is scored again, and not made."""
        return isinstance(self.folder, ScoringFolder)

    @property
    def options(self) -> tuple[str, ...]:
        """The options of the node's program for it."""
        return (SCORE,) if self.is_scoring else ()

    def renote(self, **changes: object) -> None:
        """Change the note, in the folder too, unless that is gone or somebody has ordered something else meanwhile."""
        self.note = self.note.changed(**changes)
        try:
            there = JobNote.load(self.folder)
        except DataError:  # a damaged one says nothing
            there = self.note
        if there is not None and there.order == self.note.order:
            self.note.save(self.folder)
