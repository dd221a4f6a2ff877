"""A task of a file decides the scores and the order of its runs: trained, scored again, submitted, read elsewhere."""

from __future__ import annotations

import itertools
import json
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import nibabel
import numpy as np
import pytest
from scipy import ndimage
from tests.benchmark.installed import install_module
from tests.benchmark.test_task_metrics import of_plugin, sampled_case
from tests.command import Petbench
from tests.datasets.test_phantom_build import SMALL
from tests.leaderboard.test_records import _submitted
from tests.made_once import made_once, shared_folder

from petbench.evaluation.catalogue import builtin_metrics
from petbench.evaluation.protocol import PROTOCOL
from petbench.evaluation.scoring import measure
from petbench.plans.datasets import NamedDataset
from petbench.plans.tasks import asked_task
from petbench.registry import Plugin, Registry, load_plugins
from petbench.submissions import contents
from petbench.submissions.limits import SubmissionError
from petbench.submissions.verify import _on_own_dataset
from petbench_datasets.dataset.reader import open_dataset
from petbench_datasets.dataset.split import Split, load_split, write_split
from petbench_datasets.errors import DataError
from petbench_datasets.progress import silent
from petbench_datasets.tasks.built_in import DEFAULT_TASK
from petbench_datasets.tasks.task_file import TASK_FILE, read_task
from petbench_leaderboard.errors import RequestError
from petbench_leaderboard.ranking import rank
from petbench_leaderboard.store import Leaderboard
from petbench_phantom.build import build_phantom

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from petbench.metric_spec import MetricSpec

MINE = """
name = "decided"
version = 1
summary = "for tests"
tracer = "FDG"
radionuclide = "F18"
early_minutes = [7, 21]
delayed_minutes = [42, 63]
clearance_organs = ["liver"]
hot_suv = 2
ranking_metrics = ["mae_body_suv"]
source = "nobody's: for tests"
"""


