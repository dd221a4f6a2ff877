"""Every run of the comparison, in the order in which they are run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from petbench.plans.sweep import plan_sweep
from petbench.reproduce.paper import BETTER, OTHER, REFERENCES

if TYPE_CHECKING:
    from petbench.contract import Budget
    from petbench.home import Home
    from petbench.plans.run_plan import RunPlan
    from petbench.registry import Registry
    from petbench.reproduce.profiles import Profile
    from petbench_datasets.progress import Progress


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiment:
    """What is compared, and on what.

    Attributes:
        dataset: a dataset's name or folder.
        split: of its participants; all folds are run.
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

    The dataset is built where it is not there yet. Of two methods with the same seed and fold, the first is trained
    right before the second.
    """
    asked: dict[str, Any] = {"dataset": experiment.dataset, "split": experiment.split, "device": experiment.device}
    profile = experiment.profile
    trained_as = asked | {
        "preset": profile.preset,
        "settings": profile.settings,
        "precision": profile.precision,
        "budget": experiment.budget or profile.budget,
    }
    seeds = ",".join(map(str, experiment.seeds))
    references = plan_sweep(REFERENCES, str(experiment.seeds[0]), "all", asked, home, registry, progress)
    trained = plan_sweep((BETTER, OTHER), seeds, "all", trained_as, home, registry, progress)
    trained.sort(key=lambda plan: (experiment.seeds.index(plan.seed), plan.fold))  # pix2pix stays before CycleGAN
    return [*references, *trained]
