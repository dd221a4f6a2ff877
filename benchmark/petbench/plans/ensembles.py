"""The ensembles that a sweep is to end in, from its plans: known, and refused, before anything is trained."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from petbench.errors import UsageError
from petbench.plans.run_plan import identity_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from petbench.plans.run_plan import RunPlan

Which = Literal["seeds", "folds", "all"]
"""What is averaged of each method and its settings: the seeds of each fold, the folds of each seed, or all runs."""


@dataclass(frozen=True, slots=True)
class PlannedEnsemble:
    """One ensemble.

    Attributes:
        which: what its members differ in.
        members: at least two, of one method and its settings, on the same test participants.
    """

    which: Which
    members: tuple[RunPlan, ...]

    def __str__(self) -> str:
        """Return it in words, such as `unet, seeds 0, 1, 2 of fold 0`."""
        seeds = ", ".join(str(seed) for seed in dict.fromkeys(plan.seed for plan in self.members))
        folds = ", ".join(str(fold) for fold in dict.fromkeys(plan.fold for plan in self.members))
        if self.which == "folds":
            return f"{self.members[0].method}, folds {folds} of seed {seeds}"
        return f"{self.members[0].method}, seeds {seeds} of fold {folds}"


def planned_ensembles(plans: Sequence[RunPlan], which: Which) -> list[PlannedEnsemble]:
    """Return the ensembles of a sweep; a method that the dataset has not got the inputs for makes none.

    Args:
        plans: of all its runs.
        which: what is averaged.

    Raises:
        UsageError: there is nobody to average, or the members test other participants.
    """
    if not all(plan.tests for plan in plans):
        raise UsageError(f"--ensemble {which} averages predictions of the test participants; leave out --no-test")
    groups: dict[tuple[str, int | None], list[RunPlan]] = defaultdict(list)
    for plan in plans:
        if not plan.declined:
            apart = {"seeds": plan.fold, "folds": plan.seed, "all": None}[which]
            groups[identity_of({**plan.to_dict(), "seed": 0, "fold": 0}), apart].append(plan)
    found = [PlannedEnsemble(which, tuple(members)) for members in groups.values()]
    for ensemble in found:
        _check(ensemble)
    return found


def _check(ensemble: PlannedEnsemble) -> None:
    first, which = ensemble.members[0], ensemble.which
    if len(ensemble.members) < 2:
        more = {"seeds": "several seeds, as --seed 0..4", "folds": "several folds, as --fold all"}
        raise UsageError(
            f"--ensemble {which}: there is one run of {ensemble}; ask for "
            f"{more.get(which, 'several seeds or folds, as --seed 0..4')}"
        )
    for plan in ensemble.members:
        if set(plan.test_participants) != set(first.test_participants):
            # A member that was trained on somebody who tests for another would have seen the answer.
            raise UsageError(
                f"--ensemble {which}: folds {first.fold} and {plan.fold} of the split {first.split!r} test other "
                "participants, on whom the other was trained; --ensemble seeds averages the seeds of each fold"
            )
