"""The process that scores: `python -m petbench.runs.scoring.child DESCRIPTOR PARENT`, with one end of a `Channel`.

It imports the metrics that it is told of and no other plugin, reads prediction files, and refuses each that is not the
one whose digest was taken when it was written. It has no leaderboard: the run's process stores what it finds.
"""

from __future__ import annotations

import dataclasses
import gc
import importlib
import importlib.metadata
import logging
import os
import sys
import traceback
from typing import TYPE_CHECKING, Any

from petbench.plans.run_plan import RunPlan
from petbench.processes.channel import Channel
from petbench.processes.ending import ending_of
from petbench.processes.tree import end_with_parent
from petbench.registry import GROUP, load_plugins
from petbench.runs.planned import open_planned
from petbench.runs.scorer import Scorer
from petbench.runs.scoring.messages import ScoringOrder, ScoringTask, records_as_json
from petbench.runs.validation import measure_validation

if TYPE_CHECKING:
    from petbench_datasets.dataset.reader import Dataset
    from petbench_datasets.dataset.split import Fold


def _scorer(task: ScoringTask, channel: Channel) -> Scorer:
    asked_for = {(plugin.distribution, plugin.name) for plugin in task.plugins}
    found = [
        each
        for each in importlib.metadata.entry_points(group=GROUP)
        if each.dist is not None and (each.dist.name, each.name) in asked_for
    ]

    def show(description: str, done: float, total: float) -> None:
        channel.send({"progress": [description, done, total]})

    scorer = Scorer.of(task.settings, load_plugins(found), show, device=task.device)
    return dataclasses.replace(scorer, distances=not task.own_alone)


def _score(scorer: Scorer, dataset: Dataset, fold: Fold, order: ScoringOrder) -> dict[str, Any]:
    if order.kind == "test":
        records = scorer.score(dataset, fold.test, order.folder, digests=order.digests)
        return {"records": records_as_json(records)}
    records, errors = measure_validation(scorer, dataset, fold.validation, order.folder, order.digests)
    return {"records": records_as_json(records), "errors": errors}


def main(descriptor: int, parent: int) -> None:
    """Score what is asked for until nobody asks any more."""
    end_with_parent(parent)
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(message)s")
    channel = Channel.inherited(descriptor)
    received = channel.receive()
    if received is None:
        return
    try:
        task = ScoringTask.model_validate(received[0])
        gc.disable()  # while much is loaded and nothing thrown away
        scorer = _scorer(task, channel)
        dataset, fold = open_planned(RunPlan.from_json(task.plan))
        if scorer.distances:
            importlib.import_module("torch")  # of the extractors
        gc.enable()
        while (received := channel.receive()) is not None:
            order = ScoringOrder.model_validate(received[0])
            channel.send({"done": _score(scorer, dataset, fold, order)})
    except BaseException as error:  # the run's process says in the row how scoring ended
        if isinstance(error, MemoryError):
            traceback.clear_frames(error.__traceback__)
        channel.send({"failed": dict(ending_of(error, "petbench")), "trace": traceback.format_exc()[-100_000:]})


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)  # nothing is left to do, and to unload torch takes a third of a second
