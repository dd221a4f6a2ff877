"""Who watches runs that an engine makes tells observers of them: once from their beginning, and of their end."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest
from tests.engines.test_watch import Desk, seeds

from petbench.engines.observed_cells import ObservedCells
from petbench.engines.watch import Watch
from petbench.errors import DataError
from petbench.runs.supervisor import Supervisor
from petbench_leaderboard.store import Leaderboard

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from petbench.engines.cells import Cell
    from petbench_leaderboard.records import RunRow


AT_ONCE = 8


class Told:
    """What was said to observers of runs, by the run's number; nobody is started."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.said: list[tuple[int, str]] = []
        self.at_once, self.most = 0, 0
        self.gate = threading.Event()
        self.gate.set()
        self.fails = False
        monkeypatch.setattr(Supervisor, "observed", lambda _supervisor, row, _folder: self._begin(row))

    def _begin(self, row: RunRow) -> Any:
        self.said.append((row.id, "began"))
        told = self

        class Run:
            def finish(self) -> Callable[[], None]:
                if told.fails:
                    raise DataError("the row cannot be read")
                return lambda: told.end(row.id)

            def abandon(self) -> None:
                told.said.append((row.id, "abandoned"))

        return Run()

    def end(self, run_id: int) -> None:
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        if self.at_once == AT_ONCE:
            self.gate.set()
        self.gate.wait(30)
        self.at_once -= 1
        self.said.append((run_id, "ended"))


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Told:
    return Told(monkeypatch)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with Leaderboard.open(tmp_path / "leaderboard.db") as leaderboard:
        yield Desk(tmp_path / "home", leaderboard)


def watching(desk: Desk, cells: list[Cell], observed: ObservedCells) -> Watch:
    return Watch(cells, desk.dry, desk.supervisor, lambda *_: None, observed)


def test_a_run_is_told_of_when_it_runs_and_when_it_has_ended(desk: Desk, told: Told) -> None:
    with ObservedCells(desk.supervisor) as observed:
        watch = watching(desk, desk.hand_over(seeds(2)).cells, observed)
        desk.dry.run("0")
        desk.dry.leave("0", "running")
        watch.look()
        watch.look()
        assert told.said == [(1, "began")]
        desk.dry.leave("0")
        desk.dry.leave("1")  # it was never seen to run
        watch.look()
    assert sorted(told.said) == [(1, "began"), (1, "ended"), (2, "began"), (2, "ended")]


def test_who_looks_once_tells_of_what_has_ended_alone(desk: Desk, told: Told) -> None:
    with ObservedCells(desk.supervisor, stays=False) as observed:
        watch = watching(desk, desk.hand_over(seeds(2)).cells, observed)
        desk.dry.leave("0", "running")
        desk.dry.leave("1")
        watch.look()
    assert told.said == [(2, "began"), (2, "ended")]


def test_what_goes_on_when_nobody_watches_any_more_and_what_never_began_has_no_end(desk: Desk, told: Told) -> None:
    with ObservedCells(desk.supervisor) as observed:
        watch = watching(desk, desk.hand_over(seeds(2)).cells, observed)
        desk.dry.run("0")
        desk.dry.leave("0", "running")
        watch.look()
        watch.cancel(now=False)  # the second run waits, and is cancelled
    assert told.said == [(1, "began"), (1, "abandoned")]


def test_a_run_whose_end_cannot_be_told_ends_all_the_same(
    desk: Desk, told: Told, capsys: pytest.CaptureFixture[str]
) -> None:
    told.fails = True
    with ObservedCells(desk.supervisor) as observed:
        watch = watching(desk, desk.hand_over().cells, observed)
        desk.dry.leave("0")
        watch.look()
    assert told.said == [(1, "began"), (1, "abandoned")]
    assert watch.outcomes[0].is_ok
    assert "run 1: no observer hears of its end (the row cannot be read)" in capsys.readouterr().err


def test_of_many_runs_that_have_ended_observers_are_told_a_few_at_a_time(desk: Desk, told: Told) -> None:
    told.gate.clear()
    with ObservedCells(desk.supervisor) as observed:
        watch = watching(desk, desk.hand_over(seeds(30)).cells, observed)
        for job in range(30):
            desk.dry.leave(str(job))
        watch.look()
    assert told.most == AT_ONCE
    assert sum(words == "ended" for _, words in told.said) == 30
