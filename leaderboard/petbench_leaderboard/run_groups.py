"""Which runs make one row, and what each participant scored in it."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from petbench_leaderboard.board import Column
from petbench_leaderboard.cells import make_cell
from petbench_leaderboard.metric_facts import MetricFacts
from petbench_leaderboard.records import FAILURES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from petbench_leaderboard.board import Cell
    from petbench_leaderboard.records import RunRow
    from petbench_leaderboard.score_records import ScoreRecord, ScoreRow

REGIONS = ("body", "body-no-urinary", "volume", "volume-no-urinary")
"""The regions of a score of the whole image, with and without the urinary tract; organs and lesions have own tables."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunGroup:
    """Runs that differ in nothing but seed and fold, and their scores: they make one row.

    Attributes:
        runs: the newest finished run of each seed and fold, oldest first.
        scores: by column, seed and participant; a score of all participants together is named by its fold.
        failures: seeds with a failed run and no finished one in its place, and how that run ended.
    """

    runs: tuple[RunRow, ...]
    scores: Mapping[Column, Mapping[int, Mapping[str, ScoreRow]]]
    failures: Mapping[int, str]

    @property
    def representative(self) -> RunRow:
        """One of the runs, for what they have in common: the newest, and how the settings of any of them were found."""
        tuned = next((run.tuning for run in self.runs if run.tuning), {})
        return replace(self.runs[-1], tuning=tuned)

    def full_seeds(self, participants: Sequence[str]) -> tuple[int, ...]:
        """Return the seeds whose finished runs together predict every participant.

        Where nobody noted whom the runs of a seed predict, everyone must have a value in some column.
        """
        predicted: dict[int, set[str]] = defaultdict(set)
        for run in self.runs:
            predicted[run.seed].update(run.test_participants)
        return tuple(
            seed
            for seed, who in sorted(predicted.items())
            if (who.issuperset(participants) if who else self._is_scored(seed, participants))
        )

    def counted_seeds(self, participants: Sequence[str]) -> tuple[int, ...]:
        """Return the seeds that every mean of the row is over: the full ones; where there is none, all of them.

        A seed whose folds were not all run yet says nothing of the method, so the others do not wait for it.
        """
        return self.full_seeds(participants) or tuple(sorted({run.seed for run in self.runs}))

    def cell(self, column: Column, participants: Sequence[str]) -> Cell:
        """Return the row's cell of a column that it has scores in."""
        return make_cell(
            self.scores[column],
            self.counted_seeds(participants),
            participants,
            all_folds=bool(self.full_seeds(participants)),
            failures=self.failures,
        )

    def covered(self, column: Column | None, participants: Sequence[str]) -> set[str]:
        """Return who has a score in every seed that counts; in the fullest one where no seed is full."""
        scored = [self._scored(column, seed) & set(participants) for seed in self.counted_seeds(participants)]
        return set.intersection(*scored) if self.full_seeds(participants) else max(scored, key=len)

    def _scored(self, column: Column | None, seed: int) -> set[str]:
        """Return whom the scores of one seed are of; a score of all participants together is of those of its fold."""
        of_seed = self.scores.get(column, {}).get(seed, {}) if column else {}
        names = {who for who, score in of_seed.items() if score.value is not None}
        folds = [run for run in self.runs if run.seed == seed and f"fold {run.fold}" in names]
        return names.union(*(run.test_participants for run in folds))

    def _is_scored(self, seed: int, participants: Sequence[str]) -> bool:
        return not participants or any(_covers(by_seed.get(seed, {}), participants) for by_seed in self.scores.values())


def everyone(runs: Iterable[RunRow], scores: Iterable[ScoreRow]) -> tuple[str, ...]:
    """Return all who must have a score: those that the runs' split predicts, and whoever has one.

    Of several runs those say it of which most was seen here: what somebody reports costs no other row its rank.
    """
    runs = list(runs)
    most = max((run.trust for run in runs), default=0)
    trusted = {run.id: run for run in runs if run.trust == most}
    planned = {who for run in trusted.values() for who in (run.split_participants or run.test_participants)}
    return tuple(sorted(planned | {each.participant for each in scores if each.participant and each.run_id in trusted}))


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
    failed = [run for run in members if run.status in FAILURES and (run.seed, run.fold) not in newest]
    table: dict[Column, dict[int, dict[str, ScoreRow]]] = defaultdict(lambda: defaultdict(dict))
    for run in newest.values():
        for score in of_run[run.id]:
            if score.region in REGIONS:
                whose = score.participant or f"fold {run.fold}"
                table[column_of(score)][run.seed][whose] = score
    return RunGroup(
        runs=tuple(newest.values()),
        scores=table,
        failures={run.seed: run.status for run in sorted(failed, key=lambda run: run.seed)},
    )


def column_of(score: ScoreRecord) -> Column:
    """Return the column that a score stands in."""
    facts = score.facts or MetricFacts()
    return Column(score.metric, score.region, score.convention_id, score.unit, score.higher_is_better, facts)


def _covers(scores: Mapping[str, ScoreRow], participants: Sequence[str]) -> bool:
    return all(who in scores and scores[who].value is not None for who in participants)
