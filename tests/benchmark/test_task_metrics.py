"""Metrics as a task has them: what they measure is what their convention says, and FDG's are what they always were."""

from __future__ import annotations

import dataclasses
import sys
from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy import ndimage
from tests.benchmark.cases import LEVELS, NAMES, SPACING, body, case, distance_millimetres, image, labels

from petbench.errors import PluginError
from petbench.evaluation.catalogue import builtin_metrics, metrics_of
from petbench.evaluation.metrics.of_task import left_out, number_text
from petbench.evaluation.protocol import URINARY_TRACT
from petbench.evaluation.scoring import measure, score_predictions
from petbench.evaluation.task_metrics import metrics_for
from petbench.metric_check import checked_metric
from petbench.metric_spec import Case, Measurement, MetricSpec
from petbench.registry import Plugin, Registry
from petbench_datasets.tasks.built_in import BUILT_IN, DEFAULT_TASK
from petbench_leaderboard.run_groups import REGIONS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from petbench_datasets.tasks.task import Task
    from petbench_leaderboard.score_records import ScoreRecord

CONVENTIONS = {
    "organ_suvmean_error": "suvmean-error/mean-over-organs/no-clearance@1",
    "retention_index_error": "retention-index-error/suvmean/mean-over-organs/no-clearance@1",
    "unmatched_hot_volume": "unmatched-volume/body/suv4/predicted-only@1",
    "lost_hot_volume": "unmatched-volume/body/suv4/real-only@1",
    "hallucinated_volume": "focal-volume/body/local-level-25mm/plus-50%-4sd-0.5suv/1mL/predicted-only@1",
    "missed_volume": "focal-volume/body/local-level-25mm/plus-50%-4sd-0.5suv/1mL/real-only@1",
    "lesion_found": "found/lesion/focal@1@1",
    "lesion_sensitivity": "sensitivity/lesions/focal@1@1",
    "lesion_false_positives": "false-positives/lesions/focal@1@1",
    "organ_tlg_bias": "tlg-bias/organ/own-41%-isocontour@1",
    "lesion_tlg_bias": "tlg-bias/lesion/own-41%-isocontour@1",
    "lesion_detected_volume": "detected-volume/lesion/real-41%-isocontour@1",
}
"""Of the metrics that a task may change, those of FDG: the rows of every leaderboard of before have them."""

OF_MEANS = {"organ_suvmean_error", "retention_index_error"}
OF_HOT = {"unmatched_hot_volume", "lost_hot_volume"}
OF_CORE = {"organ_tlg_bias", "lesion_tlg_bias", "lesion_detected_volume"}
OF_FOCAL = CONVENTIONS.keys() - OF_MEANS - OF_HOT - OF_CORE
MILLILITRES = float(np.prod(SPACING)) / 1000.0


def deciding(**decisions: object) -> Task:
    return replace(DEFAULT_TASK, name="mine", **decisions)  # type: ignore[arg-type]


def scores(task: Task, one: Case) -> dict[tuple[str, str], ScoreRecord]:
    """Return every score of a case by metric and region."""
    records = [record for spec in metrics_for(task, builtin_metrics()) for record in measure(spec, one)]
    return {(record.metric, record.region): record for record in records}


def a_case(*, urine: bool = True) -> Case:
    """Return a case whose organs are wrong by unlike factors, with two lesions, one within 20 mm of the bladder."""
    predicted, real = image(1, 0.2), image(2)
    if not urine:
        for each in (predicted, real):
            each[labels() == 3] *= np.float32(LEVELS[1] / LEVELS[3])
    for index, factor in zip(LEVELS, (1.3, 0.7, 1.1, 1.6, 0.5), strict=True):
        predicted[labels() == index] *= np.float32(factor)
    spots = np.zeros_like(labels())
    spots[20:22, 24:27, 8:11], spots[8:10, 14:17, 14:17] = 1, 2
    for spot, number in ((9.0, 1), (7.0, 2)):
        real[spots == number] = spot
        predicted[spots == number] = spot
    for each, least in ((real, 1.0), (predicted, 2.0)):
        each[spots == 1] = np.linspace(least, 9.0, int((spots == 1).sum()))
    early = 0.6 * image(3)
    return case(predicted, real, early=early.astype(np.float32), lesions=spots, lesion_names={1: "rib", 2: "node"})


def test_the_conventions_of_fdg_are_what_they_were() -> None:
    of_all = {spec.name: spec.convention_id for spec in builtin_metrics()}
    assert {name: of_all[name] for name in CONVENTIONS} == CONVENTIONS


