"""A small dataset from the build to the reader: content, resuming, refusals."""

from __future__ import annotations

import dataclasses
import json
import multiprocessing
import shutil
from typing import TYPE_CHECKING

import numpy as np
import pytest

from petbench_datasets.dataset.derivatives import ORGANS_ENDING, find_derivative
from petbench_datasets.dataset.inputs import INPUTS, input_labels_path, lacking
from petbench_datasets.dataset.made_from import derived_from
from petbench_datasets.dataset.reader import open_dataset
from petbench_datasets.dataset.split import load_split
from petbench_datasets.errors import DataError
from petbench_datasets.progress import silent
from petbench_datasets.specs import Headroom, HeadroomRow, OrganPrediction, Predictable
from petbench_datasets.tasks.built_in import BUILT_IN
from petbench_datasets.tasks.task_file import TASK_FILE
from petbench_phantom import build
from petbench_phantom.build import build_phantom
from petbench_phantom.lesions import KINDS
from petbench_phantom.organs import BY_NAME
from petbench_phantom.participant import simulate
from petbench_phantom.population import population
from petbench_phantom.spec import PROFILES
from petbench_phantom.validation import measure
from petbench_phantom.validation_report import validation_report
from petbench_phantom.writing import write_participant

if TYPE_CHECKING:
    from pathlib import Path

    from petbench_phantom.spec import PhantomSpec

pytestmark = pytest.mark.slow

SMALL = dataclasses.replace(
    PROFILES["fdg-phantom-mini"],
    name="small",
    participants=6,
    shape=(49, 32, 32),
    spacing_millimetres=(40.0, 21.38, 21.38),
    supersampling=(2, 2, 2),
    angles=24,
    subsets=4,
    iterations=2,
    folds=3,
    fingerprint="",
)


@pytest.fixture(autouse=True)
def _one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "_fitting", lambda _: 1)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("datasets") / "small"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(build, "_fitting", lambda _: 1)
        build_phantom(SMALL, folder, silent)
    return folder


def _copy(built: Path, folder: Path) -> Path:
    return shutil.copytree(built, folder / "small")


def _refusal(spec: PhantomSpec, folder: Path) -> str:
    with pytest.raises(DataError) as caught:
        build_phantom(spec, folder, silent)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_the_organs_of_the_early_image_are_an_input_and_those_of_the_delayed_one_are_not(built: Path) -> None:
    dataset = open_dataset(built)
    assert lacking(dataset, INPUTS, dataset.participants).keys() == {"frames", "ct"}
    facts = INPUTS["labels"](dataset, "sub-02")
    early, scored = facts["labels"](), dataset.labels("sub-02")
    assert scored is not None
    assert facts["label_names"] == scored[1]
    assert derived_from(input_labels_path(built, "sub-02") or built, built) == {"early"}
    delayed_file = find_derivative(built, "sub-02", ORGANS_ENDING)
    assert derived_from(delayed_file or built, built) == {"delayed"}
    assert 0.0 < np.mean(early != scored[0]) < 0.05  # the body has moved a little, and the bladder has filled
    number = next(number for number, name in facts["label_names"].items() if name == "liver")
    image = dataset.early("sub-02")[0]
    assert image[early == number].mean() > 2 * image[early > 0].mean()


