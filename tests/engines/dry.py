"""An engine without machines: it makes of each job what the test says, as a node would leave it in the run's folder."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from petbench.engine_spec import EngineSpec, EngineUnreachableError, JobState
from petbench.engines.order import Order
from petbench.engines.row_file import as_line, parse_row, write_row
from petbench.engines.scored import Scored
from petbench.runs.job_note import note_try
from petbench.runs.scoring_folder import ScoringFolder, folder_for
from petbench_leaderboard.score_records import ScoreRow

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from petbench.engine_spec import Resources, Work
    from petbench.runs.folder import RunFolder
    from petbench_leaderboard.records import Status


class Dry:
    """Keeps its jobs in memory; nothing happens until a test says so."""

    def __init__(self) -> None:
        self.jobs: dict[str, JobState] = {}
        self.folders: dict[str, RunFolder] = {}
        self.submitted: list[tuple[str, ...]] = []
        self.stopped: list[tuple[tuple[str, ...], bool]] = []
        self.work: Work | None = None
        self.is_silent = False

    @property
    def spec(self) -> EngineSpec:
        return EngineSpec(name="dry", summary="nothing happens", build=self._build, ask_seconds=0.0)

    def submit(self, work: Work) -> list[str]:
        self._answer()
        jobs = [str(len(self.jobs) + number) for number in range(len(work.folders))]
        self.jobs |= dict.fromkeys(jobs, JobState(phase="waiting", word="Priority"))
        folders = [folder_for(path, work.options) for path in work.folders]
        self.folders |= dict(zip(jobs, folders, strict=True))
        self.submitted.append(tuple(jobs))
        self.work = work
        return jobs

    def states(self, jobs: Sequence[str]) -> Mapping[str, JobState]:
        self._answer()
        return {job: self.jobs[job] for job in jobs if job in self.jobs}

    def stop(self, jobs: Sequence[str], *, now: bool) -> None:
        self._answer()
        self.stopped.append((tuple(jobs), now))

    def fetch(self, job: str, folder: Path) -> None:
        """The folders are here."""

    def close(self) -> None:
        """There is nothing to close."""

    def run(self, job: str) -> None:
        """Begin a job on a node."""
        self.jobs[job] = JobState(phase="running", where="node7")
        note_try(self.folders[job], {"host": "node7", "job": job})

    def leave(
        self,
        job: str,
        status: Status = "ok",
        *,
        score: float = 30.0,
        error_class: str | None = None,
        order: Order | None = None,
    ) -> None:
        """Leave a run in its folder as its node has made or scored it, without a word of the engine's.

        What it was ordered stands in the folder, unless an earlier `order` is given.
        """
        folder = self.folders[job]
        order = order or Order.load(folder)
        run = parse_row(order.row.encode(), folder.order_file)
        row = replace(
            run.run,
            status=status,
            error_class=error_class,
            device="cuda:0",
            machine={"threads": 1, "system": "the node's"},
            environment={"torch": "the node's"},
            started_at=datetime(2026, 1, 1, tzinfo=UTC),
            train_seconds=12.0,
            id=1,
        )
        scores = [
            ScoreRow(
                run_id=1, protocol=row.protocol, metric="psnr", convention_id="psnr/body/suv20@1", region="body",
                participant=name, value=score, unit="dB", higher_is_better=True,
            )
            for name in row.test_participants
            if status == "ok"
        ]  # fmt: skip
        left = replace(run, run=row, scores=scores)
        if isinstance(folder, ScoringFolder):
            Scored(order=order.id, row=as_line(left)).save(folder)
        else:
            write_row(left, folder.row_file)

    def refuse(self, job: str, why: str) -> None:
        """Say in a run's folder that its node cannot score it."""
        folder = self.folders[job]
        Scored(order=Order.load(folder).id, refused=why).save(folder)

    def end(self, job: str, word: str = "COMPLETED", *, cause: str = "") -> None:
        """End a job, whatever its run has left."""
        self.jobs[job] = JobState(phase="ended", word=word, cause=cause)  # type: ignore[arg-type] # a test's own

    def _answer(self) -> None:
        if self.is_silent:
            raise EngineUnreachableError("nobody answers")

    def _build(self, _address: str, _options: Mapping[str, str], _resources: Resources) -> Dry:
        return self
