"""Every run of the comparison, in the order in which they are carried out."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING

from petbench.reproduce.paper import BETTER, OTHER, REFERENCES
from petbench.runs.planner import Request, make_plan

if TYPE_CHECKING:
    from collections.abc import Iterator

    from petbench.contract import Budget
    from petbench.home import Home
    from petbench.registry import Registry
    from petbench.reproduce.profiles import Profile
    from petbench.runs.plan import RunPlan
    from petbench_datasets.progress import Progress


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiment:
    """What is compared, and on what.

    Attributes:
        dataset: a cohort's name or folder.
        split: of its patients; all folds are run.
        seeds: of both methods; references have no chance in them and take the first.
        profile: parameters and budget.
        budget: in place of the profile's.
        device: as for `petbench run`.
    """

    dataset: str
    split: str
    seeds: tuple[int, ...]
    profile: Profile
    budget: Budget | None = None
    device: str = "auto"


def plan_runs(experiment: Experiment, home: Home, registry: Registry, progress: Progress) -> list[RunPlan]:
    """Return the plans: references first, then seed by seed, so that whoever stops early has whole pairs.

    The cohort is built where it is not there yet. Of two methods with the same seed and fold, the first is trained
    right before the second.
    """
    plans = {
        name: list(_of_method(name, experiment, home, registry, progress)) for name in (*REFERENCES, BETTER, OTHER)
    }
    seeds, first = experiment.seeds, experiment.seeds[0]
    folds = range(len(plans[BETTER]))
    references = [plans[name][fold] for name in REFERENCES for fold in folds]
    trained = [
        dataclasses.replace(plans[name][fold], seed=seed)
        for seed in seeds
        for fold in folds
        for name in (BETTER, OTHER)
    ]
    return [*(dataclasses.replace(plan, seed=first) for plan in references), *trained]


def _of_method(
    name: str, experiment: Experiment, home: Home, registry: Registry, progress: Progress
) -> Iterator[RunPlan]:
    """Yield the plan of each fold."""
    from pathlib import Path

    from petbench_datasets.cohort import open_cohort
    from petbench_datasets.split import load_split

    profile = experiment.profile
    asked = Request(method=name, dataset=experiment.dataset, split=experiment.split, seed=0, device=experiment.device)
    if name not in REFERENCES:
        asked = dataclasses.replace(
            asked,
            preset=profile.preset,
            settings=profile.settings,
            precision=profile.precision,
            budget=experiment.budget or profile.budget,
        )
    plan = make_plan(asked, home, registry, progress)
    split = load_split(open_cohort(Path(plan.cohort), progress), plan.split)
    for number, fold in enumerate(split.folds):
        yield dataclasses.replace(plan, fold=number, test_participants=fold.test)
