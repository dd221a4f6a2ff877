"""Score a run's predictions again on a node, and say in the run's folder what came of it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from petbench.engines.node_has import check_metrics, provide_images
from petbench.engines.node_leaderboard import node_leaderboard
from petbench.engines.row_file import exported, parse_row, write_row
from petbench.errors import PetbenchError, one_line
from petbench.runs.rescore import rescore
from petbench.runs.scorer import Scorer
from petbench.terminal import say
from petbench_datasets.progress import silent

if TYPE_CHECKING:
    from petbench.engines.order import Order
    from petbench.home import Home
    from petbench.registry import Registry
    from petbench.runs.folder import RunFolder

REFUSED = "Refused"
"""The class of error of a row that stands for a run which could not be scored."""


def score_on_node(folder: RunFolder, order: Order, home: Home, registry: Registry) -> None:
    """Score a run; its row with the new scores, or with why there are none, is in the folder afterwards.

    Args:
        folder: of the run.
        order: of the job.
        home: of petbench on this machine.
        registry: the plugins here.
    """
    before = parse_row(order.row.encode(), folder.order_file)
    with node_leaderboard(before, order, home) as here:
        scorer = Scorer.of(here.settings, registry, silent)
        try:
            check_metrics(order, registry)
            provide_images(folder, order, home, registry)
            rescore(here.leaderboard.run(here.run_id), home, here.leaderboard, scorer)
        except (PetbenchError, OSError) as error:
            why = one_line(error)
            say(f"error: {why}")
            refused = replace(before.run, status="interrupted", error_class=REFUSED, error_message=why)
            write_row(replace(before, run=refused), folder.row_file)
            return
        write_row(exported(here.leaderboard, here.run_id), folder.row_file)
