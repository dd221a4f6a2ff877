"""The numbers of the experiment, all of them from the scores on the leaderboard."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from petbench.evaluation.distribution import EXTRACTOR_METRICS
from petbench.evaluation.metrics.psnr import PSNR_METRICS
from petbench.reproduce.experiment import RUN_SETS
from petbench.reproduce.made_references import MADE
from petbench.reproduce.paper import METHODS, REFERENCES
from petbench.reproduce.profiles import LARGER_RATES, RATE_SEED, RATES
from petbench_leaderboard.board import RANKING_METRICS
from petbench_leaderboard.cells import make_cell
from petbench_leaderboard.records import FAILURES
from petbench_leaderboard.run_groups import REGIONS, column_of

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from petbench.reproduce.agenda import Agenda
    from petbench.reproduce.profiles import RunSet
    from petbench.reproduce.rates import Choice
    from petbench_leaderboard.board import Cell, Column
    from petbench_leaderboard.records import RunRow
    from petbench_leaderboard.score_records import ScoreRow
    from petbench_leaderboard.store import Leaderboard

PSNR_CONVENTIONS = tuple(spec.name for spec in PSNR_METRICS)
FRECHET_DISTANCES = tuple(metrics.frechet.name for metrics in EXTRACTOR_METRICS)
METRICS = (
    *PSNR_CONVENTIONS,
    "psnr_body_suv20_no_urinary",
    "mae_body_suv",
    "mae_body_suv_no_urinary",
    "ssim_body_suv20",
    "organ_suvmean_error",
    *FRECHET_DISTANCES,
)
"""What the tables show, in this order, as far as it was scored."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """The runs of one method that are compared as one: a reference, or a method's runs of one set.

    Attributes:
        name: the method's.
        runs: the row of every run that was begun.
        seeds: those of which every fold ended well.
        failures: how seeds ended that did not end well.
        missing: seeds that are not run yet, wholly or in part.
        cells: by the metric's name, over `seeds`; without a mean where a seed failed, for no seed leaves a mean.
    """

    name: str
    runs: tuple[RunRow, ...]
    seeds: tuple[int, ...]
    failures: Mapping[int, str]
    missing: tuple[int, ...]
    cells: Mapping[str, Cell]

    @property
    def is_complete(self) -> bool:
        """Whether every seed ended, well or not."""
        return not self.missing

    @property
    def finished(self) -> tuple[RunRow, ...]:
        """The runs that ended well."""
        return tuple(run for run in self.runs if run.status == "ok")


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """All that was measured.

    Attributes:
        participants: everyone that the split predicts.
        columns: by the metric's name.
        references: those that have a run, in the order of the table; `predictable` and the repeat scan come last.
        sets: each set of runs, by method.
        choices: what the grid of learning rates says of each method.
        rates: the lines of one seed at the rates of the grid and beyond, by rate and method, as far as there are runs.
    """

    participants: tuple[str, ...]
    columns: Mapping[str, Column]
    references: tuple[Line, ...]
    sets: Mapping[RunSet, Mapping[str, Line]]
    choices: Mapping[str, Choice]
    rates: Mapping[tuple[float, str], Line]

    def reference(self, name: str) -> Line | None:
        """Return the line of a reference; None where it has no run."""
        return next((line for line in self.references if line.name == name), None)

    @property
    def lines(self) -> list[Line]:
        """Every line."""
        return [*self.references, *(line for of_set in self.sets.values() for line in of_set.values())]

    @property
    def metrics(self) -> tuple[str, ...]:
        """What the tables show: what some line has a value of."""
        return tuple(name for name in METRICS if any(_is_scored(line.cells.get(name)) for line in self.lines))

    @property
    def ranking(self) -> str | None:
        """The metric that ranks where nobody asks for one; None where no line has it."""
        return next((name for name in RANKING_METRICS if name in self.metrics), None)

    @property
    def unscored(self) -> dict[str, str]:
        """Why there is no value at all of what was to be shown, by the metric's name."""
        found = {}
        for name in METRICS:
            cells = [line.cells[name] for line in self.lines if name in line.cells]
            if cells and not any(map(_is_scored, cells)):
                found[name] = next((cell.reason for cell in cells if cell.reason), "not scored yet")
        return found

    @property
    def runs(self) -> list[RunRow]:
        """Every run that was begun, once, in the order of their numbers."""
        found = {run.id: run for line in self.lines for run in line.runs}
        found |= {run.id: run for choice in self.choices.values() for trial in choice.trials for run in trial.runs}
        found |= {run.id: run for line in self.rates.values() for run in line.runs}
        return [found[number] for number in sorted(found)]


