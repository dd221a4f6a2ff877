"""The leaderboard's store: plan runs, note how they go, record scores, read all of it back."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal, Self, Unpack

import sqlalchemy as sa

from petbench_leaderboard.cached_means import refresh
from petbench_leaderboard.errors import LeaderboardError
from petbench_leaderboard.exported_run import ExportedRun
from petbench_leaderboard.merging import adopt_run, merge_run, replace_diff
from petbench_leaderboard.readable import ReadableLeaderboard
from petbench_leaderboard.run_access import existing_run, refuse_under_way
from petbench_leaderboard.schema import Phase, Run, Score
from petbench_leaderboard.score_tables import replace_scores
from petbench_leaderboard.storing import add_run, change_run, checked_row, remove_self_reported
from petbench_leaderboard.validation_scores import replace_validation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from sqlalchemy.orm import Session

    from petbench_leaderboard.phase_rows import PhaseRow
    from petbench_leaderboard.records import RunRecord, RunRow
    from petbench_leaderboard.run_changes import RunChanges
    from petbench_leaderboard.score_records import ScoreRecord, ScoreRow

_DECIDES = {"status", "verification", "submitter", "validation_score", "validation_metric", "validation_convention"}


class Leaderboard(ReadableLeaderboard):
    """All runs and scores of one database. Safe to use from many processes at once."""

    @classmethod
    def open(cls, location: str | Path) -> Self:
        """Open the leaderboard in a file or at a SQLAlchemy URL; create it, or migrate it to this version's schema.

        Raises:
            LeaderboardError: it cannot be opened or written, or a newer petbench made it.
        """
        opened = cls.read(location)
        try:
            opened.make_ready()
        except BaseException:
            opened.close()
            raise
        return opened

    def make_ready(self) -> None:
        """Make sure that something can be stored: create the leaderboard, or migrate it to this version's schema.

        Raises:
            LeaderboardError: it cannot be written.
        """
        self._database.make_ready()

    def writing(self) -> AbstractContextManager[Session]:
        """Give a session for changes that this class has no method for; they are stored together, or not at all."""
        return self._database.writing()

    def plan(self, record: RunRecord, uid: str | None = None, *, alone: bool = False) -> int:
        """Store a run as planned and return its number; its `uid` is a new one where none is given.

        With `alone`, the same run may not be under way: of two that plan it at once, wherever they are, one is refused.

        Raises:
            UnderWayError: it is, and `alone` was asked for.
        """
        with self._database.writing() as session:
            if alone:
                refuse_under_way(session, record)
            return add_run(session, record, uid).id

    def enter(
        self,
        record: RunRecord,
        scores: Iterable[ScoreRecord],
        *,
        uid: str,
        protocol: int | None = None,
        place: Callable[[], object] = lambda: None,
        beside: Callable[[Session, Run], object] = lambda *_: None,
        **changes: Unpack[RunChanges],
    ) -> tuple[int, bool]:
        """Store a finished run with its scores, wholly or not at all, whatever ends this process.

        The same run that ended well (`petbench_leaderboard.same_run`) is kept instead, of one's own only one's own; to
        what was checked of somebody else's, one that is only self-reported gives its place up.

        Args:
            record: of the run.
            scores: all of them.
            uid: the run's name in every leaderboard.
            protocol: version of the rules that the scores were computed by; None means the run's own.
            place: puts what lies beside the row in its place. It is called last, when nothing else can fail, and the
                row is stored when it has returned.
            beside: stores what else belongs to the row, together with it.
            changes: what is known of the run's end.

        Returns:
            The row's number, and whether it was here already.
        """
        with self._database.writing() as session:
            known = checked_row(session, record)
            if known is not None:
                return known, True
            groups = set[str]() if record.verification == "own" else remove_self_reported(session, record)
            run = add_run(session, record, uid)
            change_run(run, changes)
            replace_scores(session, Score, run, scores, protocol)
            refresh(session, groups | {run.run_group})
            session.flush()
            beside(session, run)
            place()
            return run.id, False

    def update(
        self,
        run_id: int,
        *,
        beside: Callable[[Session, Run], object] = lambda *_: None,
        **changes: Unpack[RunChanges],
    ) -> None:
        """Note what has changed of a run.

        Args:
            run_id: which.
            beside: stores what else belongs to it, together with the changes.
            changes: by column.

        Raises:
            LeaderboardError: there is no such run, column, status or verification.
        """
        with self._database.writing() as session:
            run = existing_run(session, run_id, self.name)
            before = run.run_group
            change_run(run, changes)
            if changes.keys() & _DECIDES:
                refresh(session, {before, run.run_group})
            beside(session, run)

    def record_phase(self, run_id: int, phase: str, seconds: float) -> None:
        """Note how long a phase took. A resumed run has several notes of one phase; readers add them up."""
        with self._database.writing() as session:
            existing_run(session, run_id, self.name)
            session.add(Phase(run_id=run_id, phase=phase, seconds=seconds, recorded_at=datetime.now(UTC)))

    def record_source_diff(self, run_id: int, diff: str) -> None:
        """Store how the run's code differs from the commit that it names, in place of an earlier text; empty: nothing.

        Raises:
            LeaderboardError: there is no such run.
        """
        with self._database.writing() as session:
            existing_run(session, run_id, self.name)
            replace_diff(session, run_id, diff)

    def record_scores(self, run_id: int, scores: Iterable[ScoreRecord], *, protocol: int | None = None) -> None:
        """Store a run's scores, all or none, in place of earlier ones of the same metrics and protocol.

        Args:
            run_id: whose scores.
            scores: of any number of metrics; metrics that are not among them keep the scores they have.
            protocol: version of the rules that the scores were computed by; None means the run's own.

        Raises:
            LeaderboardError: there is no such run, or one score is given twice.
        """
        with self._database.writing() as session:
            run = existing_run(session, run_id, self.name)
            replace_scores(session, Score, run, scores, protocol)
            refresh(session, [run.run_group])

    def record_validation_scores(
        self, run_id: int, scores: Iterable[ScoreRecord], *, protocol: int | None = None
    ) -> None:
        """Store what a run scores on its validation participants, beside its test scores, which stay as they are.

        Args:
            run_id: whose scores.
            scores: as for `record_scores`.
            protocol: likewise.

        Raises:
            LeaderboardError: there is no such run, or one score is given twice.
        """
        with self._database.writing() as session:
            run = existing_run(session, run_id, self.name)
            replace_validation(session, run, scores, protocol)
            refresh(session, [run.run_group])

    def delete(self, run_id: int, *, beside: Callable[[Session, Run], object] = lambda *_: None) -> None:
        """Forget a run, its phases and its scores.

        Args:
            run_id: which.
            beside: called first, with what is still there; what it stores is stored together with that the run is gone.

        Raises:
            LeaderboardError: there is no such run.
        """
        with self._database.writing() as session:
            run = existing_run(session, run_id, self.name)
            beside(session, run)
            session.delete(run)
            refresh(session, [run.run_group])

    def adopt_run(self, exported: ExportedRun) -> None:
        """Take over what another machine has made of a run that was planned here, under the run's uid.

        Doing it again with the same changes nothing.

        Raises:
            LeaderboardError: this leaderboard has no such run, or what is given is of another identity.
        """
        with self._database.writing() as session:
            run_group = adopt_run(session, exported)
            if run_group is None:
                raise LeaderboardError(
                    f"{self.name} has no run {exported.run.uid} of that identity: nothing was stored"
                )
            refresh(session, {run_group})

    def merge_run(
        self,
        run: RunRow,
        scores: Sequence[ScoreRow],
        phases: Sequence[PhaseRow],
        *,
        source_diff: str = "",
        validation: Sequence[ScoreRow] = (),
    ) -> Literal["new", "more", "known"]:
        """Merge a run of another leaderboard under its own uid, and return whether it was new.

        Of a run that is here already, what is missing is added: the end of one that had not ended, and scores of
        metrics and protocols that it lacks. Only a self-reported row is overwritten, by a verified row of the same
        run, so merging twice changes nothing.
        Its log and folder stay where they were made: `log_path` is not copied.
        """
        (outcome,) = self.merge_runs([ExportedRun(run, scores, phases, source_diff, validation)])
        return outcome

    def merge_runs(
        self,
        runs: Iterable[ExportedRun],
        *,
        beside: Callable[[Session, list[str]], object] = lambda *_: None,
    ) -> list[Literal["new", "more", "known"]]:
        """Merge some runs together as `merge_run` does each: all, or none where one cannot be stored.

        Args:
            runs: each with what belongs to it.
            beside: stores what else belongs to the new ones, which it is told by their uid, together with them.
        """
        outcomes: list[Literal["new", "more", "known"]] = []
        changed: set[str] = set()
        new: list[str] = []
        with self._database.writing() as session:
            for each in runs:
                run = each.run
                before = session.scalar(sa.select(Run.run_group).where(Run.uid == run.uid)) or run.run_group
                outcomes.append(merge_run(session, each))
                if outcomes[-1] != "known":
                    changed |= {before, run.run_group}
                if outcomes[-1] == "new":
                    new.append(run.uid)
            refresh(session, changed)
            session.flush()
            beside(session, new)
        return outcomes
