"""A run for a task that has changed under its version is another run, whoever asks for the stored ones."""

from __future__ import annotations

import dataclasses
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from tests.benchmark.reproduction import Invented, write_tested_dataset
from tests.benchmark.test_run_lookup import PLAN
from tests.engines.test_watch import Desk

from petbench.errors import ChangedError, UsageError
from petbench.plans.forecast import forecast
from petbench.runs.ensemble import enter_ensemble, members_of
from petbench.runs.execute import Origin, prepare
from petbench.runs.external_test import ExternalTest
from petbench.runs.lookup import find_folder
from petbench.runs.same_training import find_same_training
from petbench.submissions import accept as accepting
from petbench.submissions.limits import SubmissionError
from petbench_datasets.tasks.built_in import DEFAULT_TASK
from petbench_leaderboard.admissions import note_voxels
from petbench_leaderboard.records import COST_FIELDS, EXTERNAL_TEST, MEMBERS, VALIDATION_FIELDS
from petbench_leaderboard.store import Leaderboard

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from petbench.plans.run_plan import RunPlan
    from petbench_leaderboard.records import RunRow

TASK = dataclasses.replace(DEFAULT_TASK, name="theirs")
CHANGED = dataclasses.replace(TASK, hot_suv=2.5)
THEN, NOW, LATER = (
    dataclasses.replace(PLAN, task=task.id, task_definition=task.content())
    for task in (TASK, CHANGED, dataclasses.replace(TASK, hot_suv=3.5))
)
BEFORE = dataclasses.replace(PLAN, task=TASK.id)
REFUSED = "made when the task theirs@1 asked or decided something else"


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with Leaderboard.open(tmp_path / "leaderboard.db") as leaderboard:
        yield Desk(tmp_path / "home", leaderboard)


def begun(desk: Desk, plan: RunPlan, status: Any = "ok", *, force: bool = False, trained: bool = False) -> RunRow:
    """Return a run as it stands after `petbench run` has ended with a status."""
    row, known = prepare(plan, desk.supervisor, force=force, here=False)
    assert not known
    desk.leaderboard.update(row.id, status=status)
    if trained:
        folder = find_folder(row, desk.supervisor.home)
        for path in (folder.model, folder.grid_file):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
    return desk.row(row.id)


def test_the_definition_is_no_part_of_the_identity() -> None:
    assert THEN.identity == NOW.identity == LATER.identity == BEFORE.identity


@pytest.mark.parametrize("status", ["ok", "interrupted", "failed", "skipped"])
def test_a_run_of_a_changed_task_is_refused_until_it_is_made_by_force(desk: Desk, status: str) -> None:
    begun(desk, THEN, status)
    with pytest.raises(ChangedError, match=f"run 1 is the same run, {REFUSED}; give the task a new version, or"):
        prepare(NOW, desk.supervisor, here=False)
    assert begun(desk, NOW, force=True).id == 2


def test_what_was_made_by_force_is_found_by_the_same_command_and_so_is_what_was_there(desk: Desk) -> None:
    begun(desk, THEN)
    begun(desk, NOW, force=True)
    for _ in range(2):
        assert [(row.id, known) for row, known in (prepare(plan, desk.supervisor) for plan in (NOW, THEN))] == [
            (2, True),
            (1, True),
        ]
    with pytest.raises(ChangedError, match=f"run 2 is the same run, {REFUSED}"):
        prepare(LATER, desk.supervisor, here=False)
    assert len(desk.leaderboard.runs()) == 2


def test_what_was_begun_by_force_and_interrupted_goes_on_by_its_command(desk: Desk) -> None:
    begun(desk, THEN)
    begun(desk, NOW, "interrupted", force=True)
    row, known = prepare(NOW, desk.supervisor, here=False)
    assert (row.id, known) == (2, False)
    assert find_folder(row, desk.supervisor.home).plan().task_definition == CHANGED.content()


def test_what_was_begun_by_force_and_failed_is_tried_again_while_one_of_before_lies_unfinished(desk: Desk) -> None:
    begun(desk, THEN, "running")  # its process was killed, and nobody has looked since
    begun(desk, NOW, "failed", force=True)
    assert begun(desk, NOW, "failed").id == 3


