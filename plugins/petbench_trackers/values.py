"""What all trackers write of a run, by the same names in each."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from petbench import ExampleImages, RunEnded, StepLogged, Validated

if TYPE_CHECKING:
    from petbench import RunEvent, RunFacts

EXAMPLE = "early, predicted, delayed"
"""What the pictures are called."""


def numbers(event: RunEvent) -> dict[str, float]:
    """Return the numbers of an event by the names of their curves; none of an event that has no numbers."""
    if isinstance(event, StepLogged):
        rate = event.images_per_second
        rates = {} if rate is None else {"speed/images_per_second": rate}
        return {f"loss/{name}": value for name, value in event.losses.items()} | rates
    if isinstance(event, Validated):
        return {f"validation/{name}": value for name, value in event.values.items()}
    if isinstance(event, RunEnded):
        return (
            {f"score/{name}": value for name, value in event.scores.items()}
            | {f"final_validation/{name}": value for name, value in event.validation.items()}
            | {f"cost/{name}": value for name, value in event.costs.items()}
            | {f"cost/seconds/{name}": value for name, value in event.seconds.items()}
        )
    return {}


def step(event: RunEvent, before: int) -> int:
    """Return where an event lies on the axis of images seen; the end of a run lies where its last event was."""
    return event.images if isinstance(event, StepLogged | Validated | ExampleImages) else before


def facts(run: RunFacts) -> dict[str, str]:
    """Return which run it is, as texts."""
    return {
        "run": str(run.run),
        "uid": run.uid,
        "identity": run.identity,
        "method": run.method,
        "dataset": run.dataset,
        "split": run.split,
        "fold": str(run.fold),
        "seed": str(run.seed),
        "folder": run.folder,
        **run.settings,
    }


def texts(run: RunFacts) -> dict[str, str]:
    """Return the method's parameters as texts."""
    return {
        name: value if isinstance(value, str) else json.dumps(value, sort_keys=True)
        for name, value in run.parameters.items()
    }
