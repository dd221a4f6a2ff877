"""What a method's process is told to do, from the plan of its run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from petbench.runs.method_process.messages import Task

if TYPE_CHECKING:
    from pathlib import Path

    from petbench.plans.run_plan import RunPlan


def task_of(plan: RunPlan, folder: Path, *, environments: Path, trained: bool, largest_file_bytes: int | None) -> Task:
    """Return the task of a run.

    Args:
        plan: of the run.
        folder: that the method works in.
        environments: folder of methods' virtual environments.
        trained: whether its model is there, and it only predicts.
        largest_file_bytes: that it may write; None for no limit.
    """
    return Task(
        method=plan.method,
        parameters=dict(plan.parameters),
        parameter_files=dict(plan.parameter_files),
        distribution=plan.distribution,
        version=plan.version,
        source_hash=plan.source_hash,
        source_files=dict(plan.source_files),
        supervision=plan.supervision,
        seed=plan.seed,
        images=plan.training_budget.images,
        seconds=plan.training_budget.seconds,
        device=plan.device,
        precision=plan.precision,
        compile=plan.compile,
        cuda_graphs=plan.cuda_graphs,
        deterministic=plan.deterministic,
        folder=str(folder),
        environments=str(environments),
        views=plan.views,
        trained=trained,
        largest_file_bytes=largest_file_bytes,
        processes=plan.processes,
    )