def test_a_run_from_before_definitions_were_stored_is_the_run_of_any(desk: Desk) -> None:
    begun(desk, BEFORE)
    for plan in (THEN, NOW):
        row, known = prepare(plan, desk.supervisor)
        assert (row.id, known) == (1, True)


def test_a_run_that_its_dataset_cannot_feed_is_skipped_by_force_too(desk: Desk) -> None:
    begun(desk, THEN)
    declined = dataclasses.replace(NOW, declined="it needs CT images")
    with pytest.raises(ChangedError, match=REFUSED):
        prepare(declined, desk.supervisor)
    for known in (False, True):
        row, was_known = prepare(declined, desk.supervisor, force=True)
        assert (row.id, row.status, was_known) == (2, "skipped", known)


def test_what_somebody_sent_of_a_changed_task_refuses_no_run_of_ones_own(desk: Desk) -> None:
    theirs = Origin("reproduced", "them")
    prepare(THEN, desk.supervisor, theirs, here=False)
    assert begun(desk, NOW).id == 2
    with pytest.raises(ChangedError, match="run 1 is the same run"):
        prepare(NOW, desk.supervisor, theirs, here=False)


def test_an_engine_that_has_a_run_of_before_is_not_asked_for_it_in_the_place_of_the_new_one(desk: Desk) -> None:
    desk.hand_over([THEN])
    (refused,) = desk.hand_over([NOW]).outcomes.values()
    assert REFUSED in (refused.error or "")
    (forced,) = desk.hand_over([NOW], force=True).cells
    (attached,) = desk.hand_over([NOW]).cells
    (of_before,) = desk.hand_over([THEN]).cells
    assert [(each.run_id, each.is_attached) for each in (forced, attached, of_before)] == [
        (2, False),
        (2, True),
        (1, True),
    ]


def test_a_model_of_a_changed_task_is_not_taken_over_for_other_views(desk: Desk) -> None:
    begun(desk, THEN, trained=True)
    for plan, found in ((THEN, 1), (BEFORE, 1), (NOW, None)):
        views = dataclasses.replace(plan, views=4)
        taken = find_same_training(views, desk.supervisor.home, desk.leaderboard)
        assert (taken and taken.row.id) == found


def test_a_forecast_says_what_the_command_will_do(desk: Desk) -> None:
    assert forecast([NOW], desk.leaderboard)[0].state == "missing"
    begun(desk, THEN, trained=True)
    (cell,) = forecast([NOW], desk.leaderboard)
    assert (cell.state, cell.run) == ("stale", 1)
    assert cell.why == (
        "what the task asks or decides: changed under its version; give it a new one, or run with --force",
    )
    (of_views,) = forecast([dataclasses.replace(NOW, views=4)], desk.leaderboard)
    assert of_views.state != "trained"
    assert forecast([dataclasses.replace(THEN, views=4)], desk.leaderboard)[0].state == "trained"
    begun(desk, NOW, "interrupted", force=True)
    assert [(each.state, each.run) for each in forecast([NOW, THEN], desk.leaderboard)] == [
        ("interrupted", 2),
        ("cached", 1),
    ]


def test_the_experiment_of_the_paper_takes_no_run_of_a_changed_task_for_one_of_its_own(
    tmp_path: Path, desk: Desk
) -> None:
    invented = Invented(write_tested_dataset(tmp_path / "data"), tmp_path / "home", desk.leaderboard, seeds=(0,))
    cell = invented.agenda.reference("identity")[0]
    changed = dataclasses.replace(DEFAULT_TASK, hot_suv=2.5).content()
    assert cell.plan.task_definition == DEFAULT_TASK.content()
    for definition, found in ((changed, None), (DEFAULT_TASK.content(), 2)):
        run_id = desk.leaderboard.plan(dataclasses.replace(cell.plan, task_definition=definition).record())
        desk.leaderboard.update(run_id, status="ok")
        row = invented.agenda.row(cell)
        assert (row and row.id) == found


