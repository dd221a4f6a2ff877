"""What can be predicted at all, on a built `fdg-phantom-mini`: its parts, what it may look at, and where it scores."""

from __future__ import annotations

import dataclasses
import json
import shutil
from typing import TYPE_CHECKING, Any

import nibabel as untyped_nibabel
import numpy as np
import pytest
from scipy import ndimage

from petbench.home import Home
from petbench.plans.planner import Place, Request, plan_on
from petbench.registry import load_plugins
from petbench.runs import predictable, reference_rows
from petbench.runs.external import score_external
from petbench.runs.headroom import METRICS, measure_headroom, scores
from petbench.runs.predictable import write_predictable
from petbench.runs.references import repeat_scan, score_reference
from petbench.runs.scorer import Scorer
from petbench_datasets.dataset.reader import open_dataset
from petbench_datasets.dataset.split import Fold, Split, load_split
from petbench_datasets.errors import DataError
from petbench_datasets.images.nifti import read_image
from petbench_datasets.images.nifti_writer import write_image
from petbench_datasets.progress import silent
from petbench_leaderboard.ranking import rank
from petbench_leaderboard.store import Leaderboard
from petbench_phantom.build import build_phantom
from petbench_phantom.organs import ORGANS
from petbench_phantom.spec import PROFILES

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from petbench_datasets.dataset.reader import Dataset
    from petbench_datasets.images.grid import Volume

    Array = NDArray[np.float64]

nibabel: Any = untyped_nibabel

pytestmark = pytest.mark.slow

MINI = PROFILES["fdg-phantom-mini"]
LABELS = 1 + max(organ.label for organ in ORGANS)
TRAINING, TEST = ("sub-01", "sub-02", "sub-03", "sub-04"), "sub-06"


