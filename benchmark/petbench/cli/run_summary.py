"""One run on a screen: what was run, how it went, what it scores, and where its files are."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from petbench.home import Home
    from petbench_leaderboard.records import RunRow
    from petbench_leaderboard.score_records import ScoreRow
    from petbench_leaderboard.store import Leaderboard

_LABEL = 11


def print_summary(leaderboard: Leaderboard, run_id: int, home: Home) -> None:
    """Print what most people want to know of a run; `petbench runs show --all` has the rest."""
    from rich.text import Text

    from petbench.cli.console import standard_output
    from petbench.runs.standing import as_it_is
    from petbench_leaderboard.score_records import of_newest_protocol

    row = as_it_is(leaderboard.run(run_id), home)
    console = standard_output()
    console.print(Text.assemble((f"run {row.id}  ", "dim"), (row.method, "bold"), f"  {row.status}"))
    for label, fact in _facts(row, leaderboard, home):
        if fact:
            console.print(Text.assemble((f"{label:{_LABEL}}", "dim"), fact), soft_wrap=True)
    tested = of_newest_protocol(leaderboard.scores([run_id]))
    validated = of_newest_protocol(leaderboard.validation_scores([run_id]))
    if tested or validated:
        _print_means(row, tested, validated)
    console.print(Text(f"petbench runs show {row.id} --all: every score, parameter and fact of the machine", "dim"))


def _facts(row: RunRow, leaderboard: Leaderboard, home: Home) -> list[tuple[str, str]]:
    from petbench.cli.result import phases_in_words, whose
    from petbench_leaderboard.report import formatting
    from petbench_leaderboard.report import settings as stated
    from petbench_leaderboard.timing.hardware import processes_of

    processes = processes_of(row)
    shared = f"shared by {processes} processes" if processes > 1 else ""
    trained = "" if row.train_seconds is None else f"trained {formatting.duration(row.train_seconds)}"
    images = "" if row.images_seen is None else f"{row.images_seen:,} images"
    volume = "" if row.seconds_per_volume is None else f"{formatting.duration(row.seconds_per_volume)} a volume"
    count = f"{formatting.count(row.parameter_count)} parameters" if row.parameter_count else ""
    ended = f", ended {row.ended_at:%H:%M:%S}" if row.ended_at else ""
    return [
        ("settings", ", ".join((*stated.run_settings(row), f"seed {row.seed}", row.precision))),
        ("data", f"{row.dataset}, split {row.split}, fold {row.fold}, task {row.task}, protocol {row.protocol}"),
        ("time", ", ".join(filter(None, (trained, images, volume, count, row.device or "", shared)))),
        ("phases", phases_in_words(leaderboard.phases(row.id))),
        ("when", f"planned {row.created_at:%Y-%m-%d %H:%M:%S} UTC{ended}"),
        ("isolation", row.isolation or ""),
        ("reason", f"{row.error_message}{whose(row)}" if row.error_message else ""),
        ("files", _folder(row, home)),
        ("log", str(home.folder / row.log_path) if row.log_path else ""),
        ("identity", row.identity),
    ]


def _folder(row: RunRow, home: Home) -> str:
    from petbench.runs.lookup import find_folder_or_none

    folder = find_folder_or_none(row, home)
    return str(folder.path) if folder else "not on this machine"


def _print_means(row: RunRow, tested: list[ScoreRow], validated: list[ScoreRow]) -> None:
    """Print the means of the metrics that tables have: of the test participants, and beside them on validation."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    from petbench.api.scores import Scores
    from petbench.cli.console import standard_output
    from petbench_leaderboard.report import columns as written
    from petbench_leaderboard.report.formatting import MISSING, counted
    from petbench_leaderboard.report.validation import shown_means
    from petbench_leaderboard.validation_scores import participants_of

    on_test = Scores(tested, row.test_participants).cells()
    on_validation = shown_means(validated)
    columns = dict.fromkeys(column for column in (*on_test, *on_validation) if column.facts.shown)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("mean over participants")
    table.add_column(f"test\n{counted(len(row.test_participants), 'participant')}", justify="right")
    table.add_column(f"validation\n{counted(len(participants_of(validated)), 'participant')}", justify="right")
    for column in sorted(columns, key=lambda column: (column.facts.place, column)):
        cells = (on_test.get(column), on_validation.get(column))
        if any(cell is not None and cell.mean is not None for cell in cells):
            shown = (written.mean(column, cell) if cell else MISSING for cell in cells)
            table.add_row(Text(f"{written.heading(column)} {written.arrow(column)}"), *shown)
    standard_output().print(table)