@pytest.mark.parametrize("task", BUILT_IN.values(), ids=lambda task: task.name)
def test_a_task_that_decides_nothing_has_the_metrics_of_fdg(task: Task) -> None:
    for spec, own in zip(builtin_metrics(), metrics_for(task, builtin_metrics()), strict=True):
        facts = {field.name for field in dataclasses.fields(MetricSpec)} - {"measure", "for_task"}
        assert {name: getattr(own, name) for name in facts} == {name: getattr(spec, name) for name in facts}
    assert {key: record.value for key, record in scores(task, a_case()).items()} == {
        key: record.value for key, record in scores(DEFAULT_TASK, a_case()).items()
    }


def test_what_is_shown_and_what_ranks_change_no_metric() -> None:
    task = deciding(shown_organs=("liver",), ranking_metrics=("mae_body_suv",))
    assert [spec.convention_id for spec in metrics_of(task)] == [spec.convention_id for spec in builtin_metrics()]


def unmatched_by_hand(one: NDArray[np.float32], other: NDArray[np.float32], hot: float) -> float:
    """Return the volume in mL of regions of 18 neighbours that touch no hot voxel of the other, grown step by step."""
    neighbours = ndimage.generate_binary_structure(3, 2)
    own, touched = (one >= hot) & body(), (other >= hot) & body()
    reached = own & touched
    while (grown := ndimage.binary_dilation(reached, neighbours) & own).sum() > reached.sum():
        reached = grown
    return float((own & ~reached).sum()) * MILLILITRES


@pytest.mark.parametrize("hot", [0.45, 1.0, 2.0, 2.5, 3.999999999, 4.0, 8.0, 30.0])
def test_hot_volume_is_that_above_the_tasks_threshold_which_its_convention_names(hot: float) -> None:
    one, task = a_case(), deciding(hot_suv=hot)
    found, before = scores(task, one), scores(DEFAULT_TASK, one)
    assert found["unmatched_hot_volume", "body"].value == pytest.approx(
        unmatched_by_hand(one.predicted, one.delayed, hot)
    )
    assert found["lost_hot_volume", "body"].value == pytest.approx(unmatched_by_hand(one.delayed, one.predicted, hot))
    for name in OF_HOT:
        record = found[name, "body"]
        assert record.convention_id == CONVENTIONS[name].replace("suv4", f"suv{number_text(hot)}")
        assert (record.convention_id == CONVENTIONS[name]) == (hot == 4.0)
        assert record.facts is not None
        assert record.facts.detail == f"SUV ≥ {number_text(hot)}"
    assert changed(found, before) <= OF_HOT


@pytest.mark.parametrize("percent", [1.0, 40.999999999, 41.0, 45.0, 50.0, 99.5])
def test_the_core_of_organs_and_lesions_is_from_the_tasks_part_of_the_maximum_on(percent: float) -> None:
    one, task = a_case(), deciding(core_percent=percent)
    found, before = scores(task, one), scores(DEFAULT_TASK, one)
    assert one.lesions is not None

    def glycolysis(volume: NDArray[np.float32], inside: NDArray[np.bool_]) -> float:
        values = np.asarray(volume, np.float64)[inside]
        return float(values[100.0 * values / values.max() >= percent].sum()) * MILLILITRES

    places = {("organ_tlg_bias", name): labels() == index for index, name in NAMES.items()}
    places |= {("lesion_tlg_bias", name): one.lesions == index for index, name in one.lesion_names.items()}
    for (metric, region), inside in places.items():
        if inside.any():
            predicted, real = (glycolysis(each, inside) for each in (one.predicted, one.delayed))
            assert found[metric, region].value == pytest.approx(100.0 * (predicted - real) / real)
    for index, name in one.lesion_names.items():
        lesion = one.lesions == index
        level = percent / 100.0 * float(one.delayed[lesion].max())
        core = lesion & (one.delayed >= level)
        there = float((core & (one.predicted >= level)).sum()) * MILLILITRES
        assert found["lesion_detected_volume", name].value == pytest.approx(there)
    for key in found:
        if key[0] in OF_CORE:
            assert found[key].convention_id == CONVENTIONS[key[0]].replace("41%", f"{number_text(percent)}%")
    assert changed(found, before) == (OF_CORE if percent != 41.0 else set())


def changed(found: dict[tuple[str, str], ScoreRecord], before: dict[tuple[str, str], ScoreRecord]) -> set[str]:
    """Return the metrics of which a score, or anything said of it, is another."""
    assert found.keys() == before.keys()
    return {key[0] for key in found if found[key] != before[key]}


