"""Searches for settings: reproducible, resumed from the runs alone, decided by validation, and never free of charge."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import signal
import subprocess
import sys
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import optuna
import pytest
from tests.benchmark.docs_reader import DOCS
from tests.command import Petbench

from petbench.cli.tune import tune
from petbench.contract import Budget, Choice, DatasetShape, MethodSpec, Range
from petbench.errors import PetbenchError, PluginError, UsageError
from petbench.home import Home
from petbench.methods import parameters
from petbench.methods.search_space import as_settings, check_space, number_of, space_of, value_at
from petbench.plans.planner import Request, plan_on
from petbench.plans.sweep import find_place
from petbench.registry import load_plugins
from petbench.runs.supervisor import Supervisor
from petbench.runs.tuning.outcome import make_rows
from petbench.runs.tuning.sampler import RANDOM_TRIALS
from petbench.runs.tuning.search import Search, SearchRequest, Trial, best_of, cost_of
from petbench.settings import Settings
from petbench.testing.errors import ConformanceError
from petbench.testing.registration import documented_parameters
from petbench_datasets.dataset.split import Fold
from petbench_datasets.progress import silent
from petbench_datasets.tasks.built_in import DEFAULT_TASK
from petbench_leaderboard.store import Leaderboard
from petbench_leaderboard.tuning import Tuning

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from petbench.plans.run_plan import RunPlan
    from petbench_leaderboard.records import RunRow

REGISTRY = load_plugins()
BY = {"validation_metric": "psnr_body_suv20", "validation_convention": "psnr/body/suv20@1"}


def quality(plan: RunPlan) -> float:
    """Return decibels that are best at a learning rate of 0.002 and without dropout."""
    rate = float(str(plan.parameters["learning_rate"]))
    dropout = bool(plan.parameters["dropout"])
    return 30.0 - 1e3 * abs(rate - 2e-3) - 2.0 * dropout


class Maker:
    """Makes rows in place of runs: as good as `score` says, found again by their identity as real ones are."""

    made: list[RunPlan]

    def __init__(self, score: Callable[[RunPlan], float | str] = quality, most: int | None = None) -> None:
        self.score, self.made, self.most = score, [], most

    def __call__(self, plan: RunPlan, supervisor: Supervisor) -> tuple[RunRow, bool]:
        leaderboard = supervisor.leaderboard
        for row in leaderboard.find(plan.identity, verification="own"):
            if row.status == "ok":
                if row.purpose != plan.purpose == "test":
                    leaderboard.update(row.id, purpose="test")
                    return leaderboard.run(row.id), False
                return row, True
        if self.most is not None and len(self.made) == self.most:
            supervisor.stop_requested = True
            run_id = leaderboard.plan(plan.record())
            leaderboard.update(run_id, status="interrupted")
            return leaderboard.run(run_id), False
        self.made.append(plan)
        run_id = leaderboard.plan(plan.record())
        found = self.score(plan)
        changes: dict[str, Any] = {"status": "ok", "validation_score": found, **BY}
        if isinstance(found, str):
            changes = {"status": found, "error_message": "it is no longer finite"}
        leaderboard.update(run_id, images_seen=10, train_seconds=2.0, **changes)
        return leaderboard.run(run_id), False


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[Supervisor]:
    with Leaderboard.open(tmp_path / "leaderboard.db") as leaderboard:
        yield Supervisor(Settings.read(home=tmp_path), leaderboard, REGISTRY)


@pytest.fixture
def asked(tmp_path: Path, body_dataset: Path) -> Callable[..., SearchRequest]:
    def ask(trials: int = 12, trial_budget: Budget | None = None, **changes: Any) -> SearchRequest:
        wanted: dict[str, Any] = {"method": "unet", "dataset": str(body_dataset), "budget": Budget(images=64)}
        request = Request(**wanted | changes)
        place = find_place(request, 0, Home(tmp_path), REGISTRY, silent)
        return SearchRequest(request=request, place=place, trials=trials, trial_budget=trial_budget)

    return ask


def test_a_trial_that_failed_for_a_task_that_has_changed_since_is_tried(
    supervisor: Supervisor, asked: Callable[..., SearchRequest]
) -> None:
    for definition, tries in ((dataclasses.replace(DEFAULT_TASK, hot_suv=2.5).content(), 1), ({}, 0)):
        maker = Maker()
        search = Search(asked(trials=1), supervisor, make=maker)
        run_id = supervisor.leaderboard.plan(
            dataclasses.replace(search.first_plan, task_definition=definition).record()
        )
        supervisor.leaderboard.update(run_id, status="failed")
        (trial,) = search.run()
        assert (len(maker.made), trial.known) == (tries, not tries)


def tried(trials: list[Trial]) -> list[tuple[str, ...]]:
    return [trial.settings for trial in trials]


def test_one_seed_tries_the_same_settings_twice_and_another_seed_others(
    supervisor: Supervisor, asked: Callable[..., SearchRequest], tmp_path: Path
) -> None:
    first = Search(asked(), supervisor, make=Maker()).run()
    with Leaderboard.open(tmp_path / "other.db") as leaderboard:
        elsewhere = Supervisor(supervisor.settings, leaderboard, REGISTRY)
        second = Search(asked(), elsewhere, make=Maker()).run()
        other = Search(asked(seed=1), elsewhere, make=Maker()).run()
    assert tried(first) == tried(second)
    assert [trial.row and trial.row.identity for trial in first] == [
        trial.row and trial.row.identity for trial in second
    ]
    assert tried(other)[0] == tried(first)[0]
    assert tried(other)[1:] != tried(first)[1:]


def test_the_settings_are_those_that_optuna_asks_for_of_the_same_space_and_scores(
    supervisor: Supervisor, asked: Callable[..., SearchRequest]
) -> None:
    spec, _ = REGISTRY.method("unet")
    found = Search(asked(trials=RANDOM_TRIALS + 6), supervisor, make=Maker()).run()
    kinds = optuna.distributions
    distributions: dict[str, Any] = {
        name: kinds.FloatDistribution(each.low, each.high, log=each.log)
        if isinstance(each, Range)
        else kinds.CategoricalDistribution(range(len(each.values)))
        for name, each in spec.search.items()
    }
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=0, n_startup_trials=RANDOM_TRIALS))
    study.enqueue_trial({name: number_of(each, found[0].values[name]) for name, each in spec.search.items()})
    for trial in found:
        drawn = study.ask(distributions)
        if trial.number > 1:
            assert {name: value_at(each, drawn.params[name]) for name, each in spec.search.items()} == trial.values
        assert trial.row is not None
        assert trial.row.validation_score is not None
        study.tell(drawn, -trial.row.validation_score)


def test_the_first_trial_has_the_settings_that_the_method_has_without_a_search(
    supervisor: Supervisor, asked: Callable[..., SearchRequest]
) -> None:
    (first,) = Search(asked(trials=1, settings=("width=8",)), supervisor, make=Maker()).run()
    assert first.row is not None
    preset = parameters.choose_preset(REGISTRY.method("unet")[0], None, DatasetShape(2, 40, (32, 32)))
    assert first.row.preset == preset
    assert dict(first.row.changed_parameters or {}) == {"width": 8}
    assert first.row.purpose == "trial"


def test_a_parameter_that_somebody_sets_is_not_searched(
    supervisor: Supervisor, asked: Callable[..., SearchRequest]
) -> None:
    maker = Maker()
    trials = Search(asked(settings=("learning_rate=0.0123", "width=8")), supervisor, make=maker).run()
    assert {plan.parameters["learning_rate"] for plan in maker.made} == {0.0123}
    assert all("learning_rate" not in trial.values for trial in trials)


@pytest.mark.parametrize("stopped_after", [0, 1, 5, 11])
def test_a_search_that_was_stopped_goes_on_with_the_settings_that_it_would_have_tried(
    supervisor: Supervisor, asked: Callable[..., SearchRequest], tmp_path: Path, stopped_after: int
) -> None:
    with Leaderboard.open(tmp_path / "other.db") as leaderboard:
        whole = Search(asked(), Supervisor(supervisor.settings, leaderboard, REGISTRY), make=Maker()).run()
    first, second = Maker(most=stopped_after), Maker()
    search = Search(asked(), supervisor, make=first)
    begun = search.run()
    assert len(begun) == stopped_after
    assert search.stopped_in is not None
    assert search.stopped_in.status == "interrupted"
    assert supervisor.stop_requested
    supervisor.stop_requested = False
    resumed = Search(asked(), supervisor, make=second).run()
    assert tried(resumed) == tried(whole)
    assert [trial.known for trial in resumed[:stopped_after]] == [True] * stopped_after
    assert len(first.made) + len(second.made) == len({plan.identity for plan in first.made + second.made})
    assert [trial.distance for trial in resumed] == [trial.distance for trial in whole]


@pytest.mark.parametrize("ending", ["failed", "diverged", "out-of-memory", "timed-out"])
def test_a_trial_that_fails_counts_is_not_repeated_and_never_wins(
    supervisor: Supervisor, asked: Callable[..., SearchRequest], ending: str
) -> None:
    def score(plan: RunPlan) -> float | str:
        return ending if plan.parameters["dropout"] else quality(plan)

    maker = Maker(score)
    trials = Search(asked(), supervisor, make=maker).run()
    again = Maker(score)
    assert tried(Search(asked(), supervisor, make=again).run()) == tried(trials)
    assert again.made == []
    failed = [trial for trial in trials if trial.row is not None and trial.row.status == ending]
    assert failed
    assert all(trial.distance is None for trial in failed)
    best = best_of(trials)
    assert best is not None
    assert best.values["dropout"] is False
    assert cost_of(trials, 0).trials == 12
    assert cost_of(trials, 0).failed == len(failed)


def test_settings_that_the_method_refuses_are_a_failed_trial_without_a_run(
    supervisor: Supervisor, asked: Callable[..., SearchRequest], monkeypatch: pytest.MonkeyPatch
) -> None:
    def plan(request: Request, *place: Any) -> RunPlan:
        if "dropout=true" in request.settings:  # as a rule between two parameters may
            raise UsageError("no dropout here")
        return plan_on(request, *place)

    monkeypatch.setattr("petbench.runs.tuning.search.plan_on", plan)
    maker = Maker()
    trials = Search(asked(), supervisor, make=maker).run()
    refused = [trial for trial in trials if trial.row is None]
    assert {(trial.values["dropout"], trial.error, trial.distance) for trial in refused} == {
        (True, "no dropout here", None)
    }
    assert len(maker.made) + len(refused) == len(trials) == cost_of(trials, 0).trials
    assert cost_of(trials, 0).failed == len(refused)


def test_the_best_settings_become_a_row_that_says_what_the_search_cost_beside_the_methods_own(
    supervisor: Supervisor, asked: Callable[..., SearchRequest]
) -> None:
    request, maker = asked(), Maker()
    trials = Search(request, supervisor, make=maker).run()
    runs = len(maker.made)
    done = make_rows(request, trials, supervisor, make=maker)
    assert done is not None
    assert len(maker.made) == runs  # with the budget of the row, the trials are the runs that are tested
    scores = {trial.row.id: trial.row.validation_score for trial in trials if trial.row is not None}
    assert scores[done.tuned.id] == max(score for score in scores.values() if score is not None)
    assert (done.default.purpose, done.tuned.purpose) == ("test", "test")
    assert done.default.id != done.tuned.id
    assert done.default.tuning == {}
    assert done.tuned.tuning == {
        "trials": 12, "failed": 0, "images": 10 * runs, "seconds": 2.0 * runs, "budget": "images=64", "seed": 0,
    }  # fmt: skip
    others = [row for row in supervisor.leaderboard.runs() if row.id not in (done.default.id, done.tuned.id)]
    assert {row.purpose for row in others} == {"trial"}


def test_where_no_trial_does_better_the_methods_own_row_is_the_tuned_one(
    supervisor: Supervisor, asked: Callable[..., SearchRequest]
) -> None:
    request, maker = asked(trials=4), Maker(lambda plan: 30.0)
    done = make_rows(request, Search(request, supervisor, make=maker).run(), supervisor, make=maker)
    assert done is not None
    assert done.default.id == done.tuned.id
    assert done.best.number == 1
    assert done.tuned.tuning["trials"] == 4


def test_trials_of_a_smaller_budget_all_have_it_and_the_rows_have_their_own(
    supervisor: Supervisor, asked: Callable[..., SearchRequest]
) -> None:
    request, maker = asked(trials=5, trial_budget=Budget(images=16)), Maker()
    trials = Search(request, supervisor, make=maker).run()
    assert {plan.budget for plan in maker.made} == {"images=16"}
    done = make_rows(request, trials, supervisor, make=maker)
    assert done is not None
    assert (done.default.budget, done.tuned.budget) == ("images=64", "images=64")
    assert done.tuned.tuning["budget"] == "images=16"


def test_a_search_that_is_stopped_before_its_rows_are_there_tests_none_of_them_twice(
    supervisor: Supervisor, asked: Callable[..., SearchRequest]
) -> None:
    request = asked(trials=3, trial_budget=Budget(images=16))
    trials = Search(request, supervisor, make=Maker()).run()
    for most, there in ((0, 0), (1, 1)):
        stopping = Maker(most=most)
        assert make_rows(request, trials, supervisor, make=stopping) is None
        assert len([row for row in supervisor.leaderboard.runs() if row.is_tested]) == there
        supervisor.stop_requested = False
    done = make_rows(request, trials, supervisor, make=Maker())
    assert done is not None
    assert done.tuned.is_tested


def test_where_every_trial_fails_there_is_no_row_and_one_line_says_why(
    supervisor: Supervisor, asked: Callable[..., SearchRequest]
) -> None:
    request, maker = asked(trials=3), Maker(lambda plan: "diverged")
    trials = Search(request, supervisor, make=maker).run()
    with pytest.raises(PetbenchError, match=r"none of the 3 trials ended well.*no longer finite"):
        make_rows(request, trials, supervisor, make=maker)
    assert {row.purpose for row in supervisor.leaderboard.runs()} == {"trial"}


def test_scores_of_two_conventions_are_not_compared(
    supervisor: Supervisor, asked: Callable[..., SearchRequest]
) -> None:
    trials = Search(asked(trials=2), supervisor, make=Maker()).run()
    assert trials[1].row is not None
    supervisor.leaderboard.update(trials[1].row.id, validation_convention="psnr/body/suv20@0")
    with pytest.raises(UsageError, match="petbench score --runs all"):
        Search(asked(trials=2), supervisor, make=Maker()).run()


def test_without_validation_participants_nothing_is_tuned(
    supervisor: Supervisor, asked: Callable[..., SearchRequest]
) -> None:
    request = asked()
    (fold,) = request.place.split.folds
    split = dataclasses.replace(request.place.split, folds=(Fold(fold.train, (), fold.test),))
    nobody = dataclasses.replace(request, place=dataclasses.replace(request.place, split=split))
    with pytest.raises(UsageError, match="nobody validates in fold 0"):
        Search(nobody, supervisor, make=Maker())


def test_a_method_that_declares_nothing_is_refused_before_anything_runs(
    supervisor: Supervisor, asked: Callable[..., SearchRequest], petbench: Petbench, body_dataset: Path
) -> None:
    said = petbench("tune", "identity", "--dataset", body_dataset, code=2).stderr
    assert "identity declares nothing to tune" in said
    said = petbench("tune", "kinetic", "--dataset", body_dataset, "--set", "bins=7", code=2).stderr
    assert "every parameter that kinetic searches is set" in said
    assert "one seed and one fold" in petbench("tune", "unet", "-d", body_dataset, "--seed", "0..2", code=2).stderr


def test_without_optuna_one_sentence_says_what_to_install(
    petbench: Petbench, body_dataset: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    said = petbench("tune", "unet", "--dataset", body_dataset, code=2).stderr
    assert said == "error: petbench tune needs Optuna: pip install 'petbench[tune]'\n"


TRAINED = [spec for spec, _ in REGISTRY.methods().values() if spec.parameters is not None]


@pytest.mark.parametrize("spec", TRAINED, ids=lambda spec: spec.name)
def test_every_built_in_method_with_parameters_declares_what_to_try_and_its_small_preset_is_among_it(
    spec: MethodSpec,
) -> None:
    space = space_of(spec)
    preset = "mini" if "mini" in spec.presets else parameters.NO_PRESET
    values = parameters.resolve(spec, preset, (), None)
    assert [name for name, each in space.items() if number_of(each, values[name]) is None] == []
    for name, each in space.items():
        ends = each.values if isinstance(each, Choice) else (each.low, each.high)
        for end in ends:
            parameters.resolve(spec, preset, as_settings({name: end}), None)


PIX2PIX, _ = REGISTRY.method("pix2pix")


@pytest.mark.parametrize(
    ("search", "said"),
    [
        ({"lerning_rate": Range(0.1, 1.0)}, "none of its parameters"),
        ({"learning_rate": Range(-1.0, 1.0)}, "does not take -1.0"),
        ({"learning_rate": Range(0.0, 1.0, log=True)}, "begin above 0"),
        ({"learning_rate": Range(1.0, 0.1)}, "is no range"),
        ({"learning_rate": Range(0.1, float("nan"))}, "is no range"),
        ({"learning_rate": Choice((0.1,))}, "fewer than two"),
        ({"learning_rate": (0.1, 1.0)}, "give a petbench.Range or petbench.Choice"),
        ({"norm": Choice(("batch", "group"))}, "does not take 'group'"),
        ({"images": Range(10, 1000)}, "the budget, which is the same"),
    ],
)
def test_a_search_that_makes_no_sense_is_refused_with_what_is_wrong(search: Any, said: str) -> None:
    with pytest.raises(PluginError, match=said):
        check_space(dataclasses.replace(PIX2PIX, search=search))


def test_found_numbers_have_three_digits_and_stay_in_their_range() -> None:
    assert value_at(Range(0.0001, 0.01, log=True), 0.00123456) == 0.00123
    assert value_at(Range(0.00012345, 0.01), 0.00012346) == 0.00012345
    assert [value_at(Range(1, 9), 4), value_at(Choice(("a", None)), 1)] == [4, None]


def test_what_a_method_declares_is_looked_at_when_its_plugin_is_checked() -> None:
    assert "parameters" in documented_parameters(SimpleNamespace(spec=PIX2PIX))  # type: ignore[arg-type]
    wrong = dataclasses.replace(PIX2PIX, search={"learning_rate": Range(-1.0, 1.0)})
    with pytest.raises(ConformanceError, match=r"its search is not valid: .* does not take -1\.0"):
        documented_parameters(SimpleNamespace(spec=wrong))  # type: ignore[arg-type]


def test_the_page_says_what_is_so() -> None:
    page = (DOCS / "tuning.md").read_text(encoding="utf-8")
    trials = next(option for option in tune.params if option.name == "trials")
    assert f"tries {trials.default} settings" in page
    assert RANDOM_TRIALS == 8
    assert "After eight trials at random" in page
    names = [field.name for field in dataclasses.fields(Tuning)]
    assert [name for name in names if f"`tuning_{name}`" not in page] == []
    said = str(Tuning(trials=20, failed=0, images=240_000, seconds=1860.0, budget="images=12000", seed=0))
    assert said in page


COMMAND = ("tune", "pix2pix", "--trials", "3", "--budget", "images=32", "--set", "width=4")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, body_dataset: Path) -> Any:
    """Return what a search says that nobody stopped."""
    petbench = Petbench(tmp_path_factory.mktemp("whole") / "home")
    return petbench.json(*COMMAND, "-d", body_dataset)


def begin(petbench: Petbench, dataset: Path, ending: signal.Signals) -> tuple[int, str]:
    """Begin a search, end it by a signal within its second trial, and return how it ended and what it said."""
    own = {"PETBENCH_HOME": str(petbench.home), "PETBENCH_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "petbench", *COMMAND, "-d", str(dataset)]
    with subprocess.Popen(command, env=os.environ | own, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("[1/3]"):
                process.send_signal(ending)
                break
        said = process.stderr.read()
    return process.returncode, said


@pytest.mark.slow
@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGINT])
def test_a_search_that_is_stopped_goes_on_and_ends_as_one_that_never_was(
    petbench: Petbench, body_dataset: Path, whole: Any, ending: signal.Signals
) -> None:
    code, stopped = begin(petbench, body_dataset, ending)
    if ending == signal.SIGINT:
        assert code == 130
        assert re.search(r"stopped after [12] of 3 trials; the same command goes on", stopped)  # as fast as it trains
    said = json.loads(petbench(*COMMAND, "-d", body_dataset, "--json").stdout)
    for key in ("settings", "identity", "status", "validation_score"):
        assert [trial[key] for trial in said["trials"]] == [trial[key] for trial in whole["trials"]], key
    assert len({trial["identity"] for trial in said["trials"]}) == 3
    assert said["best"] == whole["best"]
    scored = {trial["trial"]: trial["validation_score"] for trial in said["trials"]}
    assert scored[said["best"]] == max(scored.values())
    assert said["tuned"]["tuning"] == said["tuning"]
    assert said["tuning"]["trials"] == 3
    assert said["tuned"]["purpose"] == said["default"]["purpose"] == "test"
    tested = {said["tuned"]["id"], said["default"]["id"]}
    purposes = {row["id"]: row["purpose"] for row in petbench.json("runs", "list")}
    assert {run for run, purpose in purposes.items() if purpose == "test"} == tested
    assert set(purposes.values()) <= {"test", "trial"}
    (board,) = petbench.json("leaderboard")
    assert {run for row in board["rows"] for run in row["runs"]} == tested
    tuned = next(row for row in board["rows"] if said["tuned"]["id"] in row["runs"])
    assert tuned["tuning_trials"] == 3
    assert "tuned: 3 trials" in petbench("runs", "show", str(said["tuned"]["id"])).stdout
    assert "tuned: 3 trials" in petbench("leaderboard", "--markdown").stdout
