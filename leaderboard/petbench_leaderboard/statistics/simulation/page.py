"""The results of the simulation as a page in Markdown: every table that `docs/statistics.md` shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from petbench_leaderboard.statistics import promises
from petbench_leaderboard.statistics.intervals import CONFIDENCE, MOST_WIDENED
from petbench_leaderboard.statistics.power import can_decide, fewest_participants
from petbench_leaderboard.statistics.simulation import measures
from petbench_leaderboard.statistics.simulation.agreement import BIAS, SCATTER, agreement_coverage
from petbench_leaderboard.statistics.simulation.scenarios import (
    PARTICIPANTS,
    REST,
    SCENARIOS,
    SEED_SPREADS,
    SEEDS,
    Setting,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from petbench_leaderboard.statistics.simulation.scenarios import Scenario

DATASETS, FEWER_DATASETS = 20_000, 2_000
"""Datasets behind each number about intervals, and behind each about tests, which take longer."""

_TESTED = tuple(participants for participants in PARTICIPANTS if can_decide(participants, 1))
_FAMILIES = {"four alike": (0.0, 0.0, 0.0, 0.0), "two, one and two": (0.0, 0.0, 0.5, 2.0, 2.0)}
_FAMILY_SIZES = (8, 16, 40)
_SEED = 20_240_607

_HEAD = """\
# What the intervals and tests promise

