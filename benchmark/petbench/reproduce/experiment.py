"""Every run of the experiment: references, the grid of learning rates, and three sets of runs at the chosen rates."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

from petbench.errors import UsageError
from petbench.plans.datasets import find_dataset
from petbench.plans.planner import Place, Request, check_names, plan_on
from petbench.plans.run_plan import parse_budget
from petbench.reproduce.paper import METHODS, REFERENCES
from petbench.reproduce.profiles import RATE_SEED, RATES, RunSet
from petbench_datasets.dataset.split import load_split

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from petbench.home import Home
    from petbench.plans.run_plan import RunPlan
    from petbench.registry import Registry
    from petbench.reproduce.profiles import Profile
    from petbench_datasets.progress import Progress

Part = Literal["references", "rates", "equal-images", "equal-seconds", "converged"]

PARTS: tuple[Part, ...] = get_args(Part)
"""In the order in which they are run: whoever stops early has the short ones."""

RUN_SETS: tuple[RunSet, ...] = get_args(RunSet)


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiment:
    """What is compared, and on what.

    Attributes:
        dataset: a dataset's name or folder.
        split: of its participants; all folds are run.
        seeds: of both methods; references have no chance in them and take the first.
        profile: parameters and budgets.
        device: as for `petbench run`.
    """

    dataset: str
    split: str
    seeds: tuple[int, ...]
    profile: Profile
    device: str = "auto"


@dataclass(frozen=True, slots=True)
class Cell:
    """One run of the experiment.

    Attributes:
        part: that it belongs to. A run may belong to two: under equal images, that of the grid with the chosen rate is
            also one of the compared runs.
        plan: of the run.
        rate: the learning rate; None for a reference.
    """

    part: Part
    plan: RunPlan
    rate: float | None = None

    @property
    def name(self) -> str:
        """Part, method, rate, fold and seed, in words."""
        rate = "" if self.rate is None else f" at {self.rate:g}"
        return f"{self.part}: {self.plan.method}{rate} fold {self.plan.fold} seed {self.plan.seed}"


class Planner:
    """Plans the runs of an experiment; the dataset is opened once, and built first where it is not there yet.

    Args:
        experiment: what is asked for.
        home: where built datasets are kept.
        registry: the installed plugins.
        progress: notified of how far the building and reading of the dataset is.

    Attributes:
        places: the dataset and split, one for each fold.

    Raises:
        UsageError: something in the request makes no sense; no dataset is built for that.
    """

    def __init__(self, experiment: Experiment, home: Home, registry: Registry, progress: Progress) -> None:
        self.experiment = experiment
        self._registry = registry
        for request in [self._reference(REFERENCES[0]), *(self._trained(name, {}, "images=1") for name in METHODS)]:
            check_names(request, registry)
        named = find_dataset(experiment.dataset, home, registry, progress)
        split = load_split(named.dataset, experiment.split)
        without = next((number for number, fold in enumerate(split.folds) if not fold.validation), None)
        if without is not None:
            raise UsageError(
                f"fold {without} of the split {split.name!r} has no validation participants, and learning rates are "
                "chosen on nothing else; name another split, or make one: petbench datasets split"
            )
        self.places = tuple(Place(named.name, named.dataset, split, fold) for fold in range(len(split.folds)))

    def references(self) -> list[Cell]:
        """Return the runs of the methods that have no chance in them."""
        return [
            Cell("references", plan_on(self._reference(name), place, self._registry))
            for name in REFERENCES
            for place in self.places
        ]

    def rates(self, method: str, grid: Sequence[float] = RATES) -> list[Cell]:
        """Return the runs that one method's learning rate is chosen from, rate by rate."""
        budget = self.experiment.profile.budgets["equal-images"]
        return [
            Cell("rates", self._plan(method, {"learning_rate": rate}, budget, place, RATE_SEED), rate)
            for rate in grid
            for place in self.places
        ]

    def run_set(self, name: RunSet, method: str, rate: float) -> list[Cell]:
        """Return one method's runs of a set, seed by seed, each of these fold by fold."""
        profile = self.experiment.profile
        settings = {"learning_rate": rate, **(profile.until_converged if name == "converged" else {})}
        plans = [
            self._plan(method, settings, profile.budgets[name], place, self.experiment.seeds[0])
            for place in self.places
        ]
        return [
            Cell(name, dataclasses.replace(plan, seed=seed), rate) for seed in self.experiment.seeds for plan in plans
        ]

    def _plan(self, method: str, settings: Mapping[str, object], budget: str, place: Place, seed: int) -> RunPlan:
        plan = plan_on(self._trained(method, settings, budget), place, self._registry)
        return dataclasses.replace(plan, seed=seed)

    def _reference(self, method: str) -> Request:
        return Request(method=method, seed=self.experiment.seeds[0], **self._asked)

    def _trained(self, method: str, settings: Mapping[str, object], budget: str) -> Request:
        profile = self.experiment.profile
        chosen = {**profile.settings, **settings}
        return Request(
            method=method,
            preset=profile.preset,
            settings=[f"{name}={json.dumps(value)}" for name, value in chosen.items()],
            precision=profile.precision,
            budget=parse_budget(budget),
            **self._asked,
        )

    @property
    def _asked(self) -> dict[str, Any]:
        experiment = self.experiment
        return {"dataset": experiment.dataset, "split": experiment.split, "device": experiment.device}
