"""Runs whose predictions an engine scores again: they get new scores or keep those they have, whatever goes wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tests.engines.test_watch import Desk, seeds

from petbench.engines.hand_over_scoring import hand_over_scoring
from petbench.engines.observed_cells import ObservedCells
from petbench.engines.scoring_folder import SCORE, ScoringFolder
from petbench.engines.watch import Watch
from petbench.errors import PetbenchError
from petbench.runs.delete import delete_run
from petbench.runs.execute import execute
from petbench.runs.job_note import ran_on
from petbench_leaderboard.score_records import ScoreRecord
from petbench_leaderboard.store import Leaderboard

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from petbench.engines.cells import Cell


def psnr(value: float, metric: str = "psnr") -> ScoreRecord:
    return ScoreRecord(
        metric=metric, convention_id=f"{metric}/body/suv20@1", region="body", participant="sub-04", value=value,
        unit="dB", higher_is_better=True,
    )  # fmt: skip


class Scored(Desk):
    """Two runs that ended well and scored 20 dB, and who was refused."""

    def __init__(self, home: Path, leaderboard: Leaderboard) -> None:
        super().__init__(home, leaderboard)
        self.refused: list[str] = []
        watch = self.watch(self.hand_over(seeds(2)))
        for job in ("0", "1"):
            self.dry.run(job)
            self.dry.leave(job, score=20.0)
        watch.look()
        assert [self.row(run_id).status for run_id in (1, 2)] == ["ok", "ok"]

    def again(self, *run_ids: int) -> list[Cell]:
        rows = [self.row(run_id) for run_id in run_ids or (1, 2)]
        return hand_over_scoring(rows, self.chosen, self.dry, self.supervisor, self._refuse)

    def watching(self, cells: list[Cell]) -> Watch:
        return Watch(cells, self.dry, self.supervisor, self._tell)

    def values(self, run_id: int) -> dict[str, float | None]:
        return {score.metric: score.value for score in self.leaderboard.scores([run_id])}

    def _refuse(self, row: Any, error: Exception) -> None:
        self.refused.append(f"{row.id}: {error}")


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Scored]:
    with Leaderboard.open(tmp_path / "leaderboard.db") as leaderboard:
        yield Scored(tmp_path / "home", leaderboard)


def test_runs_get_their_new_scores_and_where_they_were_made_stays_as_it_was(desk: Scored) -> None:
    desk.leaderboard.record_scores(1, [psnr(20.0), psnr(5.0, "gone")], protocol=2)
    before = desk.row(1)
    cells = desk.again()
    assert desk.dry.work is not None
    assert desk.dry.work.options == (SCORE,)
    assert desk.dry.work.command[-1] == SCORE
    assert [desk.row(run_id).status for run_id in (1, 2)] == ["ok", "ok"]
    watch = desk.watching(cells)
    desk.dry.leave("2", score=25.0)
    watch.look()
    assert (desk.values(1), desk.values(2)) == ({"psnr": 25.0}, {"psnr": 20.0})  # a metric that is gone is gone
    desk.dry.leave("3", score=26.0)
    desk.dry.end("3")
    watch.ask()
    assert watch.active == []
    assert all(outcome.is_ok for outcome in watch.outcomes.values())
    assert desk.values(2) == {"psnr": 26.0}
    after = desk.row(1)
    assert (after.status, after.started_at, after.log_path) == (before.status, before.started_at, before.log_path)
    facts = ran_on(after, desk.supervisor.home)
    assert facts is not None
    assert (facts["job"], facts["tries"]) == ("0", 1)


def test_the_same_once_more_attaches_to_what_goes_on(desk: Scored) -> None:
    desk.again()
    cells = desk.again()
    assert desk.dry.submitted[1:] == [("2", "3")]
    assert all(cell.is_attached for cell in cells)
    watch = desk.watching(cells)
    desk.dry.leave("2", score=25.0)
    watch.look()
    assert [cell.is_attached for cell in desk.again()] == [False, True]
    assert desk.dry.submitted[-1] == ("4",)


@pytest.mark.parametrize("damage", ["refused", "nothing", "damaged", "another run's", "cancelled"])
def test_a_run_that_could_not_be_scored_keeps_its_row_and_its_scores_and_the_other_is_scored(
    desk: Scored, damage: str
) -> None:
    cells = desk.again()
    watch = desk.watching(cells)
    desk.dry.leave("3", score=26.0)
    expected = {
        "refused": "no prediction of sub-04",
        "nothing": "in each of 3 tries",
        "damaged": "is damaged",
        "another run's": "is of another run",
        "cancelled": "cancelled",
    }[damage]
    if damage == "refused":
        desk.dry.leave("2", "interrupted", error_class="Refused", message="no prediction of sub-04")
    elif damage == "damaged":
        cells[0].folder.row_file.write_text("{", encoding="utf-8")
    elif damage == "another run's":
        cells[0].folder.row_file.write_bytes(cells[1].folder.row_file.read_bytes())
    for job in ("2", "4", "5"):
        desk.dry.end(job, "FAILED", cause="cancelled" if damage == "cancelled" else "")
        watch.ask()
        watch.ask()
    watch.look()
    assert watch.active == []
    assert expected in (watch.outcomes[0].error or "")
    assert watch.outcomes[1].is_ok
    assert (desk.row(1).status, desk.row(1).error_message, desk.values(1)) == ("ok", None, {"psnr": 20.0})
    assert desk.values(2) == {"psnr": 26.0}
    assert execute(cells[0].plan, desk.supervisor)[1]  # no engine has the run


def test_what_has_no_predictions_or_is_scored_elsewhere_is_named_and_the_others_are_scored(desk: Scored) -> None:
    import dataclasses

    desk.leaderboard.update(1, status="failed")
    (cell,) = desk.again()
    assert cell.run_id == 2
    assert desk.refused == ["1: it is failed and has no predictions to score"]
    desk.leaderboard.update(1, status="ok")
    desk.chosen = dataclasses.replace(desk.chosen, address="elsewhere")
    (cell,) = desk.again()
    assert cell.run_id == 1
    assert desk.refused[1:] == ["2: dry scores it already, job 2: --on dry sees to that"]


def test_an_engine_that_refuses_has_none_of_the_runs(desk: Scored, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuses(_work: object) -> list[str]:
        raise PetbenchError("the partition is closed")

    with monkeypatch.context() as patched:
        patched.setattr(desk.dry, "submit", refuses)
        with pytest.raises(PetbenchError, match="partition"):
            desk.again()
    assert [cell.is_attached for cell in desk.again()] == [False, False]


def test_a_run_that_is_deleted_while_it_is_scored_ends_nobody(desk: Scored) -> None:
    watch = desk.watching(desk.again())
    desk.dry.leave("2")
    desk.dry.leave("3", score=26.0)
    delete_run(1, desk.supervisor.home, desk.leaderboard)
    watch.look()
    for _ in range(2):
        desk.dry.end("2")
        watch.ask()
    assert watch.outcomes[1].is_ok
    assert desk.values(2) == {"psnr": 26.0}


def test_no_observer_hears_of_scoring(desk: Scored) -> None:
    (cell, _) = desk.again()
    assert isinstance(cell.folder, ScoringFolder)
    with ObservedCells(desk.supervisor) as observed:
        observed.begin(cell)
        observed.end(cell)
