"""Fetching Multimodal-HC from a host that speaks the Hub's protocol: what comes is what was measured."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy import ndimage
from tests.datasets import multimodal_hc_layout as layout
from tests.datasets.hub_stand_in import REVISION, read_folder

from petbench.home import Home
from petbench.plans.datasets import find_dataset
from petbench.registry import load_plugins
from petbench_datasets.dataset.reader import open_dataset
from petbench_datasets.errors import DataError
from petbench_datasets.images.nifti import read_labels
from petbench_datasets.progress import silent

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray
    from tests.datasets.hub_stand_in import Hub

    Invoke = Callable[..., tuple[int, str]]

WINDOWS = {"early": (420.0, 1260.0), "delayed": (2520.0, 3780.0)}
FETCH = ("datasets", "fetch", "multimodal-hc", "--yes")


def suv_of_window(name: str, window: tuple[float, float], reconstruction: str = "acdynPSF") -> NDArray[np.float64]:
    """Return the mean SUV over a window by the definition: overlap in seconds, decay brought to the injection."""
    frames = layout.frames_of(name, reconstruction).astype(np.float64)
    starts = layout.STARTS - layout.INJECTED_AFTER_SECONDS
    shared = np.clip(np.minimum(starts + layout.DURATIONS, window[1]) - np.maximum(starts, window[0]), 0.0, None)
    mean = np.tensordot(shared / shared.sum(), frames, axes=1)
    at_scan_start = layout.DOSES_MBQ[name] * 1e6 * 2.0 ** (layout.INJECTED_AFTER_SECONDS / layout.HALF_LIFE_SECONDS)
    return np.asarray(mean * layout.WEIGHTS[name] * 1000.0 / at_scan_start)


@pytest.mark.parametrize("reconstruction", ["", "acdynOSEM"])
def test_the_windows_are_the_time_weighted_means_of_the_frames(
    hub: Hub, invoke: Invoke, tmp_path: Path, reconstruction: str
) -> None:
    chosen = ["--reconstruction", reconstruction] if reconstruction else []
    code, said = invoke(*FETCH, "--to", tmp_path / "mhc", *chosen)
    assert code == 0, said
    dataset = open_dataset(tmp_path / "mhc")
    assert dataset.people == tuple(layout.WEIGHTS)
    for name in dataset.participants:
        pair = dataset.pair(name)
        for window, found in (("early", pair.early), ("delayed", pair.delayed)):
            expected = suv_of_window(name, WINDOWS[window], reconstruction or "acdynPSF")
            np.testing.assert_allclose(found, expected, rtol=2e-5, atol=1e-6)
    assert f"fingerprint {dataset.fingerprint}" in said
    assert f"petbench datasets split {tmp_path / 'mhc'}" in said
    assert not (tmp_path / "mhc" / ".fetch" / "raw").exists()
    assert not hub.leaked


def test_a_spacing_averages_what_a_voxel_covers_and_labels_keep_their_place(
    hub: Hub, invoke: Invoke, tmp_path: Path
) -> None:
    code, said = invoke(*FETCH, "--to", tmp_path / "mhc", "--participants", 1, "--grid", "60,40,40")
    assert code == 0, said
    dataset = open_dataset(tmp_path / "mhc")
    pair = dataset.pair("sub-000")
    assert pair.grid.spacing_millimetres == pytest.approx((60.0, 40.0, 40.0))
    # Twice as coarse: a Gaussian of sqrt(2^2 - 1) voxels FWHM, then the mean of the eight voxels that one covers.
    smooth = ndimage.gaussian_filter(
        suv_of_window("sub-000", WINDOWS["early"]), 3**0.5 / 2.3548200450309493, mode="nearest"
    )
    expected = smooth.reshape(6, 2, 5, 2, 5, 2).mean(axis=(1, 3, 5))
    np.testing.assert_allclose(pair.early, expected, rtol=1e-4, atol=1e-4)
    found, names = dataset.labels("sub-000") or pytest.fail("no labels")
    assert (names[5], names[90]) == ("liver", "brain")
    assert set(np.unique(found)) == {0, 5, 90}
    path = next((tmp_path / "mhc" / "derivatives" / "totalsegmentator" / "sub-000").rglob("*_dseg.nii.gz"))
    _, grid = read_labels(path)
    assert grid.matches(pair.grid)


def test_labels_of_the_ct_may_be_an_input(hub: Hub, invoke: Invoke, tmp_path: Path) -> None:
    invoke(*FETCH, "--to", tmp_path / "mhc", "--participants", "sub-004")
    path = next((tmp_path / "mhc" / "derivatives" / "totalsegmentator").rglob("*_dseg.json"))
    assert json.loads(path.read_text(encoding="utf-8")) == {"DerivedFrom": ["ct"]}
    dataset = open_dataset(tmp_path / "mhc")
    found, _ = dataset.labels("sub-004") or pytest.fail("no labels")
    own = layout.labels()
    # Each voxel of the PET is two of the CT: the nearest of its eight is one of them.
    eight = own.reshape(12, 2, 10, 2, 10, 2).transpose(0, 2, 4, 1, 3, 5).reshape(12, 10, 10, 8)
    assert (found[..., None] == eight).any(axis=-1).all()
    assert (found == 90).sum() * 8 == (own == 90).sum()


def test_a_sidecar_says_which_frames_of_which_file_an_image_is(hub: Hub, invoke: Invoke, tmp_path: Path) -> None:
    invoke(*FETCH, "--to", tmp_path / "mhc", "--participants", "sub-001")
    pet = tmp_path / "mhc" / "sub-001" / "ses-quadra" / "pet"
    said = json.loads((pet / "sub-001_ses-quadra_trc-18FFDG_rec-delayed_pet.json").read_text(encoding="utf-8"))
    assert said["ManufacturersModelName"] == "Biograph128_Vision Quadra Edge"
    used = said["Fetched"]
    assert used[0]["File"] == "train/sub-001/ses-quadra/pet/sub-001_ses-quadra_trc-18FFDG_rec-acdynPSF_pet.nii.gz"
    assert used[0]["Revision"] == REVISION
    assert used[0]["Digest"].startswith("sha256:")
    # 42 and 63 min after an injection at 3 s lie in the frames that begin at 40 and at 60 min.
    assert [one["Frame"] for one in used] == [63 + step for step in range(len(used))]
    assert sum(one["SecondsUsed"] for one in used) == pytest.approx(1260.0)


def test_two_of_four_grow_to_four_and_equal_four_at_once(hub: Hub, invoke: Invoke, tmp_path: Path) -> None:
    grown, whole = tmp_path / "grown" / "mhc", tmp_path / "whole" / "mhc"
    assert invoke(*FETCH, "--to", grown, "--participants", 2)[0] == 0
    two = read_folder(grown / "sub-000") | read_folder(grown / "sub-001")
    assert open_dataset(grown).people == ("sub-000", "sub-001")
    before = len(hub.asked)
    code, said = invoke(*FETCH, "--to", grown, "--participants", "015,sub-004,sub-001")
    assert code == 0, said
    assert not any("sub-000" in path or "sub-001" in path for path, _ in hub.asked[before:])
    assert read_folder(grown / "sub-000") | read_folder(grown / "sub-001") == two
    assert invoke(*FETCH, "--to", whole)[0] == 0
    assert bytes_of(grown) == bytes_of(whole)


def test_nothing_is_downloaded_when_everybody_is_there(hub: Hub, invoke: Invoke, tmp_path: Path) -> None:
    invoke(*FETCH, "--to", tmp_path / "mhc", "--participants", 1)
    hub.asked.clear()
    code, said = invoke("datasets", "fetch", "multimodal-hc", "--to", tmp_path / "mhc", "--participants", 1)
    assert code == 0, said
    assert "none; 1 are there" in said
    assert not hub.asked


def test_a_cohort_in_a_folder_of_its_own_name_is_found_by_it(
    hub: Hub, invoke: Invoke, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    home, registry = Home(tmp_path / "home"), load_plugins()
    with pytest.raises(DataError, match="petbench datasets fetch multimodal-hc --to FOLDER"):
        find_dataset("multimodal-hc", home, registry, silent)
    assert invoke(*FETCH, "--to", "multimodal-hc", "--participants", 1)[0] == 0
    assert find_dataset("multimodal-hc", home, registry, silent).dataset.people == ("sub-000",)


def test_raw_files_can_be_kept(hub: Hub, invoke: Invoke, tmp_path: Path, files: dict[str, bytes]) -> None:
    invoke(*FETCH, "--to", tmp_path / "mhc", "--participants", 1, "--keep-raw")
    kept = read_folder(tmp_path / "mhc" / ".fetch" / "raw" / "sub-000")
    assert kept["participants.tsv"] == files["train/participants.tsv"]
    stem = "sub-000/ses-quadra/pet/sub-000_ses-quadra_trc-18FFDG_rec-acdynPSF_pet.nii.gz"
    assert kept[stem] == files[f"train/{stem}"]


def test_a_dry_run_says_all_and_downloads_nothing(hub: Hub, invoke: Invoke, tmp_path: Path) -> None:
    code, said = invoke("datasets", "fetch", "multimodal-hc", "--to", tmp_path / "mhc", "--dry-run")
    assert code == 0
    for text in (
        "DEPICT-RH/Multimodal-HC", "4 (sub-000, sub-001, sub-004, sub-015)", "CC-BY-4.0", "acdynPSF",
        "10.57967/hf/9560", "early 7-21 min, delayed 42-63 min", "https://huggingface.co/datasets/DEPICT-RH/Multimodal-HC",
        "you may download",         str(tmp_path / "mhc"), "free",
    ):  # fmt: skip
        assert text in said
    assert not hub.asked
    assert not (tmp_path / "mhc").exists()


def test_json_says_what_is_downloaded_and_what_came(hub: Hub, invoke: Invoke, tmp_path: Path) -> None:
    fetch = ("datasets", "fetch", "multimodal-hc", "--to", tmp_path / "mhc", "--participants", 2, "--json")
    _, said = invoke(*fetch, "--dry-run")
    offered = json.loads(said)
    asked = [data for path, data in hub.files.items() if _is_of(path, "sub-000") or _is_of(path, "sub-001")]
    tables = sum(len(hub.files[f"train/participants.{kind}"]) for kind in ("tsv", "json"))
    assert offered["bytes_to_download"] == sum(map(len, asked)) + 2 * tables
    assert offered["access"] is True
    code, said = invoke(*fetch, "--yes")
    came = json.loads(said[said.index("{\n") :])
    assert code == 0
    assert came["there_now"] == ["sub-000", "sub-001"]
    assert came["errors"] == 0
    assert came["fingerprint"] == open_dataset(tmp_path / "mhc").fingerprint


def _is_of(path: str, name: str) -> bool:
    return f"{name}_" in path and ("rec-acdynPSF" in path or "seg-total" in path)


def bytes_of(cohort: Path) -> dict[str, bytes]:
    """Return all that a cohort is, and the journal; not what another command may still use."""
    passing = (".fetch/lock", ".petbench")
    return {path: data for path, data in read_folder(cohort).items() if not path.startswith(passing)}
