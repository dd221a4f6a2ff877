"""Score a run's predictions again on a node, and answer in the run's folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

from petbench.engines.node_has import check_metrics, with_images
from petbench.engines.node_leaderboard import node_leaderboard
from petbench.engines.row_file import as_line, exported, parse_row
from petbench.engines.scored import Scored
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


def score_on_node(folder: RunFolder, order: Order, home: Home, registry: Registry) -> None:
    """Score a run; what came of it, new scores or why there are none, is in the folder afterwards.

    Args:
        folder: of the run.
        order: of the job.
        home: of petbench on this machine.
        registry: the plugins here.
    """
    with node_leaderboard(parse_row(order.row.encode(), folder.order_file), order, home) as here:
        scorer = Scorer.of(here.settings, registry, silent)
        try:
            plan = folder.plan()
            check_metrics(plan, order, here.settings, registry)
            plan = with_images(plan, order, home, registry)
            rescore(here.leaderboard.run(here.run_id), home, here.leaderboard, scorer, plan)
        except (PetbenchError, OSError) as error:
            say(f"error: {one_line(error)}")
            Scored(order=order.id, refused=one_line(error)).save(folder)
            return
        Scored(order=order.id, row=as_line(exported(here.leaderboard, here.run_id))).save(folder)
