"""`petbench reproduce`: the paper's comparison, run and written up."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from petbench.cli.engine_options import chosen_engine, engine_options
from petbench.cli.options import complete_dataset
from petbench.cli.session import session

if TYPE_CHECKING:
    from collections.abc import Sequence

    from petbench.reproduce.experiment import Experiment, Part
    from petbench.reproduce.outlook import Outlook


@click.command()
@click.option("--dataset", "-d", shell_complete=complete_dataset, help="Dataset. Default: the profile's.")
@click.option("--split", help="Split of its participants; every fold is run. Default: the profile's, else holdout.")
@click.option("--seeds", default="0..4", show_default=True, metavar="SEEDS", help="Such as 3, 0,2,7 or 0..4.")
@click.option(
    "--profile",
    type=click.Choice(["auto", "full", "reduced", "trial"]),
    default="auto",
    show_default=True,
    help="Networks and budgets: full has the published widths, reduced is for two CPU cores, trial trains next to "
    "nothing, to see that all of it runs; auto takes full on a CUDA device.",
)
@click.option(
    "--only",
    type=click.Choice(["rates", "equal-images", "equal-seconds", "converged"]),
    multiple=True,
    help="Make only these runs, and what they need; repeat it for several.",
)
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or cuda:INDEX.")
@click.option(
    "--page",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("docs"),
    show_default=True,
    help="Folder of the page and its figures: reproduction.md, or reproduction-NAME.md for another dataset.",
)
@click.option("--page-only", is_flag=True, help="Make no run: write the page from what is there, and say what is not.")
@click.option("--dry-run", is_flag=True, help="List every run and what it would cost, and stop.")
@engine_options(may_detach=False)
@click.option("--json", "as_json", is_flag=True, help="Print the results as JSON.")
def reproduce(
    *,
    dataset: str | None,
    split: str | None,
    seeds: str,
    profile: str,
    only: tuple[Part, ...],
    device: str,
    page: Path,
    page_only: bool,
    dry_run: bool,
    as_json: bool,
    **on: Any,
) -> None:
    """Run the paper's comparison of pix2pix and CycleGAN, the same networks for both, and write it up as a page.

    The learning rate of each is chosen on validation participants from one grid. At that rate each is trained with
    every seed on equally many images, for equally long, and until validation no longer improves. Methods without a
    network and the references of simulated datasets stand beside them.

    Runs that are on the leaderboard already are not repeated. After Ctrl-C the same command goes on; started in two
    terminals, it shares the runs between them. A run that does not end well stops none of the others.

    \b
    petbench reproduce --dry-run
    petbench reproduce
    petbench reproduce --only rates --only equal-images
    petbench reproduce --dataset fdg-phantom-3d --split cv6 --device cuda
    petbench reproduce --on slurm --gpus 1 --at-once 8
    """
    from petbench.cli.console import print_json
    from petbench.cli.on_engine import made_on
    from petbench.reproduce.account import take_account
    from petbench.reproduce.agenda import Agenda
    from petbench.reproduce.experiment import PARTS, Planner
    from petbench.reproduce.facts import as_json as facts_of
    from petbench.reproduce.made_references import make_references
    from petbench.reproduce.outlook import look_ahead, summarize
    from petbench.reproduce.page import conclusion, write_page
    from petbench.reproduce.run_experiment import Runner
    from petbench.terminal import progress_bar, say

    here = session()
    chosen = chosen_engine(on, lambda: here.registry, shares=False)
    experiment = _experiment(dataset, split, seeds, profile, device)
    with progress_bar() as progress:
        planner = Planner(experiment, here.home, here.registry, progress)
    agenda = Agenda(planner, here.leaderboard, here.registry.metrics(), only or PARTS)
    outlooks = look_ahead(agenda, here.leaderboard)
    if dry_run and as_json:
        print_json([_as_json(one) for one in outlooks])
        return
    if dry_run:
        _print_outlooks(outlooks)
    click.echo(f"{experiment.profile.name} profile on {planner.places[0].name}, split {experiment.split}", err=True)
    for line in summarize(outlooks):
        click.echo(line, err=True)
    if dry_run:
        return
    supervisor = here.supervisor()
    runner = Runner(agenda, supervisor, say)
    no_references: dict[str, str] = {}
    if not page_only:
        try:
            with progress_bar() as progress:
                no_references = make_references(planner.places, supervisor, here.scorer(progress))
            with made_on(chosen, supervisor) as make_all:
                runner.run(make_all)
        except KeyboardInterrupt:
            supervisor.stop_requested = True
        if supervisor.stop_requested:
            click.echo("stopped; the same command goes on from here and repeats nothing that is done", err=True)
            click.get_current_context().exit(130)
    account = take_account(
        experiment,
        Agenda(planner, here.leaderboard, here.registry.metrics()),
        command=_command(experiment, planner.places[0].name),
        no_references=no_references,
        home=here.home,
        leaderboard=here.leaderboard,
        registry=here.registry,
        folder=page,
    )
    path = write_page(account)
    if as_json:
        print_json(facts_of(account) | {"page": str(path)})
    else:
        click.echo(conclusion(account))
        click.echo(f"open {path}{', which is not complete' if account.missing else ''}")
    failures = runner.failures()
    if failures:
        click.echo(f"{len(failures)} did not end well: {'; '.join(map(str, failures))}", err=True)
        click.get_current_context().exit(1)


def _experiment(dataset: str | None, split: str | None, seeds: str, profile: str, device: str) -> Experiment:
    """Return what is asked for, every default written out."""
    from petbench.methods.devices import choose_device
    from petbench.plans.sweep import parse_seeds
    from petbench.reproduce.experiment import Experiment
    from petbench.reproduce.profiles import PROFILES, default_profile

    chosen = default_profile(choose_device(device).type) if profile == "auto" else PROFILES[profile]
    dataset = dataset or chosen.dataset
    return Experiment(
        dataset=dataset,
        split=split or (chosen.split if dataset == chosen.dataset else "holdout"),
        seeds=parse_seeds(seeds, "--seeds"),
        profile=chosen,
        device=device,
    )


def _command(experiment: Experiment, dataset: str) -> str:
    """Return what makes all of it, every choice written out; a page names no folder of its machine."""
    import shlex

    seeds = ",".join(map(str, experiment.seeds))
    parts = ["petbench", "reproduce", "--dataset", dataset, "--split", experiment.split, "--seeds", seeds]
    return shlex.join([*parts, "--profile", experiment.profile.name, "--device", experiment.device])


def _as_json(one: Outlook) -> dict[str, Any]:
    plan = one.cell.plan
    return {
        "part": one.cell.part,
        "method": plan.method,
        "learning_rate": one.rate,
        "fold": plan.fold,
        "seed": plan.seed,
        "budget": plan.budget,
        "identity": None if one.rate is None and one.cell.rate is not None else plan.identity,
        "state": one.state,
        "run": one.run,
        "why": one.why,
        "seconds": one.seconds,
    }


def _print_outlooks(outlooks: Sequence[Outlook]) -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    from petbench.cli.console import standard_output
    from petbench_leaderboard.report.formatting import budget, duration

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("part", "method", "rate", "fold", "seed", "budget", "state", "run", "time"):
        table.add_column(heading, justify="left" if heading in ("part", "method", "state") else "right")
    for one in outlooks:
        plan = one.cell.plan
        table.add_row(
            one.cell.part,
            Text(plan.method),
            "" if one.cell.rate is None else "?" if one.rate is None else f"{one.rate:g}",
            str(plan.fold),
            str(plan.seed),
            ("at most " if one.cell.part == "converged" else "") + budget(plan.budget),
            one.state,
            str(one.run or ""),
            "" if one.is_there else "?" if one.seconds is None else duration(one.seconds),
        )
    standard_output().print(table)
