"""How the runs of an experiment are made: none twice, none stopped by another's failure, shared between processes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from tests.benchmark.reproduction import Invented, write_tested_dataset

from petbench.errors import PetbenchError
from petbench.processes.lock import claimed
from petbench.reproduce import run_experiment
from petbench.reproduce.agenda import Agenda
from petbench.reproduce.outlook import look_ahead, summarize
from petbench.reproduce.paper import METHODS, REFERENCES
from petbench.reproduce.profiles import RATES
from petbench.reproduce.run_experiment import Runner
from petbench.runs.claims import RunningElsewhereError
from petbench.runs.execute import claim_of, execute
from petbench.runs.run_all import Outcome
from petbench_leaderboard.store import Leaderboard

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from petbench.plans.run_plan import RunPlan
    from petbench_leaderboard.records import RunRow

pytestmark = pytest.mark.slow  # each plans an experiment of some fifty runs

ALL_RUNS = len(REFERENCES) + len(METHODS) * (len(RATES) + 3 * 2) - len(METHODS)
"""With two seeds; of equal images, one run of each method is of the grid."""


class Made:
    """Stands for the supervisor, and for what makes runs: enters them without training, or as a test wants it."""

    def __init__(self, invented: Invented) -> None:
        self.invented = invented
        self.home, self.leaderboard = invented.home, invented.store
        self.stop_requested = False
        self.plans: list[RunPlan] = []
        self.instead: Callable[[RunPlan], Any] = lambda _plan: None

    def execute(self, plan: RunPlan, _supervisor: object) -> tuple[RunRow, bool]:
        self.plans.append(plan)
        status = self.instead(plan) or "ok"
        rate = plan.parameters.get("learning_rate", 0.0)
        assert isinstance(rate, float)
        run_id = self.invented.enter(plan, {}, status=status, validation=30.0 - rate)
        self.leaderboard.update(run_id, ended_at=datetime.now(UTC))
        return self.leaderboard.run(run_id), False


@pytest.fixture(scope="session")
def tested_dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tested_dataset(tmp_path_factory.mktemp("tested") / "people")


@pytest.fixture
def made(tested_dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Made]:
    with Leaderboard.open(tmp_path / "leaderboard.db") as store:
        stub = Made(Invented(tested_dataset, tmp_path / "home", store, seeds=(0, 1)))
        monkeypatch.setattr(run_experiment, "execute", stub.execute)
        monkeypatch.setattr(run_experiment, "WAIT_SECONDS", 0.0)
        yield stub


def runner(made: Made, said: list[str] | None = None) -> Runner:
    return Runner(made.invented.agenda, made, (said if said is not None else []).append)  # type: ignore[arg-type]


def test_every_run_is_made_once_and_a_second_command_makes_none(made: Made) -> None:
    runner(made).run()
    assert len(made.plans) == ALL_RUNS
    assert len({plan.identity for plan in made.plans}) == ALL_RUNS
    compared = [plan for plan in made.plans if plan.method in METHODS][2 * len(RATES) :]
    assert {plan.parameters["learning_rate"] for plan in compared} == {RATES[0]}, "30 − rate is highest there"
    again = runner(made)
    again.run()
    assert len(made.plans) == ALL_RUNS
    assert again.failures() == []
    assert summarize(look_ahead(made.invented.agenda, made.leaderboard))[-1] == f"all {ALL_RUNS} runs are there"


def test_a_run_that_fails_or_diverges_stops_none_of_the_others_and_is_told_at_the_end(made: Made) -> None:
    def fail(plan: RunPlan) -> str | None:
        if plan.method == "cyclegan" and plan.seed == 1 and plan.budget == "seconds=600":
            return "diverged"
        if plan.method == "pix2pix" and plan.seed == 1 and plan.parameters.get("patience"):
            return "out-of-memory"
        return None

    made.instead = fail
    first = runner(made)
    first.run()
    assert len(made.plans) == ALL_RUNS, "each was tried once"
    assert sorted(str(failure).partition(" (run ")[0] for failure in first.failures()) == [
        "converged: pix2pix at 0.0002 fold 0 seed 1 out-of-memory",
        "equal-seconds: cyclegan at 0.0002 fold 0 seed 1 diverged",
    ]


def test_the_next_command_tries_again_what_failed_but_not_what_diverged(made: Made) -> None:
    made.instead = lambda plan: {("ridge", 0): "failed", ("pix2pix", 1): "diverged"}.get((plan.method, plan.seed))
    runner(made).run()
    tried = len(made.plans)
    made.instead = lambda _plan: None
    second = runner(made)
    second.run()
    assert [plan.method for plan in made.plans[tried:]] == ["ridge"]
    assert [str(failure).split(" (")[0] for failure in second.failures()] == [
        f"{part}: pix2pix at 0.0002 fold 0 seed 1 diverged" for part in ("equal-images", "equal-seconds", "converged")
    ]


def test_a_run_that_cannot_be_made_is_told_and_not_tried_forever(made: Made) -> None:
    def refuse(plan: RunPlan) -> None:
        if plan.method == "kinetic":
            raise PetbenchError("the images have changed")

    made.instead = refuse
    said: list[str] = []
    this = runner(made, said)
    this.run()
    assert [plan.method for plan in made.plans].count("kinetic") == 1
    assert [str(failure) for failure in this.failures()] == [
        "references: kinetic fold 0 seed 0 not run: the images have changed"
    ]
    assert any(line.endswith("not run: the images have changed") for line in said)


def test_a_run_that_another_process_makes_is_passed_over_and_waited_for_at_the_end(made: Made) -> None:
    busy = {"identity": 3, "scale": 1}
    said: list[str] = []

    def elsewhere(plan: RunPlan) -> None:
        if busy.get(plan.method, 0):
            busy[plan.method] -= 1
            raise RunningElsewhereError("another process makes the same run")

    made.instead = elsewhere
    runner(made, said).run()
    ended = [plan.method for plan in made.plans]
    assert ended[:3] == ["identity", "scale", "kinetic"], "the next that nobody makes"
    assert len(made.leaderboard.runs(status="ok")) == ALL_RUNS
    assert len(made.leaderboard.runs()) == ALL_RUNS


def test_a_claimed_run_is_not_even_begun(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = made.invented.agenda.reference("scale")[0].plan
    said: list[str] = []
    path = claim_of(plan, made)  # type: ignore[arg-type]

    def sleep(_seconds: float) -> None:
        made.stop_requested = True

    monkeypatch.setattr(run_experiment, "WAIT_SECONDS", 1.0)
    monkeypatch.setattr("time.sleep", sleep)
    with claimed(path) as mine:
        assert mine
        runner(made, said).run()
    assert "scale" not in {one.method for one in made.plans}
    assert len(made.plans) == ALL_RUNS - 1
    assert said[-1] == "other processes make what is left (1 run); waiting for them"


def test_two_processes_cannot_make_the_same_run_at_once(made: Made) -> None:
    plan = made.invented.agenda.reference("scale")[0].plan
    claim = claim_of(plan, made)  # type: ignore[arg-type]
    with claimed(claim), pytest.raises(RunningElsewhereError, match="another process makes the same run"):
        execute(plan, made)  # type: ignore[arg-type]
    assert made.leaderboard.runs() == []
    with claimed(claim) as free:
        assert free, "a claim ends with its block"


def test_leaderboards_that_share_a_home_do_not_wait_for_each_other(made: Made, tmp_path: Path) -> None:
    plan = made.invented.agenda.reference("scale")[0].plan
    with Leaderboard.open(tmp_path / "other.db") as other, claimed(claim_of(plan, made)):  # type: ignore[arg-type]
        made.leaderboard = other
        with claimed(claim_of(plan, made)) as free:  # type: ignore[arg-type]
            assert free


def test_somebody_who_stops_it_finds_the_rest_untouched(made: Made) -> None:
    def stop(plan: RunPlan) -> None:
        made.stop_requested = len(made.plans) == 6

    made.instead = stop
    runner(made).run()
    assert len(made.leaderboard.runs()) == 6
    made.stop_requested = False
    made.instead = lambda _plan: None
    runner(made).run()
    assert len({plan.identity for plan in made.plans}) == len(made.plans) == ALL_RUNS


def test_what_is_left_is_said_with_its_time_before_anything_is_spent(made: Made) -> None:
    agenda = Agenda(made.invented.planner, made.leaderboard, made.invented.registry.metrics())
    lines = summarize(look_ahead(agenda, made.leaderboard))
    assert "references, kinetic: 1 missing, for how long no past run shows" in lines
    assert "equal-images, cyclegan: 1 shared, 1 waiting, for how long no past run shows" in lines
    assert lines[-1] == f"{ALL_RUNS} of {ALL_RUNS} runs to make, for how long no past run shows"
    runner(made).run()
    run = next(row for row in made.leaderboard.runs(method="pix2pix") if row.parameters["patience"])
    made.leaderboard.delete(run.id)
    lines = summarize(look_ahead(agenda, made.leaderboard))
    assert "converged, pix2pix: 1 there, 1 missing, at most 1 min" in lines, "as long as the other by the same rule"
    assert lines[-1] == f"1 of {ALL_RUNS} runs to make, at most 1 min"


def test_an_engine_is_given_all_runs_that_can_be_planned_at_once(made: Made) -> None:
    batches: list[int] = []

    def make_all(plans: Sequence[RunPlan]) -> list[Outcome]:
        batches.append(len(plans))
        return [Outcome(plan, made.execute(plan, None)[0]) for plan in plans]

    runner(made).run(make_all)
    assert len({plan.identity for plan in made.plans}) == len(made.plans) == ALL_RUNS
    assert batches == [len(REFERENCES) + len(METHODS) * len(RATES), ALL_RUNS - sum(batches[:1])]


def test_what_an_engine_does_not_make_after_all_its_tries_is_a_failure_and_not_tried_for_ever(made: Made) -> None:
    tried: list[str] = []

    def make_all(plans: Sequence[RunPlan]) -> list[Outcome]:
        tried.extend(plan.identity for plan in plans)
        outcomes = []
        for number, plan in enumerate(plans):
            if plan.method != REFERENCES[0]:
                outcomes.append(Outcome(plan, made.execute(plan, None)[0]))
            elif number == 0:
                outcomes.append(Outcome(plan, None, error="no room"))
            else:
                made.instead = lambda _plan: "interrupted"
                outcomes.append(Outcome(plan, made.execute(plan, None)[0]))
                made.instead = lambda _plan: None
        return outcomes

    made_by = runner(made)
    made_by.run(make_all)
    assert len(tried) == len(set(tried)) == ALL_RUNS
    assert any("not run: no room" in str(failure) for failure in made_by.failures())
