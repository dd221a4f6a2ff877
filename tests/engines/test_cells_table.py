"""What is shown of runs with an engine: a table on a terminal, elsewhere one line a change."""

from __future__ import annotations

import dataclasses
import io
import json
import re
from typing import TYPE_CHECKING

import pytest
from rich.console import Console
from tests.benchmark.test_run_lookup import PLAN
from tests.engines.test_watch import Desk, seeds

from petbench.cli import cells_table
from petbench.cli.cells_table import CellsTable
from petbench.engines.loop import watch_until_ended
from petbench.engines.progress import progress_of
from petbench.engines.watch import Watch
from petbench_leaderboard.store import Leaderboard

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with Leaderboard.open(tmp_path / "leaderboard.db") as leaderboard:
        yield Desk(tmp_path / "home", leaderboard)


def log_of_training(desk: Desk, job: str, *lines: dict[str, object]) -> None:
    path = desk.dry.folders[job].losses
    path.parent.mkdir(parents=True)
    path.write_text("".join(json.dumps(line) + "\n" for line in lines) + '{"event": "st', encoding="utf-8")


def test_a_terminal_shows_what_runs_first_how_far_it_is_and_how_many_wait(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=140, color_system=None)
    monkeypatch.setattr(cells_table, "standard_error", lambda: console)
    plans = [dataclasses.replace(plan, budget="images=1000") for plan in seeds(30)]
    handed = desk.hand_over(plans)
    with CellsTable(30, {29: "learning_rate=0.1"}, desk.supervisor.home) as table:
        watch = Watch(handed.cells, desk.dry, desk.supervisor, table.tell)
        desk.dry.run("29")
        log_of_training(desk, "29", {"event": "step", "images": 250, "seconds": 5.0, "images_per_second": 50.0})
        watch.ask()
        table.draw(watch)
        desk.dry.is_silent = True
        watch.ask()
        table.draw(watch)
    shown = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", screen.getvalue())
    assert "29 waiting, 1 running, 0 ended" in shown
    first = next(line for line in shown.splitlines() if "seed" in line)
    assert "seed 29 learning_rate=0.1" in first
    assert "running on node7" in first
    assert "25 %, 50 images/s, 15 s left" in first
    assert "waiting (Priority)" in shown
    assert "and 10 more" in shown
    assert "no answer: nobody answers; shown as last known" in shown


def test_elsewhere_there_is_one_line_a_change(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    handed = desk.hand_over(seeds(2))
    with CellsTable(2, {}, desk.supervisor.home) as table:
        watch = Watch(handed.cells, desk.dry, desk.supervisor, table.tell)
        for _ in range(3):
            watch.ask()
            table.draw(watch)
        desk.dry.run("1")
        watch.ask()
    assert capsys.readouterr().err.splitlines() == [
        "[1/2] ridge fold 0 seed 0: waiting (Priority)",
        "[2/2] ridge fold 0 seed 1: waiting (Priority)",
        "[2/2] ridge fold 0 seed 1: running on node7",
    ]


@pytest.mark.parametrize(
    ("budget", "line", "said"),
    [
        ("images=1000", {"images": 250, "seconds": 5.0, "images_per_second": 50.0}, "25 %, 50 images/s, 15 s left"),
        ("images=1000", {"images": 250, "seconds": 5.0}, "25 %"),
        ("seconds=20", {"images": 250, "seconds": 5.0, "images_per_second": 50.0}, "25 %, 50 images/s, 15 s left"),
        ("images=0", {"images": 250, "seconds": 5.0}, "None"),
        ("images=1000", {"event": "something of the method's own"}, "None"),
    ],
)
def test_progress_is_read_from_the_last_whole_line_of_the_log(
    desk: Desk, budget: str, line: dict[str, object], said: str
) -> None:
    (cell,) = desk.hand_over([dataclasses.replace(PLAN, budget=budget)]).cells
    assert progress_of(cell, desk.supervisor.home) is None
    log_of_training(desk, "0", {"event": "step", **line})
    assert str(progress_of(cell, desk.supervisor.home)) == said


def test_a_watch_ends_when_every_run_has(desk: Desk) -> None:
    watch = desk.watch(desk.hand_over(seeds(2)))
    drawn: list[int] = []

    def draw() -> None:
        drawn.append(len(watch.active))
        for job in ("0", "1"):
            desk.dry.leave(job)

    said: list[str] = []
    watch_until_ended(watch, 0.0, draw=draw, say=said.append)
    assert drawn == [2, 0]
    assert said == []