@pytest.fixture(scope="session")
def phantom(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A simulated cohort, for the task of its file."""

    def make(folder: Path) -> None:
        build_phantom(SMALL, folder, silent)
        (folder / TASK_FILE).write_text(MINE, encoding="utf-8")
        for split in (folder / "splits").glob("*.json"):
            split.unlink()
        Petbench(folder.parent)("datasets", "split", folder, "--test", "2", "--validation", "1")

    folder = shared_folder(tmp_path_factory) / "datasets" / "decided"
    made_once(folder, make)
    return folder


@pytest.fixture(scope="session")
def author(phantom: Path, tmp_path_factory: pytest.TempPathFactory) -> Petbench:
    """The command with a home in which two methods were run for that task."""

    def make(home: Path) -> None:
        for words in (("-m", "identity"), ("-m", "ridge")):
            Petbench(home)("run", *words, "--dataset", phantom)

    return Petbench(made_once(shared_folder(tmp_path_factory) / "decided", make))


@pytest.fixture
def leaderboard() -> Iterator[Leaderboard]:
    with Leaderboard.open("sqlite://") as opened:
        yield opened


def unmatched(
    one: NDArray[np.float64], other: NDArray[np.float64], body: NDArray[np.bool_], spacing: tuple[float, ...]
) -> float:
    """Return the volume in mL from SUV 2 on that no hot voxel of the other image reaches, grown step by step."""
    own, touched = (one >= 2.0) & body, (other >= 2.0) & body
    reached = own & touched
    while (grown := ndimage.binary_dilation(reached, ndimage.generate_binary_structure(3, 2)) & own).sum() > (
        reached.sum()
    ):
        reached = grown
    return float((own & ~reached).sum()) * float(np.prod(spacing)) / 1000.0


def scored(author: Petbench, method: str) -> dict[tuple[str, str, str], Any]:
    """Return a run's scores by metric, region and participant."""
    (row,) = (row for row in author.json("runs", "list") if row["method"] == method)
    shown = author.json("runs", "show", str(row["id"]))
    return {(each["metric"], each["region"], each["participant"]): each for each in shown["scores"]}


@pytest.mark.slow
@pytest.mark.parametrize("method", ["identity", "ridge"])
def test_the_scores_of_a_run_are_by_the_threshold_and_the_organs_of_its_task(
    method: str, author: Petbench, phantom: Path
) -> None:
    dataset, scores = open_dataset(phantom, task=read_task(phantom / TASK_FILE)), scored(author, method)
    (folder,) = (path for path in (author.home / "runs").iterdir() if method in path.name)
    files = sorted((folder / "predictions").glob("*.nii.gz"))
    assert files
    for file in files:
        who = file.name.removesuffix(".nii.gz")
        pair, body, organs = dataset.pair(who), dataset.body_mask(who), dataset.labels(who)
        assert organs is not None
        predicted = np.asarray(nibabel.load(file).dataobj).transpose().astype(np.float64)  # type: ignore[attr-defined]
        real = pair.delayed.astype(np.float64)
        spacing = pair.grid.spacing_millimetres
        for name, value in (
            ("unmatched_hot_volume", unmatched(predicted, real, body, spacing)),
            ("lost_hot_volume", unmatched(real, predicted, body, spacing)),
        ):
            score = scores[name, "body", who]
            assert score["value"] == pytest.approx(value)
            assert "/suv2/" in score["convention_id"]
        biases = {
            name: abs(predicted[organs[0] == index].mean() / real[organs[0] == index].mean() - 1.0) * 100.0
            for index, name in organs[1].items()
            if (organs[0] == index).any() and name not in {"liver", "bladder", "urinary_bladder"}
        }
        assert {"kidneys", "kidney_left"} & biases.keys()
        error = scores["organ_suvmean_error", "body", who]
        assert error["value"] == pytest.approx(np.mean(list(biases.values())))
        assert "no-clearance-" in error["convention_id"]


@pytest.mark.slow
def test_a_run_is_chosen_and_its_board_ordered_by_the_metric_of_its_task(author: Petbench) -> None:
    (row,) = (row for row in author.json("runs", "list") if row["method"] == "ridge")
    assert (row["validation_metric"], row["task"]) == ("mae_body_suv", asked(MINE, author.home))
    of_validation = author.json("runs", "show", str(row["id"]))["validation_scores"]
    conventions = {each["metric"]: each["convention_id"] for each in of_validation}
    assert conventions["lost_hot_volume"] == "unmatched-volume/body/suv2/real-only@1"
    (board,) = author.json("leaderboard")
    assert board["ranked_by"] == "mae_body_suv"
    (other,) = author.json("leaderboard", "--metric", "psnr_body_suv20")
    assert other["ranked_by"] == "psnr_body_suv20"


def asked(text: str, folder: Path) -> str:
    (folder / "asked.toml").write_text(text, encoding="utf-8")
    return read_task(folder / "asked.toml").id


@pytest.mark.slow
def test_scores_that_are_made_again_are_by_the_task_that_the_run_was_planned_with(
    author: Petbench, tmp_path: Path
) -> None:
    copied = Petbench(Path(shutil.copytree(author.home, tmp_path / "home")))
    before = scored(copied, "ridge")
    copied("score", "--runs", "all")
    assert scored(copied, "ridge") == before


@pytest.mark.slow
def test_the_order_survives_a_submission_and_a_file_of_runs_where_nobody_has_the_task(
    author: Petbench, phantom: Path, tmp_path: Path
) -> None:
    (row,) = (row for row in author.json("runs", "list") if row["method"] == "ridge")
    author("submit", str(row["id"]), "-o", tmp_path / "mine.petbench.zip")
    organizer, reader = Petbench(tmp_path / "organizer"), Petbench(tmp_path / "reader")
    organizer("leaderboard", "accept", tmp_path / "mine.petbench.zip", "-d", phantom)
    organizer("leaderboard", "export", tmp_path / "runs.jsonl")
    reader("leaderboard", "import", tmp_path / "runs.jsonl")
    for each in (organizer, reader):
        (board,) = each.json("leaderboard")
        assert board["ranked_by"] == "mae_body_suv"
        assert [row["method"] for row in board["rows"]] == ["ridge"]
    other = tmp_path / "other.toml"
    other.write_text(MINE.replace("hot_suv = 2", "hot_suv = 3"), encoding="utf-8")
    refused = organizer.refusal("verify", tmp_path / "mine.petbench.zip", "-d", phantom, "--task", other)
    assert "made for the task decided@1:" in refused


def test_a_submission_that_defines_another_task_than_its_own_is_refused(tmp_path: Path) -> None:
    task = replace(DEFAULT_TASK, name="theirs", ranking_metrics=("mae_body_suv",))
    plan = replace(_submitted()[0], task=task.id, task_definition=task.content())
    facts = json.loads(json.dumps(contents.plan_facts(plan)))
    assert contents.parse_plan(facts, "plan.json").task_definition == task.content()
    before = {key: value for key, value in facts.items() if key != "task_definition"}
    assert contents.parse_plan(before, "plan.json").task_definition == {}
    facts["task_definition"] = DEFAULT_TASK.content()
    with pytest.raises(SubmissionError, match=f"plan.json: it is of the task theirs@1, and defines {DEFAULT_TASK.id}"):
        contents.parse_plan(facts, "plan.json")


def test_a_submission_for_a_task_of_a_package_that_is_another_here_is_refused(kinetic_cohort: Path) -> None:
    theirs = replace(DEFAULT_TASK, name="theirs")
    here = NamedDataset("kinetics", open_dataset(kinetic_cohort, task=replace(theirs, hot_suv=2.0)))
    plan, facts = _submitted()
    for definition, words in (
        (theirs.content(), "runs/0: made for a theirs@1 that asks or decides something else than the theirs@1 here"),
        ({}, "made with other images than kinetics here"),  # of before: nothing is said of what it decides
    ):
        planned = replace(plan, task=theirs.id, task_definition=definition, protocol=PROTOCOL)
        with pytest.raises(SubmissionError, match=words):
            _on_own_dataset(contents.SubmittedRun("runs/0", planned, facts, ()), here)


@pytest.mark.parametrize(
    ("metrics", "words"),
    [
        ('["mae_bdy_suv"]', "ranks by what it has not: no metric of one participant is called 'mae_bdy_suv'; did you"),
        ('["mae_body_suv", "fid"]', "ranks by what it has not: no metric of one participant is called 'fid'"),
        (
            '["mae_body_suv", "lesion_found"]',
            "ranks by 'lesion_found', which is scored by organ or lesion, and orders no",
        ),
    ],
)
def test_a_task_that_ranks_by_what_ranks_nothing_is_refused_in_one_line(
    metrics: str, words: str, tmp_path: Path
) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(MINE.replace('["mae_body_suv"]', metrics), encoding="utf-8")
    with pytest.raises(DataError) as caught:
        asked_task(str(path), load_plugins())
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def asked_by(metric: MetricSpec, folder: Path) -> str:
    """Return what is said of a task that ranks by a metric of a plugin; nothing where it is taken."""
    plugin = SimpleNamespace(petbench_metrics=lambda: [metric])
    registry = Registry([Plugin(name="p", distribution="p", version="1", module="p", implementation=plugin)])
    path = folder / "mine.toml"
    path.write_text(MINE.replace('"mae_body_suv"', f'"{metric.name}"'), encoding="utf-8")
    try:
        asked_task(str(path), registry)
    except DataError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("metric", builtin_metrics(), ids=lambda metric: metric.name)
def test_a_task_ranks_by_the_metrics_that_a_board_can_be_ranked_by_and_by_no_other(
    metric: MetricSpec, leaderboard: Leaderboard, tmp_path: Path
) -> None:
    measured = measure(metric, sampled_case())
    for method in ("first", "second"):
        run_id = leaderboard.plan(replace(_submitted()[0], method=method).record(here=False))
        leaderboard.update(run_id, status="ok")
        always = replace(measured[0], metric="always", region="body", value=1.0, reason=None)
        leaderboard.record_scores(run_id, [*(replace(each, value=1.0, reason=None) for each in measured), always])
    try:
        (board,) = rank(leaderboard, metric=metric.name)
    except RequestError as error:
        of_board = str(error)
    else:
        assert board.ranked_by is not None
        assert board.ranked_by.metric == metric.name
        of_board = ""
    why = of_board.removeprefix(f"{metric.name!r} ").partition(";")[0]
    of_task = asked_by(metric, tmp_path)
    assert of_task == (why and f"the task decided ranks by {metric.name!r}, which {why}; name another metric")


@pytest.mark.parametrize(
    ("facts", "why"),
    [
        ({"higher_is_better": False}, ""),
        ({"higher_is_better": None, "best_value": 0.0}, ""),
        ({"higher_is_better": None}, "has neither a direction nor a best value: it orders nothing"),
        ({"higher_is_better": False, "of_regions": True}, "is scored by organ or lesion, and orders no whole images"),
        ({"higher_is_better": False, "region": "liver"}, "is scored by organ or lesion, and orders no whole images"),
        ({"higher_is_better": False, "region": "volume-no-urinary"}, ""),
    ],
)
def test_a_task_ranks_by_a_metric_of_a_plugin_as_that_describes_itself(
    facts: dict[str, Any], why: str, tmp_path: Path
) -> None:
    said = asked_by(of_plugin(**facts), tmp_path)
    assert said == (why and f"the task decided ranks by 'mine', which {why}; name another metric")


def test_a_name_that_no_metric_has_is_answered_with_those_that_rank(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(MINE.replace('"mae_body_suv"', '"organ_suvmean_bais"'), encoding="utf-8")
    with pytest.raises(DataError, match="did you mean 'organ_suvmean_error'") as caught:
        asked_task(str(path), load_plugins())
    named = set(str(caught.value).partition("These rank: ")[2].rstrip(".").split(", "))
    assert named == {spec.name for spec in builtin_metrics() if not spec.of_regions}


def test_a_task_ranks_by_no_metric_that_it_has_not_itself(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    text = MINE.replace('["mae_body_suv"]', '["psnr_body_suv20_no_urinary"]')
    path.write_text(text, encoding="utf-8")
    assert asked_task(str(path), load_plugins())
    path.write_text(text + "excreted_by_urine = false\n", encoding="utf-8")
    with pytest.raises(DataError, match="did you mean 'psnr_body_suv20'"):
        asked_task(str(path), load_plugins())


def test_what_a_task_decides_is_shown(petbench: Petbench, tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(MINE + 'shown_organs = ["liver", "grey_matter"]\nexcreted_by_urine = false\n', encoding="utf-8")
    shown = petbench("tasks", path).stdout
    for words in ("liver, of every mean over organs", "SUV 2 and above", "liver, grey matter", "mae_body_suv"):
        assert words in shown
    facts = petbench.json("tasks", path)
    assert (facts["hot_suv"], facts["clearance_organs"], facts["excreted_by_urine"]) == (2.0, ["liver"], False)
    assert facts["shown_organs"] == ["liver", "grey_matter"]
    of_fdg = petbench.json("tasks", DEFAULT_TASK.name)
    assert of_fdg["ranking_metrics"] == ["psnr_body_suv20_no_urinary", "psnr_body_suv20"]
    assert of_fdg["clearance_organs"] == ["kidney", "kidneys", "kidney_left", "kidney_right"]
    assert "urinary tract, of every mean over organs" in petbench("tasks", DEFAULT_TASK.name).stdout


@pytest.mark.slow
def test_a_run_for_a_task_that_changed_under_its_version_passes_for_none_of_the_new_one(
    petbench: Petbench, kinetic_cohort: Path, tmp_path: Path
) -> None:
    cohort = Path(shutil.copytree(kinetic_cohort, tmp_path / "cohort"))
    folds = load_split(open_dataset(cohort), "holdout").folds
    dataset = open_dataset(cohort, task=replace(DEFAULT_TASK, name="theirs"))
    write_split(cohort, Split("of-theirs", dataset.fingerprint, folds, "theirs@1"))

    sites = (tmp_path / f"site-{number}" for number in itertools.count())

    def run(hot_suv: float, *options: str, code: int = 0) -> str:
        module = f"""
            import dataclasses
            from petbench import hookimpl
            from petbench_datasets.tasks.built_in import DEFAULT_TASK

            @hookimpl
            def petbench_tasks():
                return [dataclasses.replace(DEFAULT_TASK, name="theirs", hot_suv={hot_suv})]
        """
        variables = install_module(next(sites), "theirs", module)
        words = ("--dataset", str(cohort), "--task", "theirs", "--split", "of-theirs", *options)
        return petbench("run", "-m", "identity", *words, variables=variables, code=code).stderr

    run(4.0)
    run(4.0)
    assert "made when the task theirs@1 asked or decided something else; give the task a new" in run(2.0, code=1)
    run(2.0, "--force")
    for hot_suv in (2.0, 4.0):
        run(hot_suv)
    assert [row["status"] for row in petbench.json("runs", "list")] == ["ok", "ok"]
    assert "made when the task theirs@1 asked or decided something else" in run(3.0, code=1)