def test_a_build_of_before_gets_the_early_organs_and_keeps_every_other_file(built: Path, tmp_path: Path) -> None:
    folder = _copy(built, tmp_path)
    derivatives = folder / "derivatives" / "phantom"
    drawn = {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*desc-earlyorgans*")}
    assert len(drawn) == 6 + 2
    for name in drawn:
        (folder / name).unlink()
    (derivatives / "desc-organs_dseg.json").unlink()
    fingerprint = open_dataset(folder).fingerprint
    kept = {path: path.read_bytes() for path in folder.rglob("*.nii.gz")}
    build_phantom(SMALL, folder, silent)
    assert open_dataset(folder).fingerprint == fingerprint == open_dataset(built).fingerprint
    assert all(path.read_bytes() == content for path, content in kept.items())
    again = {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*desc-earlyorgans*")}
    assert again == drawn


def test_the_reader_of_users_datasets_reads_a_simulated_one(built: Path) -> None:
    dataset = open_dataset(built)
    assert dataset.participants == tuple(f"sub-{number:02d}" for number in range(1, 7))
    pair = dataset.pair("sub-02")
    body = dataset.body_mask("sub-02")
    assert pair.early.shape == SMALL.shape
    assert 0.5 < float(pair.early[body].mean()) < 1.5
    assert float(pair.delayed.max()) > 4
    assert float(pair.delayed[~body].mean()) < 0.1
    found = dataset.labels("sub-02")
    assert found is not None
    labels, names = found
    liver = next(code for code, name in names.items() if name == "liver")
    assert float(pair.early[labels == liver].mean()) > float(pair.delayed[labels == liver].mean()) > 1.0


def test_voxels_are_whole_becquerels_per_millilitre(built: Path) -> None:
    scan = open_dataset(built).plans["sub-01"].early.uses[0].scan
    stored = scan.activity(0)
    np.testing.assert_array_equal(stored, np.rint(stored))


def test_no_image_holds_more_activity_than_was_injected(built: Path) -> None:
    dataset = open_dataset(built)
    litres = 1e-3 * dataset.grid("sub-01").voxel_millilitres
    for name in dataset.participants:
        kilograms = float(dataset.table[name]["body_weight"])
        pair, unit = dataset.pair(name), dataset.plans[name].delayed.uses[0].scan.suv_per_unit(0)
        repeat = dataset.derivative(name, "rec-delayed_desc-repeat_pet")
        assert repeat is not None
        for image in (pair.early, pair.delayed, repeat * unit):
            assert 0.85 < float(image.sum(dtype=np.float64)) * litres / kilograms <= 1.0, name


def test_every_required_field_of_bids_pet_is_there(built: Path) -> None:
    sidecar = json.loads((built / "sub-01" / "pet" / "sub-01_trc-18FFDG_rec-early_pet.json").read_text())
    required = (
        "Manufacturer ManufacturersModelName Units TracerName TracerRadionuclide InjectedRadioactivity "
        "InjectedRadioactivityUnits InjectedMass InjectedMassUnits SpecificRadioactivity SpecificRadioactivityUnits "
        "ModeOfAdministration TimeZero ScanStart InjectionStart FrameTimesStart FrameDuration AcquisitionMode "
        "ImageDecayCorrected ImageDecayCorrectionTime ReconMethodName ReconMethodParameterLabels ReconFilterType "
        "ReconFilterSize AttenuationCorrection"
    )
    assert set(required.split()) <= set(sidecar)
    assert (sidecar["FrameTimesStart"], sidecar["FrameDuration"]) == ([420.0], [840.0])


def test_truth_and_a_repeat_scan_are_kept_beside_the_images(built: Path) -> None:
    dataset = open_dataset(built)
    pair, body = dataset.pair("sub-01"), dataset.body_mask("sub-01")
    unit = dataset.plans["sub-01"].delayed.uses[0].scan.suv_per_unit(0)
    repeat, truth = (dataset.derivative("sub-01", f"rec-delayed_desc-{what}_pet") for what in ("repeat", "truth"))
    assert repeat is not None
    assert truth is not None
    noise = np.sqrt(np.mean((repeat * unit - pair.delayed)[body] ** 2))
    wrong = np.sqrt(np.mean((pair.early - pair.delayed)[body] ** 2))
    assert 0 < noise < 0.5 * wrong
    assert float((truth * unit)[body].mean()) == pytest.approx(float(pair.delayed[body].mean()), rel=0.1)


def test_splits_keep_participants_apart_and_test_everybody_once(built: Path) -> None:
    dataset = open_dataset(built)
    holdout = load_split(dataset, "holdout").folds[0]
    assert tuple(map(len, (holdout.train, holdout.validation, holdout.test))) == (4, 1, 1)
    folds = load_split(dataset, "cv3").folds
    assert sorted(name for fold in folds for name in fold.test) == list(dataset.participants)


def test_a_build_repeats_to_the_bit_and_completes_what_is_missing(built: Path, tmp_path: Path) -> None:
    folder = _copy(built, tmp_path)
    wanted = {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*.nii.gz")}
    shutil.rmtree(folder / "sub-03")
    shutil.rmtree(folder / "derivatives" / "phantom" / "sub-05")
    (folder / ".partial-sub-03-left").mkdir()
    kept = (folder / "sub-01" / "pet" / "sub-01_trc-18FFDG_rec-early_pet.nii.gz").stat().st_mtime_ns
    build_phantom(SMALL, folder, silent)
    assert {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*.nii.gz")} == wanted
    assert not list(folder.glob(".partial-*"))
    assert (folder / "sub-01" / "pet" / "sub-01_trc-18FFDG_rec-early_pet.nii.gz").stat().st_mtime_ns == kept


def test_an_interrupted_build_leaves_whole_participants_only(tmp_path: Path) -> None:
    def stop_at_the_second(description: str, done: float, total: float) -> None:
        if done > 1.5:
            raise KeyboardInterrupt

    folder = tmp_path / "small"
    with pytest.raises(KeyboardInterrupt):
        build_phantom(SMALL, folder, stop_at_the_second)
    assert [path.name for path in folder.glob("sub-*")] == ["sub-01"]
    assert not list(folder.rglob(".partial-*"))
    assert not (folder / "dataset_description.json").exists()


def test_worker_processes_give_the_same_voxels(built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "_fitting", lambda _: 2)
    folder = _copy(built, tmp_path)
    fingerprint = open_dataset(folder).fingerprint
    for name in ("sub-01", "sub-02"):
        shutil.rmtree(folder / name)
    heard: list[float] = []
    build_phantom(SMALL, folder, lambda what, done, total: heard.append(done))
    assert open_dataset(folder).fingerprint == fingerprint
    assert heard[0] == 4.0


def test_an_interrupt_ends_the_worker_processes_and_leaves_nothing_partial(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop_at_once(description: str, done: float, total: float) -> None:
        if done > 0:
            raise KeyboardInterrupt

    monkeypatch.setattr(build, "_fitting", lambda _: 2)
    with pytest.raises(KeyboardInterrupt):
        build_phantom(SMALL, tmp_path / "small", stop_at_once)
    assert not multiprocessing.active_children()
    assert not list((tmp_path / "small").rglob(".partial-*"))


def test_other_voxels_than_published_are_refused(built: Path, tmp_path: Path) -> None:
    folder = _copy(built, tmp_path)
    published = dataclasses.replace(SMALL, fingerprint="0" * 64)
    assert "build again" in _refusal(published, folder)


def test_a_folder_of_other_settings_or_of_other_scans_is_left_alone(built: Path, tmp_path: Path) -> None:
    folder = _copy(built, tmp_path)
    assert "other settings" in _refusal(dataclasses.replace(SMALL, seed=7), folder)
    (tmp_path / "mine" / "sub-01").mkdir(parents=True)
    assert "did not simulate" in _refusal(SMALL, tmp_path / "mine")
    assert list((tmp_path / "mine").iterdir()) == [tmp_path / "mine" / "sub-01"]


def test_the_same_people_are_scanned_in_the_windows_of_another_task(built: Path, tmp_path: Path) -> None:
    task = BUILT_IN["fdg-60-to-120"]
    other = dataclasses.replace(SMALL, name="small-60-to-120", task=task.name)
    build_phantom(other, tmp_path / other.name, silent)
    assert (tmp_path / other.name / TASK_FILE).read_text(encoding="utf-8") == 'task = "fdg-60-to-120@1"\n'
    assert not (built / TASK_FILE).exists()
    dataset, before = open_dataset(tmp_path / other.name), open_dataset(built)
    assert dataset.task == task
    assert dataset.table == before.table
    assert load_split(dataset, "holdout").task == task.id
    for plan in dataset.plans.values():
        assert [plan.early.effective_seconds, plan.delayed.effective_seconds] == list(task.windows_seconds.values())
    assert "other settings (name is" in _refusal(SMALL, tmp_path / other.name)
    with pytest.raises(DataError, match="of the early window"):
        open_dataset(built, task=task)


def test_a_place_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    assert "cannot be written" in _refusal(SMALL, tmp_path / "file" / "dataset")


def test_lesions_have_masks_and_stand_out(tmp_path: Path) -> None:
    without = dataclasses.replace(SMALL, balanced_activity=False)
    spec = dataclasses.replace(without, lesions=(4, 6))
    person = population(spec)[0]
    images, plain = (simulate(settings, person, lambda _: None) for settings in (spec, without))
    assert images.lesions is not None
    assert 4 <= len(images.lesions.rows) <= 6
    assert {row["kind"] for row in images.lesions.rows} <= set(KINDS)
    assert set(np.unique(images.lesions.labels)) == set(range(len(images.lesions.rows) + 1))
    changed = images.delayed_truth != plain.delayed_truth
    assert changed[images.lesions.labels > 0].mean() > 0.9
    write_participant(spec, person, images, tmp_path)
    names = tmp_path / "derivatives" / "phantom" / "sub-01" / "anat" / "sub-01_desc-lesions_dseg.tsv"
    assert len(names.read_text().splitlines()) == len(images.lesions.rows) + 1


def test_beds_see_the_same_body_at_other_times() -> None:
    beds = dataclasses.replace(SMALL, acquisition="multibed")
    person = population(SMALL)[0]
    still, moving = (simulate(spec, person, lambda _: None) for spec in (SMALL, beds))
    liver = still.labels == BY_NAME["liver"].label
    np.testing.assert_array_equal(still.labels, moving.labels)
    ratio = float(moving.early_truth[liver].mean() / still.early_truth[liver].mean())
    assert 0.85 < ratio < 1.15
    assert ratio != 1.0


def test_true_3d_reconstruction_agrees_with_2d_but_for_noise() -> None:
    person = population(SMALL)[0]
    flat, full = (
        simulate(dataclasses.replace(SMALL, reconstruction=how), person, lambda _: None) for how in ("2d", "3d")
    )
    for organ in ("liver", "muscle", "grey_matter"):
        inside = flat.labels == BY_NAME[organ].label
        assert float(full.delayed[inside].mean()) == pytest.approx(float(flat.delayed[inside].mean()), rel=0.05), organ


def test_a_dataset_too_small_to_match_a_population_is_refused() -> None:
    with pytest.raises(DataError, match="six participants"):
        population(dataclasses.replace(SMALL, participants=5))


def test_validation_measures_the_dataset_against_people(built: Path) -> None:
    result = measure(open_dataset(built))
    by_name = {region.name: region for region in result.regions}
    liver = by_name["Liver"]
    assert liver.people == 6
    assert 0.6 < liver.recovery[0] < 1.05
    assert liver.measured.early == 3.7045
    for mean, (least, most) in zip(result.balance, result.balance_range, strict=True):
        assert 0.85 < least < mean < most <= 1.0
    assert f"early {result.balance[0]:.2f} ({result.balance_range[0][0]:.2f} to " in result.balance_in_words()
    assert 0.03 < result.one_constant_error < 0.3 < 2 * result.identity_error
    assert not result.passed  # voxels of 2 x 2 x 4 cm blur organs away, and that is seen


def test_the_validation_page_shows_every_region_and_its_figures(built: Path, tmp_path: Path) -> None:
    result = validation_report(open_dataset(built), silent)
    assert result.write_page is not None
    headroom = Headroom(
        metrics=("psnr",),
        tested=("sub-06",),
        fitted=(),
        references=(HeadroomRow("identity", (30.0,)),),
        repeat_scan=HeadroomRow("repeat-scan", (50.0,)),
        methods=(),
        best_factors=(1.0,),
        best_values=(30.0,),
        predictable=Predictable(
            row=HeadroomRow("predictable", (40.0,)),
            true_levels=(45.0,),
            blur_millimetres=9.5,
            organs=(OrganPrediction("small_bowel", 6, "ratio", -0.123, 45.67),),
        ),
    )
    text = result.write_page(tmp_path, headroom, headroom).read_text()
    assert all(f"| {region} |" in text for region, *_ in result.rows)
    assert "**Fails**" in text
    assert "| small bowel | 6 | ratio | −0.12 | 45.7 |" in text
    assert "From `identity` to `predictable`: 10.0 dB." in text
    pictures = sorted(path.name for path in (tmp_path / "figures").iterdir())
    assert pictures == [f"small-{name}.png" for name in ("headroom", "means", "participants", "spreads")]
    assert all(f"figures/{name}" in text for name in pictures)