@pytest.mark.parametrize(
    ("decisions", "without"),
    [
        ({"clearance_organs": ("liver",)}, {"liver", "bladder"}),
        ({"clearance_organs": ("liver", "kidneys")}, {"liver", "kidneys", "bladder"}),
        ({"clearance_organs": ()}, {"bladder"}),
        ({"clearance_organs": ("muscle", "bladder")}, {"muscle", "bladder"}),
    ],
)
def test_means_over_organs_leave_out_what_clears_the_tasks_tracer_and_nothing_else_changes(
    decisions: dict[str, tuple[str, ...]], without: set[str]
) -> None:
    one = a_case()
    found, before = scores(deciding(**decisions), one), scores(DEFAULT_TASK, one)
    biases, errors = [], []
    for index, name in NAMES.items():
        voxels = labels() == index
        if name not in without and voxels.any():
            predicted, real, early = (
                np.asarray(each, np.float64)[voxels].mean() for each in (one.predicted, one.delayed, one.early)
            )
            biases.append(abs(100.0 * (predicted - real) / real))
            errors.append(abs(100.0 * (predicted - real) / early))
    assert found["organ_suvmean_error", "body"].value == pytest.approx(np.mean(biases))
    assert found["retention_index_error", "body"].value == pytest.approx(np.mean(errors))
    assert found["organ_suvmean_error", "body"].extra["organs"] == len(biases)
    for name in OF_MEANS:
        assert found[name, "body"].convention_id.startswith(CONVENTIONS[name].removesuffix("@1") + "-")
    assert changed(found, before) == OF_MEANS


def test_unlike_organs_have_unlike_conventions_and_the_same_ones_in_another_order_the_same() -> None:
    def convention(*organs: str, urine: bool = True) -> str:
        task = deciding(clearance_organs=organs, excreted_by_urine=urine)
        return next(spec.convention_id for spec in metrics_of(task) if spec.name == "organ_suvmean_error")

    sets = [(), ("liver",), ("liver", "spleen"), ("liver_spleen",), ("kidneys",), DEFAULT_TASK.clearance_organs]
    ids = [convention(*organs, urine=urine) for organs in sets for urine in (True, False)]
    assert len(set(ids)) == len(ids)
    assert convention("spleen", "liver") == convention("liver", "spleen")
    assert convention(*reversed(DEFAULT_TASK.clearance_organs)) == CONVENTIONS["organ_suvmean_error"]
    assert convention(*URINARY_TRACT, *DEFAULT_TASK.clearance_organs, urine=False) == CONVENTIONS["organ_suvmean_error"]


def test_the_words_of_a_mean_name_what_it_leaves_out() -> None:
    def words(*organs: str, urine: bool = True) -> str:
        task = deciding(clearance_organs=organs, excreted_by_urine=urine)
        return next(spec.summary for spec in metrics_of(task) if spec.name == "organ_suvmean_error").partition(", ")[2]

    assert words(*DEFAULT_TASK.clearance_organs) == "bladder and kidneys left out"
    assert words("small_bowel", "liver") == "liver, small bowel, urinary tract left out"
    assert words("liver", urine=False) == "liver left out"
    assert words("bladder", urine=False) == "bladder left out"
    assert words() == "urinary tract left out"
    assert words(urine=False) == "no organ left out"


def test_a_tracer_that_urine_does_not_excrete_has_a_bladder_like_any_other_organ() -> None:
    one, task = a_case(urine=False), deciding(excreted_by_urine=False)
    found, before = scores(task, one), scores(DEFAULT_TASK, one)
    assert {name for name, _ in before} - {name for name, _ in found} == {
        spec.name for spec in builtin_metrics() if spec.name.endswith("_no_urinary")
    }
    kept = {key: record for key, record in before.items() if not key[0].endswith("_no_urinary")}
    assert changed(found, kept) == OF_MEANS | OF_FOCAL
    assert {found[name, "body"].convention_id for name in OF_FOCAL - {"lesion_found"}}.isdisjoint(CONVENTIONS.values())
    assert before["lesion_found", "node"].value == 0.0  # within 20 mm of the bladder, where nobody looks
    assert found["lesion_found", "node"].value == 1.0
    assert distance_millimetres(labels() == 3)[one.lesions == 2].max() <= 20.0
    assert found["organ_suvmean_error", "body"].extra["organs"] == 4  # all but the kidneys
    assert left_out(task) == set(DEFAULT_TASK.clearance_organs)


