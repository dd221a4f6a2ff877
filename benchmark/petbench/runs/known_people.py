"""Whether a model has met those whom it is to be tested on: by their voxels, whatever they are called elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from petbench.errors import DataError, UsageError
from petbench.runs.planned import open_planned
from petbench.terminal import say

if TYPE_CHECKING:
    from collections.abc import Iterable

    from petbench.plans.planner import Place
    from petbench.plans.run_plan import RunPlan


def require_strangers(plan: RunPlan, run_id: int, place: Place, tested: Iterable[str]) -> None:
    """Refuse to test a model on somebody whom it was trained or chosen by; where nobody can tell any more, say so.

    Args:
        plan: of the trained run.
        run_id: its number, for messages.
        place: the cohort that it is to be tested on.
        tested: participants of it.

    Raises:
        UsageError: one of them has an image of one of those.
    """
    try:
        trained_on, fold = open_planned(plan)
    except DataError as error:
        say(f"warning: whether run {run_id} was trained on some of these participants cannot be said: {error}")
        return
    known = {
        digest: name for name in (*fold.train, *fold.validation) for digest in trained_on.pixel_digests.get(name, ())
    }
    for participant in tested:
        for digest in place.dataset.pixel_digests[participant]:
            if digest in known:
                raise UsageError(
                    f"{participant} of {place.name} has the same voxels as {known[digest]}, on whom run {run_id} was "
                    "trained or validated; test it on others, by a split that names them (--split)"
                )
