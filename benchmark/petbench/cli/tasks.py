"""`petbench tasks`: what can be asked of a cohort."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from petbench.cli.options import complete_task
from petbench.cli.session import session

if TYPE_CHECKING:
    from petbench_datasets.tasks.task import Task


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON for a script.")
@click.argument("name", required=False, shell_complete=complete_task)
def tasks(*, as_json: bool, name: str | None) -> None:
    """List the tasks: tracer, windows and source of each; or show NAME, which may be a TOML file that defines one.

    A run takes the task that --task names, else that of the dataset's task.toml, else the first one of this list.

    \b
    petbench tasks
    petbench tasks fdg-60-to-120
    petbench run --method pix2pix --dataset ~/my-dataset --task fdg-60-to-120
    """
    from petbench.cli.console import print_json, standard_output
    from petbench.plans.tasks import asked_task

    registry = session().registry
    if name is not None:
        task = asked_task(name, registry)
        assert task is not None, "a name was given"
        if as_json:
            print_json(facts(task))
        else:
            _show(task)
        return
    known = registry.tasks().values()
    if as_json:
        print_json([facts(task) for task in known])
        return
    from rich import box
    from rich.table import Table
    from rich.text import Text

    from petbench_datasets.images.windows import in_words

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("task", "tracer", "early", "delayed", "what it asks"):
        table.add_column(heading, overflow="fold")
    for task in known:
        cells = (task.id, task.subject, in_words(task.early_seconds), in_words(task.delayed_seconds), task.summary)
        table.add_row(*map(Text, cells))
    standard_output().print(table)


def facts(task: Task) -> dict[str, Any]:
    """Return what a task is, for a script."""
    from petbench_datasets.tasks.task_writer import definition_facts
    from petbench_leaderboard.board import RANKING_METRICS

    return {
        "id": task.id,
        **definition_facts(task),
        "clearance_organs": list(task.clearance_organs),
        "excreted_by_urine": task.excreted_by_urine,
        "hot_suv": task.hot_suv,
        "core_percent": task.core_percent,
        "shown_organs": list(task.shown_organs),
        "ranking_metrics": list(task.ranking_metrics or RANKING_METRICS),
        "half_life_minutes": task.half_life_seconds / 60,
        "digest": task.digest,
    }


def _decisions(task: Task) -> dict[str, str]:
    """Return what a task decides of its scores and boards, for people."""
    from petbench_leaderboard.board import RANKING_METRICS

    clears = [name.replace("_", " ") for name in task.clearance_organs]
    clears += ["urinary tract"] if task.excreted_by_urine else []
    shown = [name.replace("_", " ") for name in task.shown_organs]
    return {
        "left out": f"{', '.join(clears) or 'nothing'}, of every mean over organs",
        "hot": f"SUV {task.hot_suv:g} and above; core from {task.core_percent:g} % of the maximum on",
        "shown": ", ".join(shown) or "every organ",
        "ranked by": ", else ".join(task.ranking_metrics or RANKING_METRICS),
    }


def _show(task: Task) -> None:
    from rich.text import Text

    from petbench.cli.console import standard_output
    from petbench_datasets.images.windows import in_words

    console = standard_output()
    shown = {
        "task": task.id,
        "what it asks": task.summary,
        "tracer": f"{task.subject}; called {', '.join(task.spellings)}",
        "half-life": f"{task.half_life_seconds / 60:.6g} min",
        "early": f"{in_words(task.early_seconds)} after the injection",
        "delayed": f"{in_words(task.delayed_seconds)} after the injection",
        "measured": f"at least {task.least_coverage:.0%} of each window",
        **_decisions(task),
        "source": task.source,
    }
    for key, value in shown.items():
        console.print(Text.assemble((f"{key:14}", "dim"), value), soft_wrap=True)
