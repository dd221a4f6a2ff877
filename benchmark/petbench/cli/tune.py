"""`petbench tune`: search for a method's settings on the validation participants."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import click

from petbench.cli.engine_options import chosen_engine, engine_options
from petbench.cli.options import complete_method
from petbench.cli.session import session
from petbench.cli.sweep_options import asked_for, sweep_options

if TYPE_CHECKING:
    from petbench.runs.tuning.outcome import Tuned
    from petbench.runs.tuning.search import SearchRequest, Trial


@click.command()
@click.argument("method", shell_complete=complete_method)
@click.option(
    "--trials",
    type=click.IntRange(1, 10_000),
    default=20,
    show_default=True,
    help="Settings to try, the method's own among them. Compare only methods that had equally many.",
)
@click.option("--seed", default="0", show_default=True, help="Seed of the search, and of all its runs.")
@click.option(
    "--fold", default="0", show_default=True, help="Fold whose validation participants decide, and which is tested."
)
@click.option(
    "--trial-budget",
    metavar="images=N|seconds=S",
    help="Training of each trial. Default: that of the row, so that the best trial need not be trained again.",
)
@click.option(
    "--set", "settings", multiple=True, metavar="KEY=VALUE", help="Set one parameter, which is not searched then."
)
@sweep_options("methods", "config", "seed", "fold", "settings", "no_test", "tta", "ensemble", "keep_samples")
@engine_options(may_detach=False)
@click.option("--json", "as_json", is_flag=True, help="Print the trials and both rows as JSON.")
def tune(*, method: str, trials: int, trial_budget: str | None, as_json: bool, **options: Any) -> None:
    """Search for settings of METHOD that predict the validation participants best, then test these.

    The method's plugin says what may be tried: `petbench methods METHOD` lists it. What you --set stays as you set it.
    Trials are runs without their test participants, so they take no rank and are not repeated: the same command goes
    on after Ctrl-C, and tries the same settings wherever it is given again. Optuna chooses them (petbench[tune]).

    At the end the method's own settings and the best ones are tested, as two rows; that of the best says how many
    trials it took and what they cost.

    \b
    petbench tune pix2pix
    petbench tune unet --dataset ~/my-dataset --trials 40 --budget images=20000 --seed 1
    petbench tune pix2pix --set batch_size=1 --trial-budget images=5000 --budget images=40000
    petbench tune unet --on slurm --gpus 1        each trial a job, one after the other
    """
    from petbench.cli.on_engine import made_on
    from petbench.cli.result import whose
    from petbench.plans.budgets import describe_budgets
    from petbench.runs.execute import execute
    from petbench.runs.run_all import one_by_one
    from petbench.runs.tuning.outcome import make_rows
    from petbench.runs.tuning.search import Search
    from petbench.terminal import say

    assert isinstance(session().observers, tuple), "a tracker that cannot be used is refused before anything is built"
    here = session()
    chosen = chosen_engine(options, lambda: here.registry)
    asked, supervisor_options = _asked(method, trials, trial_budget, options, here_made=chosen is None)
    supervisor = here.supervisor(supervisor_options)
    made: list[Trial] = []

    def show(trial: Trial) -> None:
        made.append(trial)
        say(f"[{trial.number}/{trials}] {_line(trial)}; {_best(made)}")

    with made_on(chosen, supervisor) as make_all:
        make = functools.partial(execute, waiting=say) if make_all is None else one_by_one(make_all)
        search = Search(asked, supervisor, make=make)
        say(f"{trials} trials, seed {asked.request.seed}; {describe_budgets([search.first_plan])}")
        search.run(show)
        stopped = len(made) < trials or supervisor.stop_requested
        tuned = None if stopped else make_rows(asked, made, supervisor, make=make)
    if tuned is None:
        if (row := search.stopped_in) is not None:
            say(f"run {row.id} is {row.status}{whose(row)}: {row.error_message or ''}")
        say(f"stopped after {len(made)} of {trials} trials; the same command goes on")
        raise SystemExit(130)
    if as_json:
        _print_json(made, tuned)
    else:
        _print(tuned)
    if not (tuned.tuned.is_tested and tuned.default.is_tested):
        raise SystemExit(1)


def _asked(
    method: str, trials: int, trial_budget: str | None, options: dict[str, Any], *, here_made: bool
) -> tuple[SearchRequest, Any]:
    """Return what is searched, and how its runs are made, once all of it makes sense."""
    from petbench.errors import UsageError
    from petbench.methods.search_space import space_of
    from petbench.plans.cards import with_cards
    from petbench.plans.planner import Request, check_names
    from petbench.plans.run_plan import parse_budget
    from petbench.plans.sweep import find_place, parse_numbers, parse_seeds
    from petbench.runs.tuning.sampler import require_optuna
    from petbench.runs.tuning.search import SearchRequest
    from petbench.terminal import progress_bar

    here = session()
    require_optuna()
    sweep = with_cards(asked_for({**options, "methods": (method,)}), options["gpus"], here=here_made)
    seeds, folds = parse_seeds(sweep.seeds, "--seed"), parse_numbers(sweep.folds, "--fold")
    if len(seeds) > 1 or len(folds) > 1:
        raise UsageError("a search has one seed and one fold: name one of each")
    of = sweep.methods[method]
    request = Request(method=method, seed=seeds[0], preset=of.preset, settings=of.settings, **sweep.common())
    check_names(request, here.registry)
    space_of(here.registry.method(method)[0], {setting.partition("=")[0] for setting in of.settings})
    budget = None if trial_budget is None else parse_budget(trial_budget)
    with progress_bar() as progress:
        place = find_place(request, folds[0], here.home, here.registry, progress)
    asked = SearchRequest(request=request, place=place, trials=trials, trial_budget=budget)
    return asked, here.run_options(sweep.time_limit_seconds, isolated=sweep.isolated)


def _line(trial: Trial) -> str:
    from petbench.cli.result import whose
    from petbench_leaderboard.report import settings as stated

    tried = " ".join(trial.settings)
    if trial.row is None:
        return f"{tried}: refused, {trial.error}"
    name = f"{tried}: run {trial.row.id}{' (there already)' if trial.known else ''}"
    if trial.distance is None:
        return f"{name} {click.style(trial.row.status, fg='red')}{whose(trial.row)}: {trial.row.error_message or ''}"
    return f"{name} {stated.validation(trial.row)}"


def _best(made: list[Trial]) -> str:
    from petbench.runs.tuning.search import best_of
    from petbench_leaderboard.report import settings as stated

    best = best_of(made)
    return (
        "none ended well so far"
        if best is None or best.row is None
        else f"best {stated.validation(best.row)} (trial {best.number})"
    )


def _print(tuned: Tuned) -> None:
    from petbench.cli.result import print_result
    from petbench_leaderboard.report import settings as stated

    here = session()
    for row in (tuned.default, tuned.tuned):
        if not row.is_tested:
            print_result(here.leaderboard, row, here.home, known=False, as_json=False)
            return
    print_result(here.leaderboard, tuned.tuned, here.home, known=False, as_json=False)
    found, before = stated.validation(tuned.tuned), stated.validation(tuned.default)
    if tuned.tuned.id == tuned.default.id:
        click.echo(f"no trial did better on validation than the method's own settings: {before}; {tuned.cost}")
        return
    settings = " ".join(f"--set {setting}" for setting in tuned.best.settings)
    click.echo(f"on validation {found} with {settings}, {before} without; {tuned.cost}")


def _print_json(made: list[Trial], tuned: Tuned) -> None:
    from petbench.api.runs import run_as_dict
    from petbench.cli.console import print_json

    trials = [
        {
            "trial": trial.number,
            "settings": trial.values,
            "run": None if trial.row is None else trial.row.id,
            "identity": None if trial.row is None else trial.row.identity,
            "status": "refused" if trial.row is None else trial.row.status,
            "validation_score": None if trial.row is None else trial.row.validation_score,
            "message": trial.error or (trial.row.error_message if trial.row else None),
        }
        for trial in made
    ]
    leaderboard = session().leaderboard
    rows = {
        name: run_as_dict(leaderboard, row.id) for name, row in (("default", tuned.default), ("tuned", tuned.tuned))
    }
    print_json({"trials": trials, "best": tuned.best.number, "tuning": tuned.cost.to_dict(), **rows})