def test_such_a_tracer_needs_labels_and_no_bladder() -> None:
    task = deciding(excreted_by_urine=False)
    names = {index: name for index, name in NAMES.items() if name != "bladder"}
    assert scores(DEFAULT_TASK, case(image(1), image(2), names=names))["missed_volume", "body"].value is None
    assert scores(task, case(image(1), image(2), names=names))["missed_volume", "body"].value == 0.0
    unlabelled = scores(task, case(image(1), image(2), labels=None, names={}))["missed_volume", "body"]
    assert (unlabelled.value, unlabelled.reason) == (None, "the dataset has no organ labels")


def sampled_case() -> Case:
    """Return the same case with samples of its prediction, for all metrics that there are."""
    one = a_case()
    return replace(one, samples=np.stack([one.predicted[one.body]] * 20))


def of_plugin(**facts: object) -> MetricSpec:
    """Return a plugin's metric: the largest predicted SUV."""
    given: dict[str, object] = {
        "name": "mine", "convention_id": "mine/body@1", "unit": "SUV", "higher_is_better": True, "formula": "max p",
        "source": "nobody's: for tests", "measure": lambda one: [Measurement("body", float(one.predicted.max()))],
    }  # fmt: skip
    return MetricSpec(**given | facts)  # type: ignore[arg-type]


def test_a_plugins_metric_that_says_nothing_of_tasks_is_the_same_for_every_one() -> None:
    spec = of_plugin()
    assert metrics_for(deciding(hot_suv=2.0, excreted_by_urine=False), [spec]) == (spec,)


def test_a_plugins_metric_may_be_another_for_a_task_or_none() -> None:
    def above(task: Task) -> MetricSpec | None:
        if task.name == "mine":
            return of_plugin(convention_id=f"mine/body/suv{task.hot_suv:g}@1")
        return None

    spec = of_plugin(for_task=above)
    (found,) = metrics_for(deciding(hot_suv=3.0), [spec])
    assert found.convention_id == "mine/body/suv3@1"
    assert metrics_for(DEFAULT_TASK, [spec]) == ()


@pytest.mark.parametrize(
    ("for_task", "reason"),
    [
        (lambda _: 1 / 0, "ZeroDivisionError: division by zero"),
        (lambda _: sys.exit(3), "SystemExit: 3"),
        (lambda _: "mine", "PluginError: 'mine' is no MetricSpec, and so no metric"),
        (
            lambda _: of_plugin(name="other"),
            "PluginError: the metric 'other' is not called 'mine'; a metric has one name for every task",
        ),
        (lambda _: of_plugin(api=9), "PluginError: the metric 'mine' is for API 9 of metrics, this petbench has API 1"),
        (
            lambda _: of_plugin(higher_is_better="yes"),
            "PluginError: the metric 'mine' has higher_is_better 'yes'; give True, False or None",
        ),
    ],
)
def test_a_plugins_metric_that_cannot_say_what_it_is_costs_nobody_else_a_score(for_task: object, reason: str) -> None:
    broken, fine = of_plugin(for_task=for_task), of_plugin(name="fine")
    one = a_case()
    records = [record for spec in metrics_for(DEFAULT_TASK, [broken, fine]) for record in measure(spec, one)]
    assert [(record.metric, record.reason) for record in records] == [("mine", reason), ("fine", None)]


def test_a_plugins_metric_that_ends_the_program_ends_itself_alone() -> None:
    def begun(_: Case) -> Iterator[Measurement]:
        yield Measurement("body", 1.0)
        sys.exit("no licence")

    (record,) = measure(of_plugin(measure=begun), a_case())
    assert (record.value, record.reason) == (None, "SystemExit: no licence")


WRONG: dict[str, tuple[object, ...]] = {
    "name": (None, "", " ", "a\nb", 1, "mi\u202ene"),
    "convention_id": (None, "", "a\nb", 1),
    "unit": (None, "d\nB", 1),
    "higher_is_better": ("yes", 1, 0),
    "formula": (None, 1),
    "source": (None, ("a",)),
    "measure": (None, "measure"),
    "region": (None, "", "bo\ndy"),
    "of_regions": (None, "no", 1),
    "hides": (None,),
    "for_task": ("mine", 1),
    "api": (None, 2, "1"),
    "decimals": (2.0, True),
    "best_value": ("0", True, float("nan"), float("inf"), 1e101),
    "shown": (None, "yes"),
    "place": (None, 1.5, False),
    "label": (b"text", "a\tb"),
    "detail": (b"text", "a\tb"),
    "summary": (b"text", "a\tb"),
}


