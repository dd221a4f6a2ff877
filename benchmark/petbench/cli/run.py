"""`petbench run`: train, predict, score and record."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from petbench.cli.engine_options import chosen_engine, engine_options
from petbench.cli.session import session
from petbench.cli.sweep_options import asked_for, sweep_options

if TYPE_CHECKING:
    from collections.abc import Sequence

    from petbench.plans.run_plan import RunPlan


@click.command()
@sweep_options()
@click.option(
    "--debug",
    is_flag=True,
    help="Train a few steps in this process, for a debugger: `breakpoint()` works, nothing is recorded.",
)
@click.option("--steps", type=click.IntRange(1), metavar="N", help="How many; with --debug.  [default: 20]")
@click.option("--force", is_flag=True, help="Run again although the same run is on the leaderboard.")
@click.option(
    "--fid-weights", type=click.Path(exists=True, dir_okay=False), help="File of the canonical Inception weights."
)
@click.option("--offline", is_flag=True, help="Do not try to download the Inception weights.")
@click.option(
    "--log-to",
    "log_to",
    multiple=True,
    metavar="TRACKER",
    help="Log to a tracker too: tensorboard, mlflow, wandb. May be repeated. Default: PETBENCH_LOG_TO.",
)
@engine_options(may_detach=True)
@click.option("--json", "as_json", is_flag=True, help="Print the row and its scores as JSON.")
def run(
    *,
    debug: bool,
    steps: int | None,
    force: bool,
    fid_weights: str | None,
    offline: bool,
    log_to: tuple[str, ...],
    as_json: bool,
    **options: Any,
) -> None:
    """Train METHOD on a dataset's training participants, predict the test participants, score and record.

    The row exists from the moment the run is planned. Ctrl-C ends it as `interrupted` with a checkpoint, from which
    the same command resumes; a second Ctrl-C ends at once. A run that is on the leaderboard already is shown, not
    repeated, unless --force is given. Several methods, seeds or folds, and every combination of settings with several
    values, are run one after the other, as `petbench plan` shows them; one that fails stops none of the others. A
    method that needs what the dataset has not got is skipped, which is no failure; where nothing else was asked for,
    the exit code is 3. The first line says under which budget each method trains, and whether that is a track of the
    protocol.

    With --on, an engine makes the runs on other machines. The same command typed again watches what goes on and starts
    nothing twice; Ctrl-C ends the runs that wait and asks those that run for a checkpoint, a second one ends all.

    \b
    petbench run --method pix2pix
    petbench run --method pix2pix --seed 1 --budget seconds=60
    petbench run --method pix2pix --method cyclegan --track equal-images
    petbench run --method cyclegan --dataset ~/my-dataset --split holdout --set learning_rate=0.0005
    petbench run --method pix2pix --method cyclegan --seed 0..4 --fold all --time-limit 3600
    petbench run --method my-unet --debug --steps 5
    petbench run --method my-unet --set learning_rate=0.001,0.003 --set width=16,32 --no-test
    petbench run --method unet --seed 0..4 --ensemble seeds
    petbench run --method unet --tta 4
    petbench run --config sweep.toml --seed 5..9
    petbench run --method pix2pix --seed 0..9 --on slurm --gpus 1 --minutes 240 --engine-option partition=gpu
    petbench run --method pix2pix --gpus 2
    """
    from petbench.cli.result import print_result
    from petbench.cli.several_runs import run_several
    from petbench.errors import UsageError
    from petbench.plans.budgets import describe_budgets
    from petbench.plans.cards import with_cards
    from petbench.runs.execute import execute
    from petbench.runs.run_all import DECLINED
    from petbench.terminal import progress_bar, say

    here = session()
    here.choose(fid_weights=fid_weights, offline=offline or None, log_to=log_to or None)
    assert isinstance(here.observers, tuple), "a tracker that cannot be used is refused before anything is built"
    detach = bool(options["detach"])
    engine = chosen_engine(options, lambda: here.registry)
    request = with_cards(asked_for(options), options["gpus"], here=engine is None)
    with progress_bar() as progress:
        plans = request.plans(here.home, here.registry, progress)
    ensembles = request.ensembles(plans)
    if ensembles and detach:
        raise UsageError("--ensemble needs the runs of its members: leave --detach away")
    if (debug or steps) and engine is not None:
        raise UsageError("--debug follows a run in this process; leave --on away")
    if debug or steps:
        _debug(plans, steps, debug=debug)
        return
    say(describe_budgets(plans))
    supervisor = here.supervisor(here.run_options(request.time_limit_seconds, isolated=request.isolated))
    if engine is not None:
        from petbench.cli.on_engine import run_on_engine

        raise SystemExit(
            run_on_engine(plans, supervisor, engine, ensembles, force=force, detach=detach, as_json=as_json)
        )
    if len(plans) > 1:
        raise SystemExit(run_several(plans, supervisor, ensembles, force=force, as_json=as_json))
    row, known = execute(plans[0], supervisor, force=force, waiting=_say_that_it_waits)
    print_result(here.leaderboard, row, here.home, known=known, as_json=as_json)
    if row.status != "ok":
        raise SystemExit({"interrupted": 130, "skipped": DECLINED}.get(row.status, 1))


def _debug(plans: Sequence[RunPlan], steps: int | None, *, debug: bool) -> None:
    """Train a few steps in this process; what the method raises is shown as Python shows it."""
    import faulthandler
    import traceback

    from petbench.authors_line import with_authors_line
    from petbench.errors import PetbenchError, UsageError
    from petbench.runs.debugging import STEPS
    from petbench.runs.debugging import debug as debug_run

    if not debug:
        raise UsageError("--steps is for --debug; a run is as long as its --budget")
    if plans[0].processes > 1:
        raise UsageError(
            "--debug follows a training in this process, which shares it with no other: leave --processes "
            "and --gpus out"
        )
    if len(plans) > 1:
        raise UsageError(f"--debug follows one run, and {len(plans)} are asked for; name one method, seed and fold")
    faulthandler.enable()
    here = session()
    try:
        debug_run(plans[0], here.home, here.registry, steps=steps or STEPS, say=click.echo)
    except PetbenchError as error:
        if here.settings.raise_errors:
            traceback.print_exc()
        packages = {name.partition("/")[0].removesuffix(".py") for name in plans[0].source_files}
        raise PetbenchError(with_authors_line(str(error), error, packages)) from error
    except Exception:
        traceback.print_exc()
        raise SystemExit(1) from None


def _say_that_it_waits(what_goes_on: str) -> None:
    click.echo(f"{what_goes_on}. Waiting for it; Ctrl-C ends the waiting alone", err=True)
