"""How much a planned run may train: as asked for, by a track, by the track of its dataset, or by its parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING

from petbench.errors import UnknownNameError, UsageError
from petbench.plans.run_plan import parse_budget
from petbench_leaderboard.report.formatting import budget as in_words
from petbench_leaderboard.tracks import TRACKS, UNTRAINED, track_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from petbench.contract import Budget, MethodSpec
    from petbench.plans.run_plan import RunPlan

IMAGES = "images"
"""The parameter that names the budget of a method that has one."""


def check_budget(budget: Budget | None, track: str | None, settings: Sequence[str]) -> None:
    """Make sure that a request names its budget at most once.

    Raises:
        UsageError: it names a track and a budget, or a track that there is none of.
    """
    if track is None:
        return
    if track not in TRACKS:
        raise UnknownNameError("track", track, TRACKS)
    if budget is not None or _sets_images(settings):
        raise UsageError(f"--track {track} is the budget {TRACKS[track]}; name no other one beside it")


def choose_budget(
    spec: MethodSpec, budget: Budget | None, track: str | None, settings: Sequence[str], of_dataset: str
) -> Budget | None:
    """Return the budget of a run; None where its parameters name it, or where it trains by no budget.

    A method without a parameter `images` decides itself when it is done, so it is within every track.

    Args:
        spec: of the method.
        budget: as asked for.
        track: as asked for.
        settings: parameters that are set; `images=N` is a budget that is asked for too.
        of_dataset: the track of comparisons on the dataset; empty for none. No preset goes before it, so that nobody
            who writes a method chooses the budget that it is compared under.
    """
    if budget is not None:
        return budget
    chosen = track or ("" if _sets_images(settings) else of_dataset)
    by_budget = spec.parameters is not None and IMAGES in spec.parameters.model_fields
    return parse_budget(TRACKS[chosen]) if chosen and by_budget else None


def describe_budget(budget: str) -> str:
    """Return a run's budget and its track in words."""
    if budget == UNTRAINED:
        return f"{in_words(budget)}, within every track"
    track = track_of(budget)
    return f"{in_words(budget)}, {f'track {track}' if track else 'outside of the tracks'}"


def describe_budgets(plans: Iterable[RunPlan]) -> str:
    """Return in one line where some plans run, and under which budget and track each method does."""
    methods: dict[str, list[str]] = {}
    place = ""
    for plan in plans:
        place = f"{plan.dataset}, split {plan.split}"
        under = methods.setdefault(describe_budget(plan.budget), [])
        if plan.method not in under:
            under.append(plan.method)
    return f"{place}: " + "; ".join(f"{', '.join(names)}: {budget}" for budget, names in methods.items())


def _sets_images(settings: Sequence[str]) -> bool:
    return any(setting.partition("=")[0] == IMAGES for setting in settings)
