"""Invented runs with validation histories, for the tests of times to a target."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from petbench_leaderboard.validation_history import ValidationHistory

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.leaderboard.conftest import MakeRecord, MakeScore

    from petbench_leaderboard.store import Leaderboard

CPU: dict[str, object] = {"processor": "Fast Chip", "cores": 8, "threads": 2}
GPU: dict[str, object] = {"processor": "Fast Chip", "cores": 8, "threads": 8, "name": "Some Card"}
REFERENCES = ("kinetic", "ridge", "scale", "identity")


class TimedRuns:
    """Stores finished runs of protocol 2 with scores and a history of (seconds, error in SUV)."""

    def __init__(self, leaderboard: Leaderboard, make_record: MakeRecord, make_score: MakeScore) -> None:
        self.leaderboard = leaderboard
        self._record = make_record
        self._score = make_score

    def __call__(
        self,
        method: str,
        history: Sequence[tuple[float, float]] | None = (),
        final: float | None = None,
        *,
        status: str = "ok",
        machine: dict[str, object] = CPU,
        **changes: Any,
    ) -> int:
        """Store a run; `history` None is a row in which nobody noted one."""
        role = "reference" if method in REFERENCES else "competitor"
        who = (f"sub-{1 + changes.get('fold', 0):02d}",)
        facts = {"role": role, "protocol": 2, "changed_parameters": {}, "test_participants": who} | changes
        run_id = self.leaderboard.plan(self._record(method, machine=machine, **facts))
        self.leaderboard.update(run_id, status=status)  # type: ignore[arg-type]
        if status == "ok":
            self.leaderboard.record_scores(run_id, [self._score(name, 30.0) for name in who])
        if history is not None:
            noted = ValidationHistory(
                seconds=tuple(seconds for seconds, _ in history),
                mae_suv=tuple(error for _, error in history),
                final_mae_suv=final,
            )
            self.leaderboard.update(run_id, validation_history=noted.to_json())
        return run_id
