"""How runs are shown on the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from petbench.terminal import say
from petbench_leaderboard.faults import FAULTS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from petbench.home import Home
    from petbench_leaderboard.phase_rows import PhaseRow
    from petbench_leaderboard.records import RunRow
    from petbench_leaderboard.score_records import ScoreRow
    from petbench_leaderboard.store import Leaderboard

_COLOURS = {"ok": "green", "running": "cyan", "planned": "cyan", "interrupted": "yellow", "skipped": "yellow"}
_LONG = ("environment", "machine", "parameters", "subgroups", "tuning")


def print_runs(rows: Iterable[RunRow], home: Home, *, narrowed: bool = False, with_logs: bool = False) -> None:
    """Print one line a run.

    Args:
        rows: of the runs.
        home: where their folders and logs are.
        narrowed: whether only some runs were asked for.
        with_logs: whether the log of each is named.
    """
    from rich import box
    from rich.table import Table
    from rich.text import Text

    from petbench.cli.console import standard_output
    from petbench.runs.job_note import in_words, ran_on
    from petbench_leaderboard.report import formatting
    from petbench_leaderboard.report import settings as stated

    rows = list(rows)
    if not rows:
        click.echo("no such run" if narrowed else "no runs yet; start one with: petbench run --method pix2pix")
        return
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading, justify in (
        ("id", "right"), ("method", "left"), ("preset", "left"), ("dataset", "left"), ("fold", "right"),
        ("seed", "right"), ("budget", "left"), ("status", "left"), ("trained", "right"), ("when (UTC)", "left"),
    ):  # fmt: skip
        table.add_column(heading, justify="right" if justify == "right" else "left", overflow="fold")
    for row in rows:
        status = Text(row.status, style=_COLOURS.get(row.status, "red"))
        for note in (stated.untested(row), stated.validation(row) if row.status == "ok" else ""):
            status.append(f", {note}" if note else "", style="dim")
        if elsewhere := ran_on(row, home):
            status.append(f", {in_words(elsewhere)}", style="dim")
        if row.error_message:
            status.append(f"{whose(row) if with_logs else ''}: {row.error_message}", style="dim")
        if with_logs and row.log_path:
            status.append(f"\nlog: {home.folder / row.log_path}", style="dim")
        trained = "" if row.train_seconds is None else f"{row.train_seconds:.0f} s"
        table.add_row(
            str(row.id), Text(row.method), row.preset or "", Text(row.dataset), f"{row.split}/{row.fold}",
            str(row.seed), formatting.budget(row.budget), status, trained, f"{row.created_at:%Y-%m-%d %H:%M}",
        )  # fmt: skip
    standard_output().print(table)


def print_run(leaderboard: Leaderboard, run_id: int, home: Home, *, as_json: bool) -> None:
    """Print all that is known of one run."""
    from rich.text import Text

    from petbench.api.runs import row_as_dict, run_as_dict
    from petbench.cli.console import print_json, standard_output
    from petbench.runs.job_note import in_words, ran_on
    from petbench_leaderboard.report import settings as stated
    from petbench_leaderboard.report import validation
    from petbench_leaderboard.score_records import of_newest_protocol

    if as_json:
        print_json(run_as_dict(leaderboard, run_id) | {"ran_on": ran_on(leaderboard.run(run_id), home)})
        return
    row = leaderboard.run(run_id)
    console = standard_output()
    for key, value in row_as_dict(row).items():
        if key not in _LONG and value not in (None, (), {}):
            shown = ", ".join(value) if isinstance(value, tuple) or key == "inputs" else str(value)
            console.print(Text.assemble((f"{key:26}", "dim"), shown))
    if elsewhere := ran_on(row, home):
        console.print(Text.assemble((f"{'ran on':26}", "dim"), f"{in_words(elsewhere)}, job {elsewhere['job']}"))
    if words := stated.tuning(row):
        console.print(Text.assemble((f"{'settings':26}", "dim"), words))
    for title, facts in (("parameters", row.parameters), ("machine", row.machine)):
        settings = "  ".join(f"{key}={value}" for key, value in facts.items())
        console.print(Text.assemble((f"{title:26}", "dim"), settings))
    console.print(Text.assemble((f"{'phases':26}", "dim"), phases_in_words(leaderboard.phases(run_id))))
    if scores := of_newest_protocol(leaderboard.scores([run_id])):
        print_scores(scores)
    if scores := of_newest_protocol(leaderboard.validation_scores([run_id])):
        console.print(Text(validation.NOTE))
        print_scores(scores)


def phases_in_words(phases: Iterable[PhaseRow]) -> str:
    """Return how long each phase took; a resumed run has several parts of one."""
    totals: dict[str, float] = {}
    for phase in phases:
        totals[phase.phase] = totals.get(phase.phase, 0.0) + phase.seconds
    return "  ".join(f"{name} {seconds:.2f} s" for name, seconds in totals.items())


def print_scores(scores: Sequence[ScoreRow]) -> None:
    """Print one line a score: participant, region, metric, value with its unit, or why there is none."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    from petbench.cli.console import standard_output
    from petbench_leaderboard.report import columns as written
    from petbench_leaderboard.report.formatting import plain_unit
    from petbench_leaderboard.run_groups import column_of

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("participant", "region", "metric", "value", "convention"):
        table.add_column(heading, justify="right" if heading == "value" else "left", overflow="fold")
    for score in scores:
        column = column_of(score)
        if score.value is None:
            value = Text(score.reason or "", style="dim")
        else:
            value = Text(f"{written.value(column, score.value)} {plain_unit(score.unit)}".rstrip())
            if score.participant is None and (remark := written.remark(column, score.extra, score.value)):
                value.append(f"\n{remark}", style="dim")
        table.add_row(
            score.participant or "all", Text(score.region), Text(score.metric), value, Text(score.convention_id)
        )
    standard_output().print(table)


