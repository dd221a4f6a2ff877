"""`petbench reproduce`: the paper's comparison, run and written up."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from petbench.cli.options import complete_dataset
from petbench.cli.session import session

if TYPE_CHECKING:
    from petbench.plans.forecast import RunForecast


@click.command()
@click.option(
    "--dataset", "-d", default="fdg-phantom", show_default=True, shell_complete=complete_dataset, help="Dataset."
)
@click.option("--split", default="holdout", show_default=True, help="Split of its participants; every fold is run.")
@click.option("--seeds", default="0..2", show_default=True, metavar="SEEDS", help="Such as 3, 0,2,7 or 0..4.")
@click.option(
    "--profile",
    type=click.Choice(["auto", "full", "reduced"]),
    default="auto",
    show_default=True,
    help="Networks and budget: full as in the paper, reduced for two CPU cores; auto takes full on a CUDA device.",
)
@click.option("--budget", metavar="images=N|seconds=S", help="Training of each run. Default: the profile's.")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or cuda:INDEX.")
@click.option(
    "--page",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("docs"),
    show_default=True,
    help="Folder in which reproduction.md and its figure are written.",
)
@click.option("--dry-run", is_flag=True, help="Say what it would cost and stop.")
@click.option("--json", "as_json", is_flag=True, help="Print the results as JSON.")
def reproduce(
    *,
    dataset: str,
    split: str,
    seeds: str,
    profile: str,
    budget: str | None,
    device: str,
    page: Path,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Run the paper's comparison of pix2pix and CycleGAN, the same networks for both, and write it up as a page.

    Both are trained with every seed on every fold; identity, scale, what can be predicted at all and the repeat scan
    are beside them. Runs that are on the leaderboard already are not repeated. After Ctrl-C the same command resumes.

    \b
    petbench reproduce --dry-run
    petbench reproduce
    petbench reproduce --dataset fdg-phantom --split cv6 --seeds 0..4 --device cuda
    """
    from petbench.cli.console import print_json
    from petbench.methods.models import choose_device
    from petbench.plans.forecast import forecast
    from petbench.plans.run_plan import parse_budget
    from petbench.plans.sweep import parse_seeds
    from petbench.reproduce.account import MADE, give_account
    from petbench.reproduce.experiment import Experiment, plan_runs
    from petbench.reproduce.paper import REFERENCES
    from petbench.reproduce.profiles import PROFILES, default_profile
    from petbench.reproduce.run_comparison import run_comparison, score_references
    from petbench.terminal import progress_bar

    here = session()
    numbers = parse_seeds(seeds, "--seeds")
    chosen = default_profile(choose_device(device).type) if profile == "auto" else PROFILES[profile]
    experiment = Experiment(
        dataset=dataset,
        split=split,
        seeds=numbers,
        profile=chosen,
        budget=parse_budget(budget) if budget else None,
        device=device,
    )
    with progress_bar() as progress:
        plans = plan_runs(experiment, here.home, here.registry, progress)
    forecasts = forecast(plans, here.leaderboard)
    _say_cost(forecasts, experiment.profile.name)
    if dry_run:
        if as_json:
            print_json([{"method": c.plan.method, "fold": c.plan.fold, "seed": c.plan.seed, "state": c.state,
                         "seconds": c.seconds} for c in forecasts])  # fmt: skip
        return
    supervisor = here.supervisor()
    rows = run_comparison(plans, supervisor, lambda line: click.echo(line, err=True))
    of_folds = [plan for plan in plans if plan.method == REFERENCES[0]]
    with progress_bar() as progress:
        made, missing = score_references(of_folds, MADE, supervisor, here.scorer(progress))
    command = _command(dataset, split, seeds, profile, budget, device)
    facts = give_account(experiment, [*rows, *made], missing, command, here.home, here.leaderboard, page)
    if as_json:
        print_json(facts)
        return
    for gap in facts["gaps"]:
        click.echo(f"pix2pix minus cyclegan, {gap['metric']}: {gap['mean']:+.2f} dB")
    click.echo(f"the paper: {facts['paper']['gap_decibels']:+.2f} dB")
    click.echo(f"open {facts['page']}")


def _say_cost(forecasts: list[RunForecast], profile: str) -> None:
    """Say on standard error which runs are there, which are to be made, and what these take."""
    from petbench_leaderboard.report.formatting import budget, duration

    for name in dict.fromkeys(cell.plan.method for cell in forecasts):
        of_method = [cell for cell in forecasts if cell.plan.method == name]
        states = [cell.state for cell in of_method]
        counted = ", ".join(f"{states.count(state)} {state}" for state in dict.fromkeys(states))
        why = sorted({reason for cell in of_method for reason in cell.why})
        known = [cell.seconds for cell in of_method if cell.seconds is not None]
        time = f"about {duration(sum(known))}" if len(known) == len(of_method) else "no past run shows how long"
        line = f"{name}: {counted}; {budget(str(of_method[0].plan.budget))} a run, {time}"
        click.echo(f"{line} ({'; '.join(why)})" if why else line, err=True)
    to_run = [cell for cell in forecasts if cell.state != "cached"]
    seconds = [cell.seconds for cell in to_run]
    known = [second for second in seconds if second is not None]
    guess = f"about {duration(sum(known))}" + (" and what is not known" if len(known) < len(seconds) else "")
    if not known and to_run:
        guess = "the time is not known before the first of them"
    click.echo(f"{profile} profile: {len(to_run)} of {len(forecasts)} runs to make, {guess}", err=True)


def _command(dataset: str, split: str, seeds: str, profile: str, budget: str | None, device: str) -> str:
    """Return what was typed, every choice written out."""
    import shlex

    parts = ["petbench", "reproduce", "--dataset", Path(dataset).name, "--split", split, "--seeds", seeds]
    parts += ["--profile", profile, *(("--budget", budget) if budget else ()), "--device", device]
    return shlex.join(parts)
