"""Test trained runs on another cohort, from Python."""

from __future__ import annotations

from typing import TYPE_CHECKING

from petbench.api.pairs import as_opened
from petbench.api.runs import Run
from petbench.api.session import current_session
from petbench.terminal import late_progress_bar
from petbench_datasets.dataset.split import EVERYONE

if TYPE_CHECKING:
    import os

    from petbench.api.pairs import OpenedDataset
    from petbench.api.session import Session
    from petbench_leaderboard.records import RunRow


def evaluate(
    run: Run | int,
    dataset: str | os.PathLike[str] | OpenedDataset,
    *,
    split: str = EVERYONE,
    fold: int = 0,
    device: str = "auto",
    isolated: bool = False,
    allow_outside_field: bool = False,
    again: bool = False,
    session: Session | None = None,
) -> Run:
    """Score a trained run on another cohort, without training, and enter that as a row, as `petbench evaluate` does.

    Args:
        run: that ended well here, or its number.
        dataset: the cohort, opened or by its name. One that is opened has its split, fold and task; else it is opened
            for the run's task.
        split: whom of it to test; `everyone` for all, the cohort's own split to stand beside what is trained on it.
        fold: of the split.
        device: where to predict; `auto` takes a CUDA device where there is one.
        isolated: shut the method's process in with bubblewrap, where that can be.
        allow_outside_field: score even if much of a scan's activity lies outside the model's field.
        again: predict and score even what is there already.
        session: where to work; None for what the environment says.

    Returns:
        The row of the test, called `METHOD-from-DATASET`; one that was there already is returned as it is.

    Raises:
        UsageError: the run has no model, was trained for another task, or on one of those whom it would be tested on.
        DataError: the cohort has not what the method needs, or much of a scan lies outside the model's field.
    """
    from petbench.runs.external_test import ExternalTest  # which needs torch

    here = current_session(session)
    here.leaderboard.make_ready()  # first: one that cannot be written is found before minutes of predicting
    row = run.row if isinstance(run, Run) else here.leaderboard.run(run)
    opened = as_opened(dataset, split=split, fold=fold, task=task_of(row, here), session=here)
    with late_progress_bar() as progress:
        test = ExternalTest(
            place=opened.place,
            home=here.home,
            leaderboard=here.leaderboard,
            registry=here.registry,
            scorer=here.scorer(progress),
            options=here.run_options(None, isolated=isolated),
            device=device,
            allow_outside=allow_outside_field,
            progress=progress,
        )
        entered, _ = test.enter(row, again=again)
    return Run(entered, here)


def task_of(row: RunRow, session: Session) -> str:
    """Return the task of a run as `open_dataset` takes it; empty, for the cohort's own, where a file defined it."""
    return row.task if any(task.id == row.task for task in session.registry.tasks().values()) else ""