def print_result(leaderboard: Leaderboard, row: RunRow, home: Home, *, known: bool, as_json: bool) -> None:
    """Print how a run ended: its place among the rows it compares with, or what went wrong."""
    if as_json:
        print_run(leaderboard, row.id, home, as_json=True)
        return
    if row.status != "ok":
        colour = _COLOURS.get(row.status, "red")
        say(f"run {row.id} {click.style(row.status, fg=colour)}{whose(row)}: {row.error_message or ''}")
        if row.log_path and row.status != "skipped":
            say(f"log: {home.folder / row.log_path}")
        return
    if known:
        click.echo(f"run {row.id} is this very run and is shown instead of repeated; --force runs it again", err=True)
    if row.error_message:
        click.echo(f"run {row.id} is {row.error_message}", err=True)
    if not row.is_tested:
        click.echo(in_place_of_a_rank(row))
        print_training_notes(row, home)
        return
    from petbench.cli.leaderboard import print_table

    print_table(leaderboard, dataset=row.dataset, split=row.split, task=row.task, highlight=row.id)
    print_validation(leaderboard, row)
    print_training_notes(row, home)


def print_validation(leaderboard: Leaderboard, row: RunRow) -> None:
    """Print what a run scores on its validation participants, where anybody validates."""
    from petbench_leaderboard.report.validation import in_words
    from petbench_leaderboard.score_records import of_newest_protocol

    said = in_words(of_newest_protocol(leaderboard.validation_scores([row.id])))
    if said:
        click.echo(f"run {row.id} {said}")


def in_place_of_a_rank(row: RunRow) -> str:
    """Return what is said of a run that ended well and was not tested: how it does on validation."""
    from petbench_leaderboard.report import settings as stated

    score = stated.validation(row)
    said = f"on the validation participants {score}" if score else "nobody validates in this fold"
    return f"run {row.id} {row.method} seed {row.seed} is {stated.untested(row)}: {said}"


def whose(row: RunRow) -> str:
    """Return whose fault it is that a run did not end well, in brackets; nothing where nobody knows."""
    return f" ({FAULTS[row.fault]})" if row.fault in FAULTS else ""


def print_training_notes(row: RunRow, home: Home) -> None:
    """Print what a reader of a run's scores must know of its training."""
    from petbench.runs.lookup import find_folder_or_none
    from petbench.runs.training_notes import training_notes

    folder = find_folder_or_none(row, home)
    for note in training_notes(folder) if folder else ():
        click.echo(f"{click.style('note:', fg='yellow')} run {row.id} {row.method}: {note}", err=True)
