"""The arithmetic of one cell: means that drop nobody, and gains over `identity` participant by participant."""

from __future__ import annotations

from dataclasses import replace
from statistics import fmean, stdev
from typing import TYPE_CHECKING

from petbench_datasets.bids.names import person_of
from petbench_leaderboard.board import Cell

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from petbench_leaderboard.board import Column
    from petbench_leaderboard.score_records import ScoreRecord

NO_PREDICTABLE = "no predictable row"
"""Why a board of a simulated dataset has no normalized scores: the one reason that a command removes."""

NO_TRUTH = "the dataset has no truth"
"""Why a board of real scans has none: nobody knows what could be predicted of them."""


def make_cell(
    scores: Mapping[int, Mapping[str, ScoreRecord]],
    seeds: Sequence[int],
    participants: Sequence[str],
    *,
    all_folds: bool = True,
    failures: Mapping[int, str] | None = None,
) -> Cell:
    """Return the cell of one column and row; of a person with several sessions it has their mean.

    Args:
        scores: by seed, then by participant, or by fold for scores of all participants together.
        seeds: the row's seeds; a seed without scores in this column leaves the cell without a mean.
        participants: everyone that must have a score, each session of a person by itself.
        all_folds: whether the runs predict everyone; if not, a score of all participants together has no mean either.
        failures: seeds that failed, and how: no mean is over the other seeds alone.
    """
    by_seed = {
        seed: {who: score.value for who, score in scores.get(seed, {}).items() if score.value is not None}
        for seed in seeds
    }
    found = [score for seed in seeds for score in scores.get(seed, {}).values()]
    reason = next((score.reason for score in found if score.value is None), None)
    extra = found[0].extra if found else {}
    together = bool(found) and all(score.participant is None for score in found)
    wanted = sorted({who for seed in seeds for who in scores.get(seed, {})}) if together else list(participants)
    missing = [who for who in wanted if any(who not in by_seed[seed] for seed in seeds)]
    if together and not all_folds and not reason:
        return Cell(mean=None, by_seed=by_seed, reason="not every fold was run", extra=extra)
    if not wanted or missing:
        why = reason or f"{len(wanted) - len(missing)}/{len(wanted)} scored, missing {', '.join(missing) or 'all'}"
        return Cell(mean=None, by_seed=by_seed, reason=why, extra=extra)
    if failures:
        return Cell(mean=None, by_seed=by_seed, reason=_failed(seeds, failures), extra=extra)
    if not together:
        by_seed = {seed: _of_people({who: values[who] for who in wanted}) for seed, values in by_seed.items()}
        wanted = list(people(wanted))
    means = {who: fmean(by_seed[seed][who] for seed in seeds) for who in wanted}
    of_seeds = [fmean(by_seed[seed][who] for who in wanted) for seed in seeds]
    return Cell(
        mean=fmean(means.values()),
        standard_deviation=None if together or len(means) < 2 else stdev(means.values()),
        seed_standard_deviation=None if len(seeds) < 2 else stdev(of_seeds),
        values={} if together else means,
        by_seed=by_seed,
        extra=extra,
        floor=_floor(found),
    )


def people(participants: Sequence[str]) -> tuple[str, ...]:
    """Return whose pairs these are, each person once: sessions of one person are no independent observations."""
    return tuple(dict.fromkeys(map(person_of, participants)))


def _of_people(values: Mapping[str, float]) -> dict[str, float]:
    """Return the mean of each person's sessions."""
    if len(people(list(values))) == len(values):
        return {person_of(who): value for who, value in values.items()}
    return {
        person: fmean(value for who, value in values.items() if person_of(who) == person)
        for person in people(list(values))
    }


def _failed(seeds: Sequence[int], failures: Mapping[int, str]) -> str:
    """Say how many seeds have scores, and what became of the others: `2/3 seeds, seed 4 diverged`."""
    ended = {*seeds, *failures}
    what = ", ".join(f"seed {seed} {status}" for seed, status in failures.items())
    return f"{len(ended - failures.keys())}/{len(ended)} seeds, {what}"


def _floor(scores: Sequence[ScoreRecord]) -> float | None:
    """Return the mean of the floors that came with scores; None where one of them has none."""
    floors = [score.extra.get("floor") for score in scores]
    numbers = [float(floor) for floor in floors if isinstance(floor, int | float)]
    return fmean(numbers) if numbers and len(numbers) == len(floors) else None


def add_gain(cell: Cell, identity: Cell | None, column: Column) -> Cell:
    """Return the cell with its gain over `identity`; a metric that orders nothing has none.

    With a direction it is the mean of the participants' differences. With a best value it is how much nearer to that
    the mean is than the mean of `identity`: by that distance such a metric ranks.
    """
    if identity is None or cell.mean is None or identity.mean is None or not column.ranks:
        return cell
    if cell.values.keys() != identity.values.keys():
        return cell
    pairs = [(cell.values[who], identity.values[who]) for who in cell.values]
    if column.higher_is_better is None or not pairs:
        pairs = [(cell.mean, identity.mean)]
    differences = [column.distance(theirs) - column.distance(ours) for ours, theirs in pairs]
    return replace(cell, gain=fmean(differences))


def add_normalized_score(
    cell: Cell, identity: Cell | None, predictable: Cell | None, column: Column, *, missing: str = NO_PREDICTABLE
) -> Cell:
    """Return the cell with its mean on a scale from `identity` to `predictable`, or with the reason why not.

    0 is `identity` and 1 what can be predicted, whatever the metric's direction; below 0 is worse than `identity`. A
    metric that is better neither higher nor lower counts by the distance from its best value.

    Args:
        cell: of any row.
        identity: the cell of `identity` in the same column; None where the board has none.
        predictable: the same of `predictable`.
        column: says which values are better.
        missing: the reason where there is no `predictable`.
    """
    if cell.mean is None:
        return cell
    if identity is None or identity.mean is None or cell.values.keys() != identity.values.keys():
        return replace(cell, normalized_score_reason="no identity")
    if predictable is None or predictable.mean is None or cell.values.keys() != predictable.values.keys():
        return replace(cell, normalized_score_reason=missing)
    if column.higher_is_better is None and column.facts.best_value is None:
        return replace(cell, normalized_score_reason="no direction")
    zero, one = _goodness(identity.mean, column), _goodness(predictable.mean, column)
    if one <= zero:
        return replace(cell, normalized_score_reason="predictable no better than identity")
    return replace(cell, normalized_score=(_goodness(cell.mean, column) - zero) / (one - zero))


def _goodness(mean: float, column: Column) -> float:
    """Return a number that is higher where a mean is better."""
    if column.higher_is_better is not None:
        return mean if column.higher_is_better else -mean
    assert column.facts.best_value is not None
    return -abs(mean - column.facts.best_value)