@pytest.fixture(scope="module")
def mini(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    folder = tmp_path_factory.mktemp("datasets") / "fdg-phantom-mini"
    build_phantom(MINI, folder, silent)
    return open_dataset(folder)


@pytest.fixture(scope="module")
def image(mini: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Volume:
    """Give what can be predicted of the test participant."""
    return predicted(mini, tmp_path_factory.mktemp("predicted"))


def predicted(dataset: Dataset, folder: Path, train: tuple[str, ...] = TRAINING) -> Volume:
    write_predictable(dataset, Fold(train, (), (TEST,)), folder)
    assert [path.name for path in folder.iterdir()] == [f"{TEST}.nii.gz"]
    return read_image(folder / f"{TEST}.nii.gz")[0]


def nifti(path: Path) -> Array:
    return np.asarray(nibabel.load(path).dataobj).T.astype(np.float64)


def in_suv(root: Path, participant: str, name: str) -> Array:
    """Read an image in SUV with nibabel alone, shape (z, y, x)."""
    (path,) = root.glob(f"**/{participant}_trc-18FFDG_{name}.nii.gz")
    facts = json.loads(path.with_name(path.name.replace(".nii.gz", ".json")).read_text())
    rows = [line.split("\t") for line in (root / "participants.tsv").read_text().splitlines()]
    weight = next(float(row[rows[0].index("body_weight")]) for row in rows if row[0] == participant)
    dose = float(facts["InjectedRadioactivity"]) * {"MBq": 1e6, "Bq": 1.0}[facts["InjectedRadioactivityUnits"]]
    return nifti(path) * weight * 1000.0 / dose


def labels(root: Path, participant: str) -> NDArray[np.int_]:
    (path,) = root.glob(f"derivatives/*/{participant}/**/*_desc-organs_dseg.nii.gz")
    return nifti(path).astype(int)


def means(volume: Array, where: NDArray[np.int_], inside: NDArray[np.bool_]) -> Array:
    """Return the mean of every label, not a number where nobody has it."""
    return np.array(
        [volume[(where == k) & inside].mean() if ((where == k) & inside).any() else np.nan for k in range(LABELS)]
    )


def smooth(volume: Array, width: float) -> Array:
    """Blur by a Gaussian that is averaged over each voxel by numerical integration."""
    for axis, spacing in enumerate(MINI.spacing_millimetres):
        deviation = width / 2.3548200450309493 / spacing
        reach = int(np.ceil(4 * deviation))
        places = np.arange(-reach, reach + 1)[:, None] + np.linspace(-0.5, 0.5, 2001)
        kernel = np.trapezoid(np.exp(-0.5 * (places / deviation) ** 2), axis=1)
        volume = ndimage.correlate1d(volume, kernel / kernel.sum(), axis=axis, mode="constant")
    return volume


def test_every_part_is_that_of_a_computation_with_numpy_alone(mini: Dataset, image: Volume) -> None:
    """Four training participants give each organ its geometric mean ratio of delayed truth to measured early level.

    An organ that none of them has changes as label 0, the rest of the body, does.
    """
    root, ratios, pairs = mini.root, [], []
    for name in TRAINING:
        truth, where = in_suv(root, name, "rec-delayed_desc-truth_pet"), labels(root, name)
        early = means(in_suv(root, name, "rec-early_pet"), where, (where > 0) | (truth > 0))
        ratios.append(np.log(means(truth, where, (where > 0) | (truth > 0)) / early))
        pairs.append((truth, in_suv(root, name, "rec-delayed_pet")))
    widths = np.arange(6.0, 13.0, 0.5)
    errors = [sum(float(np.sum((smooth(truth, width) - real) ** 2)) for truth, real in pairs) for width in widths]
    width = float(widths[np.argmin(errors)])
    # The blur of scanner and filter, as the dataset was simulated with, and what the reconstruction adds.
    assert np.hypot(MINI.resolution_millimetres, MINI.filter_millimetres) < width < 12.0
    truth, where = in_suv(root, TEST, "rec-delayed_desc-truth_pet"), labels(root, TEST)
    inside = (where > 0) | (truth > 0)
    early, true = means(in_suv(root, TEST, "rec-early_pet"), where, inside), means(truth, where, inside)
    known = [column[np.isfinite(column)] for column in np.transpose(ratios)]
    ratio = np.exp([np.mean(column if column.size else known[0]) for column in known])
    factors = ratio * early / true
    expected = smooth(truth * np.nan_to_num(factors, nan=1.0)[where], width)
    np.testing.assert_allclose(image, expected, rtol=2e-3, atol=2e-3)


def test_the_delayed_images_of_those_who_are_tested_or_validate_are_never_opened(
    mini: Dataset, image: Volume, tmp_path: Path
) -> None:
    root = shutil.copytree(mini.root, tmp_path / "copy")
    dataset = open_dataset(root)
    for name in ("sub-05", TEST):
        for path in (
            *root.glob(f"{name}/pet/*rec-delayed_pet.nii.gz"),
            *root.glob(f"**/{name}*desc-repeat_pet.nii.gz"),
        ):
            path.write_bytes(b"no image")
    with pytest.raises(DataError):
        dataset.delayed(TEST)
    np.testing.assert_array_equal(predicted(dataset, tmp_path / "out"), image)


def test_what_the_training_participants_show_decides_the_levels(mini: Dataset, image: Volume, tmp_path: Path) -> None:
    fewer = predicted(mini, tmp_path / "fewer", TRAINING[:1])
    assert np.abs(fewer - image).max() > 0.1
    root = shutil.copytree(mini.root, tmp_path / "copy")
    for name in TRAINING:
        (path,) = root.glob(f"{name}/pet/*rec-early_pet.nii.gz")
        volume, grid = read_image(path)
        write_image(path, volume / np.float32(2.0), grid)
    doubled = predicted(open_dataset(root), tmp_path / "doubled")
    np.testing.assert_allclose(doubled, image * 2, rtol=1e-3, atol=1e-4)


def test_it_scores_between_the_early_image_and_a_copy_of_the_real_one(mini: Dataset, tmp_path: Path) -> None:
    home, place = Home(tmp_path / "home"), Place(mini.name, mini, load_split(mini))
    early, grid = mini.early(TEST)
    write_image(tmp_path / "early" / f"{TEST}.nii.gz", early, grid)
    write_image(tmp_path / "copy" / f"{TEST}.nii.gz", mini.delayed(TEST)[0] * np.float32(1.001), grid)
    with Leaderboard.open("sqlite://") as store:
        entered: dict[str, Any] = {"home": home, "leaderboard": store, "scorer": Scorer(cache=home.cache, offline=True)}
        plan = plan_on(Request(method="identity", dataset=mini.name), place, load_plugins())
        run_id = store.plan(plan.record())
        store.record_scores(run_id, entered["scorer"].score(mini, (TEST,), tmp_path / "early"), protocol=plan.protocol)
        store.update(run_id, status="ok")
        score_external(place, tmp_path / "copy", "copy", **entered)
        first = score_reference(place, reference_rows.PREDICTABLE, **entered)
        assert score_reference(place, reference_rows.PREDICTABLE, **entered).id == first.id
        (board,) = rank(store)
    rows = {row.run.method: row for row in board.rows}
    assert {method: (row.role, row.rank) for method, row in rows.items()} == {
        "identity": ("reference", None),
        "predictable": ("predictable", None),
        "copy": ("competitor", 1),
    }
    for metric in (*METRICS, "mae_body_suv", "ssim_body_suv20", "organ_suvmean_error"):
        for column in (column for column in board.columns if column.metric == metric):
            found = [rows[method].cells[column].normalized_score for method in ("identity", "predictable", "copy")]
            assert found[:2] == [0.0, 1.0], column
            assert (found[2] or 0.0) > 1.0, column
    assert all(row.run.has_truth for row in board.rows)


def test_a_failure_on_the_way_leaves_no_row_and_no_folder(
    mini: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*_arguments: object, **_options: object) -> None:
        raise KeyboardInterrupt

    home, place = Home(tmp_path / "home"), Place(mini.name, mini, load_split(mini))
    monkeypatch.setattr(predictable, "write_image", stopped)
    with Leaderboard.open("sqlite://") as store:
        with pytest.raises(KeyboardInterrupt):
            score_reference(
                place,
                reference_rows.PREDICTABLE,
                home=home,
                leaderboard=store,
                scorer=Scorer(cache=home.cache, offline=True),
            )
        assert store.runs() == []
    assert not home.runs.exists()


def test_the_headroom_shows_it_with_true_levels_above_it_and_each_organ_by_all_others(
    mini: Dataset, image: Volume
) -> None:
    held_out, everyone = measure_headroom(mini)
    assert held_out.predictable is not None
    assert everyone.predictable is not None
    assert [row.name for row in held_out.rows] == ["identity", "scale", "organ-scale", "predictable", "repeat-scan"]
    pair = mini.pair(TEST)
    expected = scores(image, pair.delayed, mini.body_mask(TEST))
    assert held_out.predictable.row.values == pytest.approx(tuple(expected), abs=1e-4)
    for headroom in (held_out, everyone):
        found = headroom.predictable
        assert found is not None
        for low, middle, high in zip(headroom.identity.values, found.row.values, found.true_levels, strict=True):
            assert low < middle < high
    assert held_out.predictable.organs == ()
    assert {organ.participants for organ in everyone.predictable.organs} <= {2, 3, 4, 5, 6}
    assert {organ.model for organ in everyone.predictable.organs} == {"ratio"}  # too few people for anything else
    by_organ = {organ.organ: organ.residual_percent for organ in everyone.predictable.organs}
    assert by_organ["liver"] < 15.0 < 25.0 < by_organ["bladder"]


def test_a_repeat_scan_is_no_bound_for_with_less_noise_it_scores_higher(mini: Dataset) -> None:
    pair, body = mini.pair(TEST), mini.body_mask(TEST)
    repeat = repeat_scan(mini, TEST).suv()
    plain = scores(repeat, pair.delayed, body)
    smoothed = [
        scores(ndimage.gaussian_filter(repeat, [0.0, sigma, sigma]), pair.delayed, body) for sigma in (0.2, 0.25, 0.3)
    ]
    assert (np.max(smoothed, axis=0) > plain).all()


def test_folds_without_what_it_is_made_of_are_refused_with_the_participant(mini: Dataset, tmp_path: Path) -> None:
    root = shutil.copytree(mini.root, tmp_path / "copy")
    (truth,) = root.glob("**/sub-02_*desc-truth_pet.nii.gz".replace("*desc", "*rec-delayed_desc"))
    truth.unlink()
    dataset = open_dataset(root)
    assert (mini.has_truth, dataset.has_truth) == (True, False)
    with pytest.raises(DataError, match=r"no truth of sub-02 .*no normalized scores"):
        write_predictable(dataset, Fold(TRAINING, (), (TEST,)), tmp_path / "out")
    assert not (tmp_path / "out").exists()
    for path in root.glob("derivatives/*/sub-06/anat/*organs_dseg.nii.gz"):
        path.unlink()
    with pytest.raises(DataError, match=r"no organ labels of sub-06 .*predictable needs"):
        write_predictable(dataset, Fold(("sub-01",), (), (TEST,)), tmp_path / "out")


def test_a_dataset_whose_delayed_images_are_withheld_does_not_say_whether_its_truth_is_known(mini: Dataset) -> None:
    assert dataclasses.replace(mini, withheld=frozenset({TEST})).has_truth is None
    plan = Place("mini", mini, Split("one", mini.fingerprint, (Fold(TRAINING, (), (TEST,)),))).facts()
    assert plan["has_truth"] is True
