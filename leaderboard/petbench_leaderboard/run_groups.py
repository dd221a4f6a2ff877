"""Which runs make one row, and what each participant scored in it."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from petbench_leaderboard.board import Column
from petbench_leaderboard.metric_facts import MetricFacts
from petbench_leaderboard.records import FAILURES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from petbench_leaderboard.records import RunRow, ScoreRow

REGIONS = ("body", "body-no-urinary", "volume", "volume-no-urinary")
"""The regions of a score of the whole image, with and without the urinary tract; organs and lesions have own tables."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunGroup:
    """Runs that differ in nothing but seed and fold, and their scores: they make one row.

    Attributes:
        runs: the newest finished run of each seed and fold, oldest first.
        scores: by column, seed and participant; a score of all participants together is named by its fold.
        failed_seeds: seeds with a failed run and no finished one in its place.
    """

    runs: tuple[RunRow, ...]
    scores: Mapping[Column, Mapping[int, Mapping[str, ScoreRow]]]
    failed_seeds: tuple[int, ...]

    def complete_seeds(self, column: Column | None, participants: Sequence[str]) -> tuple[int, ...]:
        """Return the seeds in which every participant has a value in `column`."""
        by_seed = self.scores.get(column, {}) if column else {}
        return tuple(sorted(seed for seed, scores in by_seed.items() if participants and _covers(scores, participants)))


def everyone(runs: Iterable[RunRow], scores: Iterable[ScoreRow]) -> tuple[str, ...]:
    """Return all who must have a score: those that the runs' split predicts, and whoever has one."""
    planned = {who for run in runs for who in (run.split_participants or run.test_participants)}
    return tuple(sorted(planned | {score.participant for score in scores if score.participant}))


def group_runs(runs: Iterable[RunRow], scores: Iterable[ScoreRow]) -> list[RunGroup]:
    """Group the runs of one board; runs without a score only count as failed or not.

    A run that was repeated (`--force`, or again after a failure) counts once: the newest with a score.
    """
    of_run: dict[int, list[ScoreRow]] = defaultdict(list)
    for score in scores:
        of_run[score.run_id].append(score)
    groups: dict[str, list[RunRow]] = defaultdict(list)
    for run in sorted(runs, key=lambda run: run.id):
        groups[run.run_group].append(run)
    return [_group(members, of_run) for members in groups.values() if any(run.id in of_run for run in members)]


def unresolved(runs: Iterable[RunRow], scored: Iterable[int]) -> tuple[RunRow, ...]:
    """Return the runs without a score in whose place no other run was scored, newest first."""
    with_score = set(scored)
    runs = list(runs)
    resolved = {_place(run) for run in runs if run.id in with_score}
    newest: dict[tuple[str, int, int], RunRow] = {}
    for run in sorted(runs, key=lambda run: run.id):
        if _place(run) not in resolved:
            newest[_place(run)] = run
    return tuple(sorted(newest.values(), key=lambda run: run.id, reverse=True))


def _place(run: RunRow) -> tuple[str, int, int]:
    return run.run_group, run.seed, run.fold


def _group(members: Sequence[RunRow], of_run: Mapping[int, Sequence[ScoreRow]]) -> RunGroup:
    newest = {(run.seed, run.fold): run for run in members if run.id in of_run}
    failed = {(run.seed, run.fold) for run in members if run.status in FAILURES} - newest.keys()
    table: dict[Column, dict[int, dict[str, ScoreRow]]] = defaultdict(lambda: defaultdict(dict))
    for run in newest.values():
        for score in of_run[run.id]:
            if score.region in REGIONS:
                whose = score.participant or f"fold {run.fold}"
                table[column_of(score)][run.seed][whose] = score
    return RunGroup(
        runs=tuple(newest.values()),
        scores=table,
        failed_seeds=tuple(sorted({seed for seed, _ in failed})),
    )


def column_of(score: ScoreRow) -> Column:
    """Return the column that a score stands in."""
    facts = score.facts or MetricFacts()
    return Column(score.metric, score.region, score.convention_id, score.unit, score.higher_is_better, facts)


def _covers(scores: Mapping[str, ScoreRow], participants: Sequence[str]) -> bool:
    return all(who in scores and scores[who].value is not None for who in participants)
