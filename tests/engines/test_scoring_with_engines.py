"""Runs whose predictions an engine scores again: they get new scores or keep those they have, whatever goes wrong."""

from __future__ import annotations

import dataclasses
import shutil
from typing import TYPE_CHECKING, Any

import pytest
from tests.engines.test_watch import Desk, seeds

from petbench.engines import hand_over as hand_over_module
from petbench.engines import hand_over_scoring as hand_over_scoring_module
from petbench.engines.hand_over_scoring import hand_over_scoring
from petbench.engines.observed_cells import ObservedCells
from petbench.engines.order import Order
from petbench.engines.watch import Watch
from petbench.errors import PetbenchError, UsageError
from petbench.evaluation.catalogue import builtin_metrics
from petbench.registry import Registry
from petbench.runs.delete import delete_run
from petbench.runs.execute import execute
from petbench.runs.job_note import active_note, ran_on
from petbench.runs.scoring_folder import SCORE, ScoringFolder
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


def test_runs_get_their_new_scores_and_all_else_of_them_stays_as_it_is_by_then(desk: Scored) -> None:
    cells = desk.again()
    assert desk.dry.work is not None
    assert desk.dry.work.options == (SCORE,)
    assert desk.dry.work.command[-1] == SCORE
    # Meanwhile somebody scores a metric of theirs here, and has samples kept.
    desk.leaderboard.record_scores(1, [psnr(7.0, "theirs")], protocol=2)
    desk.leaderboard.update(1, keep_samples=5, seconds_per_volume=9.0)
    before, phases = desk.row(1), desk.leaderboard.phases(1)
    watch = desk.watching(cells)
    desk.dry.leave("2", score=25.0)
    watch.look()
    assert (desk.values(1), desk.values(2)) == ({"psnr": 25.0, "theirs": 7.0}, {"psnr": 20.0})
    desk.dry.leave("3", score=26.0)
    desk.dry.end("3")
    watch.ask()
    assert watch.active == []
    assert all(outcome.is_ok for outcome in watch.outcomes.values())
    assert desk.values(2) == {"psnr": 26.0}
    assert (desk.row(1), desk.leaderboard.phases(1)) == (before, phases)
    facts = ran_on(desk.row(1), desk.supervisor.home)
    assert facts is not None
    assert (facts["job"], facts["tries"]) == ("0", 1)  # where it was made


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


@pytest.mark.parametrize("change", ["metric", "weights", "protocol", "offline"])
def test_a_job_that_was_ordered_before_something_came_is_ended_and_its_answer_is_none(
    desk: Scored, change: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    earlier = {cell.run_id: Order.load(cell.folder) for cell in desk.again()}
    desk.dry.leave("2", score=1.0)
    if change == "metric":
        monkeypatch.setattr(Registry, "metrics", lambda _registry: builtin_metrics()[:1])
    elif change == "weights":
        monkeypatch.setattr(hand_over_scoring_module, "extractors", lambda *_: ("inception",))
    elif change == "protocol":
        monkeypatch.setattr(hand_over_module, "PROTOCOL", 3)
    else:
        desk.supervisor.settings = desk.supervisor.settings.model_copy(update={"offline": True})
    cells = desk.again()
    assert desk.dry.stopped == [(("2",), True), (("3",), True)]
    assert desk.dry.submitted[-1] == ("4", "5")
    watch = desk.watching(cells)
    watch.look()
    assert desk.values(1) == {"psnr": 20.0}
    desk.dry.leave("2", score=1.0, order=earlier[1])  # the ended job's last write comes late
    watch.look()
    watch.ask()
    assert len(watch.active) == 2
    desk.dry.leave("4", score=25.0)
    watch.look()
    assert desk.values(1) == {"psnr": 25.0}


def test_who_watches_an_earlier_job_of_a_run_does_not_take_the_new_one_for_ended(desk: Scored) -> None:
    first = desk.watching(desk.again(1))
    second = desk.watching(desk.again(1))
    desk.dry.leave("2", score=25.0)
    second.look()
    (cell,) = desk.again(1)  # handed over anew, once the second has brought the first job's scores in
    first.cancel(now=True)
    assert active_note(cell.folder) == cell.note
    assert cell.note.job == "3"


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
        desk.dry.refuse("2", "no prediction of sub-04")
    elif damage == "damaged":
        cells[0].folder.row_file.write_text("{", encoding="utf-8")
    elif damage == "another run's":
        desk.dry.leave("2", order=Order.load(cells[1].folder).model_copy(update={"id": cells[0].note.order}))
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
    desk.leaderboard.update(1, status="failed")
    (cell,) = desk.again()
    assert cell.run_id == 2
    assert desk.refused == ["1: it is failed and has no predictions to score"]
    desk.leaderboard.update(1, status="ok")
    desk.chosen = dataclasses.replace(desk.chosen, address="elsewhere")
    (cell,) = desk.again()
    assert cell.run_id == 1
    assert desk.refused[1:] == ["2: dry scores it already, job 2: --on dry sees to that"]


def test_a_job_of_an_engine_that_ended_with_its_command_is_in_nobodys_way(desk: Scored) -> None:
    desk.again()
    (plugin,) = desk.registry.plugins
    ends = dataclasses.replace(plugin, engines=(dataclasses.replace(desk.dry.spec, outlives=False),))
    desk.supervisor.registry = Registry([ends])
    desk.chosen = dataclasses.replace(desk.chosen, address="elsewhere")
    assert [cell.is_attached for cell in desk.again()] == [False, False]
    assert desk.refused == []


def test_an_engine_that_refuses_has_none_of_the_runs(desk: Scored, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuses(_work: object) -> list[str]:
        raise PetbenchError("the partition is closed")

    with monkeypatch.context() as patched:
        patched.setattr(desk.dry, "submit", refuses)
        with pytest.raises(PetbenchError, match="partition"):
            desk.again()
    assert [cell.is_attached for cell in desk.again()] == [False, False]


def test_a_run_is_not_deleted_while_it_is_scored_and_one_that_is_gone_all_the_same_ends_nobody(desk: Scored) -> None:
    cells = desk.again()
    with pytest.raises(UsageError, match="run 1 is being scored by dry, job 2; repeat that command"):
        delete_run(1, desk.supervisor.home, desk.leaderboard)
    watch = desk.watching(cells)
    desk.dry.run("2")
    shutil.rmtree(cells[0].folder.path)
    watch.cancel(now=False)
    assert desk.dry.stopped == [(("3",), True), (("2",), False)]
    assert not cells[0].folder.path.exists()
    for _ in range(2):
        desk.dry.end("2")
        watch.ask()
    assert watch.active == []


def test_no_observer_hears_of_scoring(desk: Scored) -> None:
    (cell, _) = desk.again()
    assert isinstance(cell.folder, ScoringFolder)
    with ObservedCells(desk.supervisor) as observed:
        observed.begin(cell)
        observed.end(cell)
