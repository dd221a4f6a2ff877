"""A sweep: the runs of several methods, folds and seeds, the latter as typed: `3`, `0,2,7`, `0..4`, or `all` folds."""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING, Any

from petbench.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from petbench.home import Home
    from petbench.plans.run_plan import RunPlan
    from petbench.registry import Registry
    from petbench_datasets.progress import Progress

MOST_NUMBERS = 10_000
LARGEST_SEED = 2**32 - 1


def plan_sweep(
    methods: Sequence[str],
    seeds: str,
    folds: str,
    asked: Mapping[str, Any],
    home: Home,
    registry: Registry,
    progress: Progress,
) -> list[RunPlan]:
    """Return the plan of every run: method by method, fold by fold, seed by seed.

    Args:
        methods: names of methods.
        seeds: as typed.
        folds: as typed.
        asked: the other fields of a `petbench.plans.planner.Request`.
        home: where built datasets are kept.
        registry: the installed plugins.
        progress: notified of how far the building and reading of the dataset is.

    Raises:
        UsageError: something in the request makes no sense; no dataset is built for that.
    """
    from petbench.plans.datasets import find_dataset
    from petbench.plans.planner import Place, Request, check_names, plan_on
    from petbench_datasets.dataset.split import load_split

    each_seed = parse_seeds(seeds, "--seed")
    each_fold = () if folds == "all" else parse_numbers(folds, "--fold", 1)
    requests = [Request(method=name, seed=each_seed[0], **asked) for name in dict.fromkeys(methods)]
    for request in requests:
        check_names(request, registry)
    first = requests[0]  # one dataset and split for all of them
    named = find_dataset(first.dataset, home, registry, progress, reconstruction=first.reconstruction)
    split = load_split(named.dataset, requests[0].split)
    spec = registry.datasets().get(requests[0].dataset)
    track = spec.track if spec else ""
    plans = []
    for request in requests:
        for fold in each_fold or range(len(split.folds)):
            plan = plan_on(request, Place(named.name, named.dataset, split, fold, track), registry)
            plans += [dataclasses.replace(plan, seed=seed) for seed in each_seed]
    return plans


def parse_seeds(text: str, option: str) -> tuple[int, ...]:
    """Return the seeds that `text` names, as `parse_numbers` does.

    Raises:
        UsageError: it is written in another way, or one is too large.
    """
    found = parse_numbers(text, option)
    if max(found) > LARGEST_SEED:
        raise UsageError(f"{option} {text!r} is not understood; a seed is at most {LARGEST_SEED}")
    return found


def parse_numbers(text: str, option: str, everything: int | None = None) -> tuple[int, ...]:
    """Return the numbers that `text` names, each once, in the order in which it names them.

    Args:
        text: numbers and ranges such as `0..4`, whose ends both belong, separated by commas; or `all`.
        option: what it was typed for, for the message.
        everything: `all` means 0 to one less than this; None where `all` means nothing.

    Raises:
        UsageError: it is written in another way.
    """
    if text == "all" and everything is not None:
        return tuple(range(everything))
    found: dict[int, None] = {}
    for part in text.split(","):
        match = re.fullmatch(r"\s*(\d{1,10})(?:\.\.(\d{1,10}))?\s*", part)
        if match is None or int(match[2] or match[1]) < int(match[1]):
            rest = " or all" if everything is not None else ""
            raise UsageError(f"{option} {text!r} is not understood; write 3, 0,2,7, 0..4{rest}")
        first, last = int(match[1]), int(match[2] or match[1])
        if last - first >= MOST_NUMBERS:
            raise UsageError(f"{option} {text!r} is more than {MOST_NUMBERS} runs; name fewer")
        found |= dict.fromkeys(range(first, last + 1))
    return tuple(found)