def _is_scored(cell: Cell | None) -> bool:
    return cell is not None and any(cell.by_seed.values())


def gather(agenda: Agenda, made: Sequence[RunRow], leaderboard: Leaderboard) -> Results:
    """Return the results so far.

    Args:
        agenda: lists the runs.
        made: the rows of the references that the harness makes itself.
        leaderboard: where the scores are.
    """
    planned = {("references", name): agenda.reference(name) for name in REFERENCES}
    planned |= {(name, method): agenda.run_set(name, method) for name in RUN_SETS for method in METHODS}
    rows = {key: [row for cell in cells if (row := agenda.row(cell))] for key, cells in planned.items()}
    of_rates = {(rate, method): agenda.of_rate(method, rate) for rate in (*RATES, *LARGER_RATES) for method in METHODS}
    rows |= {("references", name): [row for row in made if row.method == name] for name in MADE}
    everything = [row for of_line in (*rows.values(), *of_rates.values()) for row in of_line]
    protocol = everything[0].protocol if everything else None
    found = leaderboard.scores([row.id for row in everything], regions=REGIONS, protocol=protocol)
    participants = agenda.places[0].split.test_participants
    folds = range(len(agenda.places))

    def line(part: str, name: str, seeds: Collection[int]) -> Line:
        expected = [(seed, fold) for seed in seeds for fold in folds]
        return make_line(name, rows[part, name], expected, found, participants)

    references = [
        line("references", name, sorted({row.seed for row in rows["references", name]}))
        for name in (*REFERENCES, *MADE)
        if rows["references", name]
    ]
    return Results(
        participants=tuple(participants),
        columns={score.metric: column_of(score) for score in found},
        references=tuple(references),
        sets={name: {method: line(name, method, agenda.seeds) for method in METHODS} for name in RUN_SETS},
        choices={method: agenda.choice(method) for method in METHODS},
        rates={
            (rate, method): make_line(method, of_rate, [(RATE_SEED, fold) for fold in folds], found, participants)
            for (rate, method), of_rate in of_rates.items()
            if of_rate
        },
    )


def make_line(
    name: str,
    runs: Sequence[RunRow],
    expected: Sequence[tuple[int, int]],
    scores: Sequence[ScoreRow],
    participants: Sequence[str],
) -> Line:
    """Return the line of a method's runs.

    Args:
        name: the method's.
        runs: those that were begun.
        expected: seed and fold of every run that there should be.
        scores: of these runs and any others.
        participants: everyone that must have a score.
    """
    well = {(run.seed, run.fold) for run in runs if run.status == "ok"}
    failed = {run.seed: run.status for run in runs if run.status in FAILURES}
    of_seed = {seed: {fold for other, fold in expected if other == seed} for seed, _ in expected}
    whole = tuple(seed for seed, folds in of_seed.items() if all((seed, fold) in well for fold in folds))
    failures = {seed: status for seed, status in sorted(failed.items()) if seed not in whole}
    by_id = {run.id: run for run in runs if run.seed in whole}
    table: dict[str, dict[int, dict[str, ScoreRow]]] = defaultdict(lambda: defaultdict(dict))
    for score in scores:
        if score.run_id in by_id:
            run = by_id[score.run_id]
            table[score.metric][run.seed][score.participant or f"fold {run.fold}"] = score
    cells = {
        metric: make_cell(of_metric, whole, participants, failures=failures) for metric, of_metric in table.items()
    }
    return Line(
        name=name,
        runs=tuple(runs),
        seeds=whole,
        failures=failures,
        missing=tuple(seed for seed in of_seed if seed not in whole and seed not in failures),
        cells=cells,
    )
