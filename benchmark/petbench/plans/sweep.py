"""A sweep: the runs of several methods, settings, folds and seeds.

Seeds and folds come as typed: `3`, `0,2,7`, `0..4`, or `all` folds; of settings every combination runs.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from petbench.errors import UsageError
from petbench.plans.alternatives import combinations
from petbench.plans.run_plan import RunPlan

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from petbench.home import Home
    from petbench.plans.planner import Place, Request
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
    of_method: Mapping[str, Mapping[str, Any]] | None = None,
) -> list[RunPlan]:
    """Return the plan of every run: method by method, combination by combination, fold by fold, seed by seed.

    Of two that are spelled in two ways but are the same run, one is there.

    Args:
        methods: names of methods.
        seeds: as typed.
        folds: as typed.
        asked: the other fields of a `petbench.plans.planner.Request`; a setting may name several values.
        home: where built datasets are kept.
        registry: the installed plugins.
        progress: notified of how far the building and reading of the dataset is.
        of_method: fields that are asked of one method alone, by its name.

    Raises:
        UsageError: something in the request makes no sense; no dataset is built for that.
    """
    from petbench.plans.planner import Request, check_names, plan_on

    each_seed = parse_seeds(seeds, "--seed")
    each_fold = () if folds == "all" else parse_numbers(folds, "--fold", 1)
    requests = []
    for name in dict.fromkeys(methods):
        spec, _ = registry.method(name)
        own = {**asked, **(of_method or {}).get(name, {})}
        for combination in combinations(spec, own.get("settings", ())):
            requests.append(Request(method=name, seed=each_seed[0], **{**own, "settings": combination}))
            check_names(requests[-1], registry)
    place = find_place(requests[0], 0, home, registry, progress)  # one dataset and split for all of them
    plans = dict[str, RunPlan]()
    for request in requests:
        for fold in each_fold or range(len(place.split.folds)):
            plan = plan_on(request, dataclasses.replace(place, fold=fold), registry)
            for seed in each_seed:
                one = dataclasses.replace(plan, seed=seed)
                plans.setdefault(one.identity, one)
    return list(plans.values())


def find_place(request: Request, fold: int, home: Home, registry: Registry, progress: Progress) -> Place:
    """Return dataset, split and fold of a request; a registered dataset that is not there yet is built first.

    Raises:
        UsageError: the split has no such fold.
    """
    from petbench.plans.datasets import find_dataset
    from petbench.plans.planner import Place, choose_fold
    from petbench_datasets.dataset.given_split import find_split

    chosen = {"reconstruction": request.reconstruction, "task": request.task}
    named = find_dataset(request.dataset, home, registry, progress, **chosen)
    split = find_split(named.dataset, request.split)
    choose_fold(split, fold)
    registered = registry.datasets().get(named.name) if request.dataset in registry.datasets() else None
    return Place(named.name, named.dataset, split, fold, registered.track if registered else "")


def what_varies(plans: Sequence[RunPlan]) -> list[str]:
    """Return for each plan the parameters in which the plans of its method differ, such as `learning_rate=0.003`."""
    of_method: dict[str, list[RunPlan]] = defaultdict(list)
    for plan in plans:
        of_method[plan.method].append(plan)
    names = {
        method: [name for name in some[0].parameters if any(_value(one, name) != _value(some[0], name) for one in some)]
        for method, some in of_method.items()
    }
    return [", ".join(f"{name}={_value(plan, name)}" for name in names[plan.method]) for plan in plans]


def _value(plan: RunPlan, name: str) -> str:
    value = plan.parameters.get(name)
    return value if isinstance(value, str) else json.dumps(value)


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
