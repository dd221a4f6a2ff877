"""Carry out the runs one after another; what is on the leaderboard already is taken from there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from petbench.errors import DataError, PetbenchError
from petbench.runs.execute import execute
from petbench.runs.reference_rows import REPEAT_SCAN

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from petbench.home import Home
    from petbench.plans.run_plan import RunPlan
    from petbench_datasets.progress import Progress
    from petbench_leaderboard.records import RunRow
    from petbench_leaderboard.store import Leaderboard


class StoppedError(PetbenchError):
    """A run of the comparison did not end well; what was done before it stays done."""

    def __init__(self, message: str, *, interrupted: bool) -> None:
        super().__init__(message)
        self.exit_code = 130 if interrupted else 1


def carry_out(
    plans: Sequence[RunPlan], home: Home, leaderboard: Leaderboard, tell: Callable[[str], None]
) -> list[RunRow]:
    """Return the row of every plan, all of them ended well.

    Args:
        plans: in the order in which to carry them out.
        home: where run folders are.
        leaderboard: where rows are.
        tell: given one line before and after each run that is not there yet.

    Raises:
        StoppedError: the user stopped a run, or it failed; the same command goes on from there.
    """
    rows = []
    for number, plan in enumerate(plans, start=1):
        name = f"{plan.method}, fold {plan.fold}, seed {plan.seed}"
        tell(f"[{number}/{len(plans)}] {name}")
        try:
            row, cached = execute(plan, home, leaderboard, force=False)
        except KeyboardInterrupt:
            raise StoppedError(f"stopped before {name} was done; the same command goes on", interrupted=True) from None
        if row.status == "interrupted":
            raise StoppedError(
                f"run {row.id} ({name}) was interrupted; the same command goes on from its checkpoint and repeats "
                "nothing that is done",
                interrupted=True,
            )
        if row.status != "ok":
            raise StoppedError(
                f"run {row.id} ({name}) ended as {row.status}: {row.error_message or 'without a word'}; "
                f"`petbench runs show {row.id}` says more, the same command tries it again",
                interrupted=False,
            )
        tell(f"[{number}/{len(plans)}] {name}: run {row.id}{', on the leaderboard already' if cached else ' done'}")
        rows.append(row)
    return rows


def noise_ceiling(
    plans: Sequence[RunPlan], home: Home, leaderboard: Leaderboard, progress: Progress
) -> tuple[list[RunRow], str]:
    """Return the rows of a second noise realisation of the delayed images, fold by fold; else none, and why.

    Args:
        plans: of one method and seed, one for each fold.
        home: where run folders are.
        leaderboard: where rows are.
        progress: told how far the scoring is.
    """
    rows: list[RunRow] = []
    for plan in plans:
        known = leaderboard.runs(dataset=plan.dataset, split=plan.split, method=REPEAT_SCAN, status="ok")
        same = ("fingerprint", "split_digest", "fold", "protocol")
        stored = [row for row in known if all(getattr(row, name) == getattr(plan, name) for name in same)]
        try:
            rows.append(stored[0] if stored else _score_ceiling(plan, home, leaderboard, progress))
        except DataError as missing:
            return [], str(missing).removeprefix(f"{plan.dataset_folder}: ")  # a page names no folder of its machine
    return rows, ""


def _score_ceiling(plan: RunPlan, home: Home, leaderboard: Leaderboard, progress: Progress) -> RunRow:
    from pathlib import Path

    from petbench.registry import load_plugins
    from petbench.runs.pipeline import weights_options
    from petbench.runs.references import score_reference
    from petbench_datasets.dataset.reader import open_dataset
    from petbench_datasets.dataset.split import load_split

    dataset = open_dataset(Path(plan.dataset_folder))
    return score_reference(
        home,
        leaderboard,
        dataset,
        load_split(dataset, plan.split),
        plan.fold,
        REPEAT_SCAN,
        dataset_name=plan.dataset,
        metrics=load_plugins().metrics(),
        progress=progress,
        **weights_options(),
    )
