"""Test-time augmentation: views of a scan, shifted, predicted, shifted back and averaged, by the model of one view."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import nibabel as untyped_nibabel
import numpy as np
import pytest
from scipy import ndimage
from tests.benchmark.made_runs import PIX2PIX

from petbench import Scan
from petbench.errors import PluginError
from petbench.methods.views import SHIFTS, Views, shifted, shifted_scan
from petbench.plans.planner import Place, Request, plan_on
from petbench.plans.run_plan import identity_of
from petbench.registry import load_plugins
from petbench_datasets.dataset.reader import open_dataset
from petbench_datasets.dataset.split import load_split

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from tests.command import Petbench

    from petbench import Volume

nibabel: Any = untyped_nibabel


class Recorded:
    """Predicts what a function makes of the early image, and notes what it was given."""

    validates = False

    def __init__(self, make: Callable[[Volume], Any]) -> None:
        self.make = make
        self.given: list[Scan] = []

    def predict_all(self, scans: Iterable[Scan], keep: object = None) -> Iterator[Volume]:
        for scan in scans:
            self.given.append(scan)
            yield self.make(scan.early)


def predict(method: Recorded, views: int, *scans: Scan) -> list[Volume]:
    return list(Views(method, views).predict_all(scans))  # type: ignore[arg-type] # of its verbs it needs one


def volume(seed: int = 0, shape: tuple[int, int, int] = (3, 17, 14)) -> Volume:
    return np.random.default_rng(seed).gamma(2.0, 1.0, shape).astype(np.float32)


def moved(image: Any, rows: int, columns: int, air: float = 0.0) -> Any:
    """Shift by SciPy."""
    return ndimage.shift(image.astype(np.float64), (0, rows, columns), order=0, mode="constant", cval=air)


def test_each_view_is_as_scipy_shifts_it_and_the_first_is_the_scan() -> None:
    image, method = volume(), Recorded(np.copy)
    predict(method, len(SHIFTS), Scan(image))
    assert len({(rows, columns) for rows, columns in SHIFTS}) == len(SHIFTS)
    assert SHIFTS[0] == (0, 0)
    for (rows, columns), view in zip(SHIFTS, method.given, strict=True):
        assert np.array_equal(view.early, moved(image, rows, columns).astype(np.float32))


def test_every_image_of_a_scan_is_shifted_with_it_and_what_comes_in_is_air() -> None:
    labels = np.arange(3 * 17 * 14, dtype=np.int16).reshape(3, 17, 14)
    frames = np.stack([volume(1), volume(2)])
    scan = Scan(volume(), weight_kg=70.0, frames=frames, ct=volume(3) * 100, labels=labels)
    view = shifted_scan(scan, 2, -3)
    assert view.weight_kg == 70.0
    assert view.ct is not None
    assert view.labels is not None
    assert view.frames is not None
    assert np.array_equal(view.ct, moved(volume(3) * 100, 2, -3, -1000.0).astype(np.float32))
    assert view.labels.dtype == np.int16
    assert np.array_equal(view.labels, moved(labels, 2, -3))
    assert np.array_equal(view.frames[1], moved(volume(2), 2, -3).astype(np.float32))


@pytest.mark.parametrize("views", range(1, len(SHIFTS) + 1))
def test_a_method_that_every_shift_leaves_alike_predicts_what_it_does_alone(views: int) -> None:
    images = [volume(seed) for seed in range(3)]
    found = predict(Recorded(lambda early: early * 2), views, *map(Scan, images))
    for image, mean in zip(images, found, strict=True):
        assert mean.dtype == np.float32
        assert np.allclose(mean, image * 2, rtol=1e-6)


def test_the_mean_is_over_the_views_that_have_seen_a_voxel() -> None:
    image, ramp = volume(), np.arange(14, dtype=np.float32)  # adds what depends on the place
    (mean,) = predict(Recorded(lambda early: early + ramp), 3, Scan(image))
    total, seen = np.zeros(image.shape), np.zeros(image.shape)
    for z, y, x in np.ndindex(image.shape):
        for rows, columns in SHIFTS[:3]:
            if 0 <= y + rows < 17 and 0 <= x + columns < 14:
                total[z, y, x] += image[z, y, x] + ramp[x + columns]
                seen[z, y, x] += 1
    assert np.allclose(mean, total / seen, rtol=1e-5)


@pytest.mark.parametrize("size", [1, 2, 4])
def test_images_smaller_than_a_shift_are_left_to_the_views_that_see_them(size: int) -> None:
    image = volume(shape=(2, size, size))
    (mean,) = predict(Recorded(np.copy), len(SHIFTS), Scan(image))
    assert np.allclose(mean, image, rtol=1e-6)
    assert np.array_equal(shifted(image, size + 3, 0, 7.0), np.full_like(image, 7.0))


@pytest.mark.parametrize("made", [lambda early: early[1:], lambda early: early.astype(str), lambda _: None])
def test_what_is_no_volume_of_a_view_is_refused(made: Callable[[Volume], Any]) -> None:
    with pytest.raises(PluginError, match="the prediction of view 1"):
        predict(Recorded(made), 2, Scan(volume()))


def test_samples_of_views_are_not_kept() -> None:
    with pytest.raises(PluginError, match="samples are kept of one view alone"):
        next(Views(Recorded(np.copy), 2).predict_all([Scan(volume())], lambda _: None))  # type: ignore[arg-type]


def test_one_view_changes_no_identity_and_no_group_and_several_change_both(body_dataset: Path) -> None:
    dataset = open_dataset(body_dataset)
    place = Place("bodies", dataset, load_split(dataset, "holdout"))
    one, four = (plan_on(Request(method="scale", views=views), place, load_plugins()) for views in (1, 4))
    without = {name: value for name, value in one.to_dict().items() if name != "views"}
    assert one.identity == identity_of(without) != four.identity
    assert one.identity in four.identities_of_its_training
    assert four.identity in one.identities_of_its_training
    assert len(set(one.identities_of_its_training)) == len(SHIFTS) - 1
    assert one.record().run_group != four.record().run_group


@pytest.mark.slow
def test_views_are_predicted_by_the_model_of_one_view_in_a_row_of_their_own_that_bears_its_training(
    ran: Callable[..., Petbench], body_dataset: Path, tmp_path: Path
) -> None:
    petbench = ran(PIX2PIX)
    alone = petbench.json("runs", "show", "1")
    command = ("run", "--dataset", body_dataset, "--method", *PIX2PIX, "--tta", "3", "--json")
    (planned,) = petbench.json("plan", *command[1:-1])["runs"]
    assert (planned["state"], planned["run"], planned["why"]) == ("trained", 1, ["the model of one view"])
    run = json.loads(petbench(*command).stdout)
    assert (run["id"], run["views"], run["status"]) == (2, 3, "ok")
    assert run["identity"] != alone["identity"]
    for cost in ("train_seconds", "images_seen", "images_per_second", "parameter_count"):
        assert run[cost] == alone[cost], cost
    assert "train" not in {phase["phase"] for phase in run["phases"]}
    models = [(petbench.home / "runs" / f"pix2pix-{one['uid']}" / "model.pt").read_bytes() for one in (alone, run)]
    assert models[0] == models[1]
    assert run["validation_score"] != alone["validation_score"]
    assert "3 views" in petbench("leaderboard").stdout
    assert [row["id"] for row in petbench.json("runs", "list", "--where", "views=3")] == [2]
    again = json.loads(petbench(*command).stdout)
    assert again["id"] == 2
    (scan,) = body_dataset.glob("sub-04/pet/*rec-early_pet.nii.gz")
    images = []
    for number in ("1", "2"):
        petbench("predict", number, scan, "-o", tmp_path / f"{number}.nii.gz")
        images.append(nibabel.load(tmp_path / f"{number}.nii.gz").get_fdata())
    assert not np.allclose(images[0], images[1])
    file = petbench.home / "runs" / f"pix2pix-{run['uid']}" / "predictions" / "sub-04.nii.gz"
    assert np.allclose(np.sort(images[1].ravel()), np.sort(nibabel.load(file).get_fdata().ravel()), atol=1e-3)


@pytest.mark.slow
def test_one_view_is_predicted_by_the_model_that_views_were_trained_with_and_force_trains_anew(
    petbench: Petbench, body_dataset: Path
) -> None:
    command = ("run", "--dataset", body_dataset, "--method", *PIX2PIX, "--json")
    views = json.loads(petbench(*command, "--tta", "2").stdout)
    assert "train" in {phase["phase"] for phase in views["phases"]}
    alone = json.loads(petbench(*command).stdout)
    assert "train" not in {phase["phase"] for phase in alone["phases"]}
    assert (alone["views"], alone["train_seconds"]) == (1, views["train_seconds"])
    forced = json.loads(petbench(*command, "--tta", "3", "--force").stdout)
    assert "train" in {phase["phase"] for phase in forced["phases"]}
