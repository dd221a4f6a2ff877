"""`petbench.run`: train, predict, score and record from Python, in a process of its own as the command does."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any, get_args

from petbench.api.fresh_code import check_fresh
from petbench.api.pairs import OpenedDataset, as_opened
from petbench.api.runs import Run, RunEndedError
from petbench.api.session import current_session
from petbench.engine_settings import DEFAULTS, Compile, CudaGraphs, Precision
from petbench.errors import UnknownNameError, UsageError
from petbench.methods.shared import MOST_PROCESSES
from petbench.plans.budgets import describe_budgets
from petbench.plans.planner import Request, check_names, plan_on
from petbench.plans.run_plan import parse_budget
from petbench.plans.sweep import LARGEST_SEED
from petbench.runs.execute import execute, resume
from petbench.terminal import say
from petbench_leaderboard.records import MOST_SAMPLES, MOST_VIEWS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from petbench.api.session import Session
    from petbench.contract import Budget
    from petbench.runs.supervisor import Supervisor
    from petbench_leaderboard.records import RunRow


def run(
    method: str,
    *,
    dataset: str | os.PathLike[str] | OpenedDataset = "fdg-phantom-mini",
    task: str | os.PathLike[str] = "",
    split: str | None = None,
    fold: int | None = None,
    seed: int = 0,
    preset: str | None = None,
    settings: Mapping[str, Any] | None = None,
    budget: str | Budget | None = None,
    track: str | None = None,
    device: str = "auto",
    precision: Precision = DEFAULTS.precision,
    compile: Compile = DEFAULTS.compile,  # noqa: A002 - the command's name for it
    cuda_graphs: CudaGraphs = DEFAULTS.cuda_graphs,
    deterministic: bool = DEFAULTS.deterministic,
    time_limit_seconds: float | None = None,
    isolated: bool = False,
    test: bool = True,
    tta: int = 1,
    keep_samples: int = 0,
    processes: int = 1,
    force: bool = False,
    session: Session | None = None,
) -> Run:
    """Train a method, predict the test participants, score and record, as `petbench run` does.

    The run is a process of its own. An interrupt, as Ctrl-C or the notebook's button sends it, ends it as `interrupted`
    with a checkpoint, and raises KeyboardInterrupt when that is written; the same call resumes. A run that is on the
    leaderboard already is returned, not repeated.

    Args:
        method: its name, see `petbench methods`.
        dataset: by name or folder, or opened: then with its split, fold and task.
        task: by name, or a file that defines one; empty for that of the dataset.
        split: of the dataset's participants; None for `holdout`.
        fold: of the split; None for 0.
        seed: of all random numbers.
        preset: named set of parameters; None for the one the method chooses for the dataset's size.
        settings: parameters to set, each by its name.
        budget: training to spend, `images=N` or `seconds=S`; None for that of the dataset's track, or the preset's.
        track: a track of the protocol: the budget that rows are compared under.
        device: `auto`, `cpu`, `cuda` or `cuda:INDEX`.
        precision: `fp32` or `bf16`: arithmetic of the networks.
        compile: `on`, `off` or `auto`: whether the networks are compiled.
        cuda_graphs: `on`, `off` or `auto`: whether steps on CUDA are recorded once and replayed.
        deterministic: allow only deterministic algorithms on CUDA.
        time_limit_seconds: stop a run that takes longer, as `timed-out`.
        isolated: shut the method's process in with bubblewrap, where that can be.
        test: False predicts and scores the validation participants alone: see `Run.row.validation_score`. The same call
            with True goes on with the trained model.
        tta: views of each scan that are predicted and averaged; 1 for the scan alone. A row of its own.
        keep_samples: how many samples of each prediction are kept beside their mean, of a method that draws.
        processes: that share the training, on CUDA each on a card of its own.
        force: run again although the same run is on the leaderboard.
        session: where to work; None for what the environment says.

    Returns:
        The run, which ended well.

    Raises:
        UsageError: something in the request makes no sense; nothing is built or run for that.
        RunEndedError: the run did not end well; its `run` has log and folder.
        KeyboardInterrupt: it was interrupted.
    """
    here = current_session(session)
    if isinstance(dataset, OpenedDataset) and (split is not None or fold is not None or task):
        raise UsageError("the dataset was opened with its split, fold and task: give them to open_dataset alone")
    request = Request(
        method=method,
        seed=_seed(seed),
        preset=preset,
        settings=_as_typed(settings or {}),
        budget=parse_budget(budget) if isinstance(budget, str) else budget,
        track=track,
        device=device,
        precision=_one_of("precision", precision, get_args(Precision)),
        compile=_one_of("value of compile", compile, get_args(Compile)),
        cuda_graphs=_one_of("value of cuda_graphs", cuda_graphs, get_args(CudaGraphs)),
        deterministic=deterministic,
        purpose="test" if test else "no-test",
        views=_between("tta", tta, 1, MOST_VIEWS),
        keep_samples=_between("keep_samples", keep_samples, 0, MOST_SAMPLES),
        processes=_between("processes", processes, 1, MOST_PROCESSES),
    )
    check_names(request, here.registry)
    check_fresh(method, here.registry, here.loaded_at)
    if time_limit_seconds is not None and not time_limit_seconds > 0:
        raise UsageError(f"the time limit {time_limit_seconds!r} is none: give seconds above 0")
    options = here.run_options(time_limit_seconds, isolated=isolated)
    opened = as_opened(dataset, split=split or "holdout", fold=fold or 0, task=task, session=here)
    plan = plan_on(request, opened.place, here.registry)
    say(describe_budgets([plan]))
    supervisor = here.supervisor(options)
    row, known = execute(plan, supervisor, force=force, waiting=_say_that_it_waits)
    return _ended(row, supervisor, here, known=known)


def resume_run(run_id: int, *, session: Session | None = None) -> Run:
    """Resume an interrupted run from its checkpoint, as `petbench runs resume` and the same call of `run` do.

    Args:
        run_id: the run's number on the leaderboard.
        session: where to work; None for what the environment says.

    Raises:
        UsageError: it was not interrupted, or its folder is elsewhere.
        RunEndedError: it did not end well.
        KeyboardInterrupt: it was interrupted again.
    """
    here = current_session(session)
    check_fresh(here.leaderboard.run(run_id).method, here.registry, here.loaded_at)
    supervisor = here.supervisor()
    return _ended(resume(run_id, supervisor), supervisor, here, known=False)


def _ended(row: RunRow, supervisor: Supervisor, session: Session, *, known: bool) -> Run:
    made = Run(row, session, known=known)
    if supervisor.stop_requested:  # whatever the run made of it: a loop around this call shall end, too
        left = "the same call resumes it" if row.status == "interrupted" else "it had ended before"
        raise KeyboardInterrupt(f"run {row.id} is {row.status}; {left}")
    if row.status != "ok":
        raise RunEndedError(made)
    return made


def _as_typed(settings: Mapping[str, Any]) -> tuple[str, ...]:
    """Return parameters as they are set on the command line, every value as JSON."""
    typed = []
    for name, value in settings.items():
        plain = value.item() if hasattr(value, "item") else value  # a number of numpy
        try:
            typed.append(f"{name}={json.dumps(os.fspath(plain) if isinstance(plain, os.PathLike) else plain)}")
        except (TypeError, ValueError):
            raise UsageError(
                f"the parameter {name!r} cannot be {value!r}: give a number, text, list or mapping"
            ) from None
    return tuple(typed)


def _seed(seed: int) -> int:
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed <= LARGEST_SEED:
        raise UsageError(f"the seed {seed!r} is not understood: give one whole number from 0 to {LARGEST_SEED}")
    return seed


def _between(name: str, value: int, least: int, most: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise UsageError(f"{name}={value!r} is not understood: give one whole number from {least} to {most}")
    return value


def _one_of(kind: str, value: Any, known: tuple[str, ...]) -> Any:
    if value not in known:
        raise UnknownNameError(kind, str(value), known, listed="There:")
    return value


def _say_that_it_waits(what_goes_on: str) -> None:
    say(f"{what_goes_on}. Waiting for it; an interrupt ends the waiting alone")