def test_a_submission_for_a_changed_task_is_taken_in_beside_the_run_of_before(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    entered: list[RunPlan] = []
    home = desk.supervisor.home

    def enter(plan: RunPlan, *_: Any, **__: Any) -> tuple[RunRow, bool]:
        entered.append(plan)
        return desk.row(1), False

    monkeypatch.setattr(accepting, "enter_run", enter)
    record = dataclasses.replace(THEN.record(here=False), verification="rescored", submitter="them")
    desk.leaderboard.enter(record, [], uid="theirs", status="ok")
    facts: Any = SimpleNamespace(machine={}, environment={}, device="cpu", uid="u", started_at=None, ended_at=None)
    for name in (*COST_FIELDS, *VALIDATION_FIELDS, "tuning"):
        setattr(facts, name, None)

    def accepted(plan: RunPlan) -> bool:
        found = SimpleNamespace(plan=plan, voxels={"sub-04": "v" * 64}, scores=[], dataset=None)
        found.submitted = SimpleNamespace(facts=facts, folder="runs/0")
        submission: Any = SimpleNamespace(digest="d" * 64, runs=[found])
        ((_, known),) = accepting.accept(submission, home, desk.leaderboard, submitter="them")
        return known

    assert [accepted(THEN), accepted(NOW)] == [True, False]
    assert entered == [NOW]
    other = dataclasses.replace(record, identity="2" * 64, seed=1, submitter="others")
    number, _ = desk.leaderboard.enter(other, [], uid="others", status="ok")
    with desk.leaderboard.writing() as session:
        note_voxels(session, number, {"sub-04": "v" * 64})
    assert accepted(THEN)  # which is here, and takes nobody's place
    with pytest.raises(SubmissionError, match="sub-04 has the voxels of run 2"):
        accepted(NOW)


def test_members_of_an_ensemble_are_for_one_definition_and_are_found_again_by_it(desk: Desk) -> None:
    rows = [begun(desk, dataclasses.replace(plan, seed=seed), force=True) for plan in (THEN, NOW) for seed in (0, 1)]
    scorer: Any = None
    mixed = [rows[0], rows[3]]
    with pytest.raises(UsageError, match="runs 1 and 4 are of other images, or of another protocol or task"):
        enter_ensemble(mixed, home=desk.supervisor.home, leaderboard=desk.leaderboard, scorer=scorer)
    for definition, members in ((TASK.content(), [1, 2]), (CHANGED.content(), [3, 4])):
        ensemble = dataclasses.replace(
            rows[0], parameters={MEMBERS: [row.identity for row in rows[:2]]}, task_definition=definition
        )
        assert [row.id for row in members_of(ensemble, desk.leaderboard)] == members


def test_a_trained_run_is_tested_on_a_cohort_for_what_its_task_says_and_found_again_by_that(desk: Desk) -> None:
    row = begun(desk, THEN, trained=True)

    def test_for(task: Any) -> ExternalTest:
        dataset = SimpleNamespace(task=task, fingerprint="e" * 64)
        place: Any = SimpleNamespace(
            name="clinic", dataset=dataset, split=SimpleNamespace(name="all", digest="5"), fold=0
        )
        unused: Any = None
        return ExternalTest(
            place=place, home=desk.supervisor.home, leaderboard=desk.leaderboard, registry=unused, scorer=unused,
            options=unused,
        )  # fmt: skip

    with pytest.raises(UsageError, match=f"run 1 was {REFUSED} than it does for clinic: run the method again with"):
        test_for(CHANGED).enter(row)
    entered = dataclasses.replace(
        THEN.record(here=False), method="ridge-from-bodies", distribution=EXTERNAL_TEST, dataset="clinic", split="all",
        split_digest="5", fingerprint="e" * 64, parameters={MEMBERS: [row.identity]}, log_path="runs/log",
        identity="c" * 64,
    )  # fmt: skip
    run_id, _ = desk.leaderboard.enter(entered, [], uid="external", status="ok")
    for task, found in ((TASK, run_id), (CHANGED, None)):
        known = test_for(task)._known(row)
        assert (known and known.id) == found