Written by `make statistics`, which draws datasets whose truth is known and counts how often the leaderboard's intervals
and tests are right. The rules themselves are in [the protocol](protocol.md#statistics).

Participants are drawn from the distribution that a table names. Their standard deviation is 1, that of the means of
several trainings is the *seed spread*, and that of what is neither participant nor seed is {rest}. A number about
intervals is over {datasets:,} datasets, one about tests over {fewer:,}: near 95 % and 5 % the first is uncertain by
{uncertain:.1f} and the second by {more:.1f} percentage points (two standard errors).

## Promised

A test holds each bound against the code, for {least} to {most} participants and one to five seeds.

| participants are | a 95 % interval holds the truth in at least | two equal methods come out apart in at most |
| --- | --- | --- |
{promised}

- Of several methods, in at most {family} of datasets any two come out apart falsely or in the wrong order; in all
  others every rank interval holds every rank that its method may truly have.
- Comparisons of methods with references are corrected as a family of their own, and those of methods with each other as
  another: each by Holm's method, over all of its comparisons.
- With one seed, *the truth* is that of this one training. Of another training of the same method an interval over
  participants says nothing: see the table below.
- The smallest detectable difference is found in {found} of datasets where participants are normal and there is one
  seed.
- Limits of agreement, the mean difference and a concordance have their truth in their intervals in {agreement} of
  datasets whose differences are normal. They are made for such differences: [of others](#agreement) the interval of a
  limit may hold it in fewer than half of the datasets. A slope that is 0 is taken for a bias in at most {slopes}.

## Computed

Of scores by seed and participant, or of the differences of two methods participant by participant:

- Each participant's mean over the seeds; of these n the mean m, the standard deviation s and the skewness g
  (`scipy.stats.skew`). With t Student's quantile of {tail:g} for n − 1 degrees of freedom, and
  h(t) = 3√n/g · (∛(1 + g·(t/√n − g/6n)) − 1), the interval reaches h(t) below and −h(−t) above the mean, in units of
  s/√n, but neither less than t nor more than {widened:g} t.
- For each method with several seeds, V = (mean square of seeds − mean square of the rest) / (seeds · n), at least 0,
  of the two-way analysis of variance, with as many degrees of freedom as seeds less one. The V of two methods add up,
  with degrees of freedom after Welch, (V₁ + V₂)² / (V₁²/f₁ + V₂²/f₂).
- The interval ends at m − √(reach² · s²/n + t² · V) and m + √(…), each t for its own degrees of freedom.
- p of an interval is 1 less the confidence at which it ends at 0. Signed ranks give mean ranks to ties, and rank zeros
  but give them no sign (Pratt). The larger of both p goes into Holm's correction.
"""

_WIDTHS = """\
## Width

Median half width of the interval of a mean, in standard deviations of participants, who are normal. Two seeds say
little of how seeds spread, and the interval does not hide it; three or more narrow it.
"""

_ERRORS = """\
## Two equal methods, one comparison

Percent of datasets in which two methods of one true mean come out apart. It is the *differences* that are distributed
as the table says, as if only one of the methods failed: where both do alike, differences are symmetric. In brackets:
what Wilcoxon's signed ranks alone would say, and the permutation test of the mean alone. Both are exact for symmetric
differences of *these* networks, and wrong beyond.
"""

_SEVERAL = """\
## Several methods, Holm's correction, rank intervals

Percent of datasets in which any comparison is wrong; in brackets, in which every rank interval holds every rank that
its method may truly have. Four methods are alike; or five have means of 0, 0, 0.5, 2 and 2. A head ends with the number
of participants. Each number is over half as many datasets as others about tests.
"""

_AGREEMENT = """\
## Agreement

Percent of datasets in which the interval of the mean difference, of the lower and the upper limit, and of Lin's
concordance holds the truth; in brackets, in which a slope of difference on mean that is 0 has a p below 5 %. It is the
*differences* that are distributed as a row says, with a mean of {bias} and a standard deviation of {scatter} where that
of the real values is 1. Each number is over {datasets:,} datasets.
"""

_DETECTED = """\
## Smallest detectable difference

Percent of datasets in which it is found where it is the true difference; a head gives participants and comparisons. It
is computed from what a study sees of the spread, here the median over studies.
"""


def page() -> str:
    """Return the whole page; it takes some minutes."""
    parts = [head()]
    for title, measure in (
        ("Interval of a mean", measures.mean_coverage),
        ("Interval of a paired difference", measures.difference_coverage),
    ):
        parts += [f"## {title}\n", "Percent of datasets whose interval holds the truth.\n"]
        for scenario, words in SCENARIOS.items():
            parts += [f"{_sentence(words)}:\n", _by_seeds(scenario, PARTICIPANTS, DATASETS, measure, _percent)]
    parts += [_widths(), _errors(), _families(), _powers(), _agreement()]
    return "\n".join(parts).rstrip() + "\n"


def head() -> str:
    """Return what stands above the tables: what is promised, and how all of it is computed."""
    rows = [
        f"| {words.removeprefix('participants are ')} | {_whole(promises.COVERAGE[scenario])} "
        f"| {_whole(promises.FALSELY_APART[scenario])} |"
        for scenario, words in SCENARIOS.items()
    ]
    return _HEAD.format(
        rest=REST,
        datasets=DATASETS,
        fewer=FEWER_DATASETS,
        uncertain=200.0 * np.sqrt(0.05 * 0.95 / DATASETS),
        more=200.0 * np.sqrt(0.05 * 0.95 / FEWER_DATASETS),
        least=promises.FEWEST,
        most=promises.MOST,
        promised="\n".join(rows),
        family=_whole(promises.FAMILY_ERROR),
        found=" to ".join(_whole(share) for share in promises.DETECTED),
        agreement=_whole(promises.AGREEMENT),
        slopes=_whole(max(promises.SLOPE_ERROR.values())),
        tail=(1.0 + CONFIDENCE) / 2.0,
        widened=MOST_WIDENED,
    )


def _widths() -> str:
    table = _by_seeds("normal", PARTICIPANTS, FEWER_DATASETS, measures.median_width, lambda value: f"{value:.2f}")
    return f"{_WIDTHS}\n{table}"


def _errors() -> str:
    parts = [_ERRORS]

    def written(found: measures.ErrorsOfTests) -> str:
        return f"{_percent(found.apart)} ({_percent(found.wilcoxon)}, {_percent(found.permutation)})"

    for scenario, words in SCENARIOS.items():
        table = _by_seeds(scenario, _TESTED, FEWER_DATASETS, measures.errors_of_tests, written)
        parts += [f"{_sentence(words)}:\n", table]
    return "\n".join(parts)


def _families() -> str:
    generator = np.random.default_rng(_SEED)
    rows = []
    for scenario in SCENARIOS:
        for seeds, spread in ((1, 0.0), (2, 0.3), (3, 0.3), (3, 1.0), (5, 1.0)):
            cells = []
            for means in _FAMILIES.values():
                for participants in _FAMILY_SIZES:
                    setting = Setting(scenario=scenario, participants=participants, seeds=seeds, seed_spread=spread)
                    found = measures.errors_of_family(setting, means, FEWER_DATASETS // 2, generator)
                    cells.append(f"{_percent(found.any_false)} ({_percent(found.ranks_held)})")
            rows.append([scenario, str(seeds), f"{spread:g}", *cells])
    heads = [f"{name}, {size}" for name in _FAMILIES for size in _FAMILY_SIZES]
    return f"{_SEVERAL}\n{_table(['participants', 'seeds', 'seed spread', *heads], rows)}"


def _powers() -> str:
    generator = np.random.default_rng(_SEED)
    rows = []
    for scenario in SCENARIOS:
        for seeds, spread in ((1, 0.0), (2, 0.3), (3, 0.3), (5, 0.3), (5, 1.0)):
            cells = []
            for participants, comparisons in _POWERS:
                setting = Setting(scenario=scenario, participants=participants, seeds=seeds, seed_spread=spread)
                found = measures.power_at_the_detectable_difference(setting, comparisons, FEWER_DATASETS, generator)
                cells.append("" if found is None else _percent(found))
            rows.append([scenario, str(seeds), f"{spread:g}", *cells])
    heads = [f"{participants}, {comparisons}" for participants, comparisons in _POWERS]
    return f"{_DETECTED}\n{_table(['participants', 'seeds', 'seed spread', *heads], rows)}"


def _agreement() -> str:
    generator = np.random.default_rng(_SEED)
    rows = []
    for scenario in SCENARIOS:
        cells = []
        for participants in PARTICIPANTS:
            found = agreement_coverage(scenario, participants, FEWER_DATASETS, generator)
            held = ", ".join(map(_percent, (found.mean, found.low, found.high, found.concordance)))
            cells.append(f"{held} ({_percent(found.slope)})")
        rows.append([scenario, *cells])
    heads = ["differences", *(f"{participants} participants" for participants in PARTICIPANTS)]
    words = _AGREEMENT.format(bias=BIAS, scatter=SCATTER, datasets=FEWER_DATASETS)
    return f"{words}\n{_table(heads, rows)}"


_POWERS = tuple(
    (participants, comparisons)
    for comparisons in (1, 3, 10)
    for participants in (6, 8, 12, 16, 40)
    if participants >= fewest_participants(comparisons)
)


def _by_seeds(
    scenario: Scenario,
    sizes: Sequence[int],
    datasets: int,
    measure: Callable[[Setting, int, np.random.Generator], object],
    written: Callable[..., str],
) -> str:
    """Return a table with a row for each number of seeds and their spread, and a column for each number of people."""
    generator = np.random.default_rng(_SEED)
    rows = []
    for seeds in SEEDS:
        for spread in SEED_SPREADS:
            settings = [
                Setting(scenario=scenario, participants=size, seeds=seeds, seed_spread=spread) for size in sizes
            ]
            rows.append([str(seeds), f"{spread:g}", *(written(measure(one, datasets, generator)) for one in settings)])
    return _table(["seeds", "seed spread", *(f"{size} participants" for size in sizes)], rows)


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines) + "\n"


def _whole(share: float) -> str:
    return f"{100.0 * share:.0f} %"


def _percent(share: float) -> str:
    return f"{100.0 * share:.1f}"


def _sentence(words: str) -> str:
    return words[0].upper() + words[1:]