@pytest.mark.parametrize(
    ("field", "value"),
    [(field, value) for field, values in WRONG.items() for value in values],
)
def test_a_metric_with_a_field_that_is_wrong_is_none_in_a_hook_nor_for_a_task(
    field: str, value: object, caplog: pytest.LogCaptureFixture
) -> None:
    spec = of_plugin(**{field: value})
    with pytest.raises(PluginError) as caught:
        checked_metric(spec)
    assert field in str(caught.value) or field == "api"
    assert "\n" not in str(caught.value)
    plugin = SimpleNamespace(petbench_metrics=lambda: [of_plugin(name="fine"), spec])
    registry = Registry([Plugin(name="p", distribution="p", version="1", module="p", implementation=plugin)])
    assert [each.name for each in registry.metrics()] == ["fine"]
    assert str(caught.value) in caplog.text
    (of_task,) = metrics_for(DEFAULT_TASK, [of_plugin(for_task=lambda _: spec)])
    (record,) = measure(of_task, a_case())
    assert record.convention_id == "mine/body@1"
    assert (record.reason or "").startswith("PluginError: the metric ")


def test_every_field_of_a_metric_is_tried_and_the_right_ones_pass() -> None:
    assert WRONG.keys() == {each.name for each in dataclasses.fields(MetricSpec)}
    right = of_plugin(
        unit="", higher_is_better=None, best_value=0, hides="", for_task=lambda _: None, formula="a\nb", of_regions=True
    )
    for spec in (right, *builtin_metrics()):
        assert checked_metric(spec, spec.name) is spec


@pytest.mark.parametrize(
    "task", [DEFAULT_TASK, dataclasses.replace(DEFAULT_TASK, name="mine", excreted_by_urine=False)]
)
def test_a_metric_says_of_itself_whether_it_measures_organs_and_lesions_or_the_whole_image(task: Task) -> None:
    one = sampled_case()
    for spec in metrics_for(task, builtin_metrics()):
        regions = {record.region for record in measure(spec, one)}
        assert regions, spec.name
        assert regions.isdisjoint(REGIONS) if spec.of_regions else regions == {spec.region} <= set(REGIONS), spec.name


def test_detection_by_contrast_and_predictions_on_disk_are_scored_as_the_datasets_task_has_them(tmp_path: Path) -> None:
    from petbench_datasets.images.nifti_writer import write_image

    one = a_case()

    @dataclasses.dataclass
    class OnePerson:
        task: Task
        name: str = "one"
        participants: tuple[str, ...] = ("sub-01",)
        fingerprint: str = "0" * 64

        def pair(self, participant: str, /) -> Case:
            return one

        def body_mask(self, participant: str, /) -> NDArray[np.bool_]:
            return one.body

        def labels(self, participant: str, /, kind: str = "organs") -> tuple[NDArray[np.int16], dict[int, str]] | None:
            organs = kind == "organs"
            assert one.lesions is not None
            return (labels(), dict(NAMES)) if organs else (one.lesions, dict(one.lesion_names))

    write_image(tmp_path / "sub-01.nii.gz", one.predicted, one.grid)

    def conventions(task: Task) -> dict[str, str]:
        found: Iterable[ScoreRecord] = score_predictions(
            OnePerson(task), ["sub-01"], tmp_path, cache=tmp_path / "cache", offline=True, distances=()
        )
        return {record.metric: record.convention_id for record in found}

    fdg, mine = (
        conventions(DEFAULT_TASK),
        conventions(deciding(hot_suv=2.0, core_percent=50.0, excreted_by_urine=False)),
    )
    assert fdg["lesion_sensitivity_by_contrast"] == "contrast-1.5-2-3/sensitivity/lesions/focal@1@1"
    assert mine["lesion_sensitivity_by_contrast"] == "contrast-1.5-2-3/sensitivity/lesions/focal-with-urinary@1@1"
    assert fdg["organ_tlg_bias_limits"] == "bland-altman/tlg-bias/organ/own-41%-isocontour@1"
    assert mine["organ_tlg_bias_limits"] == "bland-altman/tlg-bias/organ/own-50%-isocontour@1"
    assert mine["lesion_tlg_ccc"] == "lin-ccc@1/tlg-bias/lesion/own-50%-isocontour@1"
    assert mine["lost_hot_volume"] == "unmatched-volume/body/suv2/real-only@1"
    assert "psnr_body_suv20_no_urinary" not in mine
