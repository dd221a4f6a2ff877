"""The task that somebody asks for by a name or a file, and the one that a run was planned with."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from petbench.errors import ChangedError, UnknownNameError, UsageError
from petbench_datasets.errors import DataError, unknown_name
from petbench_datasets.tasks.built_in import BUILT_IN
from petbench_datasets.tasks.task import Task
from petbench_datasets.tasks.task_file import read_task, task_for

if TYPE_CHECKING:
    from petbench.metric_spec import MetricSpec
    from petbench.plans.run_plan import RunPlan
    from petbench.registry import Registry
    from petbench_leaderboard.readable import ReadableLeaderboard
    from petbench_leaderboard.records import RunRow, Verification


def asked_task(text: str, registry: Registry) -> Task | None:
    """Return the task that was typed after `--task`; None where nothing was.

    Args:
        text: a name, `fdg-60-to-120`, a name with its version, `fdg-60-to-120@1`, or the path of a TOML file.
        registry: the installed plugins.

    Raises:
        UnknownNameError: nothing is called so.
        UsageError: there is the task, in another version.
        DataError: the file defines no task, or one that ranks by no metric that there is.
    """
    if not text:
        return None
    known = registry.tasks()
    found = next((task for task in known.values() if text in (task.name, task.id)), None)
    if found is not None:
        return _that_ranks(found, registry)
    path = Path(text).expanduser()
    if path.suffix == ".toml" or "/" in text:
        return _that_ranks(read_task(path, known), registry)
    name, at, version = text.partition("@")
    if at and name in known:
        raise UsageError(f"the task {name} is of version {known[name].version} here, not {version}; ask for {name}")
    raise UnknownNameError("task", text, known)


def task_of_folder(folder: Path, text: str, registry: Registry) -> Task:
    """Return the task that holds for a cohort: the one that was typed, else the cohort's own, else the default.

    Raises:
        PetbenchError: as `asked_task`, or the cohort's own file cannot be used.
    """
    return _that_ranks(task_for(folder, asked_task(text, registry), registry.tasks()), registry)


def _that_ranks(task: Task, registry: Registry) -> Task:
    """Return a task once there is every metric that it ranks by, and orders something.

    Raises:
        DataError: one is none.
    """
    if not task.ranking_metrics:
        return task
    from petbench.evaluation.task_metrics import metrics_for

    metrics = {metric.name: metric for metric in metrics_for(task, registry.metrics())}
    for name in task.ranking_metrics:
        if name not in metrics:
            ranks = [each for each, metric in metrics.items() if not _why_it_ranks_nothing(metric)]
            unknown = unknown_name("metric of one participant", name, ranks, "These rank:")
            raise DataError(f"the task {task.name} ranks by what it has not: {unknown}")
        if why := _why_it_ranks_nothing(metrics[name]):
            raise DataError(f"the task {task.name} ranks by {name!r}, which {why}; name another metric")
    return task


def _why_it_ranks_nothing(metric: MetricSpec) -> str:
    """Return why a metric orders no rows of a board, as a board says it of `--metric`; empty where it does."""
    from petbench_leaderboard.ranked_column import ORDERS_NO_IMAGES, ORDERS_NOTHING
    from petbench_leaderboard.run_groups import REGIONS

    if metric.of_regions or metric.region not in REGIONS:
        return ORDERS_NO_IMAGES
    return ORDERS_NOTHING if metric.higher_is_better is None and metric.best_value is None else ""


def planned_task(plan: RunPlan) -> Task:
    """Return the task that a run was planned with, by the definition that its plan holds.

    Raises:
        ChangedError: the plan holds none, and this petbench has no such task.
    """
    # A plan of before tasks were named has no definition.
    built_in = next((one for one in BUILT_IN.values() if one.id == plan.task), None)
    task = Task.from_content(plan.task_definition) if plan.task_definition else built_in
    if task is None or task.id != plan.task:
        raise ChangedError(
            f"the run was planned for the task {plan.task}, and its plan defines "
            f"{'none that this petbench knows' if task is None else task.id}; plan it again"
        )
    return task


def stored_runs(
    plan: RunPlan, leaderboard: ReadableLeaderboard, verification: Verification, *, force: bool = False
) -> list[RunRow]:
    """Return the runs on a leaderboard that are the one of a plan, newest first: made for what its task says now.

    Args:
        plan: of the run.
        leaderboard: where they are.
        verification: their origin.
        force: whether it is known that the task has changed: it may be the first run for what the task says now.

    Raises:
        ChangedError: there are none but those of before the task asked or decided something else: a name and a version
            say one thing.
    """
    found = leaderboard.find(plan.identity, plan.task_definition, verification=verification)
    if not found and not force:
        for row in leaderboard.find(plan.identity, verification=verification):
            raise ChangedError(
                f"run {row.id} is the same run, made when the task {row.task} asked or decided something else; give "
                "the task a new version, or start afresh with --force"
            )
    return found


def require_unchanged(plan: RunPlan, registry: Registry) -> None:
    """Make sure that a task of a package still is what it was when the run was planned.

    Raises:
        ChangedError: it has the same name and version, and asks something else.
    """
    planned = planned_task(plan)
    now = registry.tasks().get(planned.name)
    if now is not None and now.id == planned.id and now.digest != planned.digest:
        raise ChangedError(
            f"the task {planned.id} has changed since the run was planned, and has its version still; give it a new "
            "version, or repeat the command"
        )
