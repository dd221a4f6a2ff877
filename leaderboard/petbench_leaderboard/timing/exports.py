"""Times to the target as plain values, at full precision."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from petbench_leaderboard.records import BOARD_FIELDS
from petbench_leaderboard.timing.outcomes import NEVER

if TYPE_CHECKING:
    from collections.abc import Sequence

    from petbench_leaderboard.timing.profiles import Profiles
    from petbench_leaderboard.timing.tables import BoardTimes, TimeRow, TimeTable

_OF_RUN = ("method", "distribution", "version", "preset", "changed_parameters", "budget", "run_group")


def times_as_dict(times: Sequence[BoardTimes], profiles: Sequence[Profiles]) -> dict[str, Any]:
    """Return tables with every run, and profiles; a time is None where a run never arrives, or nobody knows."""
    return {
        "boards": [
            {
                **{name: getattr(each.board, name) for name in BOARD_FIELDS},
                "tables": [_table(table) for table in each.tables],
                "without_times": [{"method": run.method, "run": run.id, "reason": why} for run, why in each.without],
                "folds_without_target": list(each.untargeted),
            }
            for each in times
        ],
        "profiles": [_profiles(each) for each in profiles],
    }


def times_as_rows(times: Sequence[BoardTimes]) -> list[dict[str, Any]]:
    """Return one flat row for each run of each table: what every number of the tables follows from."""
    return [
        {name: getattr(each.board, name) for name in BOARD_FIELDS}
        | {"hardware": table.hardware}
        | {name: getattr(row.run, name) for name in _OF_RUN}
        | {"stands_for_method": row.stands}
        | outcome
        | next({"target_suv": t.suv, "reference": t.reference} for t in table.targets if t.fold == outcome["fold"])
        for each in times
        for table in each.tables
        for row in table.rows
        for outcome in _outcomes(row)
    ]


def _table(table: TimeTable) -> dict[str, Any]:
    return {
        "hardware": table.hardware,
        "targets": [{"fold": t.fold, "suv": t.suv, "reference": t.reference} for t in table.targets],
        "rows": [
            {name: getattr(row.run, name) for name in _OF_RUN}
            | {
                "stands_for_method": row.stands,
                "arrived": row.arrived,
                "runs": len(row.outcomes),
                "median_seconds": _or_none(row.seconds),
                "shortest_seconds": _or_none(row.span[0]),
                "longest_seconds": _or_none(row.span[1]),
                "times_the_fastest": row.seconds / table.fastest if max(row.seconds, table.fastest) < NEVER else None,
                "outcomes": _outcomes(row),
            }
            for row in table.rows
        ],
    }


def _outcomes(row: TimeRow) -> list[dict[str, Any]]:
    return [
        {
            "run": each.run.id,
            "seed": each.run.seed,
            "fold": each.run.fold,
            "arrived": each.arrived,
            "seconds": _or_none(each.seconds),
            "known": each.known,
            "reason": each.why,
        }
        for each in row.outcomes
    ]


def _profiles(profiles: Profiles) -> dict[str, Any]:
    return {
        "protocol": profiles.protocol,
        "task": profiles.task,
        "hardware": profiles.hardware,
        "problems": [{"dataset": p.dataset, "split": p.split, "fold": p.fold} for p in profiles.problems],
        "methods": [
            {
                "method": entry.name,
                "score": None if entry.profile is None else entry.profile.score(),
                "seconds": [_or_none(entry.seconds.get(problem, NEVER)) for problem in profiles.problems],
                "tried": [problem in entry.seconds for problem in profiles.problems],
                "ratios": None if entry.profile is None else [_or_none(ratio) for ratio in entry.profile.ratios],
            }
            for entry in profiles.entries
        ],
    }


def _or_none(value: float) -> float | None:
    return value if value < NEVER else None
