"""How far the experiment is: which runs there are, which can be made now, and which wait for a learning rate."""

from __future__ import annotations

from typing import TYPE_CHECKING

from petbench.reproduce.experiment import PARTS, RUN_SETS
from petbench.reproduce.paper import METHODS
from petbench.reproduce.profiles import RATES
from petbench.reproduce.rates import choose_rate
from petbench_leaderboard.records import FAILURES

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from petbench.metric_spec import MetricSpec
    from petbench.reproduce.experiment import Cell, Part, Planner
    from petbench.reproduce.profiles import RunSet
    from petbench.reproduce.rates import Choice
    from petbench_leaderboard.records import RunRow
    from petbench_leaderboard.store import Leaderboard


class Agenda:
    """The runs of an experiment beside what is on the leaderboard, read anew whenever it is asked.

    Args:
        planner: plans the runs.
        leaderboard: where their rows are.
        metrics: the installed ones, for the direction of validation scores.
        only: the parts to be run; the references belong to each, and the grid of rates to each set of runs.

    Attributes:
        places: the dataset and split, one for each fold.
        seeds: of the compared runs.
    """

    def __init__(
        self,
        planner: Planner,
        leaderboard: Leaderboard,
        metrics: Sequence[MetricSpec],
        only: Collection[Part] = PARTS,
    ) -> None:
        self.places = planner.places
        self.seeds = planner.experiment.seeds
        self._planner = planner
        self._leaderboard = leaderboard
        self._metrics = metrics
        self._only = only
        self._references = planner.references()
        self._rates = {method: planner.rates(method) for method in METHODS}
        self._sets: dict[tuple[RunSet, str, float], list[Cell]] = {}

    def choice(self, method: str) -> Choice:
        """Return what the grid says of a method so far."""
        runs: dict[float, list[RunRow]] = {rate: [] for rate in RATES}
        for cell in self._rates[method]:
            row = self.row(cell)
            if row is not None and cell.rate is not None:
                runs[cell.rate].append(row)
        return choose_rate(method, runs, len(self.places), self._metrics)

    def of_rate(self, method: str, rate: float) -> list[RunRow]:
        """Return the run of each fold at a rate, of the grid or beyond it, as far as there is one that has ended."""
        rows = map(self.row, self._planner.rates(method, (rate,)))
        return [row for row in rows if row is not None and row.status in {"ok", *FAILURES}]

    def cells(self) -> list[Cell]:
        """Return every run that can be planned now, in the order in which to make them.

        Of two methods with the same rate or seed and fold, one is trained right before the other.
        """
        found = [*self._references, *_in_turn(list(self._rates.values()))]
        rates = {method: self.choice(method).rate for method in METHODS}
        for name in RUN_SETS:
            if name in self._only:
                found += _in_turn(
                    [self._run_set(name, method, rate) for method, rate in rates.items() if rate is not None]
                )
        return found

    def waiting(self) -> list[Cell]:
        """Return the runs whose rate is not chosen yet, planned with the first of the grid: as many, and as long."""
        undecided = [method for method in METHODS if not self.choice(method).is_decided]
        return [
            cell
            for name in RUN_SETS
            if name in self._only
            for cell in _in_turn([self._run_set(name, method, RATES[0]) for method in undecided])
        ]

    def reference(self, name: str) -> list[Cell]:
        """Return the runs of a reference, fold by fold."""
        return [cell for cell in self._references if cell.plan.method == name]

    def run_set(self, name: RunSet, method: str) -> list[Cell]:
        """Return a method's runs of a set; none while its rate is not chosen."""
        rate = self.choice(method).rate
        return [] if rate is None else self._run_set(name, method, rate)

    def row(self, cell: Cell) -> RunRow | None:
        """Return the row of a run: one that ended well, else the newest; None where there is none."""
        found = self._leaderboard.find(cell.plan.identity, cell.plan.task_definition, verification="own")
        return next((row for row in found if row.is_tested), found[0] if found else None)

    def _run_set(self, name: RunSet, method: str, rate: float) -> list[Cell]:
        key = (name, method, rate)
        if key not in self._sets:
            self._sets[key] = self._planner.run_set(*key)
        return self._sets[key]


def _in_turn(columns: Sequence[Sequence[Cell]]) -> list[Cell]:
    """Return the first of each column, then the second of each."""
    return [cell for row in zip(*columns, strict=True) for cell in row]
